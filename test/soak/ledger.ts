/** A message by its vendor: the number of the source, and of the message among all of that source. */
export interface Mark {
  readonly source: number
  readonly number: number
}

/** A vendor sends its messages one after the other: each after the answer to the one before. */
export interface Sent extends Mark {
  readonly destinations: readonly number[]
  /** Acknowledged by 200; with any other answer, or none, nobody knows whether it is stored. */
  isAcknowledged: boolean
}

/**
 * What a destination did with a message that it has read.
 * `taken`: answered 2xx, whole. `broken_off`: a 2xx, but not the whole answer. `refused`: answered
 * otherwise. `unanswered`: the connection was broken without a status, by whomever.
 */
export type Ending = 'taken' | 'broken_off' | 'refused' | 'unanswered'

export interface Arrival extends Mark {
  readonly destination: number
  /** The id of its delivery, as the message tells it. */
  readonly deliveryId: string
  /** It is what was sent. */
  readonly isIntact: boolean
  /** Beginnings and ends of all arrivals in their order, none at the same time as another. */
  readonly began: number
  ended: number
  /** Milliseconds since 1970, to compare with what the database says. */
  readonly at: number
  endedAt: number
  ending: Ending
}

export type TroubleKind = 'worker killed' | 'server killed' | 'database restarted'

/** What was done to the server, from when until when. */
export interface Trouble {
  readonly kind: TroubleKind
  readonly from: number
  readonly until: number
}

/** All that was seen from outside: what vendors were told, and what came to destinations. */
export interface Ledger {
  readonly sent: readonly Sent[]
  readonly arrivals: readonly Arrival[]
  readonly troubles: readonly Trouble[]
}

export const nameOf = ({ source, number }: Mark): string => `${source}.${number}`
export const feedOf = ({ source }: Mark, destination: number): string =>
  `${source} to ${destination}`
