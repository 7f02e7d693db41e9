import type { AuditStorage } from '../ports/audit.ts'
import type { AuthorityStorage, GrantStorage, ProofStorage } from '../ports/authority.ts'
import type { DashboardStorage, TrafficStorage } from '../ports/dashboard.ts'
import type { MessageIdStorage } from '../ports/messages.ts'
import type { ResourceStorage, Storage } from '../ports/storage.ts'
import { type AccountScope, createAccountScope, rejectOutOfScope } from './account-scope.ts'
import { scopeAccounts, scopeEdits, scopeSignIns } from './accounts.ts'
import { scopeKeys, scopeLists } from './keys.ts'
import { scopeMessages, scopeRouting } from './messages.ts'

/**
 * The operations that management does not need: those for requests, the audit chain and the database
 * itself.
 */
type ServerOnlyVerb =
  | keyof GrantStorage
  | keyof MessageIdStorage
  | keyof ProofStorage
  | Exclude<keyof AuthorityStorage, 'findKeyBySecret'>
  | Exclude<keyof AuditStorage, 'listRequestEvents'>
  | 'probe'
  | 'close'

/** The storage that management needs. */
export type ManagementStorage = Omit<Storage, ServerOnlyVerb>

/**
 * Restricts the storage to one account: rows of other accounts are neither found nor listed, and
 * changing one has the result of a missing row. Each operation states how it is scoped, so a new one
 * does not compile until it does.
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

/** Scopes events to one account. Their chain covers all accounts. */
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

/** Scopes the dashboard to one account. */
export function scopeDashboard(storage: DashboardStorage, scope: AccountScope): DashboardStorage {
  return {
    countKeysByType: (filter) => scope.list(filter, storage.countKeysByType),
    async findRowNames(ids) {
      const rows = await storage.findRowNames(ids)
      return rows.filter(({ accountId }) => accountId === scope.accountId)
    },
  }
}

/** Scopes traffic to one account. Requests without a key belong to none. */
export function scopeTraffic(storage: TrafficStorage, scope: AccountScope): TrafficStorage {
  return {
    listTraffic: (fromHour, accountId) =>
      scope.list({ accountId }, (filter) => storage.listTraffic(fromHour, filter.accountId)),

    sumTraffic: (spans) => scope.list(spans, storage.sumTraffic),

    addTraffic: rejectOutOfScope('addTraffic'),
    purgeTraffic: rejectOutOfScope('purgeTraffic'),
  }
}
