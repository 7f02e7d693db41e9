import type { Latchkey } from '../../src/compose.ts'
import { done, seedKey } from '../support/server.ts'
import { destinationName } from './message.ts'

/** Who sends along all feeds of one source. */
export interface Vendor {
  readonly source: number
  readonly apiKey: string
  readonly secret: string
}

/** So many vendors, an account each, whose source is subscribed to every one of these destinations. */
export async function seedWorld(latchkey: Latchkey, sources: number, urls: readonly string[]) {
  const { accounts, routes } = latchkey
  const hospital = done(await accounts.create({ name: 'Hospital' }))
  const destinationIds: string[] = []
  for (const [n, url] of urls.entries()) {
    const wish = { accountId: hospital.id, name: destinationName(n), url, development: true }
    const { id } = done(await routes.addDestination(wish))
    done(await routes.setVerified(id, true))
    destinationIds.push(id)
  }
  const vendors: Vendor[] = []
  const feedIds: string[] = []
  for (let source = 0; source < sources; source++) {
    const { apiKey, secret, sourceId } = await seedKey(latchkey)
    vendors.push({ source, apiKey, secret })
    for (const destinationId of destinationIds) {
      feedIds.push(done(await routes.subscribe({ sourceId, destinationId })).id)
    }
  }
  return { vendors, feedIds, destinationIds }
}
