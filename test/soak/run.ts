import { report, showProgress } from '../../bench/text.ts'
import { setup as bundleProgram } from '../runner/program.ts'
import { parseSoakOptions, SOAK_HELP } from './options.ts'
import { countOutcomes, formatSoakReport, listFaults } from './report.ts'
import { runSoak } from './soak.ts'

const options = parseSoakOptions(process.argv.slice(2))
if (options === null) {
  console.log(SOAK_HELP)
  process.exit()
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

await bundleProgram()
const { engines, messages, seed, json } = options
for (const engine of engines) {
  report(`${engine}: ${messages} messages, seed ${seed}`)
  let reportedCount = 0
  const outcome = await runSoak({
    engine,
    messages,
    seed,
    onProgress(acknowledged, delivered) {
      const line = `${engine}: ${acknowledged} acknowledged, ${delivered} delivered`
      showProgress(line)
      if (acknowledged < reportedCount + messages / 10) return
      reportedCount = acknowledged
      report(line)
    },
  })
  const faults = listFaults(outcome)
  const { seconds } = outcome
  if (json) {
    console.log(
      JSON.stringify({
        engine,
        seed,
        seconds,
        ...Object.fromEntries(countOutcomes(outcome)),
        faults,
      }),
    )
  } else {
    console.log(`\n${formatSoakReport(outcome)}\n`)
  }
  if (faults.length > 0) process.exitCode = 1
}
