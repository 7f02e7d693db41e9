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

/** Keys, where no other account exists. */
export function scopeKeys(storage: ResourceStorage & SecretLookup, scope: AccountScope): KeyVerbs {
  return {
    // (That its owner and place are of the same account is a guard of the statement itself.)
    addKey: (key, event, maxDeveloperKeys) =>
      runIfOwned(scope.row(key), () => storage.addKey(key, event, maxDeveloperKeys), false),
    enableKey: (id, by, event) =>
      runIfOwned(scope.key(id), () => storage.enableKey(id, by, event), false),
    disableKey: (id, by, event) =>
      runIfOwned(scope.key(id), () => storage.disableKey(id, by, event), false),
    revokeKey: (id, event) => runIfOwned(scope.key(id), () => storage.revokeKey(id, event), false),
    // (So is that a new owner is.)
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

    // Of every account: a secret opens one key of the server. Who asks has the secret before him.
    findKeyBySecret: storage.findKeyBySecret,
    addKeyUses: rejectOutOfScope('addKeyUses'),
  }
}

/** Lists for people, where no other account exists. */
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

  /** Where another account's destination is, is not told (see scope/routes.ts). */
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
