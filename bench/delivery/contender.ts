import { serveEngine } from '../engines.ts'
import type { EngineName, Settings } from '../options.ts'
import { messages } from '../requests.ts'
import type { Served } from '../served.ts'
import type { World } from './world.ts'

/** Where all of this is measured, and how. */
export interface Place {
  readonly folder: string
  readonly world: World
  /** How many feeds have messages, where nothing else is said. */
  readonly feeds: number
  readonly settings: Settings
}

/** Latchkey on one engine, and what is sent to it: a message of each vendor, to each destination. */
export interface Contender {
  readonly engine: EngineName
  readonly served: Served
  readonly toTaking: readonly Buffer[]
  readonly toHanging: readonly Buffer[]
  readonly toDown: readonly Buffer[]
}

export async function startContender(
  engine: EngineName,
  { folder, world, settings }: Place,
): Promise<Contender> {
  const { seeded, vendors, hangingId, downId } = world
  const served = await serveEngine(engine, folder, seeded, settings)
  const scene = { port: served.port, vendors }
  return {
    engine,
    served,
    toTaking: await messages(scene, ({ destinationId }) => destinationId),
    toHanging: await messages(scene, () => hangingId),
    toDown: await messages(scene, () => downId),
  }
}
