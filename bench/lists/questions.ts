import type { KeySearch } from '../../src/service/ports/lists.ts'
import type { MessageFilter, Storage } from '../../src/service/ports.ts'
import { OLD_DESTINATION, SMALL_SOURCE } from './messages.ts'
import { ACCOUNT, DAY, NOW, SMALL } from './seed.ts'

/** What a page of a console asks the database. */
export interface Question {
  readonly name: string
  ask(storage: Storage): Promise<unknown>
}

const PAGE = 50
/** Beyond so many it is said that there are more. */
const COUNTED = 1_001

const SEARCHES: Record<string, Partial<KeySearch>> = {
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
  'unused for 90 days': { unusedSince: NOW - 90 * DAY, order: 'leastUsed' },
  'unused (none)': { unusedSince: 0 },
  'expires soon': { expires: { now: NOW, before: NOW + 30 * DAY }, order: 'expiry' },
  'owner left': { ownerLeft: true },
}

const FILTERS: Record<string, MessageFilter> = {
  newest: {},
  queued: { status: 'queued' },
  skipped: { status: 'skipped' },
  'queued of a destination': { status: 'queued', destinationId: 'destination-1' },
  'of a destination long ago': { destinationId: OLD_DESTINATION },
  tests: { test: true },
  'of a source long ago': { sourceId: SMALL_SOURCE, accountId: SMALL },
}

/** A page with its count: of one account, and of all. */
function ofSearch([name, asked]: [string, Partial<KeySearch>]): Question[] {
  const search = { order: 'newest', limit: PAGE, counted: COUNTED, ...asked } as const
  return [
    { name, ask: (storage) => storage.searchKeys({ ...search, accountId: ACCOUNT }) },
    { name: `${name}, every account`, ask: (storage) => storage.searchKeys(search) },
  ]
}

export const OF_KEYS: readonly Question[] = [
  ...Object.entries(SEARCHES).flatMap(ofSearch),
  {
    name: 'a user by a part of the address',
    ask: (storage) => storage.searchUsers({ accountId: ACCOUNT, text: 'nobody', limit: 10 }),
  },
]

export const OF_MESSAGES: readonly Question[] = Object.entries(FILTERS).map(([name, filter]) => ({
  name: `messages: ${name}`,
  ask: (storage) => storage.listMessages({ accountId: ACCOUNT, ...filter, limit: PAGE }),
}))
