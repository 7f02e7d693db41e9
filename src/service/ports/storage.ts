import type { AccountStorage, EditStorage } from './accounts.ts'
import type { AuditStorage, EventStorage } from './audit.ts'
import type {
  AssertionStorage,
  AuthorityStorage,
  GrantStorage,
  ImportedSecretStorage,
  ProofStorage,
  RevokedTokenStorage,
} from './authority.ts'
import type { DashboardStorage, TrafficStorage } from './dashboard.ts'
import type { ImportStorage } from './imports.ts'
import type { KeyStorage } from './keys.ts'
import type { ListStorage } from './lists.ts'
import type { MessageIdStorage, MessageStorage } from './messages.ts'
import type { QueueStorage, RoutingStorage } from './routing.ts'
import type { SignInStorage } from './sign-in.ts'
import type { SunsetStorage } from './sunsets.ts'

/** Stores the resources that operators manage. */
export interface ResourceStorage
  extends AccountStorage,
    KeyStorage,
    ImportStorage,
    RoutingStorage,
    EventStorage {}

/**
 * The whole storage. Every write is on disk when its promise resolves, and its result says what
 * happened.
 */
export interface Storage
  extends AuthorityStorage,
    GrantStorage,
    ProofStorage,
    ImportedSecretStorage,
    AssertionStorage,
    RevokedTokenStorage,
    MessageStorage,
    MessageIdStorage,
    QueueStorage,
    ResourceStorage,
    AuditStorage,
    SignInStorage,
    TrafficStorage,
    ListStorage,
    EditStorage,
    SunsetStorage,
    DashboardStorage {
  /** Writes as much as a message needs. Throws if the database cannot. */
  probe(): Promise<void>
  close(): Promise<void>
}

/**
 * Thrown by every operation while the database is unreachable or accepts no writes: an outage, not a
 * bug. Callers are told to retry.
 */
export class StorageUnavailableError extends Error {
  override name = 'Unavailable'
}
