import { isPending } from './instant.ts'
import type { Key } from './key.ts'

/** The maximum number of requests of one key within a window. */
export interface RateLimit {
  readonly limit: number
  readonly windowMs: number
}

/**
 * Bounds an LRU cache by its number of entries. It does so by size, because `max` allocates the memory
 * for all of them when the process starts.
 */
export const limitEntries = (maxEntries: number) => ({
  maxSize: maxEntries,
  sizeCalculation: () => 1,
})

/** The window of one request per customer key, as Open Dental documents it. */
const CUSTOMER_KEY_WINDOW_MS = { read: 5000, standard: 1000, enterprise: 500 } as const

/** Returns the rate limit of a key. `defaultLimit` is the operator's setting for all other key types. */
export function getKeyRateLimit({ keyType, access }: Key, defaultLimit: RateLimit): RateLimit {
  return keyType === 'opendental'
    ? { limit: 1, windowMs: CUSTOMER_KEY_WINDOW_MS[access] }
    : defaultLimit
}

/**
 * The consecutive failures that are free before each further attempt is delayed: from one address
 * block, or from anywhere.
 */
const MAX_FREE_FAILURES = { here: 4, anywhere: 49 } as const

/**
 * The consecutive failures that the user may have in a known browser, whatever strangers do. After
 * that, the browser counts as unknown for a day, or until the user signs in.
 */
export const MAX_KNOWN_DEVICE_FAILURES = 5

/** The usernames that an invited user may try before an administrator must set one. */
export const MAX_USERNAME_TRIES = 5

/** The scope of a failure count of a username: one address block, or all. */
export type FailureScope = keyof typeof MAX_FREE_FAILURES

const FIRST_LOCKOUT_MS = 1000
const MAX_LOCKOUT_MS = 15 * 60 * 1000

/** Failures are forgotten after this time without another failure. */
export const FAILURE_MEMORY_MS = 24 * 60 * 60 * 1000

/**
 * Computes the delay after this many consecutive failures: none at first, then a second, doubled each
 * time. NIST SP 800-63B §5.2.2 requires a rate limit; a permanent lock would let anyone lock a user
 * out.
 */
export function computeLockoutMs(failures: number, scope: FailureScope): number {
  const excess = failures - MAX_FREE_FAILURES[scope]
  if (excess <= 0) return 0
  // The maximum delay is reached before 2^10, so the exponent is capped.
  return Math.min(MAX_LOCKOUT_MS, FIRST_LOCKOUT_MS * 2 ** Math.min(excess - 1, 10))
}

/** Returns the milliseconds until the next attempt is allowed; 0 if it is allowed now. */
export function computeRemainingLockoutMs(
  { count, lastAt }: { readonly count: number; readonly lastAt: number },
  scope: FailureScope,
  now: number,
): number {
  const wait = computeLockoutMs(count, scope)
  // Without a delay, a failure that a faster clock wrote must not lock until this clock catches up.
  if (wait === 0) return 0
  const endsAt = lastAt + wait
  return isPending(endsAt, wait, now) ? endsAt - now : 0
}
