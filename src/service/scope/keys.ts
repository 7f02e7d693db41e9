import type { AuthorityStorage } from '../ports/authority.ts'
import type { ListStorage, SubscriptionListItem } from '../ports/lists.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import { type AccountScope, HIDDEN_DETAIL, rejectOutOfScope, runIfOwned } from './account-scope.ts'

type SecretLookup = Pick<AuthorityStorage, 'findKeyBySecret'>
type KeyVerbs = SecretLookup &
  Pick<
    ResourceStorage,
    | 'addKey'
    | 'enableKey'
    | 'disableKey'
    | 'revokeKey'
    | 'editKey'
    | 'amendKey'
    | 'assignKey'
    | 'deleteKey'
    | 'rotateSecret'
    | 'listKeys'
    | 'listSealedKeys'
    | 'findKeySummary'
    | 'findSealedSecret'
    | 'addKeyUses'
    | 'listKeyUses'
  >

/** Scopes keys to one account. */
export function scopeKeys(storage: ResourceStorage & SecretLookup, scope: AccountScope): KeyVerbs {
  return {
    // The statement itself guards that the owner and the other resources are in the same account.
    addKey: (key, event, maxDeveloperKeys) =>
      runIfOwned(scope.row(key), () => storage.addKey(key, event, maxDeveloperKeys), false),
    enableKey: (id, by, event) =>
      runIfOwned(scope.key(id), () => storage.enableKey(id, by, event), false),
    disableKey: (id, by, event) =>
      runIfOwned(scope.key(id), () => storage.disableKey(id, by, event), false),
    revokeKey: (id, event) => runIfOwned(scope.key(id), () => storage.revokeKey(id, event), false),
    // The statement itself guards that a new owner is in the same account.
    editKey: (id, edit, seen, event) =>
      runIfOwned(scope.key(id), () => storage.editKey(id, edit, seen, event), false),
    amendKey: (id, to, seen, event) =>
      runIfOwned(scope.key(id), () => storage.amendKey(id, to, seen, event), false),
    async assignKey(id, to, event) {
      if (to !== null && (await scope.site(to.siteId)) === null) return false
      return runIfOwned(scope.key(id), () => storage.assignKey(id, to, event), false)
    },
    deleteKey: (id, event) => runIfOwned(scope.key(id), () => storage.deleteKey(id, event), false),
    rotateSecret: (id, secret, event) =>
      runIfOwned(scope.key(id), () => storage.rotateSecret(id, secret, event), false),

    listKeys: (page) => scope.list(page, storage.listKeys),
    listSealedKeys: (page) => scope.list(page, storage.listSealedKeys),
    findKeySummary: scope.keyByAnyId,
    findSealedSecret: (id) => runIfOwned(scope.key(id), () => storage.findSealedSecret(id), null),
    listKeyUses: (id, fromDay) =>
      runIfOwned(scope.key(id), () => storage.listKeyUses(id, fromDay), []),

    // Searches all accounts, because a secret belongs to one key of the server. The caller already
    // has the secret.
    findKeyBySecret: storage.findKeyBySecret,
    addKeyUses: rejectOutOfScope('addKeyUses'),
  }
}

/** Scopes lists to one account. */
export function scopeLists(storage: ListStorage, scope: AccountScope): ListStorage {
  const { accountId } = scope
  const isOtherAccount = (filter: { readonly accountId?: string | undefined }) =>
    filter.accountId !== undefined && filter.accountId !== accountId

  return {
    searchKeys: async (search) =>
      isOtherAccount(search)
        ? { keys: [], next: null, count: 0 }
        : storage.searchKeys({ ...search, accountId }),
    countKeys: async (criteria, maxCount) =>
      isOtherAccount(criteria) ? 0 : storage.countKeys({ ...criteria, accountId }, maxCount),
    async listDailyUsesByKey(keyIds, fromDay) {
      const ownedRows = await Promise.all(keyIds.map(scope.key))
      const ids = keyIds.filter((_, n) => ownedRows[n] !== null)
      return ids.length === 0 ? [] : storage.listDailyUsesByKey(ids, fromDay)
    },
    searchUsers: (search) => scope.list(search, storage.searchUsers),
    countKeysByHolder: async (what, ids, filter) =>
      isOtherAccount({ accountId: filter }) ? [] : storage.countKeysByHolder(what, ids, accountId),
    async listSignInStatus(userIds, now) {
      const ownedRows = await Promise.all(userIds.map(scope.user))
      const ids = userIds.filter((_, n) => ownedRows[n] !== null)
      return ids.length === 0 ? [] : storage.listSignInStatus(ids, now)
    },
    findSourceKey: (id) => runIfOwned(scope.source(id), () => storage.findSourceKey(id), null),
    async searchSubscriptions(page) {
      return Promise.all(
        (await scope.list(page, storage.searchSubscriptions)).map(hideForeignDestination),
      )
    },
    async findSubscriptionListItem(id) {
      const find = () => storage.findSubscriptionListItem(id)
      const subscription = await runIfOwned(scope.subscription(id), find, null)
      return subscription === null ? null : hideForeignDestination(subscription)
    },
  }

  /** Hides the location of another account's destination (see `scopeRouting`). */
  async function hideForeignDestination(
    subscription: SubscriptionListItem,
  ): Promise<SubscriptionListItem> {
    const { destination, lastAttempt } = subscription
    if ((await scope.destination(destination.id)) !== null) return subscription
    const wasReached = lastAttempt === null || lastAttempt.httpStatus !== null
    return {
      ...subscription,
      destination: { ...destination, url: null },
      lastAttempt: wasReached ? lastAttempt : { ...lastAttempt, detail: HIDDEN_DETAIL },
    }
  }
}
