import { setTimeout as wait } from 'node:timers/promises'
import { measureInTurn, median, quantile } from '../load.ts'
import type { BenchEngineName, BenchSettings } from '../options.ts'
import { numberRequest, readMessageNumber, takeTurn } from '../requests.ts'
import { report } from '../text.ts'
import type { DeliveryBenchContext, DeliveryContender, DeliveryDestinations } from './delivery.ts'
import { createSchedule, sendAll, sendOnTime } from './send.ts'

/** Delays of messages while `hanging` subscriptions have messages for a destination that hangs. */
export interface ArrivalResult {
  readonly engine: BenchEngineName
  readonly hanging: number
  /** Messages sent a second. */
  readonly rate: number
  readonly figures: ArrivalFigures
  /** The p99 of arrival as a multiple of that in the undisturbed round beside it; null for that one. */
  readonly ratio: number | null
}

export interface DelayQuantiles {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface ArrivalRound {
  /** From when the message was due until its sender has the 200. */
  readonly answer: DelayQuantiles
  /** From the 200 until the destination has the message; negative where the destination has it first. */
  readonly arrival: DelayQuantiles
}

export interface ArrivalFigures extends ArrivalRound {
  readonly rounds: readonly ArrivalRound[]
}

/** The target: how much a hanging destination may slow down the others' p99. */
export const MAX_SLOWDOWN_RATIO = 1.5
/** Messages of each subscription that wait for the hanging destination. */
const HANGING_MESSAGES = 2
/** How long the destination goes on hanging after all has been sent. */
const STRAGGLER_WAIT_MS = 2_000
const SETTLE_MS = 200

/** Measures in turn undisturbed rounds and rounds beside each number of hanging subscriptions. */
export async function measureArrival(
  contender: DeliveryContender,
  rate: number,
  { destinations, settings }: DeliveryBenchContext,
): Promise<ArrivalResult[]> {
  const { engine } = contender
  const kinds = [0, ...settings.hanging]
  const name = `arrival, ${engine}`
  const turns = kinds.map((hanging) => ({
    label: hanging === 0 ? 'undisturbed' : `${hanging} hanging`,
    round: (seconds: number) =>
      runArrivalRound(contender, destinations, settings, {
        hanging,
        dues: createSchedule(rate, seconds),
      }),
  }))
  const measured = await measureInTurn(name, turns, settings)
  const base = measured[0] ?? []
  return kinds.map((hanging, n) => {
    const rounds = measured[n] ?? []
    const ratio = hanging === 0 ? null : computeSlowdown(rounds, base)
    const figures = summarizeArrivals(rounds)
    const { p50Ms, p99Ms } = figures.arrival
    const beside = ratio === null ? '' : `, ${ratio.toFixed(2)} times the undisturbed`
    report(
      `${name}, ${turns[n]?.label}: p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms${beside}`,
    )
    return { engine, hanging, rate, figures, ratio }
  })
}

async function runArrivalRound(
  { served, toTaking, toHanging }: DeliveryContender,
  destinations: DeliveryDestinations,
  { subscriptions, connections }: BenchSettings,
  { hanging, dues }: { readonly hanging: number; readonly dues: Float64Array },
): Promise<ArrivalRound> {
  const { taking, hanging: hangingDestination } = destinations
  const hungCount = hangingDestination.count() + hanging * HANGING_MESSAGES
  const queued = Array.from({ length: HANGING_MESSAGES }, () => toHanging.slice(0, hanging))
  hangingDestination.hold()
  await sendAll(served.port, queued.flat(), connections)
  await wait(SETTLE_MS)

  const arrivedAt = new Float64Array(dues.length)
  taking.onMessage((body) => {
    arrivedAt[readMessageNumber(body)] = performance.now()
  })
  const all = taking.count() + dues.length
  const own = toTaking.slice(0, subscriptions)
  const getRequest = (n: number) => numberRequest(takeTurn(own, n), n)
  const { dueAt, answeredAt } = await sendOnTime(served.port, dues, { getRequest, connections })
  const arrived = taking.until(all)
  await Promise.race([arrived, wait(STRAGGLER_WAIT_MS)])
  hangingDestination.release()
  await arrived
  taking.onMessage(() => {})
  await hangingDestination.until(hungCount)
  await wait(SETTLE_MS)

  return {
    answer: computeDelay(dueAt, answeredAt),
    arrival: computeDelay(answeredAt, arrivedAt),
  }
}

export function computeDelay(from: Float64Array, until: Float64Array): DelayQuantiles {
  const sorted = from.map((at, n) => (until[n] ?? Number.NaN) - at).toSorted()
  return { p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) }
}

/** Returns the median of the rounds' ratios, each to the round of `base` beside it. */
export const computeSlowdown = (
  rounds: readonly Pick<ArrivalRound, 'arrival'>[],
  base: readonly Pick<ArrivalRound, 'arrival'>[],
): number =>
  median(rounds.map(({ arrival }, n) => arrival.p99Ms / (base[n]?.arrival.p99Ms ?? Number.NaN)))

function summarizeArrivals(rounds: readonly ArrivalRound[]): ArrivalFigures {
  const medianBy = (read: (round: ArrivalRound) => number) => median(rounds.map(read))
  return {
    answer: { p50Ms: medianBy((r) => r.answer.p50Ms), p99Ms: medianBy((r) => r.answer.p99Ms) },
    arrival: { p50Ms: medianBy((r) => r.arrival.p50Ms), p99Ms: medianBy((r) => r.arrival.p99Ms) },
    rounds,
  }
}
