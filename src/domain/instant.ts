/**
 * Clocks of servers that share a database may differ by this much. An instant further ahead was written
 * by a clock that was wrong.
 */
export const CLOCK_TOLERANCE_MS = 60_000

/**
 * Whether a stored deadline lies ahead. It was set at most `longestMs` before it, so one that is further
 * ahead was written by a clock that was wrong, and counts as past.
 */
export const isPending = (endsAt: number, longestMs: number, now: number): boolean =>
  now < endsAt && endsAt <= latestPending(longestMs, now)

/** The last instant at which a deadline of at most `longestMs` can honestly lie: for queries. */
export const latestPending = (longestMs: number, now: number): number =>
  now + longestMs + CLOCK_TOLERANCE_MS

/** Whether less than `ms` have passed since a stored instant. Since one in the future, they have. */
export const isWithin = (ms: number, at: number, now: number): boolean =>
  isPending(at + ms, ms, now)

/** Whether a stored instant was written by a clock that was ahead. */
export const isFromFuture = (at: number, now: number): boolean => at > latestPending(0, now)
