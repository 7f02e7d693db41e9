import { html } from 'hono/html'
import type { TrafficSum } from '../../../service/ports/traffic.ts'
import { chart, meters, type Stack } from '../parts/chart.ts'
import { type Html, nothing } from '../parts/html.ts'
import { day } from '../parts/time.ts'
import { plural } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import { reasonWords } from './reasons.ts'

const HOUR_MS = 3_600_000
/** More reasons than these are told together. */
const REASONS = 8

interface Range {
  readonly name: string
  readonly unit: 'Hour' | 'Day'
  readonly hours: number
  readonly spans: number
  /** A column in so many has its name below it. */
  readonly every: number
}

const RANGES: Readonly<Record<string, Range>> = {
  day: { name: '24 hours', unit: 'Hour', hours: 1, spans: 24, every: 6 },
  month: { name: '30 days', unit: 'Day', hours: 24, spans: 30, every: 7 },
}

/** What came of requests, over a day or a month. */
export async function traffic(visit: Visit): Promise<Html> {
  const given = text(visit, 'range')
  const chosen = Object.hasOwn(RANGES, given) ? given : 'day'
  const range = RANGES[chosen] as Range
  const fromHour = beginningOf(range, visit.now)
  const all = await visit.desk.overview.traffic({ fromHour, hours: range.hours })
  // Leaves out requests that were counted in future hours, while the clock was fast.
  const sums = all.filter(({ span }) => span < range.spans)
  const stacks = stacksOf(range, fromHour, sums)
  const [good, bad] = [totalOf(sums, true), totalOf(sums, false)]
  return html`
  <section class="card" id="traffic">
    <header><h2>Requests over ${range.name}</h2>
      <nav class="row" aria-label="How far back">${Object.entries(RANGES).map(
        ([name, { name: words }]) =>
          html`<a class="button compact" href="/console?range=${name}#traffic"${name === chosen ? html` aria-current="true"` : nothing}>${words}</a>`,
      )}</nav></header>
    ${
      good + bad === 0
        ? html`<p class="soft">No request has come in ${range.name}. What is counted is written once a minute.</p>`
        : html`
    <div class="figures">
      <p class="figure"><strong>${good.toLocaleString('en')}</strong> admitted</p>
      <p class="figure"><strong>${bad.toLocaleString('en')}</strong> refused, ${percent(bad, good + bad)}</p>
    </div>
    ${chart({
      label: `${plural(good, 'request')} admitted and ${bad.toLocaleString('en')} refused in ${range.name}, by ${range.unit.toLowerCase()}, in UTC`,
      goodName: 'Admitted',
      badName: 'Refused',
      unit: range.unit,
      stacks,
    })}`
    }
  </section>
  ${bad === 0 ? nothing : refusals(visit, range, fromHour, sums)}`
}

function refusals(visit: Visit, range: Range, fromHour: number, sums: readonly TrafficSum[]): Html {
  const counts = new Map<string, number>()
  for (const { outcome, requests } of sums) {
    if (outcome !== 'admitted') counts.set(outcome, (counts.get(outcome) ?? 0) + requests)
  }
  const most = [...counts].sort(([, a], [, b]) => b - a)
  const told = most
    .slice(0, REASONS)
    .map(([reason, count]) => ({ text: reasonWords(reason), count }))
  const rest = most.slice(REASONS).reduce((sum, [, count]) => sum + count, 0)
  const since = day(fromHour * HOUR_MS)
  return html`
  <section class="card"><header><h2>Why requests were refused, over ${range.name}</h2>
    ${visit.may('audit.read') ? html`<a href="/console/audit?what=key.refused&since=${since}">See each in the audit</a>` : nothing}</header>
    ${meters(rest === 0 ? told : [...told, { text: 'Other reasons', count: rest }])}
  </section>`
}

/** Hours begin on the hour and days at midnight, UTC; the last of them is not over yet. */
function beginningOf({ hours, spans }: Range, now: number): number {
  const span = Math.floor(now / HOUR_MS / hours)
  return (span - spans + 1) * hours
}

function stacksOf(range: Range, fromHour: number, sums: readonly TrafficSum[]): Stack[] {
  const stacks = Array.from({ length: range.spans }, (_, n) => {
    const at = new Date((fromHour + n * range.hours) * HOUR_MS).toISOString()
    const name = range.unit === 'Hour' ? `${at.slice(0, 10)} ${at.slice(11, 16)}` : at.slice(0, 10)
    const mark = range.unit === 'Hour' ? at.slice(11, 16) : at.slice(5, 10)
    // At the end a mark would stand out of the drawing.
    const isMarked = n % range.every === 0 && n < range.spans - 2
    return { name, mark: isMarked ? mark : undefined, good: 0, bad: 0 }
  })
  for (const { span, outcome, requests } of sums) {
    const stack = stacks[span]
    if (stack !== undefined) stack[outcome === 'admitted' ? 'good' : 'bad'] += requests
  }
  return stacks
}

const totalOf = (sums: readonly TrafficSum[], admitted: boolean): number =>
  sums
    .filter(({ outcome }) => (outcome === 'admitted') === admitted)
    .reduce((sum, { requests }) => sum + requests, 0)

function percent(part: number, whole: number): string {
  const share = (part / whole) * 100
  return share > 0 && share < 1 ? 'less than 1%' : `${Math.round(share)}%`
}
