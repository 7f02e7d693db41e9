import { isPending } from './instant.ts'
import type { Key } from './key.ts'

/** So many requests of one key within so long. */
export interface RateLimit {
  readonly limit: number
  readonly windowMs: number
}

/** What Open Dental documents for each customer key: one request in so long. */
const CUSTOMER_KEY_WINDOW_MS = { read: 5000, standard: 1000, enterprise: 500 } as const

/** How often a key may be used on its surface; `usual` is what the operator has set for all others. */
export function getKeyRateLimit({ dialect, access }: Key, defaultLimit: RateLimit): RateLimit {
  return dialect === 'opendental'
    ? { limit: 1, windowMs: CUSTOMER_KEY_WINDOW_MS[access] }
    : defaultLimit
}

/** So often somebody may be wrong in a row before each further time costs a wait: from one place, or from anywhere. */
export const MAX_FREE_FAILURES = { here: 4, anywhere: 49 } as const

/**
 * So often the owner may be wrong in a row at a browser that is known to be his, whatever strangers do.
 * Then it is a browser like any other, for a day or until he has signed in.
 */
export const MAX_KNOWN_DEVICE_FAILURES = 5

/** How many usernames the holder of an invitation may try before an administrator must set one. */
export const MAX_USERNAME_TRIES = 5

/** What is counted of a name: from one neighbourhood of addresses, or from all of them. */
export type FailureScope = keyof typeof MAX_FREE_FAILURES

const FIRST_LOCKOUT_MS = 1000
const MAX_LOCKOUT_MS = 15 * 60 * 1000

/** Without another one for so long, failures are forgotten. */
export const FAILURE_MEMORY_MS = 24 * 60 * 60 * 1000

/**
 * The wait after so many failures in a row: none at first, then a second, doubled each time. NIST
 * SP 800-63B §5.2.2 wants the rate of guesses limited; a lock for good would be the guesser's to use.
 */
export function computeLockoutMs(failures: number, scope: FailureScope): number {
  const excess = failures - MAX_FREE_FAILURES[scope]
  if (excess <= 0) return 0
  // Past 2^10 the longest wait is reached: an exponent has no business being larger.
  return Math.min(MAX_LOCKOUT_MS, FIRST_LOCKOUT_MS * 2 ** Math.min(excess - 1, 10))
}

/** How long from now until the next try is taken; 0 where it may be now. */
export function computeRemainingLockoutMs(
  { count, lastAt }: { readonly count: number; readonly lastAt: number },
  scope: FailureScope,
  now: number,
): number {
  const wait = computeLockoutMs(count, scope)
  // Without a wait, a failure that a faster clock has written would lock until this clock is there.
  if (wait === 0) return 0
  const endsAt = lastAt + wait
  return isPending(endsAt, wait, now) ? endsAt - now : 0
}
