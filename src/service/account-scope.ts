import type { ActorDeps } from './audit/audit-event.ts'
import type { RowKind } from './ports/accounts.ts'
import type { SubscriptionListItem } from './ports/lists.ts'
import type { AttemptRecord } from './ports/messages.ts'
import type { Storage } from './ports/storage.ts'

/**
 * Limits a storage method to one account: returns the method for callers who see only this account. The
 * arguments and the result stay those of the method, so a rule that does not fit does not compile.
 *
 * A rule may check the account before the statement runs: no row ever changes its account, so a row
 * that was found in it still belongs to it when it is changed a moment later.
 */
type ScopeRule<Method> = (method: Method, account: AccountScope) => Method

interface AccountScope {
  readonly id: string
  /** True if the account has the row. A key's public id is no row id. */
  readonly owns: (kind: RowKind, rowId: string) => Promise<boolean>
}

/** The first argument is the id of a row. `missing`: the result for a row that does not exist. */
const byRowId =
  <Missing>(kind: RowKind, missing: Missing) =>
  <Rest extends unknown[], Value>(
    method: (id: string, ...rest: Rest) => Promise<Value | Missing>,
    { owns }: AccountScope,
  ) =>
  async (id: string, ...rest: Rest): Promise<Value | Missing> =>
    (await owns(kind, id)) ? method(id, ...rest) : missing

/** The first argument is the kind of a row, and the second is its id. */
const byKindAndId =
  <Kind extends RowKind, Rest extends unknown[]>(
    method: (kind: Kind, id: string, ...rest: Rest) => Promise<boolean>,
    { owns }: AccountScope,
  ) =>
  async (kind: Kind, id: string, ...rest: Rest): Promise<boolean> =>
    (await owns(kind, id)) && method(kind, id, ...rest)

/** The first argument is a new row. */
const newRow =
  <Row extends { readonly accountId: string }, Rest extends unknown[]>(
    method: (row: Row, ...rest: Rest) => Promise<boolean>,
    account: AccountScope,
  ) =>
  async (row: Row, ...rest: Rest): Promise<boolean> =>
    row.accountId === account.id && method(row, ...rest)

/** The first argument is a filter by account. `none`: the result for another account. */
const byFilter =
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
const foundRow =
  <Args extends unknown[], Row extends { readonly accountId: string }>(
    method: (...args: Args) => Promise<Row | null>,
    account: AccountScope,
  ) =>
  async (...args: Args): Promise<Row | null> => {
    const row = await method(...args)
    return row?.accountId === account.id ? row : null
  }

/** The method is safe without a limit, for the reason that the table gives. */
const allowEveryAccount = <Method>(method: Method): Method => method

/** The method is of the server itself. Its call is a bug. */
const serverOnly = () => async (): Promise<never> => {
  throw new Error('this storage method is not of one account')
}

/** Gives several methods one rule. */
const limit = <Rule, Name extends keyof Storage>(rule: Rule, ...names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, rule])) as Record<Name, Rule>

/**
 * How each storage method is limited to one account. Management has these methods and no others, so a
 * service that uses a method without a rule does not compile.
 */
