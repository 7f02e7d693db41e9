import { html } from 'hono/html'
import { DAY_MS, HOUR_MS } from '../../../domain/instant.ts'

/** A part of a page. It escapes every value but other parts. */
export type Html = ReturnType<typeof html>

export const nothing: Html = html``

export type Tone = 'plain' | 'good' | 'warn' | 'bad'

/** Each tone has a sign too, so that nobody needs the colour. */
const TONE_SIGNS: Record<Tone, string> = { plain: '', good: '✓', warn: '!', bad: '×' }

export const badge = (text: string, tone: Tone = 'plain'): Html =>
  html`<span class="badge ${tone}">${toneSign(tone)}${text}</span>`

const toneSign = (tone: Tone) =>
  TONE_SIGNS[tone] === '' ? nothing : html`<span aria-hidden="true">${TONE_SIGNS[tone]}</span>`

/** A notice. Screen readers read the `alert` of an error at once. */
export const notice = (
  tone: Tone,
  title: string,
  text: Html | string = '',
  hasFocus = false,
): Html => html`
  <div class="notice ${tone}" role="${tone === 'bad' ? 'alert' : 'status'}"${hasFocus ? html` tabindex="-1" autofocus` : nothing}>
    <strong>${title}</strong>${text === '' ? nothing : html`<div>${text}</div>`}
  </div>`

/**
 * The error above a form that changed nothing. It takes the keyboard focus, unless a field does.
 */
export const errorNotice = (
  message: string | null,
  {
    title = 'Nothing was changed',
    focus = true,
  }: { readonly title?: string; readonly focus?: boolean } = {},
): Html => (message === null ? nothing : notice('bad', title, toSentence(message), focus))

export const emptyState = (
  title: string,
  text: Html | string,
  action: Html = nothing,
): Html => html`
  <div class="empty"><h2>${title}</h2><p>${text}</p>${action}</div>`

/** A text with a Copy button, which only browsers with scripts show. */
export const copyableText = (text: string, name: string): Html => html`
  <span class="copy"><code>${text}</code>${copyButton(text, name)}</span>`

export const copyButton = (text: string, name: string): Html =>
  html`<button type="button" class="compact" data-copy="${text}" aria-label="Copy ${name}">Copy</button>`

export const definitionList = (
  entries: readonly (readonly [string, Html | string])[],
): Html => html`
  <dl class="facts">${entries.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`

/** Turns a phrase, as services return it, into a sentence. */
export const toSentence = (phrase: string): string =>
  `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}${/[.!?]$/.test(phrase) ? '' : '.'}`

export const formatCount = (count: number, singular: string, pluralForm = `${singular}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? singular : pluralForm}`

/** Renders the parts between backquotes as code. */
export const withCode = (advice: string): Html =>
  html`${advice.split('`').map((part, n) => (n % 2 === 1 ? html`<code>${part}</code>` : part))}`

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
