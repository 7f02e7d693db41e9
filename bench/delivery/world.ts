import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { open } from '../../src/node/server.ts'
import { done, seed, silent, type Vendor } from '../seed.ts'
import { type Destination, startDestination } from './destination.ts'

/** Who sends, and to whom: each vendor has a feed to each of these. */
export interface World {
  /** The data folder with all of this in it. */
  readonly seeded: string
  /** Their `destinationId` is their own, so that nothing but the feed makes one wait for another. */
  readonly vendors: readonly Vendor[]
  readonly taking: Destination
  /** One for all, which takes no message before it is told to. */
  readonly hanging: Destination
  readonly hangingId: string
  /** One for all, where nobody listens. */
  readonly downId: string
}

export async function createWorld(folder: string, feeds: number): Promise<World> {
  const seeded = join(folder, 'seeded')
  mkdirSync(seeded, { mode: 0o700 })
  const seedlings = await seed(seeded, { keys: feeds, active: feeds, progress: () => {} })
  const taking = await startDestination()
  const hanging = await startDestination()
  const down = await startDestination()
  down.close()

  const config = readConfig({ LATCHKEY_DATA: seeded })
  const { accounts, routes, storage } = await open(config, {
    publicUrl: 'http://localhost',
    log: silent,
  })
  try {
    const { id: accountId } = done(await accounts.create({ name: 'Hospital' }))
    const place = async (name: string, url: string) => {
      const { id } = done(await routes.addDestination({ accountId, name, url, development: true }))
      done(await routes.setVerified(id, true))
      return id
    }
    const hangingId = await place('Hanging', hanging.url)
    const downId = await place('Down', down.url)
    const vendors = await Promise.all(
      seedlings.map(async (vendor, n) => {
        const destinationId = await place('Taking', `${taking.url}/${n}`)
        for (const one of [destinationId, hangingId, downId]) {
          done(await routes.subscribe({ sourceId: vendor.sourceId, destinationId: one }))
        }
        return { ...vendor, destinationId }
      }),
    )
    return { seeded, vendors, taking, hanging, hangingId, downId }
  } finally {
    await storage.close()
  }
}
