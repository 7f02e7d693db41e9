import { setTimeout as delay } from 'node:timers/promises'
import { Unavailable } from '../../src/service/ports.ts'
import { done } from '../support/server.ts'
import type { Chance } from './chance.ts'
import type { Stage } from './stage.ts'

const EVERY_MS = 1000
const RESUMED = 0.6

/**
 * Looks at all feeds again and again, as `latchkey subscriptions show` does, and resumes most of those
 * that wait, which are then tried at once. Until all is over; answers how many it resumed.
 */
export async function operate(
  { latchkey, feedIds, signal }: Pick<Stage, 'latchkey' | 'feedIds' | 'signal'>,
  chance: Chance,
): Promise<number> {
  const { routes } = latchkey
  let resumed = 0
  while (!signal.aborted) {
    await delay(EVERY_MS)
    try {
      for (const id of feedIds) {
        const { attempts, dueAt } = done(await routes.findFeed(id))
        if (attempts < 2 || dueAt < Date.now() || !chance.happens(RESUMED)) continue
        done(await routes.setSubscriptionStatus(id, 'active'))
        resumed++
      }
    } catch (error) {
      // Its database is away, too.
      if (!(error instanceof Unavailable)) throw error
    }
  }
  return resumed
}
