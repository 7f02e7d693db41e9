import { html } from 'hono/html'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { day } from '../parts/time.ts'
import { plural } from '../parts/words.ts'

const DAY_MS = 86_400_000
export const DAYS_SHOWN = 30

/** The first of the days that are shown, counted from 1970 on. */
export const firstDay = (now: number): number => Math.floor(now / DAY_MS) - DAYS_SHOWN + 1

export interface DayOfUse {
  readonly day: number
  readonly uses: number
}

/** One count for each day that is shown, the oldest first. */
export function countsOf(days: readonly DayOfUse[], from: number): number[] {
  const usesOn = new Map(days.map((one) => [one.day, one.uses]))
  return Array.from({ length: DAYS_SHOWN }, (_, n) => usesOn.get(from + n) ?? 0)
}

export const totalOf = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)

export const useInWords = (counts: readonly number[]): string => {
  const total = totalOf(counts)
  return total === 0
    ? `Not used in ${DAYS_SHOWN} days`
    : `${plural(total, 'use')} in ${DAYS_SHOWN} days`
}

const WIDTH = 600
const HEIGHT = 120
const STEP = WIDTH / DAYS_SHOWN

/** Uses a day as bars, and the same as a table. */
export function drawnUse(counts: readonly number[], from: number): Html {
  const told = html`<p>${inWords(counts)}. Counted by UTC days, a minute late at most.</p>`
  return totalOf(counts) === 0 ? told : html`${told}${columns(counts, from)}`
}

function inWords(counts: readonly number[]): string {
  const most = Math.max(...counts)
  const busiest = `, ${most.toLocaleString('en')} on the busiest day`
  return `${useInWords(counts)}${most === 0 ? '' : busiest}`
}

function columns(counts: readonly number[], from: number): Html {
  const most = Math.max(...counts)
  const dateOf = (n: number) => day((from + n) * DAY_MS)
  const bars = counts.map((uses, n) => {
    if (uses === 0) return nothing
    const height = Math.max(2, Math.round((uses / most) * HEIGHT))
    return html`<rect class="bar" x="${n * STEP + 2}" y="${HEIGHT - height}" width="${STEP - 4}" height="${height}"/>`
  })
  const used = counts.flatMap((uses, n) =>
    uses === 0 ? [] : [[dateOf(n), uses.toLocaleString('en')]],
  )
  return html`
    <svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT + 1}" preserveAspectRatio="none" role="img" aria-label="${inWords(counts)}">
      <path class="axis" d="M0 ${HEIGHT + 0.5}H${WIDTH}"/>${bars}
    </svg>
    <p class="row spread small soft"><span>${dateOf(0)}</span><span>${dateOf(DAYS_SHOWN - 1)}</span></p>
    <details><summary>As a table</summary>${table({
      caption: 'Days on which it was used (UTC)',
      columns: [{ name: 'Day' }, { name: 'Uses', end: true }],
      rows: used.toReversed(),
    })}</details>`
}
