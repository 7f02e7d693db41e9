import { html } from 'hono/html'
import type { Html } from './html.ts'

const SECOND_MS = 1000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** `3 hours ago`, and the exact moment for who points at it or asks a machine. */
export const relativeTime = (at: number, now: number): Html => {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}" title="${formatInstant(at)}">${formatRelative(at, now)}</time>`
}

/** The exact moment, in UTC, as the audit has it. */
export const exactTime = (at: number): Html =>
  html`<time datetime="${new Date(at).toISOString()}" class="number">${formatInstant(at)}</time>`

export const formatInstant = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`

export const formatDay = (at: number): string => new Date(at).toISOString().slice(0, 10)

export function formatRelative(at: number, now: number): string {
  const ms = Math.abs(now - at)
  // What this very request has done has a moment a little after its own.
  if (ms < MINUTE_MS) return at > now + SECOND_MS ? 'within a minute' : 'just now'
  const text = formatDuration(ms)
  return at > now ? `in ${text}` : `${text} ago`
}

/** The largest unit that tells enough. */
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
    // One day and a half are 36 hours, and better told so; one day and an hour are a day.
    if (count >= 2 || (count === 1 && (unit <= MINUTE_MS || ms < 1.25 * unit)))
      return `${count} ${name}${count === 1 ? '' : 's'}`
  }
  return 'a moment'
}
