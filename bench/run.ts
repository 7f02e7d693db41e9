import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runComparison } from './compare.ts'
import { measureDelivery } from './delivery/delivery.ts'
import { formatDelivery, formatDeliveryMarkdown } from './delivery/report.ts'
import { measureGrowth } from './growth.ts'
import { formatLists, measureLists } from './lists/lists.ts'
import { BENCH_HELP, parseBenchOptions } from './options.ts'
import { describeMachine, pinLoadProcess } from './process.ts'
import { formatComparisons, formatEngines, formatGrowths, formatMachine } from './report.ts'
import { report } from './text.ts'

const settings = parseBenchOptions(process.argv.slice(2))
if (settings === null) {
  console.log(BENCH_HELP)
  process.exit()
}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const machine = describeMachine(folder)
report(formatMachine(machine))
pinLoadProcess()
// The URL may hold a password, which has no place in a report.
const { cases, json, postgresUrl, ...measuredWith } = settings
const about = { at: new Date().toISOString(), machine, settings: measuredWith }

let result: object
if (settings.growth) {
  const growth = await measureGrowth(folder, settings)
  console.log(`\n${formatGrowths(growth)}`)
  result = { ...about, growth }
} else if (settings.lists) {
  const lists = await measureLists(folder, settings)
  console.log(`\n${formatLists(lists)}`)
  if (settings.markdown) console.log(`\n${formatLists(lists, true)}`)
  result = { ...about, lists }
} else if (settings.delivery) {
  const delivery = await measureDelivery(folder, settings)
  console.log(`\n${formatDelivery(delivery)}`)
  if (settings.markdown) console.log(`\n${formatDeliveryMarkdown(delivery)}`)
  result = { ...about, delivery }
} else {
  const comparisons = await runComparison(folder, settings)
  const write = settings.engines.join() === 'sqlite' ? formatComparisons : formatEngines
  console.log(`\n${write(comparisons)}`)
  result = { ...about, comparisons }
}
if (json !== undefined) writeFileSync(json, `${JSON.stringify(result, null, 2)}\n`)
