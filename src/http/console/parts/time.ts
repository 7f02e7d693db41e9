import { html } from 'hono/html'
import type { Html } from './html.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** `3 hours ago`, and the exact moment for who points at it or asks a machine. */
export const moment = (at: number, now: number): Html => {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}" title="${exact(at)}">${relative(at, now)}</time>`
}

/** The exact moment, in UTC, as the audit has it. */
export const instant = (at: number): Html =>
  html`<time datetime="${new Date(at).toISOString()}" class="number">${exact(at)}</time>`

export const exact = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`

export const day = (at: number): string => new Date(at).toISOString().slice(0, 10)

export function relative(at: number, now: number): string {
  const ms = Math.abs(now - at)
  // What this very request has done has a moment a little after its own.
  if (ms < MINUTE) return at > now + SECOND ? 'within a minute' : 'just now'
  const text = span(ms)
  return at > now ? `in ${text}` : `${text} ago`
}

/** The largest unit that tells enough. */
export function span(ms: number): string {
  const units: readonly [number, string][] = [
    [365 * DAY, 'year'],
    [30 * DAY, 'month'],
    [DAY, 'day'],
    [HOUR, 'hour'],
    [MINUTE, 'minute'],
    [SECOND, 'second'],
  ]
  for (const [unit, name] of units) {
    const count = Math.floor(ms / unit)
    // One day and a half are 36 hours, and better told so; one day and an hour are a day.
    if (count >= 2 || (count === 1 && (unit <= MINUTE || ms < 1.25 * unit)))
      return `${count} ${name}${count === 1 ? '' : 's'}`
  }
  return 'a moment'
}
