import { neighbourhood } from '../domain/address.ts'
import { fail, type NotNow, ok, type Result } from '../domain/failure.ts'
import type { Clock, Share } from './ports.ts'
import { Windows } from './windows.ts'

export interface GuessLimits {
  /** Failures that one address may have within the window. */
  readonly perAddress: number
  readonly windowMs: number
}

/**
 * Counts failures of one address (an IPv6 /64 is one), never successes, in a fixed window that begins
 * with the first. Callers check cheap proofs before they ask for this limit. `owned` is the key or browser
 * that the caller is known for at this address: its failures are counted apart from those of strangers.
 */
export function createGuesses(limits: GuessLimits, clock: Clock, share?: Share) {
  const failures = new Windows(limits.windowMs, clock, share?.('addresses'))

  return {
    mayTry(address: string, owned?: string): Result<void, NotNow> {
      const party = toParty(address, owned)
      if (failures.spent(party) < limits.perAddress) return ok(undefined)
      const retryAfterSeconds = Math.max(1, Math.ceil(failures.endsIn(party) / 1000))
      return fail({ reason: 'guessing', retryAfterSeconds })
    },

    failed(address: string, owned?: string): void {
      failures.count(toParty(address, owned))
    },
  }
}

/** The party that a limit counts: an address, or an owner that is known at it. */
export const toParty = (address: string, owned?: string): string =>
  owned === undefined ? neighbourhood(address) : `${neighbourhood(address)} ${owned}`

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
