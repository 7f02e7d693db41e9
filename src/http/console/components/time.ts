import { html } from 'hono/html'
import { DAY_MS, HOUR_MS } from '../../../domain/instant.ts'
import type { Html } from './html.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS

/** A time such as `3 hours ago`, with the exact time as its tooltip and for machines. */
export const relativeTime = (at: number, now: number): Html => {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}" title="${formatInstant(at)}">${formatRelative(at, now)}</time>`
}

/** An exact time in UTC, as the audit shows it. */
export const exactTime = (at: number): Html =>
  html`<time datetime="${new Date(at).toISOString()}" class="number">${formatInstant(at)}</time>`

export const formatInstant = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`

export const formatDay = (at: number): string => new Date(at).toISOString().slice(0, 10)

export function formatRelative(at: number, now: number): string {
  const ms = Math.abs(now - at)
  // A change made by this request has a time slightly after `now`.
  if (ms < MINUTE_MS) return at > now + SECOND_MS ? 'within a minute' : 'just now'
  const text = formatDuration(ms)
  return at > now ? `in ${text}` : `${text} ago`
}

/** Formats a duration in the largest unit that is precise enough. */
export function formatDuration(ms: number): string {
  const units: readonly [number, string][] = [
    [365 * DAY_MS, 'year'],
    [30 * DAY_MS, 'month'],
    [DAY_MS, 'day'],
    [HOUR_MS, 'hour'],
    [MINUTE_MS, 'minute'],
    [SECOND_MS, 'second'],
  ]
  for (const [unit, name] of units) {
    const count = Math.floor(ms / unit)
    // A day and a half is clearer as 36 hours; a day and an hour is a day.
    if (count >= 2 || (count === 1 && (unit <= MINUTE_MS || ms < 1.25 * unit)))
      return `${count} ${name}${count === 1 ? '' : 's'}`
  }
  return 'a moment'
}
