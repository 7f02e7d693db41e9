import type { MessageStorage, OperatorStorage } from '../ports.ts'

type Finders = Pick<
  OperatorStorage,
  | 'findKeySummary'
  | 'findUser'
  | 'findSite'
  | 'findDeveloper'
  | 'findSource'
  | 'findDestination'
  | 'findSubscription'
  | 'listAddressRules'
> &
  Pick<MessageStorage, 'findMessage'>

/**
 * What of the server is one account's. No row ever changes its account: what was found to be its own
 * still is when it is changed a moment later.
 */
export function createOwn(storage: Finders, accountId: string) {
  const ifOwn = <Row extends { readonly accountId: string }>(row: Row | null): Row | null =>
    row?.accountId === accountId ? row : null

  const own = {
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
    row: async (row: { readonly accountId: string }) => ifOwn(row),

    /** By row id or by public id, as a key is found. */
    keyCalled: async (id: string) => ifOwn(await storage.findKeySummary(id)),
    /** By row id alone, as a key is changed. */
    async key(id: string) {
      const key = await own.keyCalled(id)
      return key?.id === id ? key : null
    },
    user: async (id: string) => ifOwn(await storage.findUser(id)),
    site: async (id: string) => ifOwn(await storage.findSite(id)),
    developer: async (id: string) => ifOwn(await storage.findDeveloper(id)),
    source: async (id: string) => ifOwn(await storage.findSource(id)),
    destination: async (id: string) => ifOwn(await storage.findDestination(id)),
    message: async (id: string) => ifOwn(await storage.findMessage(id)),
    async addressRule(id: string) {
      const rules = await storage.listAddressRules(accountId)
      return rules.find((rule) => rule.id === id) ?? null
    },

    /** It is the account's whose source sends: wherever it goes, the messages are that account's. */
    async subscription(id: string) {
      const subscription = await storage.findSubscription(id)
      return subscription !== null && (await own.source(subscription.sourceId)) !== null
        ? subscription
        : null
    },
  }
  return own
}

export type Own = ReturnType<typeof createOwn>

/** Does something with what is there in the account; anything else is a row that is not there. */
export async function withOwn<T>(
  found: Promise<unknown>,
  work: () => Promise<T>,
  otherwise: T,
): Promise<T> {
  return (await found) === null ? otherwise : work()
}

/** In place of why a destination of another account was not reached. */
export const NOT_TOLD = 'it was not reached: why is told to the account that it belongs to'

/**
 * A verb of the server's own work, or of all accounts together: where only one account is in sight,
 * that it is asked for at all is a mistake in the code.
 */
export class OutOfScope extends Error {
  override name = 'OutOfScope'
}

export const outOfScope = (verb: string) => (): Promise<never> =>
  Promise.reject(new OutOfScope(`${verb} is not of one account`))
