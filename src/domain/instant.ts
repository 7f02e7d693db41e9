/** Durations in milliseconds. */
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

/**
 * The tolerated difference between the clocks of servers that share a database. A wrong clock wrote
 * any instant further in the future.
 */
export const CLOCK_TOLERANCE_MS = 60_000

/**
 * True while a stored deadline is ahead. It was set at most `maxMs` in advance, so a deadline further
 * in the future was written by a wrong clock and counts as past.
 */
export const isPending = (endsAt: number, maxMs: number, now: number): boolean =>
  now < endsAt && endsAt <= getLatestDeadline(maxMs, now)

/** The latest deadline that a right clock can have set `maxMs` in advance. For queries. */
export const getLatestDeadline = (maxMs: number, now: number): number =>
  now + maxMs + CLOCK_TOLERANCE_MS

/** True while less than `ms` have passed since a stored instant. False for an instant in the future. */
export const isWithinLast = (ms: number, at: number, now: number): boolean =>
  isPending(at + ms, ms, now)

/** True for a stored instant that a fast clock wrote. */
export const isFromFuture = (at: number, now: number): boolean => at > getLatestDeadline(0, now)

const DURATION_UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: HOUR_MS,
  d: DAY_MS,
}

/** The database and dates hold no instant that is much further away. */
const MAX_DURATION_MS = 999_999 * DAY_MS

/** Parses `250ms`, `90s`, `30m`, `24h` or `7d` into milliseconds. Returns null for any other text. */
export function parseDurationMs(text: string): number | null {
  const [, count, unit = ''] = /^(\d{1,9})(ms|[smhd])$/.exec(text) ?? []
  if (count === undefined) return null
  const ms = Number(count) * (DURATION_UNIT_MS[unit] ?? 0)
  return ms <= MAX_DURATION_MS ? ms : null
}
