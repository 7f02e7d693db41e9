import type { FailureReason } from '../../domain/failure.ts'
import type { KeyType } from '../../domain/key-type.ts'

/** The number of keys of a type, and how many of them are in use. */
export interface KeyTypeCount {
  readonly keyType: KeyType
  /** Enabled and not expired. */
  readonly usable: number
  /** Used since then, whatever their state is now. */
  readonly used: number
}

/** The name of a row that an id refers to. */
export interface NamedRow {
  readonly id: string
  readonly kind:
    | 'account'
    | 'user'
    | 'key'
    | 'site'
    | 'developer'
    | 'source'
    | 'destination'
    | 'subscription'
  readonly name: string
  readonly accountId: string
}

/** Reads for the dashboard. No request of a key waits for them. */
export interface DashboardStorage {
  /** Counts keys by type. `since`: the earliest use that counts. */
  countKeysByType(filter: {
    readonly since: number
    readonly now: number
    readonly accountId?: string | undefined
  }): Promise<KeyTypeCount[]>
  /** Finds the known rows among these ids, in no order. */
  findRowNames(filter: {
    readonly ids: readonly string[]
    readonly accountId?: string | undefined
  }): Promise<NamedRow[]>
}

/** The number of requests with one outcome within an hour. */
export interface HourlyTraffic {
  /** Hours since 1970, UTC. */
  readonly hour: number
  /** The account of the key; null if no key was found. */
  readonly accountId: string | null
  /** Null if no key type was claimed. */
  readonly keyType: KeyType | null
  readonly outcome: 'admitted' | FailureReason
  readonly requests: number
}

/** The number of requests with one outcome within a span. */
export interface TrafficSum extends Pick<HourlyTraffic, 'keyType' | 'outcome' | 'requests'> {
  /** The index of the span: 0 begins with the first hour. */
  readonly span: number
}

/** Consecutive spans of `hours` hours each, for one account, or for all requests. */
export interface TrafficSpans {
  readonly fromHour: number
  readonly hours: number
  readonly accountId?: string | undefined
}

export interface TrafficStorage {
  /** Adds to the stored counts. */
  addTraffic(rows: readonly HourlyTraffic[]): Promise<void>
  /** Sums the counts by span, the oldest first. */
  sumTraffic(spans: TrafficSpans): Promise<TrafficSum[]>
  /** Deletes the counts before this hour. Returns the number of rows. */
  purgeTraffic(beforeHour: number): Promise<number>
}
