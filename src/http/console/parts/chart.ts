import { html } from 'hono/html'
import { type Html, nothing } from './html.ts'

/** One column of a chart: what went well, and what did not, on top of it. */
export interface Stack {
  /** In full, for the table and for who points at it. */
  readonly name: string
  /** Below its column; only some have room for one. */
  readonly mark?: string | undefined
  readonly good: number
  readonly bad: number
}

export interface Chart {
  /** What it shows, in a sentence with its figures: all of it, for who does not see it. */
  readonly label: string
  readonly goodName: string
  readonly badName: string
  /** What a column stands for: `Hour`, `Day`. */
  readonly unit: string
  readonly stacks: readonly Stack[]
}

const COLUMN = 10
const HEIGHT = 100

/**
 * Columns over time. Each column's parts differ by their pattern, not by their colour alone, and a table
 * has every number.
 */
export const chart = (of: Chart): Html => {
  const top = topOf(Math.max(...of.stacks.map(({ good, bad }) => good + bad)))
  const width = of.stacks.length * COLUMN
  return html`
  <figure class="plot">
    <ul class="legend">
      <li>${swatch(false)}${of.goodName}</li><li>${swatch(true)}${of.badName}</li>
      <li class="soft">${of.unit}s in UTC</li>
    </ul>
    <ul class="scale" aria-hidden="true">${[top, top / 2, 0].map((count) => html`<li>${count.toLocaleString('en')}</li>`)}</ul>
    <svg class="chart" viewBox="0 0 ${width} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${of.label}">
      ${hatch}${[0, HEIGHT / 2, HEIGHT].map(
        (y) => html`<line class="axis" x1="0" x2="${width}" y1="${y}" y2="${y}"/>`,
      )}${of.stacks.map((stack, n) => column(stack, n * COLUMN, top))}
    </svg>
    <ul class="marks" aria-hidden="true">${of.stacks.map(
      ({ mark }) => html`<li>${mark ?? ''}</li>`,
    )}</ul>
    <details class="more"><summary>The same as a table</summary>${numbers(of)}</details>
  </figure>`
}

/** What a scale may end with, times a power of ten: half of it is read as easily. */
const ENDS = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10]

function topOf(most: number): number {
  if (most <= 10) return Math.max(2, 2 * Math.ceil(most / 2))
  const power = 10 ** Math.floor(Math.log10(most))
  return power * (ENDS.find((end) => end * power >= most) ?? 10)
}

/** Three narrow columns: they fit on a phone as they are. */
const numbers = ({ label, unit, goodName, badName, stacks }: Chart): Html => html`
  <div class="scroll"><table class="numbers"><caption>${label}</caption>
    <thead><tr><th scope="col">${unit}</th><th scope="col" class="end">${goodName}</th><th scope="col" class="end">${badName}</th></tr></thead>
    <tbody>${stacks
      .filter(({ good, bad }) => good + bad > 0)
      .toReversed()
      .map(
        ({ name, good, bad }) =>
          html`<tr><th scope="row">${name}</th><td class="end">${good.toLocaleString('en')}</td><td class="end">${bad.toLocaleString('en')}</td></tr>`,
      )}</tbody></table></div>`

function column({ name, good, bad }: Stack, x: number, top: number): Html {
  if (good + bad === 0) return nothing
  const [up, over] = [share(good, top), share(bad, top)]
  const title = `${name}: ${good.toLocaleString('en')}, ${bad.toLocaleString('en')}`
  return html`<g><title>${title}</title>${bar(x, HEIGHT - up, up, false)}${bar(x, HEIGHT - up - over, over, true)}</g>`
}

/** Whatever is there is seen, however little it is. */
const share = (part: number, most: number) =>
  part === 0 ? 0 : Math.max(1.5, Math.round((part / most) * HEIGHT * 10) / 10)

const bar = (x: number, y: number, height: number, bad: boolean): Html =>
  height === 0
    ? nothing
    : html`<rect class="bar${bad ? ' bad' : ''}" x="${x + 1}" y="${Math.max(0, y)}" width="${COLUMN - 2}" height="${height}"${bad ? html` fill="url(#hatch)"` : nothing}/>`

const hatch: Html = html`<defs><pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse"><rect class="ground" width="4" height="4"/><rect class="stripe" width="4" height="1.75"/></pattern></defs>`

const swatch = (bad: boolean): Html =>
  html`<svg viewBox="0 0 10 10" aria-hidden="true">${
    bad
      ? html`<rect class="ground" width="10" height="10"/><rect class="stripe" width="10" height="2.5"/><rect class="stripe" y="5" width="10" height="2.5"/>`
      : html`<rect class="bar" width="10" height="10"/>`
  }</svg>`

/** How much of the whole each has, the most first, in words and as a bar. */
export const meters = (
  parts: readonly { readonly text: Html | string; readonly count: number }[],
): Html => {
  const most = Math.max(1, ...parts.map(({ count }) => count))
  return html`<ul class="meter">${parts.map(
    ({ text, count }) => html`
    <li><span>${text}</span><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="8"/><rect width="${Math.max(1, Math.round((count / most) * 100))}" height="8"/></svg><span class="number">${count.toLocaleString('en')}</span></li>`,
  )}</ul>`
}
