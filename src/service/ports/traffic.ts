import type { Dialect } from '../../domain/dialect.ts'
import type { Reason } from '../../domain/failure.ts'

/** What came of so many requests within an hour. */
export interface Traffic {
  /** Hours since 1970, UTC. */
  readonly hour: number
  /** Whose key it was; null where no key was found. */
  readonly accountId: string | null
  /** Null where none was claimed. */
  readonly dialect: Dialect | null
  readonly outcome: 'admitted' | Reason
  readonly requests: number
}

/** What came of requests within several hours together. */
export interface TrafficSum extends Pick<Traffic, 'dialect' | 'outcome' | 'requests'> {
  /** Which of the spans: 0 begins with the first hour that was asked for. */
  readonly span: number
}

/** Spans of so many hours each, one after another; of one account, or of all and of none. */
export interface Spans {
  readonly fromHour: number
  readonly hours: number
  readonly accountId?: string | undefined
}

export interface TrafficStorage {
  /** Adds to what was counted. */
  addTraffic(rows: readonly Traffic[]): Promise<void>
  /** From this hour on; of one account, or of all and of none. */
  listTraffic(fromHour: number, accountId?: string): Promise<Traffic[]>
  /** The same, added up; the oldest span first. */
  sumTraffic(spans: Spans): Promise<TrafficSum[]>
  /** Deletes what was counted before. Answers how many rows. */
  purgeTraffic(beforeHour: number): Promise<number>
}
