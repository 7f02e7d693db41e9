import type { Round } from './load.ts'
import type { Memory } from './processes.ts'

/** What many rounds say together: the middle of each figure. */
export interface Figures {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuUs: number
  readonly rounds: readonly Round[]
}

export const figuresOf = (rounds: readonly Round[]): Figures => ({
  perSecond: median(rounds.map((round) => round.perSecond)),
  p50Ms: median(rounds.map((round) => round.p50Ms)),
  p99Ms: median(rounds.map((round) => round.p99Ms)),
  cpuUs: median(rounds.map((round) => round.cpuUs)),
  rounds,
})

type Paced = Pick<Round, 'perSecond'>

/**
 * How much of `base` there is: the middle of the rounds' ratios, each to the round beside it, so that
 * whatever else the machine was busy with weighs on both sides.
 */
export const ratioOf = (rounds: readonly Paced[], base: readonly Paced[]): number =>
  median(rounds.map((round, n) => round.perSecond / (base[n]?.perSecond ?? Number.NaN)))

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const [low, high] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  if (low === undefined || high === undefined) throw new Error('there is no middle of nothing')
  return (low + high) / 2
}

/** Of sorted values: so large a share of them is no larger. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  if (found === undefined) throw new Error('there is no quantile of nothing')
  return found
}

export function largest(a: Memory | null, b: Memory | null): Memory | null {
  if (a === null || b === null) return a ?? b
  return { rssMb: Math.max(a.rssMb, b.rssMb), peakMb: Math.max(a.peakMb, b.peakMb) }
}
