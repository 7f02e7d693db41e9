/** Durations in milliseconds. */
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/**
 * How far the clocks of servers that share a database may differ. An instant further in the future was
 * written by a wrong clock.
 */
export const CLOCK_TOLERANCE_MS = 60_000

/**
 * Whether a stored deadline is in the future. It was set at most `longestMs` in advance, so a deadline
 * further in the future was written by a wrong clock and counts as past.
 */
export const isPending = (endsAt: number, maxMs: number, now: number): boolean =>
  now < endsAt && endsAt <= getLatestDeadline(maxMs, now)

/** The latest deadline that a right clock can have set `longestMs` in advance. For queries. */
export const getLatestDeadline = (maxMs: number, now: number): number =>
  now + maxMs + CLOCK_TOLERANCE_MS

/** Whether less than `ms` have passed since a stored instant. False for an instant in the future. */
export const isWithinLast = (ms: number, at: number, now: number): boolean =>
  isPending(at + ms, ms, now)

/** Whether a stored instant was written by a clock that was fast. */
export const isFromFuture = (at: number, now: number): boolean => at > getLatestDeadline(0, now)
