import { html } from 'hono/html'
import { type Html, nothing } from './html.ts'

/** One column of a chart, with the bad count stacked on the good one. */
export interface ChartColumn {
  /** The full name, for the table and the tooltip. */
  readonly name: string
  /** The label below the column; most columns have no room for one. */
  readonly axisLabel?: string | undefined
  readonly good: number
  readonly bad: number
}

interface ColumnChart {
  /** A sentence with the figures of the chart, for screen readers. */
  readonly label: string
  readonly goodName: string
  readonly badName: string
  /** The unit of a column: `Hour`, `Day`. */
  readonly unit: string
  readonly columns: readonly ChartColumn[]
}

const COLUMN_WIDTH = 10
const COLUMN_CHART_HEIGHT = 100

/**
 * A chart of columns over time. The parts of a column differ by pattern, not by colour alone, and a table
 * has every number.
 */
export const columnChart = (props: ColumnChart): Html => {
  const scaleMaximum = computeScaleMaximum(
    Math.max(...props.columns.map(({ good, bad }) => good + bad)),
  )
  const width = props.columns.length * COLUMN_WIDTH
  return html`
  <figure class="plot">
    <ul class="legend">
      <li>${legendSwatch(false)}${props.goodName}</li><li>${legendSwatch(true)}${props.badName}</li>
      <li class="soft">${props.unit}s in UTC</li>
    </ul>
    <ul class="scale" aria-hidden="true">${[scaleMaximum, scaleMaximum / 2, 0].map((count) => html`<li>${count.toLocaleString('en')}</li>`)}</ul>
    <svg class="chart" viewBox="0 0 ${width} ${COLUMN_CHART_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${props.label}">
      ${hatchPattern}${[0, COLUMN_CHART_HEIGHT / 2, COLUMN_CHART_HEIGHT].map(
        (y) => html`<line class="axis" x1="0" x2="${width}" y1="${y}" y2="${y}"/>`,
      )}${props.columns.map((column, n) => columnBars(column, n * COLUMN_WIDTH, scaleMaximum))}
    </svg>
    <ul class="marks" aria-hidden="true">${props.columns.map(
      ({ axisLabel }) => html`<li>${axisLabel ?? ''}</li>`,
    )}</ul>
    <details class="more"><summary>The same as a table</summary>${numberTable(props)}</details>
  </figure>`
}

/** Maximums of a scale, times a power of ten. Half of each is a round number too. */
const SCALE_ENDS = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10]

function computeScaleMaximum(largest: number): number {
  if (largest <= 10) return Math.max(2, 2 * Math.ceil(largest / 2))
  const power = 10 ** Math.floor(Math.log10(largest))
  return power * (SCALE_ENDS.find((end) => end * power >= largest) ?? 10)
}

/** Three narrow columns fit on a phone without becoming cards. */
const numberTable = ({ label, unit, goodName, badName, columns }: ColumnChart): Html => html`
  <div class="scroll"><table class="numbers"><caption>${label}</caption>
    <thead><tr><th scope="col">${unit}</th><th scope="col" class="end">${goodName}</th><th scope="col" class="end">${badName}</th></tr></thead>
    <tbody>${columns
      .filter(({ good, bad }) => good + bad > 0)
      .toReversed()
      .map(
        ({ name, good, bad }) =>
          html`<tr><th scope="row">${name}</th><td class="end">${good.toLocaleString('en')}</td><td class="end">${bad.toLocaleString('en')}</td></tr>`,
      )}</tbody></table></div>`

function columnBars({ name, good, bad }: ChartColumn, x: number, scaleMaximum: number): Html {
  if (good + bad === 0) return nothing
  const [goodHeight, badHeight] = [toBarHeight(good, scaleMaximum), toBarHeight(bad, scaleMaximum)]
  const title = `${name}: ${good.toLocaleString('en')}, ${bad.toLocaleString('en')}`
  return html`<g><title>${title}</title>${barRect(x, COLUMN_CHART_HEIGHT - goodHeight, goodHeight, false)}${barRect(x, COLUMN_CHART_HEIGHT - goodHeight - badHeight, badHeight, true)}</g>`
}

/** Even a count of 1 gets a visible bar. */
const toBarHeight = (count: number, maximum: number) =>
  count === 0 ? 0 : Math.max(1.5, Math.round((count / maximum) * COLUMN_CHART_HEIGHT * 10) / 10)

const barRect = (x: number, y: number, height: number, isBad: boolean): Html =>
  height === 0
    ? nothing
    : html`<rect class="bar${isBad ? ' bad' : ''}" x="${x + 1}" y="${Math.max(0, y)}" width="${COLUMN_WIDTH - 2}" height="${height}"${isBad ? html` fill="url(#hatch)"` : nothing}/>`

const hatchPattern: Html = html`<defs><pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse"><rect class="ground" width="4" height="4"/><rect class="stripe" width="4" height="1.75"/></pattern></defs>`

const legendSwatch = (isBad: boolean): Html =>
  html`<svg viewBox="0 0 10 10" aria-hidden="true">${
    isBad
      ? html`<rect class="ground" width="10" height="10"/><rect class="stripe" width="10" height="2.5"/><rect class="stripe" y="5" width="10" height="2.5"/>`
      : html`<rect class="bar" width="10" height="10"/>`
  }</svg>`

/** A list of counts, each with a bar. The caller sorts it. */
export const barList = (
  items: readonly { readonly text: Html | string; readonly count: number }[],
): Html => {
  const largest = Math.max(1, ...items.map(({ count }) => count))
  return html`<ul class="meter">${items.map(
    ({ text, count }) => html`
    <li><span>${text}</span><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="8"/><rect width="${Math.max(1, Math.round((count / largest) * 100))}" height="8"/></svg><span class="number">${count.toLocaleString('en')}</span></li>`,
  )}</ul>`
}

const SPARKLINE_WIDTH = 120
const SPARKLINE_HEIGHT = 24

/**
 * A small chart of daily counts, the oldest first. `label` describes it to screen readers. All bars are one
 * path, because a list shows fifty of these charts.
 */
export function sparkline(values: readonly number[], label: string): Html {
  const largest = Math.max(1, ...values)
  const step = SPARKLINE_WIDTH / Math.max(1, values.length)
  const width = roundToTenth(step * 0.7)
  const bars = values.flatMap((value, n) => {
    if (value === 0) return []
    const height = roundToTenth(Math.max(2, (value / largest) * (SPARKLINE_HEIGHT - 2)))
    return [`M${roundToTenth(n * step)} ${SPARKLINE_HEIGHT - 1}v-${height}h${width}v${height}z`]
  })
  return html`<svg class="spark" viewBox="0 0 ${SPARKLINE_WIDTH} ${SPARKLINE_HEIGHT}" role="img" aria-label="${label}"><path d="M0 ${SPARKLINE_HEIGHT - 0.5}H${SPARKLINE_WIDTH}" stroke="currentColor" opacity="0.4"/><path d="${bars.join('')}" fill="currentColor"/></svg>`
}

const roundToTenth = (n: number) => Math.round(n * 10) / 10
