import type { SubscriptionListItem } from '../ports/lists.ts'
import type { AttemptSummary } from '../ports/messages.ts'
import type { Storage } from '../ports/storage.ts'
import type { ActorDeps } from '../service-result.ts'
import {
  type AccountScope,
  allowEveryAccount,
  byFilter,
  byKindAndId,
  byRowId,
  byRowIds,
  createAccountScope,
  foundRow,
  foundRows,
  newRow,
  type ScopeRule,
  serverOnly,
} from './rules.ts'

/**
 * How each storage method is limited to one account. Management has these methods and no others, so a
 * service that uses a method without a rule does not compile.
 */
const SCOPE_RULES = {
  // A scope has exactly one account.
  addAccount: () => async () => false,
  setAccountStatus: byRowId('account', false),
  setOffboardingPolicy: byRowId('account', false),
  setAllowlistEnforced: byRowId('account', false),
  findAccount: byRowId('account', null),
  listAccounts:
    (_, { id, storage }) =>
    async ({ after = '', limit }) => {
      const account = id > after && limit > 0 ? await storage.findAccount(id) : null
      return account === null ? [] : [account]
    },
  addAllowlistEntry: newRow,
  deleteAllowlistEntry: byRowId('allowlistEntry', false),
  listAllowlistEntries: byRowId('account', []),

  addSite: newRow,
  listSites: byFilter([]),
  findSite: foundRow,
  addDeveloper: newRow,
  listDevelopers: byFilter([]),
  findDeveloper: foundRow,
  countKeysByHolder:
    (method, { id }) =>
    async (what, holderIds, accountId = id) =>
      accountId === id ? method(what, holderIds, id) : [],
  rename: byKindAndId,
  deleteRow: byKindAndId,

  addUser: newRow,
  setUserEmail: byRowId('user', false),
  setUserRole: byRowId('user', false),
  setUsername: byRowId('user', false),
  deactivateUser: byRowId('user', false),
  listUsers: byFilter([]),
  searchUsers: byFilter([]),
  findUser: foundRow,
  listSignInStatus: byRowIds('user'),
  findCredentialsByUserId: byRowId('user', null),
  deleteSessions: byRowId('user', 0),
  setSecondFactor: byRowId('user', false),
  addInvitation:
    (method, { owns }) =>
    async (invitation, ...rest) =>
      invitation.userId !== null &&
      (await owns('user', invitation.userId)) &&
      method(invitation, ...rest),
  hasActiveOperator: serverOnly,

  // The statements of addKey and editKey guard that the owner and the others are in the key's account.
  addKey: newRow,
  editKey: byRowId('key', false),
  amendKey: byRowId('key', false),
  assignKey:
    (method, { owns }) =>
    async (id, to, event) =>
      (to === null || (await owns('site', to.siteId))) &&
      (await owns('key', id)) &&
      method(id, to, event),
  enableKey: byRowId('key', false),
  disableKey: byRowId('key', false),
  revokeKey: byRowId('key', false),
  deleteKey: byRowId('key', false),
  rotateSecret: byRowId('key', false),
  listKeys: byFilter([]),
  listSealedKeys: byFilter([]),
  searchKeys: byFilter({ keys: [], next: null, count: 0 }),
  countKeys: byFilter(0),
  countKeysByType: byFilter([]),
  findKeySummary: foundRow,
  findSealedSecret: byRowId('key', null),
  listKeyUses: byRowId('key', []),
  listDailyUsesByKey: byRowIds('key'),
  // A secret belongs to one key of the server, and the caller has the secret.
  findKeyBySecret: allowEveryAccount,

  addSource: newRow,
  listSources: byFilter([]),
  findSource: foundRow,
  findSourceKey: byRowId('source', null),
  addDestination: newRow,
  setDestinationUrl: byRowId('destination', false),
  setDestinationVerified: byRowId('destination', false),
  verifyDestination: byRowId('destination', false),
  setVerificationToken: byRowId('destination', false),
  findSealedVerificationToken: byRowId('destination', null),
  listDestinations: byFilter([]),
  findDestination: foundRow,

  // Only an operator may subscribe another account's destination.
  addSubscription:
    (method, { owns }) =>
    async (subscription, event) =>
      (await owns('source', subscription.sourceId)) &&
      (await owns('destination', subscription.destinationId)) &&
      method(subscription, event),
  setSubscriptionStatus: byRowId('subscription', false),
  purgeQueue: byRowId('subscription', false),
  // The sender must know the receiver: the name and the verification of its destination, not its URL.
  findSubscriptionTarget: byRowId('subscription', null),
  searchSubscriptions: (method, account) => async (page) =>
    hideForeignDestinations(await byFilter([])(method, account)(page), account),
  findSubscriptionListItem: (method, account) => async (id) => {
    const subscription = await foundRow(method, account)(id)
    if (subscription === null) return null
    const [shown = null] = await hideForeignDestinations([subscription], account)
    return shown
  },

  // Without an event, the message is not a user's test. To receive messages is the server's own work.
  addMessage: (method, account) => async (message, event) =>
    event !== undefined && (await account.owns('source', message.sourceId))
      ? method(message, event)
      : serverOnly()(),
  listMessages: byFilter([]),
  findMessage: foundRow,
  findPayload: byRowId('message', null),
  findPayloadPart: byRowId('message', null),
  // A part belongs to the message that is added after it.
  addPayloadPart: allowEveryAccount,
  // The guard refuses the parts of a message.
  deletePayloadParts: allowEveryAccount,
  listAttempts: (method, account) => async (id, limit) =>
    hideForeignDetails(await byRowId('message', [])(method, account)(id, limit), account),
  replayMessage: byRowId('message', 0),
  skipMessage: byRowId('message', 0),

  // The subject of an event was found before, so it is in the account.
  addEvent: allowEveryAccount,
  listEvents: byFilter([]),
  listRequestEvents: foundRows,
  findRowNames: foundRows,
  // Requests without a key belong to no account.
  sumTraffic: byFilter([]),
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
  const account = createAccountScope(storage, accountId)
  const rules = Object.entries(SCOPE_RULES) as [keyof ManagementStorage, ScopeRule<unknown>][]
  // Each rule has the type of its method.
  return Object.fromEntries(
    rules.map(([name, rule]) => [name, rule(storage[name], account)]),
  ) as unknown as ManagementStorage
}

