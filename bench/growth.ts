import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './cases.ts'
import { type Figures, figuresOf, ratioOf } from './figures.ts'
import { type Lane, loadInTurn } from './lanes.ts'
import type { Settings } from './options.ts'
import type { Memory } from './processes.ts'
import { report, showProgress } from './progress.ts'
import { seed, type Vendor } from './seed.ts'
import { type Served, serveLatchkey } from './served.ts'

/** One case, in databases of different sizes. */
export interface Growth {
  readonly name: string
  readonly sizes: readonly {
    readonly keys: number
    readonly figures: Figures
    /** Of the requests a second with the fewest keys. */
    readonly ratio: number
    readonly memory: Memory | null
  }[]
  /** The most keys answer as many requests a second as the fewest, within the tolerance. */
  readonly holds: boolean
}

/** What noise may take away. */
export const TOLERANCE = 0.15

interface Grown {
  readonly keys: number
  readonly vendors: readonly Vendor[]
  readonly served: Served
}

/** A server for each size, loaded one after the other in every round, so that all share the weather. */
export async function grow(folder: string, settings: Settings): Promise<Growth[]> {
  const grown: Grown[] = []
  for (const keys of settings.sizes) {
    const own = join(folder, String(keys))
    mkdirSync(join(own, 'data'), { recursive: true, mode: 0o700 })
    const vendors = await seed(join(own, 'data'), {
      keys,
      active: settings.keys,
      progress: (done) =>
        showProgress(`seeding ${count(done)} of ${count(keys)} keys (${percent(done / keys)})`),
    })
    grown.push({ keys, vendors, served: await serveLatchkey(own, settings) })
    report(`seeded ${count(keys)} keys`)
  }
  const growths: Growth[] = []
  for (const one of settings.cases) growths.push(await growCase(one, grown, settings))
  for (const { served } of grown) await served.stop()
  return growths
}

async function growCase(one: Case, grown: readonly Grown[], settings: Settings): Promise<Growth> {
  const lanes: Lane[] = []
  for (const { keys, vendors, served } of grown) {
    const scripts = await one.prepare({ port: served.port, vendors }, settings.connections)
    lanes.push({ who: `${count(keys)} keys`, served, scripts })
  }
  const loaded = await loadInTurn(one, lanes, settings)

  const base = loaded[0]?.rounds ?? []
  const sizes = loaded.map(({ rounds, memory }, n) => ({
    keys: grown[n]?.keys ?? Number.NaN,
    figures: figuresOf(rounds),
    ratio: ratioOf(rounds, base),
    memory,
  }))
  const last = sizes.at(-1)?.ratio ?? Number.NaN
  report(`${one.name}: ${percent(last)} with the most keys of what it is with the fewest`)
  return { name: one.name, sizes, holds: last >= 1 - TOLERANCE }
}

const count = (n: number) => n.toLocaleString('en')
const percent = (share: number) => `${Math.round(share * 100)} %`