const SCOPE_RULES = {
  // A scope has exactly one account.
  addAccount: () => async () => false,
  hasActiveOperator: serverOnly,

  // The statements guard that the owner, the source and the others are in the account of the row.
  ...limit(newRow, 'addSite', 'addDeveloper', 'addUser', 'addKey', 'addSource', 'addDestination'),
  ...limit(newRow, 'addAllowlistEntry', 'addSunset'),
  ...limit(byKindAndId, 'rename', 'deleteRow'),

  ...limit(byFilter([]), 'listAccounts', 'listSites', 'listDevelopers', 'listUsers', 'searchUsers'),
  ...limit(byFilter([]), 'listSignInStatus', 'listKeys', 'listSealedKeys', 'listDailyUsesByKey'),
  ...limit(byFilter([]), 'countKeysByHolder', 'countKeysByType', 'listSources', 'listDestinations'),
  // Events and requests without a key belong to no account.
  ...limit(byFilter([]), 'listMessages', 'listEvents', 'listRequestEvents', 'sumTraffic'),
  ...limit(byFilter([]), 'findRowNames', 'listSunsets', 'listLegacyKeys'),
  ...limit(byFilter(null), 'findScopeSunset'),
  ...limit(byFilter(0), 'countKeys'),
  ...limit(byFilter({ keys: [], next: null, count: 0 }), 'searchKeys'),

  ...limit(foundRow, 'findSite', 'findDeveloper', 'findUser', 'findKeySummary', 'findSource'),
  ...limit(foundRow, 'findDestination', 'findMessage', 'findSunset'),

  ...limit(byRowId('account', false), 'setAccountStatus', 'setOffboardingPolicy'),
  ...limit(byRowId('account', false), 'setAllowlistEnforced'),
  ...limit(byRowId('account', null), 'findAccount'),
  ...limit(byRowId('account', []), 'listAllowlistEntries'),
  ...limit(byRowId('allowlistEntry', false), 'deleteAllowlistEntry'),
  ...limit(byRowId('sunset', false), 'changeSunset', 'deleteSunset'),

  ...limit(byRowId('user', false), 'setUserEmail', 'setUserRole', 'setUsername', 'deactivateUser'),
  ...limit(byRowId('user', false), 'setSecondFactor'),
  ...limit(byRowId('user', null), 'findCredentialsByUserId'),
  ...limit(byRowId('user', 0), 'deleteSessions'),
  addInvitation:
    (method, { owns }) =>
    async (invitation, ...rest) =>
      invitation.userId !== null &&
      (await owns('user', invitation.userId)) &&
      method(invitation, ...rest),

  ...limit(byRowId('key', false), 'editKey', 'amendKey', 'enableKey', 'disableKey', 'revokeKey'),
  ...limit(byRowId('key', false), 'deleteKey', 'rotateSecret'),
  ...limit(byRowId('key', null), 'findSealedSecret'),
  ...limit(byRowId('key', []), 'listKeyUses'),
  assignKey:
    (method, { owns }) =>
    async (id, to, event) =>
      (to === null || (await owns('site', to.siteId))) &&
      (await owns('key', id)) &&
      method(id, to, event),
  // The account of an import without one is the server: its rows name their accounts.
  addImport: (method, account) => async (keyImport, event) =>
    keyImport.accountId === account.id && method(keyImport, event),
  ...limit(byRowId('import', false), 'finishImport', 'setImportUndone'),
  ...limit(byRowId('import', null), 'findImport'),
  ...limit(byRowId('import', []), 'listImportedKeys'),
  ...limit(byRowId('import', 0), 'deleteImportedKeys'),
  ...limit(byFilter([]), 'listImports', 'listUnseenKeys', 'findExistingKeys', 'findIdsByName'),
  ...limit(byFilter([]), 'listExportedKeys'),
  findUnfinishedImport: (method, account) => async (digest, accountId) =>
    accountId === account.id ? method(digest, accountId) : null,
  addImportedKeys:
    (method, { id, owns }) =>
    async (importId, keys) =>
      (await owns('import', importId)) && keys.every(({ accountId }) => accountId === id)
        ? method(importId, keys)
        : new Set(),
  ...limit(newRow, 'addPepper'),
  findPepper: (method, account) => async (accountId, name) =>
    accountId === account.id ? method(accountId, name) : null,
  // A secret belongs to one key of the server, and the caller has the secret.
  findKeysBySecret: allowEveryAccount,

  ...limit(byRowId('source', null), 'findSourceKey'),
  ...limit(byRowId('destination', false), 'setDestinationUrl', 'setDestinationVerified'),
  ...limit(byRowId('destination', false), 'verifyDestination', 'setVerificationToken'),
  ...limit(byRowId('destination', null), 'findSealedVerificationToken'),
  // Only an operator may subscribe another account's destination.
  addSubscription:
    (method, { owns }) =>
    async (subscription, event) =>
      (await owns('source', subscription.sourceId)) &&
      (await owns('destination', subscription.destinationId)) &&
      method(subscription, event),
  ...limit(byRowId('subscription', false), 'setSubscriptionStatus', 'purgeQueue'),
  // The sender must know the receiver: the name and the verification of its destination, not its URL.
  ...limit(byRowId('subscription', null), 'findSubscriptionTarget'),
  searchSubscriptions: (method, account) => async (page) =>
    hideForeignUrls(await byFilter([])(method, account)(page), account),
  findSubscriptionListItem: (method, account) => async (id) => {
    const row = await foundRow(method, account)(id)
    const [shown = null] = row === null ? [] : await hideForeignUrls([row], account)
    return shown
  },

  // Without an event, the message is not a user's test. To receive messages is the server's own work.
  addMessage: (method, account) => async (message, event) =>
    event !== undefined && (await account.owns('source', message.sourceId))
      ? method(message, event)
      : serverOnly()(),
  ...limit(byRowId('message', 0), 'replayMessage', 'skipMessage'),
  ...limit(byRowId('message', null), 'findPayload', 'findPayloadPart'),
  listAttempts: (method, account) => async (id, max) => {
    const attempts = await byRowId('message', [])(method, account)(id, max)
    const own = await findOwnDestinations(
      attempts.map((row) => row.destinationId),
      account,
    )
    return attempts.map((row) => (own.has(row.destinationId) ? row : hideDetail(row)))
  },
  // A part belongs to the message that is added after it. The guard refuses the parts of a message.
  ...limit(allowEveryAccount, 'addPayloadPart', 'deletePayloadParts'),
  // The subject of an event was found before, so it is in the account.
  addEvent: allowEveryAccount,
} satisfies { readonly [Name in keyof Storage]?: ScopeRule<Storage[Name]> }

