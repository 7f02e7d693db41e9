import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchCase } from './cases.ts'
import { startEngineServer } from './engines.ts'
import {
  computeRatio,
  type Figures,
  type LoadLane,
  type LoadResult,
  loadInTurn,
  summarizeRounds,
} from './load.ts'
import type { BenchEngineName, BenchSettings } from './options.ts'
import { type BenchServer, type ProcessMemory, sampleResponse, startBareServer } from './process.ts'
import { type BenchVendor, seedVendors } from './seed.ts'
import { report, showProgress } from './text.ts'

/** The figures of one case on one engine, beside bare Hono. */
export interface Comparison {
  readonly name: string
  readonly engine: BenchEngineName
  /** Minimum `ratio`; only sqlite has one. */
  readonly target: number | null
  readonly ratio: number
  readonly latchkey: Figures
  readonly bare: Figures
  /** Memory of the Latchkey process: the maximum at the end of a round. */
  readonly memory: ProcessMemory | null
}

interface ComparedEngine {
  readonly engine: BenchEngineName
  readonly served: BenchServer
}

/** Measures every case: in each round bare Hono, then Latchkey on each engine, never two at once. */
export async function runComparison(
  folder: string,
  settings: BenchSettings,
): Promise<Comparison[]> {
  showProgress(`seeding ${settings.vendors} keys`)
  const seeded = join(folder, 'seeded')
  mkdirSync(seeded, { mode: 0o700 })
  const vendors = await seedVendors(seeded, { keys: settings.vendors })
  const contenders: ComparedEngine[] = []
  try {
    for (const engine of settings.engines) {
      showProgress(`starting ${engine}`)
      contenders.push({ engine, served: await startEngineServer(engine, folder, seeded, settings) })
    }
    const comparisons: Comparison[] = []
    for (const benchCase of settings.cases) {
      comparisons.push(...(await compareCase(folder, benchCase, contenders, vendors, settings)))
    }
    return comparisons
  } finally {
    for (const { served } of contenders) await served.stop()
  }
}

async function compareCase(
  folder: string,
  benchCase: BenchCase,
  contenders: readonly ComparedEngine[],
  vendors: readonly BenchVendor[],
  settings: BenchSettings,
): Promise<Comparison[]> {
  showProgress(`${benchCase.name}: preparing`)
  const prepare = ({ port }: BenchServer, count: number) =>
    benchCase.prepare({ port, vendors }, count)
  const [first] = contenders
  if (first === undefined) throw new Error('there is no engine to compare')
  const [sampling] = await prepare(first.served, 1)
  if (sampling === undefined) throw new Error('a case has a script for each connection')
  const bare = await startBareServer(
    folder,
    await sampleResponse(first.served.port, sampling.next()),
  )

  const { connections } = settings
  // Bare Hono always returns the sample, whatever it reads.
  const bareLane = {
    label: 'bare',
    served: bare,
    scripts: await prepare(first.served, connections),
  }
  const lanes: LoadLane[] = []
  for (const { engine, served } of contenders) {
    lanes.push({ label: engine, served, scripts: await prepare(served, connections) })
  }
  const [base, ...loaded] = await loadInTurn(benchCase, [bareLane, ...lanes], settings)
  await bare.stop()
  if (base === undefined) throw new Error('bare Hono has not been loaded')

  const comparisons = contenders.flatMap(({ engine }, n) => {
    const loadResult = loaded[n]
    return loadResult === undefined ? [] : [toComparison(benchCase, engine, loadResult, base)]
  })
  const shares = comparisons.map(({ engine, ratio }) =>
    contenders.length === 1 ? ratio.toFixed(2) : `${engine} ${ratio.toFixed(2)}`,
  )
  report(`${benchCase.name}: ${shares.join(', ')} of bare Hono`)
  return comparisons
}

function toComparison(
  benchCase: BenchCase,
  engine: BenchEngineName,
  loadResult: LoadResult,
  base: LoadResult,
): Comparison {
  return {
    name: benchCase.name,
    engine,
    target: engine === 'sqlite' ? benchCase.target : null,
    ratio: computeRatio(loadResult.rounds, base.rounds),
    latchkey: summarizeRounds(loadResult.rounds),
    bare: summarizeRounds(base.rounds),
    memory: loadResult.memory,
  }
}
