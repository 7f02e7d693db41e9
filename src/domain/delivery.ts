/** What can come of an attempt to deliver a message. Only a 2xx answer is a delivery. */
export type DeliveryOutcome = 'delivered' | 'refused' | 'failed' | 'forbidden'

/** What a feed does after an attempt: the next message, or the same one again after so long. */
export type RetryDecision =
  | { readonly next: 'go_on' }
  | { readonly next: 'try_again'; readonly waitMs: number }

/** The vendor's schedule: how long after each attempt in vain; the last one from then on. */
const RETRY_WAITS_MS = [0, 10_000, 10_000, 20_000, 30_000, 50_000, 80_000, 120_000] as const
const MAX_RETRY_WAIT_MS = 120_000
/** Feeds that failed together do not come back together: each waits up to so much longer. */
const JITTER_RATIO = 0.1

/** The longest wait for the next attempt, and the longest lease that a process may take. */
export const MAX_JITTERED_WAIT_MS = MAX_RETRY_WAIT_MS * (1 + JITTER_RATIO)
export const MAX_LEASE_MS = 120_000

/** What came of an attempt is kept of so many, the newest: a dead destination has 720 a day. */
export const MAX_STORED_ATTEMPTS = 100

/** `failures`: how often it was tried in vain before this attempt. `jitter`: a random number from 0 to 1. */
export function decideRetry(
  outcome: DeliveryOutcome,
  failures: number,
  jitter: number,
): RetryDecision {
  if (outcome === 'delivered') return { next: 'go_on' }
  const wait = RETRY_WAITS_MS[failures] ?? MAX_RETRY_WAIT_MS
  return { next: 'try_again', waitMs: Math.round(wait * (1 + JITTER_RATIO * jitter)) }
}
