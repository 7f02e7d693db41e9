import type { AccountStorage } from './ports/accounts.ts'
import type { AuditStorage, EventStorage } from './ports/audit.ts'
import type { AuthorityStorage, GrantStorage, ProofStorage } from './ports/authority.ts'
import type { EditStorage } from './ports/edits.ts'
import type { FeedStorage } from './ports/feeds.ts'
import type { KeyStorage } from './ports/keys.ts'
import type { ListStorage } from './ports/lists.ts'
import type { MessageIdStorage, MessageStorage } from './ports/messages.ts'
import type { PeopleStorage } from './ports/people.ts'
import type { RouteStorage } from './ports/routes.ts'
import type { SurveyStorage } from './ports/survey.ts'
import type { TrafficStorage } from './ports/traffic.ts'

/** What the core asks of the world outside: a contract a file. Adapters keep them, services only know them. */
export type * from './ports/accounts.ts'
export type * from './ports/audit.ts'
export type * from './ports/authority.ts'
export type * from './ports/carry.ts'
export type * from './ports/courier.ts'
export type * from './ports/feeds.ts'
export type * from './ports/keys.ts'
export type * from './ports/messages.ts'
export type * from './ports/page.ts'
export type * from './ports/routes.ts'
export type * from './ports/runtime.ts'
export type * from './ports/secrets.ts'
export type * from './ports/tokens.ts'

/** What an operator looks at and changes. */
export interface OperatorStorage extends AccountStorage, KeyStorage, RouteStorage, EventStorage {}

/** One verb a fact. Every write is on disk when its promise resolves, and says what happened. */
export interface Storage
  extends AuthorityStorage,
    GrantStorage,
    ProofStorage,
    MessageStorage,
    MessageIdStorage,
    FeedStorage,
    OperatorStorage,
    AuditStorage,
    PeopleStorage,
    TrafficStorage,
    ListStorage,
    EditStorage,
    SurveyStorage {
  /** Writes as much as a message takes; throws if the database cannot. */
  probe(): Promise<void>
  close(): Promise<void>
}

/**
 * Thrown by every verb while the database cannot be reached or takes no write: a broken machine, not
 * a bug. Callers are told to come back.
 */
export class Unavailable extends Error {
  override name = 'Unavailable'
}
