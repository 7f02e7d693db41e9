import { InvalidArgumentError } from 'commander'

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Parses `90s`, `30m`, `24h` or `7d` into milliseconds. */
export function parseDuration(text: string): number {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const ms = Number(count) * (UNIT_MS[unit] ?? 0)
  if (!(ms > 0))
    throw new InvalidArgumentError('It must be a duration such as 90s, 30m, 24h or 7d.')
  return ms
}

const DATE_PATTERN = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/

/** Parses an ISO 8601 date (its first moment, UTC), or a date and time with a zone, into epoch ms. */
export function parseInstant(text: string): number {
  const [, date = ''] = DATE_PATTERN.exec(text) ?? []
  const at = Date.parse(text)
  // Date.parse reads 30 February as 2 March.
  const day = Date.parse(date)
  if (Number.isNaN(at) || Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) {
    throw new InvalidArgumentError(
      'It must be an ISO date: 2027-01-31, or with time and zone 2027-01-31T12:00Z.',
    )
  }
  return at
}
