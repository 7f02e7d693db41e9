import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setup as bundleProgram } from '../test/runner/program.ts'
import { installPackage } from '../test/support/installed-package.ts'
import { runComparison } from './compare.ts'
import { measureDelivery } from './delivery/delivery.ts'
import { writeChart, writeSection } from './documentation.ts'
import { measureGrowth } from './growth.ts'
import { measureImports } from './import.ts'
import { BENCH_HELP, type BenchSettings, type BenchSubject, parseBenchOptions } from './options.ts'
import { measurePeers } from './peers/peers.ts'
import { drawPeers, formatPeers } from './peers/report.ts'
import { measurePrimitives } from './primitives.ts'
import { describeMachine, pinLoadProcess } from './process.ts'
import {
  formatComparisons,
  formatDelivery,
  formatGrowth,
  formatImports,
  formatMachine,
  formatStalls,
  formatStartups,
} from './report.ts'
import { measureStalls } from './stall/stall.ts'
import { measureStartup } from './startup.ts'
import { report, showProgress } from './text.ts'

interface BenchOutcome {
  readonly result: object
  readonly tables: string
  readonly chart?: string
}

const MEASUREMENTS: Readonly<
  Record<BenchSubject, (folder: string, settings: BenchSettings) => Promise<BenchOutcome>>
> = {
  async 'hot-path'(folder, settings) {
    const primitives = settings.engines.includes('sqlite') ? await measurePrimitives(folder) : null
    const comparisons = await runComparison(folder, settings)
    return {
      result: { comparisons, primitives },
      tables: formatComparisons(comparisons, primitives),
    }
  },
  workers: (folder, settings) => MEASUREMENTS['hot-path'](folder, settings),
  async peers(folder, settings) {
    const peers = await measurePeers(folder, settings)
    return { result: { peers }, tables: formatPeers(peers), chart: drawPeers(peers) }
  },
  async growth(folder, settings) {
    const growth = await measureGrowth(folder, settings)
    return { result: { growth }, tables: formatGrowth(growth) }
  },
  async delivery(folder, settings) {
    const delivery = await measureDelivery(folder, settings)
    return { result: { delivery }, tables: formatDelivery(delivery) }
  },
  async startup(folder, { rounds }) {
    showProgress('installing the package')
    const command = await installPackage(join(folder, 'installed'))
    const startups = await measureStartup(command, folder, rounds)
    return { result: { startups }, tables: formatStartups(startups) }
  },
  async stall(folder, settings) {
    const stalls = await measureStalls(folder, settings)
    return { result: { stalls }, tables: formatStalls(stalls) }
  },
  async import(folder, settings) {
    const imports = await measureImports(folder, settings)
    return { result: { imports }, tables: formatImports(imports) }
  },
}

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
await bundleProgram()

const { result, tables, chart } = await MEASUREMENTS[settings.subject](folder, settings)
console.log(`\n${tables}`)
if (settings.json !== undefined) {
  // The URL may hold a password, which must not be in a report.
  const { cases, json, postgresUrl, ...reported } = settings
  const context = { at: new Date().toISOString(), machine, settings: reported }
  writeFileSync(json, `${JSON.stringify({ ...context, ...result }, null, 2)}\n`)
}
if (settings.write) {
  writeSection(settings, formatMachine(machine), tables)
  if (chart !== undefined) writeChart(chart)
}
