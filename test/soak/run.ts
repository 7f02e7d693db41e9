import { report, showProgress } from '../../bench/progress.ts'
import { HELP, readOptions } from './options.ts'
import { countsOf, faultsOf, writeReport } from './report.ts'
import { soak } from './soak.ts'

const options = readOptions(process.argv.slice(2))
if (options === null) {
  console.log(HELP)
  process.exit()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const { engines, messages, seed, json } = options
for (const engine of engines) {
  report(`${engine}: ${messages} messages, seed ${seed}`)
  let told = 0
  const outcome = await soak({
    engine,
    messages,
    seed,
    tell(acknowledged, delivered) {
      const line = `${engine}: ${acknowledged} acknowledged, ${delivered} delivered`
      showProgress(line)
      if (acknowledged < told + messages / 10) return
      told = acknowledged
      report(line)
    },
  })
  const faults = faultsOf(outcome)
  const { seconds } = outcome
  if (json) {
    console.log(
      JSON.stringify({ engine, seed, seconds, ...Object.fromEntries(countsOf(outcome)), faults }),
    )
  } else {
    console.log(`\n${writeReport(outcome)}\n`)
  }
  if (faults.length > 0) process.exitCode = 1
}
