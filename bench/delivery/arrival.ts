import { setTimeout as wait } from 'node:timers/promises'
import { numberRequest, readMessageNumber, takeTurn } from '../cases.ts'
import { measureInTurn, median, quantile } from '../load.ts'
import type { BenchEngineName } from '../options.ts'
import { report } from '../text.ts'
import type { DeliveryBenchContext, DeliveryContender, DeliveryDestinations } from './delivery.ts'
import { createSchedule, sendAll, sendOnTime } from './send.ts'

/** How long messages take at this rate, while so many feeds stand before a destination that hangs. */
export interface ArrivalResult {
  readonly engine: BenchEngineName
  readonly hangingFeeds: number
  /** Messages a second that are sent. */
  readonly rate: number
  readonly figures: ArrivalFigures
  /** The p99 of the arrival, of that in the undisturbed round beside it; null where this is that one. */
  readonly ratio: number | null
  readonly holds: boolean | null
}

export interface DelayQuantiles {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface ArrivalRound {
  readonly messages: number
  /** From when it was due until its sender has the 200. */
  readonly answer: DelayQuantiles
  /** From then until the destination has it all; below 0 where that has it first. */
  readonly arrival: DelayQuantiles
  /** What one message cost the server. */
  readonly cpuUs: number
  /** How much of its core the server took meanwhile. */
  readonly busy: number
}

export interface ArrivalFigures extends Omit<ArrivalRound, 'messages'> {
  readonly rounds: readonly ArrivalRound[]
}

/** What a destination that hangs may add to the others' p99. */
export const MAX_SLOWDOWN_RATIO = 1.5
/** Messages of each feed that wait before the destination that hangs. */
const HANGING_MESSAGES = 2
/** So long the hanging destination is left to hang, after all has been sent. */
const STRAGGLER_WAIT_MS = 2_000
const SETTLE_MS = 200

/** In turn: undisturbed, and beside each number of feeds that hang. */
export async function measureArrival(
  contender: DeliveryContender,
  rate: number,
  { destinations, feeds, settings }: DeliveryBenchContext,
): Promise<ArrivalResult[]> {
  const { engine } = contender
  const kinds = [0, ...settings.hanging]
  const name = `arrival, ${engine}`
  const turns = kinds.map((hangingFeeds) => ({
    label: hangingFeeds === 0 ? 'undisturbed' : `${hangingFeeds} hanging`,
    round: (seconds: number) =>
      runArrivalRound(contender, destinations, {
        hangingFeeds,
        feeds,
        dues: createSchedule(rate, seconds),
        connections: settings.connections,
      }),
  }))
  const measured = await measureInTurn(name, turns, settings)
  const base = measured[0] ?? []
  return kinds.map((hangingFeeds, n) => {
    const rounds = measured[n] ?? []
    const ratio = hangingFeeds === 0 ? null : computeSlowdown(rounds, base)
    const figures = summarizeArrivals(rounds)
    const { p50Ms, p99Ms } = figures.arrival
    const beside = ratio === null ? '' : `, ${ratio.toFixed(2)} times the undisturbed`
    report(
      `${name}, ${turns[n]?.label}: p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms${beside}`,
    )
    const holds = ratio === null ? null : ratio <= MAX_SLOWDOWN_RATIO
    return { engine, hangingFeeds, rate, figures, ratio, holds }
  })
}

interface ArrivalRoundInput {
  readonly hangingFeeds: number
  readonly feeds: number
  readonly dues: Float64Array
  readonly connections: number
}

async function runArrivalRound(
  { served, toTaking, toHanging }: DeliveryContender,
  { taking, hanging }: DeliveryDestinations,
  { hangingFeeds, feeds, dues, connections }: ArrivalRoundInput,
): Promise<ArrivalRound> {
  const hung = hanging.count() + hangingFeeds * HANGING_MESSAGES
  const queued = Array.from({ length: HANGING_MESSAGES }, () => toHanging.slice(0, hangingFeeds))
  hanging.hold()
  await sendAll(served.port, queued.flat(), connections)
  await wait(SETTLE_MS)

  const arrivedAt = new Float64Array(dues.length)
  taking.onMessage((body) => {
    arrivedAt[readMessageNumber(body)] = performance.now()
  })
  const all = taking.count() + dues.length
  const cpu = served.cpuSeconds()
  const began = performance.now()
  const own = toTaking.slice(0, feeds)
  const getRequest = (n: number) => numberRequest(takeTurn(own, n), n)
  const sent = await sendOnTime(served.port, dues, { getRequest, connections })
  const arrived = taking.until(all)
  await Promise.race([arrived, wait(STRAGGLER_WAIT_MS)])
  hanging.release()
  await arrived
  taking.onMessage(() => {})
  const cpuSeconds = served.cpuSeconds() - cpu
  const elapsed = (performance.now() - began) / 1000
  await hanging.until(hung)
  await wait(SETTLE_MS)

  const { dueAt, answeredAt } = sent
  return {
    messages: dues.length,
    answer: computeDelay(dueAt, answeredAt),
    arrival: computeDelay(answeredAt, arrivedAt),
    cpuUs: (cpuSeconds * 1e6) / dues.length,
    busy: cpuSeconds / elapsed,
  }
}

export function computeDelay(from: Float64Array, until: Float64Array): DelayQuantiles {
  const sorted = from.map((at, n) => (until[n] ?? Number.NaN) - at).toSorted()
  return { p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) }
}

/** The middle of the rounds' ratios, each to the round beside it. */
export const computeSlowdown = (
  rounds: readonly Pick<ArrivalRound, 'arrival'>[],
  base: readonly Pick<ArrivalRound, 'arrival'>[],
): number =>
  median(rounds.map(({ arrival }, n) => arrival.p99Ms / (base[n]?.arrival.p99Ms ?? Number.NaN)))

function summarizeArrivals(rounds: readonly ArrivalRound[]): ArrivalFigures {
  const middle = (of: (round: ArrivalRound) => number) => median(rounds.map(of))
  return {
    answer: { p50Ms: middle((r) => r.answer.p50Ms), p99Ms: middle((r) => r.answer.p99Ms) },
    arrival: { p50Ms: middle((r) => r.arrival.p50Ms), p99Ms: middle((r) => r.arrival.p99Ms) },
    cpuUs: middle((r) => r.cpuUs),
    busy: middle((r) => r.busy),
    rounds,
  }
}
