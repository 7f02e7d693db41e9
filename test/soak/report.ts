import { formatInteger } from '../../bench/text.ts'
import { DESTINATION_FAULTS } from './destination.ts'
import type { DisruptionKind } from './ledger.ts'
import type { SoakOutcome } from './soak.ts'

const DISRUPTION_KINDS: readonly DisruptionKind[] = [
  'worker killed',
  'server killed',
  'database restarted',
]
const ATTEMPT_OUTCOMES = ['delivered', 'refused', 'failed', 'forbidden'] as const

/** Counts outcomes, in the order of the report; the last five must be 0. */
export function countOutcomes({ ledger, stored, requests, resumed, ...rest }: SoakOutcome) {
  const { verdict } = rest
  const attempts = stored.deliveries.flatMap((one) => one.attempts)
  const countByName = <T extends string>(
    names: readonly T[],
    of: (name: T) => number,
    before = '',
  ) => names.map((name): [string, number] => [`${before}${name}`, of(name)])
  return new Map<string, number>([
    ['messages acknowledged', ledger.sent.filter((one) => one.isAcknowledged).length],
    ['messages of unknown outcome', ledger.sent.filter((one) => !one.isAcknowledged).length],
    ['messages stored', stored.messages],
    ['deliveries', stored.deliveries.filter(({ status }) => status === 'delivered').length],
    ['requests to destinations', [...requests.values()].reduce((sum, n) => sum + n, 0)],
    ['attempts written down', attempts.length],
    ...countByName(
      ATTEMPT_OUTCOMES,
      (name) => attempts.filter((one) => one.outcome === name).length,
      '  ',
    ),
    [
      'faults of destinations',
      DESTINATION_FAULTS.reduce((sum, name) => sum + (requests.get(name) ?? 0), 0),
    ],
    ...countByName(DESTINATION_FAULTS, (name) => requests.get(name) ?? 0, '  '),
    ...countByName(
      DISRUPTION_KINDS,
      (name) => ledger.disruptions.filter(({ kind }) => kind === name).length,
    ),
    ['subscriptions resumed by the operator', resumed],
    ['duplicates: the answer broke off', verdict.explained.brokenOff],
    ['duplicates: killed before it was written down', verdict.explained.inTrouble],
    ['lost', verdict.lost.length],
    ['out of order', verdict.outOfOrder.length],
    ['duplicates without a reason', verdict.repeated.length],
    ['altered', verdict.altered.length],
    ['the database disagrees', rest.disagreements.length],
  ])
}

/** Lists every fault as a sentence. */
export const listFaults = ({ verdict, disagreements }: SoakOutcome): string[] => [
  ...verdict.lost.map((one) => `lost: ${one}`),
  ...verdict.outOfOrder.map((one) => `out of order: ${one}`),
  ...verdict.repeated.map((one) => `duplicate without a reason: ${one}`),
  ...verdict.altered.map((one) => `altered: ${one}`),
  ...disagreements.map((one) => `the database disagrees: ${one}`),
]

export function formatSoakReport(outcome: SoakOutcome): string {
  const { engine, seed, seconds } = outcome
  const rows = Array.from(countOutcomes(outcome), ([name, n]) => [name, formatInteger(n)] as const)
  const nameWidth = Math.max(...rows.map(([name]) => name.length))
  const figureWidth = Math.max(...rows.map(([, figure]) => figure.length))
  const lines = rows.map(
    ([name, figure]) => `${name.padEnd(nameWidth)}  ${figure.padStart(figureWidth)}`,
  )
  const head = `${engine}, seed ${seed}, ${seconds.toFixed(0)} s`
  return [head, ...lines, ...listFaults(outcome).slice(0, 20)].join('\n')
}
