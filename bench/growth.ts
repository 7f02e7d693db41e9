import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchCase } from './cases.ts'
import { computeRatio, type Figures, type LoadLane, loadInTurn, summarizeRounds } from './load.ts'
import type { BenchSettings } from './options.ts'
import type { ProcessMemory } from './process.ts'
import { type BenchServer, startLatchkeyProcess } from './process.ts'
import { type BenchVendor, seedVendors } from './seed.ts'
import { report, showProgress } from './text.ts'

/** One case, in databases of different sizes. */
export interface Growth {
  readonly name: string
  readonly sizes: readonly {
    readonly keys: number
    readonly figures: Figures
    /** Of the requests a second with the fewest keys. */
    readonly ratio: number
    readonly memory: ProcessMemory | null
  }[]
  /** The most keys answer as many requests a second as the fewest, within the tolerance. */
  readonly holds: boolean
}

/** What noise may take away. */
export const GROWTH_TOLERANCE = 0.15

interface GrowthServer {
  readonly keys: number
  readonly vendors: readonly BenchVendor[]
  readonly served: BenchServer
}

/** A server for each size, loaded one after the other in every round, so that all share the weather. */
export async function measureGrowth(folder: string, settings: BenchSettings): Promise<Growth[]> {
  const grown: GrowthServer[] = []
  for (const keys of settings.sizes) {
    const own = join(folder, String(keys))
    mkdirSync(join(own, 'data'), { recursive: true, mode: 0o700 })
    const vendors = await seedVendors(join(own, 'data'), {
      keys,
      active: settings.keys,
      progress: (done) =>
        showProgress(
          `seeding ${formatKeyCount(done)} of ${formatKeyCount(keys)} keys (${formatPercent(done / keys)})`,
        ),
    })
    grown.push({ keys, vendors, served: await startLatchkeyProcess(own, settings) })
    report(`seeded ${formatKeyCount(keys)} keys`)
  }
  const growths: Growth[] = []
  for (const one of settings.cases) growths.push(await measureCaseGrowth(one, grown, settings))
  for (const { served } of grown) await served.stop()
  return growths
}

async function measureCaseGrowth(
  one: BenchCase,
  grown: readonly GrowthServer[],
  settings: BenchSettings,
): Promise<Growth> {
  const lanes: LoadLane[] = []
  for (const { keys, vendors, served } of grown) {
    const scripts = await one.prepare({ port: served.port, vendors }, settings.connections)
    lanes.push({ label: `${formatKeyCount(keys)} keys`, served, scripts })
  }
  const loaded = await loadInTurn(one, lanes, settings)

  const base = loaded[0]?.rounds ?? []
  const sizes = loaded.map(({ rounds, memory }, n) => ({
    keys: grown[n]?.keys ?? Number.NaN,
    figures: summarizeRounds(rounds),
    ratio: computeRatio(rounds, base),
    memory,
  }))
  const last = sizes.at(-1)?.ratio ?? Number.NaN
  report(`${one.name}: ${formatPercent(last)} with the most keys of what it is with the fewest`)
  return { name: one.name, sizes, holds: last >= 1 - GROWTH_TOLERANCE }
}

const formatKeyCount = (n: number) => n.toLocaleString('en')
const formatPercent = (share: number) => `${Math.round(share * 100)} %`
