import { count, table } from '../../bench/cells.ts'
import { FAULTS } from './conduct.ts'
import type { TroubleKind } from './ledger.ts'
import type { Outcome } from './soak.ts'

const KINDS: readonly TroubleKind[] = ['worker killed', 'server killed', 'database restarted']
const OUTCOMES = ['delivered', 'refused', 'failed', 'forbidden'] as const

/** What is counted, in the order in which it is printed; the last five are to be 0. */
export function countsOf({ ledger, kept, requests, resumed, ...rest }: Outcome) {
  const { verdict } = rest
  const attempts = kept.deliveries.flatMap((one) => one.attempts)
  const named = <T extends string>(names: readonly T[], of: (name: T) => number, before = '') =>
    names.map((name): [string, number] => [`${before}${name}`, of(name)])
  return new Map<string, number>([
    ['messages acknowledged', ledger.sent.filter((one) => one.isAcknowledged).length],
    ['messages of unknown outcome', ledger.sent.filter((one) => !one.isAcknowledged).length],
    ['messages stored', kept.messages],
    ['deliveries', kept.deliveries.filter(({ status }) => status === 'delivered').length],
    ['requests to destinations', [...requests.values()].reduce((sum, n) => sum + n, 0)],
    ['attempts written down', attempts.length],
    ...named(OUTCOMES, (name) => attempts.filter((one) => one.outcome === name).length, '  '),
    ['faults of destinations', FAULTS.reduce((sum, name) => sum + (requests.get(name) ?? 0), 0)],
    ...named(FAULTS, (name) => requests.get(name) ?? 0, '  '),
    ...named(KINDS, (name) => ledger.troubles.filter(({ kind }) => kind === name).length),
    ['feeds resumed by the operator', resumed],
    ['duplicates: the answer broke off', verdict.explained.brokenOff],
    ['duplicates: killed before it was written down', verdict.explained.inTrouble],
    ['lost', verdict.lost.length],
    ['out of order', verdict.outOfOrder.length],
    ['duplicates without a reason', verdict.repeated.length],
    ['altered', verdict.altered.length],
    ['the database disagrees', rest.disagreements.length],
  ])
}

/** What is wrong, if anything: each a sentence. */
export const faultsOf = ({ verdict, disagreements }: Outcome): string[] => [
  ...verdict.lost.map((one) => `lost: ${one}`),
  ...verdict.outOfOrder.map((one) => `out of order: ${one}`),
  ...verdict.repeated.map((one) => `duplicate without a reason: ${one}`),
  ...verdict.altered.map((one) => `altered: ${one}`),
  ...disagreements.map((one) => `the database disagrees: ${one}`),
]

export function writeReport(outcome: Outcome): string {
  const { engine, seed, seconds } = outcome
  const rows = [...countsOf(outcome)].map(([name, n]) => [name, count(n)])
  const head = `${engine}, seed ${seed}, ${seconds.toFixed(0)} s`
  return [table([[head, ''], ...rows]), ...faultsOf(outcome).slice(0, 20)].join('\n')
}
