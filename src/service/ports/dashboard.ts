import type { FailureReason } from '../../domain/failure.ts'
import type { KeyType } from '../../domain/key-type.ts'

/** How many keys of a dialect there are, and how many of them are in use. */
export interface KeyTypeCount {
  readonly dialect: KeyType
  /** Enabled, and not expired. */
  readonly usable: number
  /** Used since then, whatever has become of them. */
  readonly used: number
}

/** A row that an id stands for, as people call it. */
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

/** What tells people how things are. No request of a key waits for it. */
export interface DashboardStorage {
  /** By dialect. `since`: when a use counts. */
  countKeysByType(filter: {
    readonly since: number
    readonly now: number
    readonly accountId?: string | undefined
  }): Promise<KeyTypeCount[]>
  /** Those of these ids that are known, in no order. */
  findRowNames(ids: readonly string[]): Promise<NamedRow[]>
}

/** What came of so many requests within an hour. */
export interface HourlyTraffic {
  /** Hours since 1970, UTC. */
  readonly hour: number
  /** Whose key it was; null where no key was found. */
  readonly accountId: string | null
  /** Null where none was claimed. */
  readonly dialect: KeyType | null
  readonly outcome: 'admitted' | FailureReason
  readonly requests: number
}

/** What came of requests within several hours together. */
export interface TrafficSum extends Pick<HourlyTraffic, 'dialect' | 'outcome' | 'requests'> {
  /** Which of the spans: 0 begins with the first hour that was asked for. */
  readonly span: number
}

/** Spans of so many hours each, one after another; of one account, or of all and of none. */
export interface TrafficSpans {
  readonly fromHour: number
  readonly hours: number
  readonly accountId?: string | undefined
}

export interface TrafficStorage {
  /** Adds to what was counted. */
  addTraffic(rows: readonly HourlyTraffic[]): Promise<void>
  /** From this hour on; of one account, or of all and of none. */
  listTraffic(fromHour: number, accountId?: string): Promise<HourlyTraffic[]>
  /** The same, added up; the oldest span first. */
  sumTraffic(spans: TrafficSpans): Promise<TrafficSum[]>
  /** Deletes what was counted before. Answers how many rows. */
  purgeTraffic(beforeHour: number): Promise<number>
}
