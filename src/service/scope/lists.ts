import type { ListedFeed, ListStorage } from '../ports/lists.ts'
import { NOT_TOLD, type Own, withOwn } from './own.ts'

/** Lists for people, where no other account exists. */
export function scopeLists(storage: ListStorage, own: Own): ListStorage {
  const { accountId } = own
  const isOthers = (asked: { readonly accountId?: string | undefined }) =>
    asked.accountId !== undefined && asked.accountId !== accountId

  return {
    searchKeys: async (search) =>
      isOthers(search)
        ? { keys: [], next: null, count: 0 }
        : storage.searchKeys({ ...search, accountId }),
    countKeys: async (questions, most) =>
      isOthers(questions) ? 0 : storage.countKeys({ ...questions, accountId }, most),
    async listUsesOf(keyIds, fromDay) {
      const found = await Promise.all(keyIds.map(own.key))
      const ids = keyIds.filter((_, n) => found[n] !== null)
      return ids.length === 0 ? [] : storage.listUsesOf(ids, fromDay)
    },
    searchUsers: (search) => own.list(search, storage.searchUsers),
    countKeysOf: async (what, ids, asked) =>
      isOthers({ accountId: asked }) ? [] : storage.countKeysOf(what, ids, accountId),
    async listSignIns(userIds, now) {
      const found = await Promise.all(userIds.map(own.user))
      const ids = userIds.filter((_, n) => found[n] !== null)
      return ids.length === 0 ? [] : storage.listSignIns(ids, now)
    },
    findKeyOfSource: (id) => withOwn(own.source(id), () => storage.findKeyOfSource(id), null),
    async listFeeds(page) {
      return Promise.all((await own.list(page, storage.listFeeds)).map(guarded))
    },
    async findListedFeed(id) {
      const find = () => storage.findListedFeed(id)
      const feed = await withOwn(own.subscription(id), find, null)
      return feed === null ? null : guarded(feed)
    },
  }

  /** Where another account's destination is, is not told (see scope/routes.ts). */
  async function guarded(feed: ListedFeed): Promise<ListedFeed> {
    const { destination, lastAttempt } = feed
    if ((await own.destination(destination.id)) !== null) return feed
    const wasReached = lastAttempt === null || lastAttempt.httpStatus !== null
    return {
      ...feed,
      destination: { ...destination, url: null },
      lastAttempt: wasReached ? lastAttempt : { ...lastAttempt, detail: NOT_TOLD },
    }
  }
}