/** Replaces the reason for a failure at another account's destination. */
const HIDDEN_DETAIL = 'it was not reached. Only its own account can see the reason'

/** Hides the location of other accounts' destinations. */
async function hideForeignDestinations(
  subscriptions: readonly SubscriptionListItem[],
  { filterOwned }: AccountScope,
): Promise<SubscriptionListItem[]> {
  const ids = new Set(subscriptions.map(({ destination }) => destination.id))
  const owned = new Set(await filterOwned('destination', [...ids]))
  return subscriptions.map((subscription) => {
    const { destination, lastAttempt } = subscription
    if (owned.has(destination.id)) return subscription
    const wasReached = lastAttempt === null || lastAttempt.httpStatus !== null
    return {
      ...subscription,
      destination: { ...destination, url: null },
      lastAttempt: wasReached ? lastAttempt : { ...lastAttempt, detail: HIDDEN_DETAIL },
    }
  })
}

/** Hides why another account's destination was not reached, because that may reveal its location. */
async function hideForeignDetails(
  attempts: readonly AttemptSummary[],
  { filterOwned }: AccountScope,
): Promise<AttemptSummary[]> {
  const ids = new Set(attempts.map(({ destinationId }) => destinationId))
  const owned = new Set(await filterOwned('destination', [...ids]))
  return attempts.map((attempt) => {
    const wasReached = attempt.outcome !== 'failed' && attempt.outcome !== 'forbidden'
    const isShown = wasReached || owned.has(attempt.destinationId)
    return isShown ? attempt : { ...attempt, detail: HIDDEN_DETAIL }
  })
}
