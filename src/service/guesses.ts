import { LRUCache } from 'lru-cache'
import { neighbourhood } from '../domain/address.ts'
import { type Failure, fail, ok, type Result } from '../domain/failure.ts'
import { PUBLIC_ID_MAX_LENGTH } from '../domain/key.ts'
import type { Clock, Share, Sharing } from './ports.ts'

export interface GuessLimits {
  /** Failures that one public id may have within the window. */
  readonly perKey: number
  /** Failures that one address may have within the window. */
  readonly perAddress: number
  readonly windowMs: number
}

/** How many ids and addresses are counted at once; past it the longest unseen is forgotten. */
const COUNTED = 50_000

/**
 * Counts failures, never successes, in a fixed window that begins with the first. Keys that do not
 * exist are counted like those that do.
 */
export function createGuesses(limits: GuessLimits, clock: Clock, share?: Share) {
  const keys = new Windows(limits.windowMs, clock, share?.('keys'))
  const addresses = new Windows(limits.windowMs, clock, share?.('addresses'))

  return {
    /** Whether this address has failed too often. */
    mayTry: (address: string): Result<void> =>
      within(addresses, neighbourhood(address), limits.perAddress),
    /** Whether this public id has been failed for too often. */
    mayTryKey: (publicId: string): Result<void> => within(keys, idOf(publicId), limits.perKey),

    failed(address: string, publicId: string): void {
      addresses.count(neighbourhood(address))
      keys.count(idOf(publicId))
    },
  }

  function within(windows: Windows, id: string, limit: number): Result<void> {
    return windows.spent(id) < limit ? ok(undefined) : fail(guessing(windows.endsIn(id)))
  }
}

/** An id's length is the caller's to choose, our memory is not: no id of ours is longer. */
const idOf = (publicId: string): string => publicId.slice(0, PUBLIC_ID_MAX_LENGTH)

const guessing = (ms: number): Failure => ({
  reason: 'guessing',
  retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)),
})

/** The documented quota: so many requests of one address within so long. */
export function createQuota(limit: number, windowMs: number, clock: Clock, share?: Share) {
  const windows = new Windows(windowMs, clock, share?.('quota'))
  return (address: string): Result<void> => {
    if (windows.count(address) <= limit) return ok(undefined)
    const retryAfterSeconds = Math.max(1, Math.ceil(windows.endsIn(address) / 1000))
    return fail({ reason: 'quota_exceeded', limit, retryAfterSeconds })
  }
}

/** Fixed windows with a bounded memory. */
class Windows {
  readonly #windows = new LRUCache<string, { spent: number; endsAt: number }>({ max: COUNTED })
  readonly #ms: number
  readonly #clock: Clock
  readonly #sharing: Sharing | undefined

  constructor(ms: number, clock: Clock, sharing: Sharing | undefined) {
    this.#ms = ms
    this.#clock = clock
    this.#sharing = sharing
    sharing?.hear((id, spent, endsAt) => this.#add(id, spent, endsAt))
  }

  /** Counts one more; answers how many that makes. */
  count(id: string): number {
    const { spent, endsAt } = this.#add(id, 1, this.#clock() + this.#ms)
    this.#sharing?.tell(id, endsAt)
    return spent
  }

  /** To the window that is open; where none is, `endsAt` is when the new one ends. */
  #add(id: string, spent: number, endsAt: number): { spent: number; endsAt: number } {
    const open = this.#windows.get(id)
    if (open !== undefined && this.#clock() < open.endsAt) {
      open.spent += spent
      return open
    }
    const window = { spent, endsAt }
    this.#windows.set(id, window)
    return window
  }

  spent(id: string): number {
    const window = this.#windows.get(id)
    return window !== undefined && this.#clock() < window.endsAt ? window.spent : 0
  }

  endsIn(id: string): number {
    return (this.#windows.get(id)?.endsAt ?? 0) - this.#clock()
  }
}

export type Guesses = ReturnType<typeof createGuesses>
export type Quota = ReturnType<typeof createQuota>
