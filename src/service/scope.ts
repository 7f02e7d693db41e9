import type {
  AuditStorage,
  AuthorityStorage,
  GrantStorage,
  MessageIdStorage,
  ProofStorage,
  Storage,
} from './ports.ts'
import { scopeAccounts } from './scope/accounts.ts'
import { scopeEdits } from './scope/edits.ts'
import { scopeEvents } from './scope/events.ts'
import { scopeKeys } from './scope/keys.ts'
import { scopeLists } from './scope/lists.ts'
import { scopeMessages } from './scope/messages.ts'
import { createOwn } from './scope/own.ts'
import { scopePeople } from './scope/people.ts'
import { scopeRoutes } from './scope/routes.ts'
import { scopeSurvey } from './scope/survey.ts'
import { scopeTraffic } from './scope/traffic.ts'

/** What is no part of people's work: judging requests, the chain of the audit, the database itself. */
type Elsewhere =
  | keyof GrantStorage
  | keyof MessageIdStorage
  | keyof ProofStorage
  | Exclude<keyof AuthorityStorage, 'findKeyBySecret'>
  | Exclude<keyof AuditStorage, 'listEventsOfRequest'>
  | 'probe'
  | 'close'

/** What people's work needs of storage. */
export type DeskStorage = Omit<Storage, Elsewhere>

/**
 * The storage, as if only this account existed: rows of others are not found, not listed, and a change
 * of one is a change of a row that is not there. Each verb says for itself how it is kept to the
 * account, so that a new one does not compile until somebody has said so.
 */
export function createScope(storage: DeskStorage, accountId: string): DeskStorage {
  const own = createOwn(storage, accountId)
  return {
    ...scopeAccounts(storage, own),
    ...scopeRoutes(storage, own),
    ...scopeKeys(storage, own),
    ...scopeMessages(storage, own),
    ...scopeEvents(storage, own),
    ...scopePeople(storage, own),
    ...scopeTraffic(storage, own),
    ...scopeLists(storage, own),
    ...scopeEdits(storage, own),
    ...scopeSurvey(storage, own),
  }
}
