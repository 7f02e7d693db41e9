import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installPackage } from '../test/support/installed-package.ts'
import { runComparison } from './compare.ts'
import { measureDelivery } from './delivery/delivery.ts'
import { BENCH_HELP, parseBenchOptions } from './options.ts'
import { describeMachine, pinLoadProcess } from './process.ts'
import {
  formatComparisons,
  formatDelivery,
  formatMachine,
  formatStalls,
  formatStartups,
} from './report.ts'
import { measureStalls } from './stall.ts'
import { measureStartup } from './startup.ts'
import { report, showProgress } from './text.ts'

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
// The URL may hold a password, which must not be in a report.
const { cases, json, postgresUrl, ...reportedSettings } = settings

let result: object
if (settings.startup) {
  showProgress('installing the package')
  const command = await installPackage(join(folder, 'installed'))
  const startups = await measureStartup(command, folder, settings.rounds)
  console.log(`\n${formatStartups(startups)}`)
  result = { startups }
} else if (settings.stall) {
  const stalls = await measureStalls(folder, settings)
  console.log(`\n${formatStalls(stalls)}`)
  result = { stalls }
} else if (settings.delivery) {
  const delivery = await measureDelivery(folder, settings)
  console.log(`\n${formatDelivery(delivery)}`)
  result = { delivery }
} else {
  const comparisons = await runComparison(folder, settings)
  console.log(`\n${formatComparisons(comparisons)}`)
  result = { comparisons }
}
if (json !== undefined) {
  const context = { at: new Date().toISOString(), machine, settings: reportedSettings }
  writeFileSync(json, `${JSON.stringify({ ...context, ...result }, null, 2)}\n`)
}
