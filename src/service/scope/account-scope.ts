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
 * What of the server is one account's. No row ever changes its account: what was found to be its own
 * still is when it is changed a moment later.
 */
export function createAccountScope(storage: ScopeFinders, accountId: string) {
  const ownedOrNull = <Row extends { readonly accountId: string }>(row: Row | null): Row | null =>
    row?.accountId === accountId ? row : null

  const scope = {
    accountId,

    /** A page of what is the account's; of what is asked for of another, there is none. */
    list: async <P extends { readonly accountId?: string | undefined }, Row>(
      page: P,
      read: (page: P) => Promise<Row[]>,
    ): Promise<Row[]> =>
      page.accountId === undefined || page.accountId === accountId
        ? read({ ...page, accountId })
        : [],

    account: async (id: string) => (id === accountId ? id : null),
    /** A row that is about to be added. */
    row: async (row: { readonly accountId: string }) => ownedOrNull(row),

    /** By row id or by public id, as a key is found. */
    keyByAnyId: async (id: string) => ownedOrNull(await storage.findKeySummary(id)),
    /** By row id alone, as a key is changed. */
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

    /** It is the account's whose source sends: wherever it goes, the messages are that account's. */
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

/** Does something with what is there in the account; anything else is a row that is not there. */
export async function runIfOwned<T>(
  owned: Promise<unknown>,
  work: () => Promise<T>,
  fallback: T,
): Promise<T> {
  return (await owned) === null ? fallback : work()
}

/** In place of why a destination of another account was not reached. */
export const HIDDEN_DETAIL = 'it was not reached: why is told to the account that it belongs to'

/**
 * A verb of the server's own work, or of all accounts together: where only one account is in sight,
 * that it is asked for at all is a mistake in the code.
 */
export class OutOfScopeError extends Error {
  override name = 'OutOfScope'
}

export const rejectOutOfScope = (verb: string) => (): Promise<never> =>
  Promise.reject(new OutOfScopeError(`${verb} is not of one account`))
