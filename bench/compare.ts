import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { sampleAnswer } from './answer.ts'
import type { Case } from './cases.ts'
import { serveEngine } from './engines.ts'
import { type Figures, figuresOf, ratioOf } from './figures.ts'
import { type Lane, type Loaded, loadInTurn } from './lanes.ts'
import type { EngineName, Settings } from './options.ts'
import type { Memory } from './processes.ts'
import { report, showProgress } from './progress.ts'
import { seed, type Vendor } from './seed.ts'
import { type Served, serveBare } from './served.ts'

/** One case on one engine, beside bare Hono. */
export interface Comparison {
  readonly name: string
  readonly engine: EngineName
  /** Only sqlite has one. */
  readonly aim: number | null
  readonly ratio: number
  readonly holds: boolean | null
  readonly latchkey: Figures
  readonly bare: Figures
  /** Of the Latchkey process, the most at the end of a round. */
  readonly memory: Memory | null
}

interface Contender {
  readonly engine: EngineName
  readonly served: Served
}

/** Every case in turn: bare Hono, then Latchkey on each engine, and so on. Never two at once. */
export async function compare(folder: string, settings: Settings): Promise<Comparison[]> {
  showProgress(`seeding ${settings.keys} keys`)
  const seeded = join(folder, 'seeded')
  mkdirSync(seeded, { mode: 0o700 })
  const vendors = await seed(seeded, {
    keys: settings.keys,
    active: settings.keys,
    progress: () => {},
  })
  const contenders: Contender[] = []
  try {
    for (const engine of settings.engines) {
      showProgress(`starting ${engine}`)
      contenders.push({ engine, served: await serveEngine(engine, folder, seeded, settings) })
    }
    const comparisons: Comparison[] = []
    for (const one of settings.cases) {
      comparisons.push(...(await compareCase(folder, one, contenders, vendors, settings)))
    }
    return comparisons
  } finally {
    for (const { served } of contenders) await served.stop()
  }
}

async function compareCase(
  folder: string,
  one: Case,
  contenders: readonly Contender[],
  vendors: readonly Vendor[],
  settings: Settings,
): Promise<Comparison[]> {
  showProgress(`${one.name}: preparing`)
  const prepare = ({ port }: Served, count: number) => one.prepare({ port, vendors }, count)
  const [first] = contenders
  if (first === undefined) throw new Error('there is no engine to compare')
  const [sampling] = await prepare(first.served, 1)
  if (sampling === undefined) throw new Error('a case has a script for each connection')
  const bare = await serveBare(folder, await sampleAnswer(first.served.port, sampling.next()))

  const { connections } = settings
  // Bare Hono answers what it has been shown, whoever's requests it reads.
  const yardstick = {
    who: 'bare',
    served: bare,
    scripts: await prepare(first.served, connections),
  }
  const lanes: Lane[] = []
  for (const { engine, served } of contenders) {
    lanes.push({ who: engine, served, scripts: await prepare(served, connections) })
  }
  const [base, ...loaded] = await loadInTurn(one, [yardstick, ...lanes], settings)
  await bare.stop()
  if (base === undefined) throw new Error('bare Hono has not been loaded')

  const comparisons = contenders.flatMap(({ engine }, n) => {
    const its = loaded[n]
    return its === undefined ? [] : [comparisonOf(one, engine, its, base)]
  })
  const shares = comparisons.map(({ engine, ratio }) =>
    contenders.length === 1 ? ratio.toFixed(2) : `${engine} ${ratio.toFixed(2)}`,
  )
  report(`${one.name}: ${shares.join(', ')} of bare Hono`)
  return comparisons
}

function comparisonOf(one: Case, engine: EngineName, its: Loaded, base: Loaded): Comparison {
  const ratio = ratioOf(its.rounds, base.rounds)
  const aim = engine === 'sqlite' ? one.aim : null
  return {
    name: one.name,
    engine,
    aim,
    ratio,
    holds: aim === null ? null : ratio >= aim,
    latchkey: figuresOf(its.rounds),
    bare: figuresOf(base.rounds),
    memory: its.memory,
  }
}
