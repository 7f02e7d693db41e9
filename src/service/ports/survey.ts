import type { Dialect } from '../../domain/dialect.ts'

/** How many keys of a dialect there are, and how many of them are in use. */
export interface KeyCensus {
  readonly dialect: Dialect
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
export interface SurveyStorage {
  /** By dialect. `since`: when a use counts. */
  takeKeyCensus(asked: {
    readonly since: number
    readonly now: number
    readonly accountId?: string | undefined
  }): Promise<KeyCensus[]>
  /** Those of these ids that are known, in no order. */
  findNames(ids: readonly string[]): Promise<NamedRow[]>
}
