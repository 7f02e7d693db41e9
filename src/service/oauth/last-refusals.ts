import { isWithinLast } from '../../domain/instant.ts'
import { sleep } from '../long-work.ts'
import type { AssertionStorage, RefusedAssertion } from '../ports/authority.ts'
import type { Clock, KeepAlive, Log } from '../ports/runtime.ts'

export interface LastRefusalsDeps {
  readonly storage: Pick<AssertionStorage, 'setLastRefusals'>
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive?: KeepAlive | undefined
}

const WINDOW_MS = 1000
/** Strangers can cause refusals of any client, so a window has a bounded number of writes. */
const MAX_CLIENTS_PER_WINDOW = 500

export type LastRefusals = ReturnType<typeof createLastRefusals>

/**
 * Keeps the last refused assertion of each client for the users who manage it, off the hot path: one write
 * for each client and second. Call `flush` every second, unless `keepAlive` is given, which then receives
 * each flush.
 */
export function createLastRefusals({ storage, clock, log, keepAlive }: LastRefusalsDeps) {
  let openedAt = Number.NEGATIVE_INFINITY
  let pending = new Map<string, RefusedAssertion>()

  async function flush(): Promise<void> {
    const refusals = [...pending.values()]
    pending = new Map()
    openedAt = Number.NEGATIVE_INFINITY
    try {
      await storage.setLastRefusals(refusals)
    } catch (error) {
      // The audit has them too.
      log.warn({ error, refusals: refusals.length }, 'refused assertions could not be written')
    }
  }

  return {
    flush,

    record(keyId: string, why: string): void {
      const at = clock()
      if (!pending.has(keyId) && pending.size >= MAX_CLIENTS_PER_WINDOW) return
      pending.set(keyId, { keyId, at, why })
      if (isWithinLast(WINDOW_MS, openedAt, at)) return
      openedAt = at
      keepAlive?.(sleep(WINDOW_MS).then(flush))
    },
  }
}
