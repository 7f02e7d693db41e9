import type { KeySearch } from '../../src/service/ports/lists.ts'
import type { MessageFilter } from '../../src/service/ports/messages.ts'
import type { Storage } from '../../src/service/ports/storage.ts'
import {
  LARGE_ACCOUNT_ID,
  LIST_DAY_MS,
  LIST_NOW,
  OLD_DESTINATION_ID,
  SMALL_ACCOUNT_ID,
  SMALL_SOURCE_ID,
} from './seed.ts'

/** What a page of a console asks the database. */
export interface ListQuery {
  readonly name: string
  run(storage: Storage): Promise<unknown>
}

const LIST_PAGE_SIZE = 50
/** Beyond so many it is said that there are more. */
const MAX_COUNT = 1_001

const KEY_SEARCHES: Record<string, Partial<KeySearch>> = {
  newest: {},
  'by name': { order: 'name' },
  'last used': { order: 'lastUsed' },
  'by expiry': { order: 'expiry' },
  'a text of all': { text: 'integration' },
  'a text of all, by name': { text: 'integration', order: 'name' },
  'a text of one, by name': { text: 'PO-99999', order: 'name' },
  'a text of one, last used': { text: 'PO-99999', order: 'lastUsed' },
  'a text of none': { text: 'nothing at all' },
  'a text of none, by expiry': { text: 'nothing at all', order: 'expiry' },
  'a text of an owner': { text: 'engineer-77@' },
  'a dialect, revoked': { dialect: 'xdent', status: 'revoked' },
  'revoked, by name': { status: 'revoked', order: 'name' },
  'disabled (none), by name': { status: 'disabled', order: 'name' },
  'unused for 90 days': { unusedSince: LIST_NOW - 90 * LIST_DAY_MS, order: 'leastUsed' },
  'unused (none)': { unusedSince: 0 },
  'expires soon': {
    expires: { now: LIST_NOW, before: LIST_NOW + 30 * LIST_DAY_MS },
    order: 'expiry',
  },
  'owner left': { ownerLeft: true },
}

const MESSAGE_FILTERS: Record<string, MessageFilter> = {
  newest: {},
  queued: { status: 'queued' },
  skipped: { status: 'skipped' },
  'queued of a destination': { status: 'queued', destinationId: 'destination-1' },
  'of a destination long ago': { destinationId: OLD_DESTINATION_ID },
  tests: { test: true },
  'of a source long ago': { sourceId: SMALL_SOURCE_ID, accountId: SMALL_ACCOUNT_ID },
}

/** A page with its count: of one account, and of all. */
function createKeyQueries([name, criteria]: [string, Partial<KeySearch>]): ListQuery[] {
  const search = {
    order: 'newest',
    limit: LIST_PAGE_SIZE,
    counted: MAX_COUNT,
    ...criteria,
  } as const
  return [
    { name, run: (storage) => storage.searchKeys({ ...search, accountId: LARGE_ACCOUNT_ID }) },
    { name: `${name}, every account`, run: (storage) => storage.searchKeys(search) },
  ]
}

export const KEY_QUERIES: readonly ListQuery[] = [
  ...Object.entries(KEY_SEARCHES).flatMap(createKeyQueries),
  {
    name: 'a user by a part of the address',
    run: (storage) =>
      storage.searchUsers({ accountId: LARGE_ACCOUNT_ID, text: 'nobody', limit: 10 }),
  },
]

export const MESSAGE_QUERIES: readonly ListQuery[] = Object.entries(MESSAGE_FILTERS).map(
  ([name, filter]) => ({
    name: `messages: ${name}`,
    run: (storage) =>
      storage.listMessages({ accountId: LARGE_ACCOUNT_ID, ...filter, limit: LIST_PAGE_SIZE }),
  }),
)
