import { DAY_MS } from '../../domain/instant.ts'
import { canHoldKeys } from '../../domain/role.ts'
import type { ManagementStorage } from '../account-scope.ts'
import type { TrafficSpans } from '../ports/dashboard.ts'
import type { KeyCriteria, KeyListItem, SubscriptionListItem } from '../ports/lists.ts'
import type { Clock } from '../ports/runtime.ts'

/** Keys that expire within this many days are listed as expiring. */
export const EXPIRING_SOON_DAYS = 30
/** Enabled keys without a use for this many days are listed as unused. */
export const UNUSED_DAYS = 90
/** Keys with a use within this many days count as in use. */
export const IN_USE_DAYS = 30

/** The number of rows that each list shows. */
const MAX_ATTENTION_ROWS = 5
/** The number of users that are searched for a possible key owner. */
const MAX_SEARCHED_USERS = 100
/** The highest number of keys that is counted. Beyond it, `more` is true. */
const MAX_COUNTED_ATTENTION_KEYS = 1_000
/** The highest number of stuck subscriptions that is counted, because each is read with its queue. */
const MAX_COUNTED_QUEUES = 50

export interface DashboardStatsDeps {
  readonly storage: ManagementStorage
  readonly clock: Clock
}

/** The first rows of a list, and the size of the whole list. */
export interface LimitedList<T> {
  readonly count: number
  /** True if there are more rows than were counted. */
  readonly more: boolean
  readonly items: readonly T[]
}

/** The keys and subscriptions that need attention. */
export interface AttentionSummary {
  readonly expiring: LimitedList<KeyListItem>
  readonly unused: LimitedList<KeyListItem>
  readonly ownerLeft: LimitedList<KeyListItem>
  readonly stuck: LimitedList<SubscriptionListItem>
}

/** The progress of a new account's setup. */
export interface SetupProgress {
  /** True if an active user can own a key. */
  readonly hasOwner: boolean
  /** The newest key; null if there is none. */
  readonly key: Pick<KeyListItem, 'id' | 'name'> | null
  /** True if at least one key was used. */
  readonly isInUse: boolean
}

/** Summarizes everything that the actor can see. */
export function createDashboardStats({ storage, clock }: DashboardStatsDeps) {
  return {
    /** Sums the outcomes of requests. The last minute may be missing, because counts are buffered. */
    sumTraffic: (spans: TrafficSpans) => storage.sumTraffic(spans),

    /** Counts the keys of each type, and how many of them are in use. */
    countKeysByType: () =>
      storage.countKeysByType({ since: clock() - IN_USE_DAYS * DAY_MS, now: clock() }),

    async findSetupProgress(): Promise<SetupProgress> {
      const [used, newest, users] = await Promise.all([
        storage.searchKeys({ order: 'lastUsed', limit: 1 }),
        storage.searchKeys({ order: 'newest', limit: 1 }),
        storage.listUsers({ limit: MAX_SEARCHED_USERS }),
      ])
      return {
        hasOwner: users.some(
          ({ role, deactivatedAt }) => deactivatedAt === null && canHoldKeys(role),
        ),
        key: newest.keys[0] ?? null,
        isInUse: used.keys.some(({ lastUsedAt }) => lastUsedAt !== null),
      }
    },

    async findAttention(): Promise<AttentionSummary> {
      const now = clock()
      const [expiring, unused, ownerLeft, stuck] = await Promise.all([
        searchEnabledKeys(
          { expires: { now, before: now + EXPIRING_SOON_DAYS * DAY_MS } },
          'expiry',
        ),
        searchEnabledKeys({ unusedSince: now - UNUSED_DAYS * DAY_MS }, 'leastUsed'),
        searchEnabledKeys({ ownerLeft: true }, 'oldest'),
        storage.searchSubscriptions({ stuck: true, limit: MAX_COUNTED_QUEUES + 1 }),
      ])
      return {
        expiring,
        unused,
        ownerLeft,
        stuck: toLimitedList(
          Math.min(stuck.length, MAX_COUNTED_QUEUES),
          stuck,
          stuck.length > MAX_COUNTED_QUEUES,
        ),
      }
    },
  }

  /** Searches enabled keys only, because disabled and revoked keys give no access. */
  async function searchEnabledKeys(
    criteria: KeyCriteria,
    order: 'expiry' | 'leastUsed' | 'oldest',
  ): Promise<LimitedList<KeyListItem>> {
    const search = {
      ...criteria,
      status: 'enabled',
      limit: MAX_ATTENTION_ROWS,
      counted: MAX_COUNTED_ATTENTION_KEYS + 1,
    } as const
    const { keys, count } = await storage.searchKeys({ ...search, order })
    return toLimitedList(
      Math.min(count, MAX_COUNTED_ATTENTION_KEYS),
      keys,
      count > MAX_COUNTED_ATTENTION_KEYS,
    )
  }
}

const toLimitedList = <T>(count: number, rows: readonly T[], more: boolean): LimitedList<T> => ({
  count,
  more,
  items: rows.slice(0, MAX_ATTENTION_ROWS),
})

export type DashboardStats = ReturnType<typeof createDashboardStats>
