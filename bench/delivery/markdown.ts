import { count, shortBar } from '../cells.ts'
import type { Accepted } from './accepted.ts'
import { type Arrival, DISTURBANCE } from './arrival.ts'
import type { Drained } from './drained.ts'
import type { Delivery } from './measure.ts'
import { besideOf, feedsOf, perSecondSpread } from './report.ts'

/** The tables as they stand in README.md. */
export const writeMarkdown = ({ accepted, drained, arrivals }: Delivery): string =>
  [
    ...(accepted.length === 0 ? [] : [acceptedTable(accepted)]),
    ...(drained.length === 0 ? [] : [drainedTable(drained)]),
    ...(arrivals.length === 0 ? [] : [arrivalTable(arrivals)]),
  ].join('\n\n')

const ENGINE = { sqlite: 'SQLite', postgres: 'PostgreSQL', d1: 'D1' } as const
const FATE = {
  delivered: 'accepted, and delivered meanwhile',
  down: 'accepted, its destination down',
} as const

function acceptedTable(accepted: readonly Accepted[]): string {
  const head = [
    ...['a 2 KB message', 'engine', 'accepted/s', 'accepted and arrived/s', 'p50', 'p99'],
    ...['CPU of one', 'share of bare Hono'],
  ]
  const rows = accepted.map(({ fate, engine, latchkey, ratio, throughPerSecond }) => [
    FATE[fate],
    ENGINE[engine],
    count(latchkey.perSecond),
    throughPerSecond === null ? '–' : count(throughPerSecond),
    short(latchkey.p50Ms),
    short(latchkey.p99Ms),
    micros(latchkey.cpuUs),
    drawn(ratio),
  ])
  return table(head, rows)
}

function drainedTable(drained: readonly Drained[]): string {
  const head = [
    ...['a backlog of', 'engine', 'delivered/s', 'rounds', 'CPU of one'],
    ...['bare HTTP client', 'CPU of its', 'share of it'],
  ]
  const rows = drained.map(({ feeds, engine, latchkey, bare, ratio }) => [
    feedsOf(feeds),
    ENGINE[engine],
    count(latchkey.perSecond),
    perSecondSpread(latchkey.rounds),
    micros(latchkey.cpuUs),
    `${count(bare.perSecond)}/s`,
    micros(bare.cpuUs),
    drawn(ratio),
  ])
  return table(head, rows)
}

function arrivalTable(arrivals: readonly Arrival[]): string {
  const head = [
    ...['at half load', 'engine', 'messages/s', 'until the 200: p50', 'p99'],
    ...['from it to arrival: p50', 'p99', 'times the undisturbed p99'],
  ]
  const rows = arrivals.map(({ hangingFeeds, engine, rate, figures, ratio }) => [
    besideOf(hangingFeeds),
    ENGINE[engine],
    count(rate),
    short(figures.answer.p50Ms),
    short(figures.answer.p99Ms),
    short(figures.arrival.p50Ms),
    short(figures.arrival.p99Ms),
    ratio === null ? '' : drawn(ratio, 2 * DISTURBANCE),
  ])
  return table(head, rows)
}

const drawn = (ratio: number, whole = 1) => `${ratio.toFixed(2)} \`${shortBar(ratio, whole)}\``

const micros = (n: number) => (Number.isNaN(n) ? '–' : `${count(n)} µs`)

/** Three digits, whatever the size. */
const short = (n: number) => (Math.abs(n) < 100 ? `${n.toFixed(1)} ms` : `${count(n)} ms`)

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
    .replaceAll(' --- ', '---')
