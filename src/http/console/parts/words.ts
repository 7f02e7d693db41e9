import { html } from 'hono/html'
import { type Html, nothing } from './html.ts'

export type Tone = 'plain' | 'good' | 'warn' | 'bad'

/** Each tone has its sign too: nobody needs the colour. */
const SIGNS: Record<Tone, string> = { plain: '', good: '✓', warn: '!', bad: '×' }

export const badge = (text: string, tone: Tone = 'plain'): Html =>
  html`<span class="badge ${tone}">${sign(tone)}${text}</span>`

const sign = (tone: Tone) =>
  SIGNS[tone] === '' ? nothing : html`<span aria-hidden="true">${SIGNS[tone]}</span>`

/** `alert` is read out at once: for what went wrong. */
export const notice = (
  tone: Tone,
  title: string,
  text: Html | string = '',
  focus = false,
): Html => html`
  <div class="notice ${tone}" role="${tone === 'bad' ? 'alert' : 'status'}"${focus ? html` tabindex="-1" autofocus` : nothing}>
    <strong>${title}</strong>${text === '' ? nothing : html`<div>${text}</div>`}
  </div>`

/**
 * Why nothing was done. What was typed is still in the form below it. Who works by keyboard is put
 * here, unless a field of the form takes the focus itself.
 */
export const refused = (
  message: string | null,
  {
    title = 'That was not done',
    focus = true,
  }: { readonly title?: string; readonly focus?: boolean } = {},
): Html => (message === null ? nothing : notice('bad', title, sentence(message), focus))

export const empty = (title: string, text: Html | string, action: Html = nothing): Html => html`
  <div class="empty"><h2>${title}</h2><p>${text}</p>${action}</div>`

/** An id or an address that people carry elsewhere. The button appears where there is script. */
export const copyable = (text: string, what: string): Html => html`
  <span class="copy"><code>${text}</code>${copyButton(text, what)}</span>`

export const copyButton = (text: string, what: string): Html =>
  html`<button type="button" class="compact" data-copy="${text}" aria-label="Copy ${what}">Copy</button>`

export const facts = (entries: readonly (readonly [string, Html | string])[]): Html => html`
  <dl class="facts">${entries.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>`

/** With a capital letter and a full stop: services speak in phrases. */
export const sentence = (phrase: string): string =>
  `${phrase.charAt(0).toUpperCase()}${phrase.slice(1)}${/[.!?]$/.test(phrase) ? '' : '.'}`

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString('en')} ${count === 1 ? one : many}`

/** What stands between backquotes is to be typed. */
export const coded = (advice: string): Html =>
  html`${advice.split('`').map((part, n) => (n % 2 === 1 ? html`<code>${part}</code>` : part))}`
