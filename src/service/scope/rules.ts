import type { Storage } from '../ports/storage.ts'

/**
 * Limits a storage method to one account: returns the method for callers who see only this account. The
 * arguments and the result stay those of the method, so a rule that does not fit does not compile.
 *
 * A rule may check the account before the statement runs: no row ever changes its account, so a row
 * that was found in it still belongs to it when it is changed a moment later.
 */
export type ScopeRule<Method> = (method: Method, account: AccountScope) => Method

/** How the account of a row is found, by the row's id. */
const ROW_FINDERS = {
  account: async (_: Storage, id: string) => ({ id, accountId: id }),
  user: (storage: Storage, id: string) => storage.findUser(id),
  site: (storage: Storage, id: string) => storage.findSite(id),
  developer: (storage: Storage, id: string) => storage.findDeveloper(id),
  key: (storage: Storage, id: string) => storage.findKeySummary(id),
  source: (storage: Storage, id: string) => storage.findSource(id),
  destination: (storage: Storage, id: string) => storage.findDestination(id),
  // A subscription belongs to the account of its source, whatever its destination.
  subscription: (storage: Storage, id: string) => storage.findSubscriptionListItem(id),
  message: (storage: Storage, id: string) => storage.findMessage(id),
  allowlistEntry: async (storage: Storage, id: string, accountId: string) =>
    (await storage.listAllowlistEntries(accountId)).find((entry) => entry.id === id) ?? null,
}

type RowKind = keyof typeof ROW_FINDERS

export type AccountScope = ReturnType<typeof createAccountScope>

export function createAccountScope(storage: Storage, id: string) {
  /** True if the account has the row. A key's public id is no row id. */
  async function owns(kind: RowKind, rowId: string): Promise<boolean> {
    const row = await ROW_FINDERS[kind](storage, rowId, id)
    return row !== null && row.accountId === id && row.id === rowId
  }
  return {
    id,
    storage,
    owns,
    async filterOwned(kind: RowKind, ids: readonly string[]): Promise<string[]> {
      const owned = await Promise.all(ids.map((rowId) => owns(kind, rowId)))
      return ids.filter((_, n) => owned[n])
    },
  }
}

/** The first argument is the id of a row. `missing`: the result for a row that does not exist. */
export const byRowId =
  <Missing>(kind: RowKind, missing: Missing) =>
  <Rest extends unknown[], Value>(
    method: (id: string, ...rest: Rest) => Promise<Value | Missing>,
    account: AccountScope,
  ) =>
  async (id: string, ...rest: Rest): Promise<Value | Missing> =>
    (await account.owns(kind, id)) ? method(id, ...rest) : missing

/** The first argument is the kind of a row, and the second is its id. */
export const byKindAndId =
  <Kind extends RowKind, Rest extends unknown[]>(
    method: (kind: Kind, id: string, ...rest: Rest) => Promise<boolean>,
    account: AccountScope,
  ) =>
  async (kind: Kind, id: string, ...rest: Rest): Promise<boolean> =>
    (await account.owns(kind, id)) && method(kind, id, ...rest)

/** The first argument is the ids of rows. */
export const byRowIds =
  (kind: RowKind) =>
  <Rest extends unknown[], Row>(
    method: (ids: readonly string[], ...rest: Rest) => Promise<Row[]>,
    account: AccountScope,
  ) =>
  async (ids: readonly string[], ...rest: Rest): Promise<Row[]> => {
    const owned = await account.filterOwned(kind, ids)
    return owned.length === 0 ? [] : method(owned, ...rest)
  }

/** The first argument is a new row. */
export const newRow =
  <Row extends { readonly accountId: string }, Rest extends unknown[]>(
    method: (row: Row, ...rest: Rest) => Promise<boolean>,
    account: AccountScope,
  ) =>
  async (row: Row, ...rest: Rest): Promise<boolean> =>
    row.accountId === account.id && method(row, ...rest)

/** The first argument is a filter by account. `none`: the result for another account. */
export const byFilter =
  <None>(none: None) =>
  <Filter extends { readonly accountId?: string | undefined }, Rest extends unknown[], Value>(
    method: (filter: Filter, ...rest: Rest) => Promise<Value | None>,
    account: AccountScope,
  ) =>
  async (filter: Filter, ...rest: Rest): Promise<Value | None> =>
    filter.accountId === undefined || filter.accountId === account.id
      ? method({ ...filter, accountId: account.id }, ...rest)
      : none

/** The row that the method finds shows its account. */
export const foundRow =
  <Args extends unknown[], Row extends { readonly accountId: string }>(
    method: (...args: Args) => Promise<Row | null>,
    account: AccountScope,
  ) =>
  async (...args: Args): Promise<Row | null> => {
    const row = await method(...args)
    return row?.accountId === account.id ? row : null
  }

/** Every row that the method finds shows its account. */
export const foundRows =
  <Args extends unknown[], Row extends { readonly accountId: string | null }>(
    method: (...args: Args) => Promise<Row[]>,
    account: AccountScope,
  ) =>
  async (...args: Args): Promise<Row[]> =>
    (await method(...args)).filter(({ accountId }) => accountId === account.id)

/** The method is safe without a limit, for the reason that the table gives. */
export const allowEveryAccount = <Method>(method: Method): Method => method

/** Thrown by methods of the server itself, or of all accounts together. Their call is a bug. */
export class OutOfScopeError extends Error {
  override name = 'OutOfScope'
}

export const serverOnly = () => async (): Promise<never> => {
  throw new OutOfScopeError('this storage method is not of one account')
}
