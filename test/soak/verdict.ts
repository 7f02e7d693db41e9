import {
  type Disruption,
  formatMark,
  formatQueueName,
  type SoakArrival,
  type SoakLedger,
} from './ledger.ts'

/*
 * Checks "at least once, in order" for one subscription, as its destination sees it:
 *
 * 1. Every message that was acknowledged comes, and is answered 2xx at last. One whose sending was not
 *    answered comes to all of its destinations or to none.
 * 2. A newer message comes only when every older one is known to be delivered: on disk, not just in the
 *    mind of a process. So no message ever comes after a newer one of its queue, nor while another is
 *    being answered: not even as a repetition. What was not acknowledged keeps its place, too.
 * 3. A message comes again only where the server cannot know of its 2xx: it was refused or not wholly
 *    answered before, or the process that asked was killed, or lost its database, before it had written
 *    the answer down.
 * 4. Each message arrives as it was sent, at its destination.
 */

/** Each entry says what was wrong with which message. */
export interface SoakVerdict {
  readonly lost: readonly string[]
  readonly outOfOrder: readonly string[]
  readonly repeated: readonly string[]
  readonly altered: readonly string[]
  /** Repeats with a reason: the response broke off, or the server was disrupted. */
  readonly explained: { readonly brokenOff: number; readonly inTrouble: number }
}

/** An answer is written down within so long; then what is killed has nothing to forget. */
const SETTLE_LIMIT_MS = 20_000
/** After its database is back, a server tries again after so long at most. */
const RECONNECT_LIMIT_MS = 20_000

export function judgeLedger(ledger: SoakLedger): SoakVerdict {
  const outOfOrder: string[] = []
  const repeated: string[] = []
  const explained = { brokenOff: 0, inTrouble: 0 }
  for (const [queue, arrivals] of groupByQueue(ledger.arrivals)) {
    let newest: SoakArrival | undefined
    for (const arrival of arrivals) {
      if (newest === undefined || arrival.number > newest.number) {
        if (newest !== undefined && arrival.beganTick < newest.endedTick) {
          outOfOrder.push(`${queue}: ${arrival.number} came before ${newest.number} was answered`)
        }
      } else if (arrival.number < newest.number) {
        outOfOrder.push(`${queue}: ${arrival.number} came after ${newest.number}`)
        continue
      } else {
        const reason = findDuplicateReason(newest, arrival, ledger.disruptions)
        if (reason === null) {
          const later = arrival.beganAt - newest.endedAt
          repeated.push(`${queue}: ${arrival.number} came again, ${later} ms after it was taken`)
        } else if (reason !== 'refused') explained[reason]++
      }
      newest = arrival
    }
  }
  return { lost: findLost(ledger), outOfOrder, repeated, altered: findAltered(ledger), explained }
}

/** Why it may come again, if it may. What is taken may be taken from a process that is dead by then. */
function findDuplicateReason(
  previous: SoakArrival,
  repeat: SoakArrival,
  disruptions: readonly Disruption[],
) {
  if (repeat.beganTick < previous.endedTick) return null
  if (previous.outcome === 'refused') return 'refused'
  if (previous.outcome !== 'taken') return 'brokenOff'
  const settledBy = Math.min(previous.endedAt + SETTLE_LIMIT_MS, repeat.beganAt)
  const isDisrupted = disruptions.some(({ kind, from, until }) => {
    const noticed = kind === 'database restarted' ? RECONNECT_LIMIT_MS : 0
    return from <= settledBy && until + noticed >= previous.beganAt
  })
  return isDisrupted ? 'inTrouble' : null
}

function groupByQueue(arrivals: readonly SoakArrival[]): Map<string, SoakArrival[]> {
  const queues = Map.groupBy(arrivals, (one) => formatQueueName(one, one.destination))
  for (const queue of queues.values()) queue.sort((a, b) => a.beganTick - b.beganTick)
  return queues
}

function findLost({ sent, arrivals }: SoakLedger): string[] {
  const arrivedNames = new Set(arrivals.map(formatMark))
  const answered = arrivals.filter(({ outcome }) => outcome === 'taken' || outcome === 'broken_off')
  const accepted = new Set(answered.map((one) => formatHop(one, one.destination)))
  return sent
    .filter((one) => one.isAcknowledged || arrivedNames.has(formatMark(one)))
    .flatMap((one) => one.destinations.map((destination) => formatHop(one, destination)))
    .filter((hop) => !accepted.has(hop))
}

function findAltered({ sent, arrivals }: SoakLedger): string[] {
  const hops = sent.flatMap((one) => one.destinations.map((to) => formatHop(one, to)))
  const known = new Set(hops)
  return arrivals
    .filter((one) => !one.isIntact || !known.has(formatHop(one, one.destination)))
    .map((one) => formatHop(one, one.destination))
}

const formatHop = (mark: Parameters<typeof formatMark>[0], destination: number) =>
  `${formatMark(mark)} at ${destination}`
