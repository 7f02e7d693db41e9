import { html } from 'hono/html'
import { DAY_MS } from '../../../../domain/instant.ts'
import { formatCount, formatDay, type Html, nothing } from '../../components/html.ts'
import { table } from '../../components/table.ts'

const USAGE_DAYS = 30

/** The first day of the chart, in days since 1970. */
export const getFirstUsageDay = (now: number): number => Math.floor(now / DAY_MS) - USAGE_DAYS + 1

export interface DailyUse {
  readonly day: number
  readonly uses: number
}

/** One count for each day of the chart, the oldest first. */
export function toDailyCounts(days: readonly DailyUse[], fromDay: number): number[] {
  const usesOn = new Map(days.map((use) => [use.day, use.uses]))
  return Array.from({ length: USAGE_DAYS }, (_, n) => usesOn.get(fromDay + n) ?? 0)
}

const sumCounts = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)

export const formatUsage = (counts: readonly number[]): string => {
  const total = sumCounts(counts)
  return total === 0
    ? `Not used in ${USAGE_DAYS} days`
    : `${formatCount(total, 'use')} in ${USAGE_DAYS} days`
}

const USAGE_CHART_WIDTH = 600
const USAGE_CHART_HEIGHT = 120
const BAR_SPACING = USAGE_CHART_WIDTH / USAGE_DAYS

/** Draws the uses of each day as bars, and repeats them as a table. */
export function usageChart(counts: readonly number[], fromDay: number): Html {
  const summary = html`<p>${formatUsageWithPeak(counts)}. Counted by UTC day, with a delay of up to one minute.</p>`
  return sumCounts(counts) === 0 ? summary : html`${summary}${usageBars(counts, fromDay)}`
}

function formatUsageWithPeak(counts: readonly number[]): string {
  const peak = Math.max(...counts)
  const busiest = `, ${peak.toLocaleString('en')} on the busiest day`
  return `${formatUsage(counts)}${peak === 0 ? '' : busiest}`
}

function usageBars(counts: readonly number[], fromDay: number): Html {
  const peak = Math.max(...counts)
  const formatDate = (n: number) => formatDay((fromDay + n) * DAY_MS)
  const bars = counts.map((uses, n) => {
    if (uses === 0) return nothing
    const height = Math.max(2, Math.round((uses / peak) * USAGE_CHART_HEIGHT))
    return html`<rect class="bar" x="${n * BAR_SPACING + 2}" y="${USAGE_CHART_HEIGHT - height}" width="${BAR_SPACING - 4}" height="${height}"/>`
  })
  const usedRows = counts.flatMap((uses, n) =>
    uses === 0 ? [] : [[formatDate(n), uses.toLocaleString('en')]],
  )
  return html`
    <svg class="chart" viewBox="0 0 ${USAGE_CHART_WIDTH} ${USAGE_CHART_HEIGHT + 1}" preserveAspectRatio="none" role="img" aria-label="${formatUsageWithPeak(counts)}">
      <path class="axis" d="M0 ${USAGE_CHART_HEIGHT + 0.5}H${USAGE_CHART_WIDTH}"/>${bars}
    </svg>
    <p class="row spread small soft"><span>${formatDate(0)}</span><span>${formatDate(USAGE_DAYS - 1)}</span></p>
    <details><summary>As a table</summary>${table({
      caption: 'Days with use (UTC)',
      columns: [{ name: 'Day' }, { name: 'Uses', end: true }],
      rows: usedRows.toReversed(),
    })}</details>`
}

/** The validity of a key's secrets around a rotation. */
interface SecretOverlap {
  readonly rotatedText: string
  /** The label of the old secret's end; null where it ends with the rotation. */
  readonly endsText: string | null
  /** Draws the tokens that the old secret was exchanged for, too. */
  readonly hasTokens: boolean
}

const OVERLAP_WIDTH = 360
const LANE_START_X = 96
const ROTATION_X = 176
const OVERLAP_END_X = 276
const LANE_END_X = 352
const LANE_HEIGHT = 30
const LANES_TOP = 22

/**
 * Draws bars of time, the past on the left: a filled bar is a valid secret; hatching marks the time in
 * which two are valid. Readable without colour.
 */
export function overlapDiagram({ rotatedText, endsText, hasTokens }: SecretOverlap): Html {
  const oldSecretEndX = endsText === null ? ROTATION_X : OVERLAP_END_X
  const height = LANES_TOP + LANE_HEIGHT * (hasTokens ? 3 : 2) + 26
  const bottom = height - 22
  const description =
    endsText === null
      ? `The old secret works until ${rotatedText}, the new one from then on.${hasTokens ? ' Tokens issued before end with the old secret.' : ''}`
      : `The old secret works until ${endsText}. The new one works from ${rotatedText} on. Between the two, both work.${hasTokens ? ' Tokens issued before live on.' : ''}`
  return html`
  <svg class="overlap" viewBox="0 0 ${OVERLAP_WIDTH} ${height}" role="img" aria-label="${description}">
    ${secretLane(0, 'Old secret', LANE_START_X, oldSecretEndX)}
    ${secretLane(1, 'New secret', ROTATION_X, LANE_END_X, true)}
    ${hasTokens ? secretLane(2, 'Old tokens', LANE_START_X, endsText === null ? ROTATION_X : LANE_END_X, endsText !== null) : nothing}
    ${
      endsText === null
        ? nothing
        : html`<defs><pattern id="both-work" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path class="hatch" d="M0 0V6"/></pattern></defs>
          <rect class="both" x="${ROTATION_X}" y="${LANES_TOP}" width="${OVERLAP_END_X - ROTATION_X}" height="${LANE_HEIGHT * 2 - 8}" fill="url(#both-work)"/>
          <text x="${(ROTATION_X + OVERLAP_END_X) / 2}" y="14" text-anchor="middle">both work</text>
          <path class="moment" d="M${OVERLAP_END_X} ${LANES_TOP - 4}V${bottom}"/>
          <text x="${OVERLAP_END_X}" y="${height - 8}" text-anchor="middle">${endsText}</text>`
    }
    <path class="moment" d="M${ROTATION_X} ${LANES_TOP - 4}V${bottom}"/>
    <text x="${ROTATION_X}" y="${height - 8}" text-anchor="${endsText === null ? 'middle' : 'end'}">${rotatedText}</text>
  </svg>`
}

/** Draws an open-ended bar with a point at its end. */
function secretLane(
  index: number,
  name: string,
  startX: number,
  endX: number,
  isOpenEnded = false,
): Html {
  const y = LANES_TOP + index * LANE_HEIGHT
  const middle = y + (LANE_HEIGHT - 8) / 2
  const end = isOpenEnded
    ? `H${endX - 8}L${endX} ${middle}L${endX - 8} ${y + LANE_HEIGHT - 8}`
    : `H${endX}V${y + LANE_HEIGHT - 8}`
  return html`<text x="0" y="${middle + 4}">${name}</text><path class="works" d="M${startX} ${y}${end}H${startX}Z"/>`
}
