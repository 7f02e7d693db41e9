/** The outcome of a delivery attempt. Only a 2xx response is a delivery. */
export type DeliveryOutcome = 'delivered' | 'refused' | 'failed' | 'forbidden'

/** The action after an attempt: send the next message, or retry the same one after a delay. */
export type RetryDecision =
  | { readonly next: 'go_on' }
  | { readonly next: 'try_again'; readonly waitMs: number }

/** The vendor's retry schedule: the delay after each failed attempt. The last delay repeats. */
const RETRY_WAITS_MS = [0, 10_000, 10_000, 20_000, 30_000, 50_000, 80_000, 120_000] as const
const MAX_RETRY_WAIT_MS = 120_000
/**
 * Each delay is extended by up to this ratio, so that subscriptions that failed together do not retry
 * together.
 */
const JITTER_RATIO = 0.1

/** The longest delay before the next attempt, and the longest lease that a process may take. */
export const MAX_JITTERED_WAIT_MS = MAX_RETRY_WAIT_MS * (1 + JITTER_RATIO)
export const MAX_LEASE_MS = 120_000

/** The number of attempts that are stored per delivery: the newest. A dead destination has 720 a day. */
export const MAX_STORED_ATTEMPTS = 100

/** `failures`: the number of failed attempts before this one. `jitter`: a random number from 0 to 1. */
export function decideRetry(
  outcome: DeliveryOutcome,
  failures: number,
  jitter: number,
): RetryDecision {
  if (outcome === 'delivered') return { next: 'go_on' }
  const wait = RETRY_WAITS_MS[failures] ?? MAX_RETRY_WAIT_MS
  return { next: 'try_again', waitMs: Math.round(wait * (1 + JITTER_RATIO * jitter)) }
}
