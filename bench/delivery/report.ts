import {
  drawBar,
  drawShortBar,
  formatAimMark,
  formatInteger,
  formatMicroseconds,
  formatMs,
  formatSpread,
  formatTextTable,
} from '../text.ts'
import type { AcceptedResult } from './accepted.ts'
import { type ArrivalResult, type ArrivalRound, MAX_SLOWDOWN_RATIO } from './arrival.ts'
import type { DeliveryResults } from './delivery.ts'
import type { DrainResult } from './drain.ts'

export const formatDelivery = ({ accepted, drained, arrivals }: DeliveryResults): string =>
  [
    formatSection(accepted, formatAccepted, ({ fate, engine, ratio }) =>
      drawBar(`${fate}, ${engine}`, ratio),
    ),
    formatSection(drained, formatDrained, ({ feeds, engine, ratio }) =>
      drawBar(`${formatQueueCount(feeds)}, ${engine}`, ratio),
    ),
    formatSection(arrivals, formatArrivals, ({ hangingFeeds, engine, ratio }) =>
      ratio === null ? [] : drawBar(`${hangingFeeds} hanging, ${engine}`, ratio, SLOWDOWN_BAR),
    ),
  ]
    .flat()
    .join('\n\n')

/** A table and its bars; nothing where that was not measured. */
function formatSection<T>(
  measured: readonly T[],
  write: (measured: readonly T[]) => string,
  draw: (one: T) => string | readonly string[],
): string[] {
  if (measured.length === 0) return []
  return [[write(measured), ...measured.flatMap(draw)].join('\n')]
}

/** A bar twice as long as it may be. */
const SLOWDOWN_BAR = { aim: MAX_SLOWDOWN_RATIO, maximum: 2 * MAX_SLOWDOWN_RATIO }

export const formatQueueCount = (feeds: number) => (feeds === 1 ? '1 feed' : `${feeds} feeds`)
export const formatHangingQueues = (hangingFeeds: number) =>
  hangingFeeds === 0 ? 'undisturbed' : `${formatQueueCount(hangingFeeds)} hanging`
export const formatRateSpread = (rounds: readonly { readonly perSecond: number }[]) =>
  formatSpread(
    rounds.map(({ perSecond }) => perSecond),
    formatInteger,
  )
export const formatP99Spread = (rounds: readonly ArrivalRound[]) =>
  formatSpread(
    rounds.map(({ arrival }) => arrival.p99Ms),
    (n) => n.toFixed(1),
  )

function formatAccepted(accepted: readonly AcceptedResult[]): string {
  const head = [
    'accepted',
    'who',
    'messages/s',
    'spread',
    'through/s',
    'p50',
    'p99',
    'CPU',
    'ratio',
  ]
  const rows = accepted.flatMap(({ fate, engine, latchkey, bare, ratio, throughPerSecond }, n) => {
    const through = throughPerSecond === null ? '' : formatInteger(throughPerSecond)
    const cells = (who: string, its: typeof latchkey, reached: string, share: number) => [
      fate,
      who,
      formatInteger(its.perSecond),
      formatRateSpread(its.rounds),
      reached,
      formatMs(its.p50Ms),
      formatMs(its.p99Ms),
      formatMicroseconds(its.cpuUs),
      share.toFixed(2),
    ]
    const own = cells(engine, latchkey, through, ratio)
    return accepted[n - 1]?.fate === fate ? [own] : [cells('bare Hono', bare, '', 1), own]
  })
  return formatTextTable([head, ...rows], 2)
}

function formatDrained(drained: readonly DrainResult[]): string {
  const head = ['drained', 'who', 'messages/s', 'spread', 'CPU', 'ratio']
  const rows = drained.flatMap(({ feeds, engine, latchkey, bare, ratio }, n) => {
    const cells = (who: string, { perSecond, cpuUs, rounds }: typeof latchkey, share: number) => [
      formatQueueCount(feeds),
      who,
      formatInteger(perSecond),
      formatRateSpread(rounds),
      formatMicroseconds(cpuUs),
      share.toFixed(2),
    ]
    const own = cells(engine, latchkey, ratio)
    return drained[n - 1]?.feeds === feeds ? [own] : [cells('bare loop', bare, 1), own]
  })
  return formatTextTable([head, ...rows], 2)
}