/** The storage that management needs. */
export type ManagementStorage = Pick<Storage, keyof typeof SCOPE_RULES>

/** The dependencies of every service that manages rows for an actor. */
export interface ManagementDeps extends ActorDeps {
  readonly storage: ManagementStorage
}

/**
 * Restricts the storage to one account: rows of other accounts are neither found nor listed, and
 * changing one has the result of a missing row.
 */
export function scopeStorage(storage: Storage, accountId: string): ManagementStorage {
  const account: AccountScope = {
    id: accountId,
    owns: async (kind, rowId) => (await storage.findRowAccountId(kind, rowId)) === accountId,
  }
  const rules = Object.entries(SCOPE_RULES) as [keyof ManagementStorage, ScopeRule<unknown>][]
  // Each rule has the type of its method.
  return Object.fromEntries(
    rules.map(([name, rule]) => [name, rule(storage[name], account)]),
  ) as unknown as ManagementStorage
}

/** Finds those of the destinations that belong to the account. */
async function findOwnDestinations(
  ids: readonly string[],
  { owns }: AccountScope,
): Promise<Set<string>> {
  const own = new Set(ids)
  await Promise.all([...own].map(async (id) => (await owns('destination', id)) || own.delete(id)))
  return own
}

/** Hides the location of other accounts' destinations. */
async function hideForeignUrls(
  subscriptions: readonly SubscriptionListItem[],
  account: AccountScope,
): Promise<SubscriptionListItem[]> {
  const ids = subscriptions.map(({ destination }) => destination.id)
  const own = await findOwnDestinations(ids, account)
  return subscriptions.map((row) =>
    own.has(row.destination.id)
      ? row
      : {
          ...row,
          destination: { ...row.destination, url: null },
          lastAttempt: row.lastAttempt && hideDetail(row.lastAttempt),
        },
  )
}

/** Hides the reason that a destination was not reached, because it may reveal the location. */
const hideDetail = <Attempt extends Pick<AttemptRecord, 'httpStatus' | 'detail'>>(
  attempt: Attempt,
): Attempt =>
  attempt.httpStatus === null
    ? { ...attempt, detail: 'it was not reached. Only its own account can see the reason' }
    : attempt
