import { neighbourhood } from '../domain/address.ts'
import { fail, type NotNow, ok, type Result } from '../domain/failure.ts'
import { PUBLIC_ID_MAX_LENGTH } from '../domain/key.ts'
import type { Clock, Share } from './ports.ts'
import { Windows } from './windows.ts'

export interface GuessLimits {
  /** Failures that one public id may have within the window. */
  readonly perKey: number
  /** Failures that one address may have within the window. */
  readonly perAddress: number
  readonly windowMs: number
}

/**
 * Counts failures, never successes, in a fixed window that begins with the first. Keys that do not
 * exist are counted like those that do.
 */
export function createGuesses(limits: GuessLimits, clock: Clock, share?: Share) {
  const keys = new Windows(limits.windowMs, clock, share?.('keys'))
  const addresses = new Windows(limits.windowMs, clock, share?.('addresses'))

  return {
    /** Whether this address has failed too often. */
    mayTry: (address: string): Result<void, NotNow> =>
      within(addresses, neighbourhood(address), limits.perAddress),
    /** Whether this public id has been failed for too often. */
    mayTryKey: (publicId: string): Result<void, NotNow> =>
      within(keys, idOf(publicId), limits.perKey),

    /** No public id, where there was none to be read. */
    failed(address: string, publicId?: string): void {
      addresses.count(neighbourhood(address))
      if (publicId !== undefined) keys.count(idOf(publicId))
    },
  }

  function within(windows: Windows, id: string, limit: number): Result<void, NotNow> {
    return windows.spent(id) < limit ? ok(undefined) : fail(guessing(windows.endsIn(id)))
  }
}

/** An id's length is the caller's to choose, our memory is not: no id of ours is longer. */
const idOf = (publicId: string): string => publicId.slice(0, PUBLIC_ID_MAX_LENGTH)

const guessing = (ms: number): NotNow => ({
  reason: 'guessing',
  retryAfterSeconds: Math.max(1, Math.ceil(ms / 1000)),
})

/** The documented quota: so many requests of one address within so long. */
export function createQuota(limit: number, windowMs: number, clock: Clock, share?: Share) {
  const windows = new Windows(windowMs, clock, share?.('quota'))
  return (address: string): Result<void, NotNow> => {
    if (windows.count(address) <= limit) return ok(undefined)
    const retryAfterSeconds = Math.max(1, Math.ceil(windows.endsIn(address) / 1000))
    return fail({ reason: 'quota_exceeded', limit, retryAfterSeconds })
  }
}

export type Guesses = ReturnType<typeof createGuesses>
export type Quota = ReturnType<typeof createQuota>
