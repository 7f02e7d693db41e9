import { rmSync } from 'node:fs'
import { readConfig } from '../../src/config.ts'
import { open } from '../../src/node/server.ts'
import { temporaryFolder, testLog } from '../support/server.ts'
import type { Chance } from './chance.ts'
import { startDestination } from './destination.ts'
import { startFleet } from './fleet.ts'
import { type EngineName, openPlace } from './place.ts'
import type { Recorder } from './recorder.ts'
import { seedWorld } from './world.ts'

const SOURCES = 20
const DESTINATIONS = 5
const PLENTY = '1000000000'
// Tokens name the server's URL: it must not change with the port.
const PUBLIC_URL = 'https://latchkey.example'

/** All that takes part: a database, destinations behind sockets, and a server in processes of its own. */
export async function openStage(
  engine: EngineName,
  recorder: Recorder,
  chanceOf: (who: string) => Chance,
  signal: AbortSignal,
) {
  const dir = temporaryFolder()
  const place = await openPlace(engine, dir)
  const destinations = await Promise.all(
    Array.from({ length: DESTINATIONS }, (_, n) =>
      startDestination(n, chanceOf(`destination ${n}`), recorder),
    ),
  )
  const settings = {
    ...place.settings,
    LATCHKEY_URL: PUBLIC_URL,
    LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1',
    LATCHKEY_QUOTA_REQUESTS: PLENTY,
  }
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  const latchkey = await open(config, { publicUrl: PUBLIC_URL, log: testLog() })
  const urls = destinations.map(({ url }) => url)
  const world = await seedWorld(latchkey, SOURCES, urls)
  const fleet = await startFleet(dir, settings)

  // Where this process is ended in the midst of it.
  const clear = () => {
    fleet.abandon()
    rmSync(dir, { recursive: true, force: true })
  }
  process.once('exit', clear)

  return {
    recorder,
    place,
    latchkey,
    fleet,
    ...world,
    /** Aborted when it is over, however it ends: nobody waits on. */
    signal,
    async close() {
      process.off('exit', clear)
      fleet.abandon()
      await latchkey.storage.close()
      await Promise.all(destinations.map((destination) => destination.close()))
      await place.close()
      clear()
    },
  }
}

export type Stage = Awaited<ReturnType<typeof openStage>>
