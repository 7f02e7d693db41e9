import { bar, count, mark, ms, spread, table, us } from '../cells.ts'
import type { Accepted } from './accepted.ts'
import { type Arrival, type ArrivalRound, DISTURBANCE } from './arrival.ts'
import type { Drained } from './drained.ts'
import type { Delivery } from './measure.ts'

export const writeDelivery = ({ accepted, drained, arrivals }: Delivery): string =>
  [
    section(accepted, writeAccepted, ({ fate, engine, ratio }) => bar(`${fate}, ${engine}`, ratio)),
    section(drained, writeDrained, ({ feeds, engine, ratio }) =>
      bar(`${feedsOf(feeds)}, ${engine}`, ratio),
    ),
    section(arrivals, writeArrivals, ({ hangingFeeds, engine, ratio }) =>
      ratio === null ? [] : bar(`${hangingFeeds} hanging, ${engine}`, ratio, SLOWDOWN),
    ),
  ]
    .flat()
    .join('\n\n')

/** A table and its bars; nothing where that was not measured. */
function section<T>(
  measured: readonly T[],
  write: (measured: readonly T[]) => string,
  draw: (one: T) => string | readonly string[],
): string[] {
  if (measured.length === 0) return []
  return [[write(measured), ...measured.flatMap(draw)].join('\n')]
}

/** A bar twice as long as it may be. */
const SLOWDOWN = { aim: DISTURBANCE, whole: 2 * DISTURBANCE }

export const feedsOf = (feeds: number) => (feeds === 1 ? '1 feed' : `${feeds} feeds`)
export const besideOf = (hangingFeeds: number) =>
  hangingFeeds === 0 ? 'undisturbed' : `${feedsOf(hangingFeeds)} hanging`
export const perSecondSpread = (rounds: readonly { readonly perSecond: number }[]) =>
  spread(
    rounds.map(({ perSecond }) => perSecond),
    count,
  )
export const p99Spread = (rounds: readonly ArrivalRound[]) =>
  spread(
    rounds.map(({ arrival }) => arrival.p99Ms),
    (n) => n.toFixed(1),
  )

function writeAccepted(accepted: readonly Accepted[]): string {
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
    const through = throughPerSecond === null ? '' : count(throughPerSecond)
    const cells = (who: string, its: typeof latchkey, reached: string, share: number) => [
      fate,
      who,
      count(its.perSecond),
      perSecondSpread(its.rounds),
      reached,
      ms(its.p50Ms),
      ms(its.p99Ms),
      us(its.cpuUs),
      share.toFixed(2),
    ]
    const own = cells(engine, latchkey, through, ratio)
    return accepted[n - 1]?.fate === fate ? [own] : [cells('bare Hono', bare, '', 1), own]
  })
  return table([head, ...rows], 2)
}

function writeDrained(drained: readonly Drained[]): string {
  const head = ['drained', 'who', 'messages/s', 'spread', 'CPU', 'ratio']
  const rows = drained.flatMap(({ feeds, engine, latchkey, bare, ratio }, n) => {
    const cells = (who: string, { perSecond, cpuUs, rounds }: typeof latchkey, share: number) => [
      feedsOf(feeds),
      who,
      count(perSecond),
      perSecondSpread(rounds),
      us(cpuUs),
      share.toFixed(2),
    ]
    const own = cells(engine, latchkey, ratio)
    return drained[n - 1]?.feeds === feeds ? [own] : [cells('bare loop', bare, 1), own]
  })
  return table([head, ...rows], 2)
}

function writeArrivals(arrivals: readonly Arrival[]): string {
  const head = [
    ...['arrival', 'engine', 'messages/s', '200 p50', '200 p99', 'p50', 'p99', 'spread of p99'],
    ...['CPU', 'busy', 'ratio', 'aim', ''],
  ]
  const rows = arrivals.map(({ engine, hangingFeeds, rate, figures, ratio, holds }) => [
    besideOf(hangingFeeds),
    engine,
    count(rate),
    ms(figures.answer.p50Ms),
    ms(figures.answer.p99Ms),
    ms(figures.arrival.p50Ms),
    ms(figures.arrival.p99Ms),
    p99Spread(figures.rounds),
    us(figures.cpuUs),
    `${Math.round(figures.busy * 100)} %`,
    ratio === null ? '' : ratio.toFixed(2),
    ratio === null ? '' : `≤ ${DISTURBANCE.toFixed(2)}`,
    mark(holds),
  ])
  return table([head, ...rows], 2)
}
