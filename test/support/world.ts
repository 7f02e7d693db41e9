import type { Latchkey } from '../../src/compose.ts'
import { done, seedKey } from './server.ts'

/** What the transcripts of the first dialect call by name. */
export async function seedWorld(latchkey: Latchkey): Promise<Map<string, string>> {
  const { routes } = latchkey
  const lone = await seedKey(latchkey)
  const { accountId, sourceId } = lone
  const second = done(await routes.addDestination({ accountId, name: 'State Registry' }))
  done(await routes.setVerified(second.id, true))
  const unverified = done(await routes.addDestination({ accountId, name: 'New Clinic' }))
  for (const destination of [second, unverified]) {
    done(await routes.subscribe({ sourceId, destinationId: destination.id }))
  }
  const stranger = done(await routes.addDestination({ accountId, name: 'Elsewhere' }))
  done(await routes.setVerified(stranger.id, true))

  const pair = await seedKey(latchkey)
  const sibling = await seedKey(latchkey, { accountId: pair.accountId })
  return new Map([
    // An account with one key.
    ['apiKey', lone.apiKey],
    ['secret', lone.secret],
    ['sourceId', sourceId],
    ['destinationId', lone.destinationId],
    ['secondDestinationId', second.id],
    ['unverifiedDestinationId', unverified.id],
    ['unsubscribedDestinationId', stranger.id],
    // An account with two.
    ['pairApiKey', pair.apiKey],
    ['pairSecret', pair.secret],
    ['pairSourceId', pair.sourceId],
    ['pairDestinationId', pair.destinationId],
    ['siblingApiKey', sibling.apiKey],
    ['siblingSourceId', sibling.sourceId],
  ])
}
