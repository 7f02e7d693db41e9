import { html } from 'hono/html'
import { type Html, nothing } from '../parts/html.ts'

/** What works when, around a rotation. */
export interface Overlap {
  /** What is said below the drawing's two moments: the rotation, and the end of the old secret. */
  readonly rotated: string
  readonly ends: string | null
  /** Whether it is exchanged for tokens, which are drawn too. */
  readonly tokens: boolean
}

const WIDTH = 360
const LEFT = 96
const ROTATED = 176
const ENDS = 276
const RIGHT = 352
const LANE = 30
const TOP = 22

/**
 * Bars of time, the past on the left: an outline that is filled is a secret that works; one that is
 * hatched works beside another. Nobody needs a colour to read it.
 */
export function drawnOverlap({ rotated, ends, tokens }: Overlap): Html {
  const oldEnd = ends === null ? ROTATED : ENDS
  const height = TOP + LANE * (tokens ? 3 : 2) + 26
  const bottom = height - 22
  const words =
    ends === null
      ? `The old secret works until ${rotated}, the new one from then on.${tokens ? ' Tokens issued before end with the old secret.' : ''}`
      : `The old secret works until ${ends}. The new one works from ${rotated} on. Between the two, both work.${tokens ? ' Tokens issued before live on.' : ''}`
  return html`
  <svg class="overlap" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${words}">
    ${lane(0, 'Old secret', LEFT, oldEnd)}
    ${lane(1, 'New secret', ROTATED, RIGHT, true)}
    ${tokens ? lane(2, 'Old tokens', LEFT, ends === null ? ROTATED : RIGHT, ends !== null) : nothing}
    ${
      ends === null
        ? nothing
        : html`<defs><pattern id="both-work" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path class="hatch" d="M0 0V6"/></pattern></defs>
          <rect class="both" x="${ROTATED}" y="${TOP}" width="${ENDS - ROTATED}" height="${LANE * 2 - 8}" fill="url(#both-work)"/>
          <text x="${(ROTATED + ENDS) / 2}" y="14" text-anchor="middle">both work</text>
          <path class="moment" d="M${ENDS} ${TOP - 4}V${bottom}"/>
          <text x="${ENDS}" y="${height - 8}" text-anchor="middle">${ends}</text>`
    }
    <path class="moment" d="M${ROTATED} ${TOP - 4}V${bottom}"/>
    <text x="${ROTATED}" y="${height - 8}" text-anchor="${ends === null ? 'middle' : 'end'}">${rotated}</text>
  </svg>`
}

/** One that goes on has a point at its end. */
function lane(n: number, name: string, from: number, to: number, goesOn = false): Html {
  const y = TOP + n * LANE
  const middle = y + (LANE - 8) / 2
  const end = goesOn
    ? `H${to - 8}L${to} ${middle}L${to - 8} ${y + LANE - 8}`
    : `H${to}V${y + LANE - 8}`
  return html`<text x="0" y="${middle + 4}">${name}</text><path class="works" d="M${from} ${y}${end}H${from}Z"/>`
}
