import { type Arrival, feedOf, type Ledger, nameOf, type Trouble } from './ledger.ts'

/*
 * What "at least once, and in order" promises of one feed, as its destination sees it:
 *
 * 1. Every message that was acknowledged comes, and is answered 2xx at last. One whose sending was not
 *    answered comes to all of its destinations or to none.
 * 2. A newer message comes only when every older one is known to be delivered: on disk, not just in the
 *    mind of a process. So no message ever comes after a newer one of its feed, nor while another is
 *    being answered: not even as a repetition. What was not acknowledged keeps its place, too.
 * 3. A message comes again only where nobody can know of its 2xx: it was refused or not wholly
 *    answered before, or the process that asked was killed, or lost its database, before it had written
 *    the answer down.
 * 4. What comes is what was sent, to whom it was sent.
 */

/** Each entry says what was wrong with which message. */
export interface Verdict {
  readonly lost: readonly string[]
  readonly outOfOrder: readonly string[]
  readonly repeated: readonly string[]
  readonly altered: readonly string[]
  /** What came again although it had been read: the answer broke off, or the server was in trouble. */
  readonly explained: { readonly brokenOff: number; readonly inTrouble: number }
}

/** An answer is written down within so long; then what is killed has nothing to forget. */
const SETTLED_WITHIN_MS = 20_000
/** After its database is back, a server tries again after so long at most. */
const NOTICED_WITHIN_MS = 20_000

export function judge(ledger: Ledger): Verdict {
  const outOfOrder: string[] = []
  const repeated: string[] = []
  const explained = { brokenOff: 0, inTrouble: 0 }
  for (const [feed, arrivals] of feedsOf(ledger.arrivals)) {
    let newest: Arrival | undefined
    for (const arrival of arrivals) {
      if (newest === undefined || arrival.number > newest.number) {
        if (newest !== undefined && arrival.began < newest.ended) {
          outOfOrder.push(`${feed}: ${arrival.number} came before ${newest.number} was answered`)
        }
      } else if (arrival.number < newest.number) {
        outOfOrder.push(`${feed}: ${arrival.number} came after ${newest.number}`)
        continue
      } else {
        const reason = reasonFor(newest, arrival, ledger.troubles)
        if (reason === null) {
          const later = arrival.at - newest.endedAt
          repeated.push(`${feed}: ${arrival.number} came again, ${later} ms after it was taken`)
        } else if (reason !== 'refused') explained[reason]++
      }
      newest = arrival
    }
  }
  return { lost: lostOf(ledger), outOfOrder, repeated, altered: alteredOf(ledger), explained }
}

/** Why it may come again, if it may. What is taken may be taken from a process that is dead by then. */
function reasonFor(before: Arrival, again: Arrival, troubles: readonly Trouble[]) {
  if (again.began < before.ended) return null
  if (before.ending === 'refused') return 'refused'
  if (before.ending !== 'taken') return 'brokenOff'
  const settledBy = Math.min(before.endedAt + SETTLED_WITHIN_MS, again.at)
  const isTroubled = troubles.some(({ kind, from, until }) => {
    const noticed = kind === 'database restarted' ? NOTICED_WITHIN_MS : 0
    return from <= settledBy && until + noticed >= before.at
  })
  return isTroubled ? 'inTrouble' : null
}

function feedsOf(arrivals: readonly Arrival[]): Map<string, Arrival[]> {
  const feeds = Map.groupBy(arrivals, (one) => feedOf(one, one.destination))
  for (const feed of feeds.values()) feed.sort((a, b) => a.began - b.began)
  return feeds
}

function lostOf({ sent, arrivals }: Ledger): string[] {
  const come = new Set(arrivals.map(nameOf))
  const answered = arrivals.filter(({ ending }) => ending === 'taken' || ending === 'broken_off')
  const accepted = new Set(answered.map((one) => hopOf(one, one.destination)))
  return sent
    .filter((one) => one.isAcknowledged || come.has(nameOf(one)))
    .flatMap((one) => one.destinations.map((destination) => hopOf(one, destination)))
    .filter((hop) => !accepted.has(hop))
}

function alteredOf({ sent, arrivals }: Ledger): string[] {
  const hops = sent.flatMap((one) => one.destinations.map((to) => hopOf(one, to)))
  const known = new Set(hops)
  return arrivals
    .filter((one) => !one.isIntact || !known.has(hopOf(one, one.destination)))
    .map((one) => hopOf(one, one.destination))
}

const hopOf = (mark: Parameters<typeof nameOf>[0], destination: number) =>
  `${nameOf(mark)} at ${destination}`
