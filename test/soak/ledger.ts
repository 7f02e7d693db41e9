/** A message by its vendor: the number of the source, and of the message among all of that source. */
export interface MessageMark {
  readonly source: number
  readonly number: number
}

/** A vendor sends its messages one after the other: each after the answer to the one before. */
export interface SentMessage extends MessageMark {
  readonly destinations: readonly number[]
  /** Acknowledged by 200; after any other response, or none, it may or may not be stored. */
  isAcknowledged: boolean
}

/**
 * The response of a destination to a message that it has read.
 * `taken`: answered 2xx, whole. `broken_off`: a 2xx, but not the whole answer. `refused`: answered
 * otherwise. `unanswered`: the connection was broken without a status, by whomever.
 */
export type ArrivalOutcome = 'taken' | 'broken_off' | 'refused' | 'unanswered'

export interface SoakArrival extends MessageMark {
  readonly destination: number
  /** The id of its delivery, as the message tells it. */
  readonly deliveryId: string
  /** It is what was sent. */
  readonly isIntact: boolean
  /** Beginnings and ends of all arrivals in their order, none at the same time as another. */
  readonly beganTick: number
  endedTick: number
  /** Milliseconds since 1970, to compare with what the database says. */
  readonly beganAt: number
  endedAt: number
  outcome: ArrivalOutcome
}

export type DisruptionKind = 'worker killed' | 'server killed' | 'database restarted'

/** A disruption of the server, from when until when. */
export interface Disruption {
  readonly kind: DisruptionKind
  readonly from: number
  readonly until: number
}

/** All that was seen from outside: what vendors were told, and what came to destinations. */
export interface SoakLedger {
  readonly sent: readonly SentMessage[]
  readonly arrivals: readonly SoakArrival[]
  readonly disruptions: readonly Disruption[]
}

export const formatMark = ({ source, number }: MessageMark): string => `${source}.${number}`
export const formatQueueName = ({ source }: MessageMark, destination: number): string =>
  `${source} to ${destination}`

/** Keeps the ledger while it is written, and the progress of each vendor. */
export function createLedgerRecorder() {
  const sent: SentMessage[] = []
  const arrivals: SoakArrival[] = []
  const disruptions: Disruption[] = []
  const takenCount = new Set<string>()
  const requests = new Map<string, number>()
  let tick = 0
  let acknowledgedCount = 0
  let promisedCount = 0

  return {
    ledger: { sent, arrivals, disruptions } satisfies SoakLedger,
    requests,
    /** A moment of its own. */
    nextTick: () => ++tick,

    recordSent(mark: MessageMark, destinations: readonly number[]): SentMessage {
      const one = { ...mark, destinations, isAcknowledged: false }
      sent.push(one)
      return one
    },
    recordAcknowledged(one: SentMessage): void {
      one.isAcknowledged = true
      acknowledgedCount++
      promisedCount += one.destinations.length
    },

    recordDisruption(one: Disruption): void {
      disruptions.push(one)
    },

    /** A request came to a destination, which does this with it. */
    recordRequest(conduct: string): void {
      requests.set(conduct, (requests.get(conduct) ?? 0) + 1)
    },
    recordArrival(arrival: SoakArrival): SoakArrival {
      arrivals.push(arrival)
      return arrival
    },
    recordOutcome(arrival: SoakArrival, outcome: SoakArrival['outcome']): void {
      Object.assign(arrival, { outcome, endedTick: ++tick, endedAt: Date.now() })
      if (outcome === 'taken' || outcome === 'broken_off') {
        takenCount.add(`${formatMark(arrival)} ${arrival.destination}`)
      }
    },

    acknowledgedCount: () => acknowledgedCount,
    /** Deliveries that destinations have answered 2xx. */
    takenCount: () => takenCount.size,
    /** How many deliveries are promised, and not there yet. (Roughly: some were not promised.) */
    outstandingCount: () => promisedCount - takenCount.size,
  }
}

export type LedgerRecorder = ReturnType<typeof createLedgerRecorder>