function formatArrivals(arrivals: readonly ArrivalResult[]): string {
  const head = [
    ...['arrival', 'engine', 'messages/s', '200 p50', '200 p99', 'p50', 'p99', 'spread of p99'],
    ...['CPU', 'busy', 'ratio', 'aim', ''],
  ]
  const rows = arrivals.map(({ engine, hangingFeeds, rate, figures, ratio, holds }) => [
    formatHangingQueues(hangingFeeds),
    engine,
    formatInteger(rate),
    formatMs(figures.answer.p50Ms),
    formatMs(figures.answer.p99Ms),
    formatMs(figures.arrival.p50Ms),
    formatMs(figures.arrival.p99Ms),
    formatP99Spread(figures.rounds),
    formatMicroseconds(figures.cpuUs),
    `${Math.round(figures.busy * 100)} %`,
    ratio === null ? '' : ratio.toFixed(2),
    ratio === null ? '' : `≤ ${MAX_SLOWDOWN_RATIO.toFixed(2)}`,
    formatAimMark(holds),
  ])
  return formatTextTable([head, ...rows], 2)
}

/** The tables as they stand in README.md. */
export const formatDeliveryMarkdown = ({ accepted, drained, arrivals }: DeliveryResults): string =>
  [
    ...(accepted.length === 0 ? [] : [formatAcceptedTable(accepted)]),
    ...(drained.length === 0 ? [] : [formatDrainTable(drained)]),
    ...(arrivals.length === 0 ? [] : [formatArrivalTable(arrivals)]),
  ].join('\n\n')

const ENGINE_LABELS = { sqlite: 'SQLite', postgres: 'PostgreSQL', d1: 'D1' } as const
const FATE_LABELS = {
  delivered: 'accepted, and delivered meanwhile',
  down: 'accepted, its destination down',
} as const

function formatAcceptedTable(accepted: readonly AcceptedResult[]): string {
  const head = [
    ...['a 2 KB message', 'engine', 'accepted/s', 'accepted and arrived/s', 'p50', 'p99'],
    ...['CPU of one', 'share of bare Hono'],
  ]
  const rows = accepted.map(({ fate, engine, latchkey, ratio, throughPerSecond }) => [
    FATE_LABELS[fate],
    ENGINE_LABELS[engine],
    formatInteger(latchkey.perSecond),
    throughPerSecond === null ? '–' : formatInteger(throughPerSecond),
    formatShortMs(latchkey.p50Ms),
    formatShortMs(latchkey.p99Ms),
    formatMicros(latchkey.cpuUs),
    drawRatio(ratio),
  ])
  return formatMarkdownTable(head, rows)
}

function formatDrainTable(drained: readonly DrainResult[]): string {
  const head = [
    ...['a backlog of', 'engine', 'delivered/s', 'rounds', 'CPU of one'],
    ...['bare HTTP client', 'CPU of its', 'share of it'],
  ]
  const rows = drained.map(({ feeds, engine, latchkey, bare, ratio }) => [
    formatQueueCount(feeds),
    ENGINE_LABELS[engine],
    formatInteger(latchkey.perSecond),
    formatRateSpread(latchkey.rounds),
    formatMicros(latchkey.cpuUs),
    `${formatInteger(bare.perSecond)}/s`,
    formatMicros(bare.cpuUs),
    drawRatio(ratio),
  ])
  return formatMarkdownTable(head, rows)
}

function formatArrivalTable(arrivals: readonly ArrivalResult[]): string {
  const head = [
    ...['at half load', 'engine', 'messages/s', 'until the 200: p50', 'p99'],
    ...['from it to arrival: p50', 'p99', 'times the undisturbed p99'],
  ]
  const rows = arrivals.map(({ hangingFeeds, engine, rate, figures, ratio }) => [
    formatHangingQueues(hangingFeeds),
    ENGINE_LABELS[engine],
    formatInteger(rate),
    formatShortMs(figures.answer.p50Ms),
    formatShortMs(figures.answer.p99Ms),
    formatShortMs(figures.arrival.p50Ms),
    formatShortMs(figures.arrival.p99Ms),
    ratio === null ? '' : drawRatio(ratio, 2 * MAX_SLOWDOWN_RATIO),
  ])
  return formatMarkdownTable(head, rows)
}

const drawRatio = (ratio: number, whole = 1) =>
  `${ratio.toFixed(2)} \`${drawShortBar(ratio, whole)}\``

const formatMicros = (n: number) => (Number.isNaN(n) ? '–' : `${formatInteger(n)} µs`)

/** Three digits, whatever the size. */
const formatShortMs = (n: number) =>
  Math.abs(n) < 100 ? `${n.toFixed(1)} ms` : `${formatInteger(n)} ms`

const formatMarkdownTable = (
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string =>
  [head, head.map(() => '---'), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')
    .replaceAll(' --- ', '---')
