import type { AuditStorage } from '../ports/audit.ts'
import type { AuthorityStorage, GrantStorage, ProofStorage } from '../ports/authority.ts'
import type { DashboardStorage, TrafficStorage } from '../ports/dashboard.ts'
import type { MessageIdStorage } from '../ports/messages.ts'
import type { ResourceStorage, Storage } from '../ports/storage.ts'
import { type AccountScope, createAccountScope, rejectOutOfScope } from './account-scope.ts'
import { scopeAccounts, scopeEdits, scopeSignIns } from './accounts.ts'
import { scopeKeys, scopeLists } from './keys.ts'
import { scopeMessages, scopeRouting } from './messages.ts'

/** What is no part of people's work: judging requests, the chain of the audit, the database itself. */
type ServerOnlyVerb =
  | keyof GrantStorage
  | keyof MessageIdStorage
  | keyof ProofStorage
  | Exclude<keyof AuthorityStorage, 'findKeyBySecret'>
  | Exclude<keyof AuditStorage, 'listRequestEvents'>
  | 'probe'
  | 'close'

/** What people's work needs of storage. */
export type ManagementStorage = Omit<Storage, ServerOnlyVerb>

/**
 * The storage, as if only this account existed: rows of others are not found, not listed, and a change
 * of one is a change of a row that is not there. Each verb says for itself how it is kept to the
 * account, so that a new one does not compile until somebody has said so.
 */
export function scopeStorage(storage: ManagementStorage, accountId: string): ManagementStorage {
  const scope = createAccountScope(storage, accountId)
  return {
    ...scopeAccounts(storage, scope),
    ...scopeRouting(storage, scope),
    ...scopeKeys(storage, scope),
    ...scopeMessages(storage, scope),
    ...scopeEvents(storage, scope),
    ...scopeSignIns(storage, scope),
    ...scopeTraffic(storage, scope),
    ...scopeLists(storage, scope),
    ...scopeEdits(storage, scope),
    ...scopeDashboard(storage, scope),
  }
}

type RequestEventVerb = Pick<AuditStorage, 'listRequestEvents'>
type EventVerbs = RequestEventVerb & Pick<ResourceStorage, 'addEvent' | 'listEvents'>

/** Events, where no other account exists. The chain that they become is one for all accounts. */
export function scopeEvents(
  storage: ResourceStorage & RequestEventVerb,
  scope: AccountScope,
): EventVerbs {
  return {
    addEvent: storage.addEvent,
    listEvents: (page) => scope.list(page, storage.listEvents),
    async listRequestEvents(requestId) {
      const events = await storage.listRequestEvents(requestId)
      return events.filter(({ accountId }) => accountId === scope.accountId)
    },
  }
}

/** How things are, where no other account exists. */
export function scopeDashboard(storage: DashboardStorage, scope: AccountScope): DashboardStorage {
  return {
    countKeysByType: (filter) => scope.list(filter, storage.countKeysByType),
    async findRowNames(ids) {
      const rows = await storage.findRowNames(ids)
      return rows.filter(({ accountId }) => accountId === scope.accountId)
    },
  }
}

/** What came of requests, where no other account exists: those without a key are nobody's. */
export function scopeTraffic(storage: TrafficStorage, scope: AccountScope): TrafficStorage {
  return {
    listTraffic: (fromHour, accountId) =>
      scope.list({ accountId }, (filter) => storage.listTraffic(fromHour, filter.accountId)),

    sumTraffic: (spans) => scope.list(spans, storage.sumTraffic),

    addTraffic: rejectOutOfScope('addTraffic'),
    purgeTraffic: rejectOutOfScope('purgeTraffic'),
  }
}
