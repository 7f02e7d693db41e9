import type { MessageStorage } from '../ports/messages.ts'
import type { ResourceStorage } from '../ports/storage.ts'

type ScopeFinders = Pick<
  ResourceStorage,
  | 'findKeySummary'
  | 'findUser'
  | 'findSite'
  | 'findDeveloper'
  | 'findSource'
  | 'findDestination'
  | 'findSubscription'
  | 'listAllowlistEntries'
> &
  Pick<MessageStorage, 'findMessage'>

/**
 * Finds the rows that belong to one account. No row ever changes its account, so a row that was found
 * here still belongs to it when it is changed a moment later.
 */
export function createAccountScope(storage: ScopeFinders, accountId: string) {
  const ownedOrNull = <Row extends { readonly accountId: string }>(row: Row | null): Row | null =>
    row?.accountId === accountId ? row : null

  const scope = {
    accountId,

    /** Lists a page of the account's rows. A page of another account is empty. */
    list: async <P extends { readonly accountId?: string | undefined }, Row>(
      page: P,
      read: (page: P) => Promise<Row[]>,
    ): Promise<Row[]> =>
      page.accountId === undefined || page.accountId === accountId
        ? read({ ...page, accountId })
        : [],

    account: async (id: string) => (id === accountId ? id : null),
    /** Checks a row that is about to be added. */
    row: async (row: { readonly accountId: string }) => ownedOrNull(row),

    /** Finds a key by row id or public id, for reads. */
    keyByAnyId: async (id: string) => ownedOrNull(await storage.findKeySummary(id)),
    /** Finds a key by row id only, for changes. */
    async key(id: string) {
      const key = await scope.keyByAnyId(id)
      return key?.id === id ? key : null
    },
    user: async (id: string) => ownedOrNull(await storage.findUser(id)),
    site: async (id: string) => ownedOrNull(await storage.findSite(id)),
    developer: async (id: string) => ownedOrNull(await storage.findDeveloper(id)),
    source: async (id: string) => ownedOrNull(await storage.findSource(id)),
    destination: async (id: string) => ownedOrNull(await storage.findDestination(id)),
    message: async (id: string) => ownedOrNull(await storage.findMessage(id)),
    async addressRule(id: string) {
      const rules = await storage.listAllowlistEntries(accountId)
      return rules.find((rule) => rule.id === id) ?? null
    },

    /** A subscription belongs to the account of its source, whatever its destination. */
    async subscription(id: string) {
      const subscription = await storage.findSubscription(id)
      return subscription !== null && (await scope.source(subscription.sourceId)) !== null
        ? subscription
        : null
    },
  }
  return scope
}

export type AccountScope = ReturnType<typeof createAccountScope>

/** Runs the work if the row belongs to the account. Otherwise returns the result for a missing row. */
export async function runIfOwned<T>(
  owned: Promise<unknown>,
  work: () => Promise<T>,
  fallback: T,
): Promise<T> {
  return (await owned) === null ? fallback : work()
}

/** Replaces the reason for a failure at another account's destination. */
export const HIDDEN_DETAIL = 'it was not reached: why is told to the account that it belongs to'

/**
 * Thrown by operations of the server itself, or of all accounts together. Calling one within the scope
 * of an account is a bug.
 */
export class OutOfScopeError extends Error {
  override name = 'OutOfScope'
}

export const rejectOutOfScope = (verb: string) => (): Promise<never> =>
  Promise.reject(new OutOfScopeError(`${verb} is not of one account`))
