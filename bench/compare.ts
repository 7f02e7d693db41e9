import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { sampleAnswer } from './answer.ts'
import type { Case, Scene } from './cases.ts'
import { type Figures, figuresOf, largest, ratioOf } from './figures.ts'
import { loadRound, type Round } from './load.ts'
import type { Settings } from './options.ts'
import { report, showProgress } from './progress.ts'
import { seed } from './seed.ts'
import { type Memory, type Served, serveBare, serveLatchkey } from './served.ts'

/** One case, beside bare Hono. */
export interface Comparison {
  readonly name: string
  readonly aim: number
  readonly ratio: number
  readonly holds: boolean
  readonly latchkey: Figures
  readonly bare: Figures
  /** Of the Latchkey process, the most at the end of a round. */
  readonly memory: Memory | null
}

/** Every case in turn: a round of bare Hono, a round of Latchkey, and so on. Never both at once. */
export async function compare(folder: string, settings: Settings): Promise<Comparison[]> {
  showProgress(`seeding ${settings.keys} keys`)
  const dataDir = join(folder, 'data')
  mkdirSync(dataDir, { mode: 0o700 })
  const vendors = await seed(dataDir, {
    keys: settings.keys,
    active: settings.keys,
    progress: () => {},
  })
  const latchkey = await serveLatchkey(folder, settings)
  const comparisons: Comparison[] = []
  for (const one of settings.cases) {
    const scene = { port: latchkey.port, vendors }
    comparisons.push(await compareCase(folder, one, scene, latchkey, settings))
  }
  await latchkey.stop()
  return comparisons
}

async function compareCase(
  folder: string,
  one: Case,
  scene: Scene,
  latchkey: Served,
  { connections, rounds, seconds, warmUpSeconds }: Settings,
): Promise<Comparison> {
  showProgress(`${one.name}: preparing`)
  const [sampling, ...scripts] = await one.prepare(scene, connections + 1)
  const bareScripts = await one.prepare(scene, connections)
  if (sampling === undefined) throw new Error('a case has a script for each connection')
  const bare = await serveBare(folder, await sampleAnswer(latchkey.port, sampling.next()))
  const plans = {
    bare: { served: bare, scripts: bareScripts, status: one.status },
    latchkey: { served: latchkey, scripts, status: one.status },
  }

  showProgress(`${one.name}: warming up`)
  await loadRound({ ...plans.bare, seconds: warmUpSeconds })
  await loadRound({ ...plans.latchkey, seconds: warmUpSeconds })
  const measured = { bare: [] as Round[], latchkey: [] as Round[] }
  let memory: Memory | null = null
  for (let round = 1; round <= rounds; round++) {
    for (const who of ['bare', 'latchkey'] as const) {
      showProgress(`${one.name}: round ${round} of ${rounds}, ${who}`)
      measured[who].push(await loadRound({ ...plans[who], seconds }))
    }
    memory = largest(memory, latchkey.memory())
  }
  await bare.stop()

  const ratio = ratioOf(measured.latchkey, measured.bare)
  report(`${one.name}: ${ratio.toFixed(2)} of bare Hono`)
  return {
    name: one.name,
    aim: one.aim,
    ratio,
    holds: ratio >= one.aim,
    latchkey: figuresOf(measured.latchkey),
    bare: figuresOf(measured.bare),
    memory,
  }
}
