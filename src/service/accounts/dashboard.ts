import { DAY_MS } from '../../domain/instant.ts'
import { canHoldKeys } from '../../domain/key.ts'
import type { DashboardStorage, TrafficSpans, TrafficStorage } from '../ports/dashboard.ts'
import type { KeyCriteria, KeyListItem, ListStorage, SubscriptionListItem } from '../ports/lists.ts'
import type { Clock } from '../ports/runtime.ts'
import type { ResourceStorage } from '../ports/storage.ts'

/** A key that ends within so many days is about to. */
export const EXPIRING_SOON_DAYS = 30
/** A key that was not used for so many days is perhaps needed no more. */
export const UNUSED_DAYS = 90
/** A key that was used within so many days is in use. */
export const IN_USE_DAYS = 30

/** So many of each are told. */
const MAX_ATTENTION_ROWS = 5
/** Among so many there is somebody who may own a key, where there is anybody. */
const MAX_SEARCHED_USERS = 100
/** So far they are counted. */
const MAX_COUNTED_ATTENTION_KEYS = 1_000
/** A feed is counted with its queue. */
const MAX_COUNTED_QUEUES = 50

export interface DashboardStatsDeps {
  readonly storage: Pick<TrafficStorage, 'sumTraffic'> &
    Pick<ResourceStorage, 'listUsers'> &
    DashboardStorage &
    ListStorage
  readonly clock: Clock
}

/** Some of many. */
export interface LimitedList<T> {
  readonly count: number
  /** There are more than were counted. */
  readonly more: boolean
  readonly told: readonly T[]
}

/** What somebody should look after. */
export interface AttentionSummary {
  readonly expiring: LimitedList<KeyListItem>
  readonly unused: LimitedList<KeyListItem>
  readonly ownerLeft: LimitedList<KeyListItem>
  readonly stuck: LimitedList<SubscriptionListItem>
}

/** How far whoever begins has come. */
export interface SetupProgress {
  /** Somebody is there who may own a key. */
  readonly hasOwner: boolean
  /** The newest; null where there is none. */
  readonly key: Pick<KeyListItem, 'id' | 'name'> | null
  /** A key was used at least once. */
  readonly isInUse: boolean
}

/** How things are, for who looks at everything that he has in sight at once. */
export function createDashboardStats({ storage, clock }: DashboardStatsDeps) {
  return {
    /** What came of requests, as of a minute ago. */
    sumTraffic: (spans: TrafficSpans) => storage.sumTraffic(spans),

    /** How many keys there are of each dialect, and how many of them are in use. */
    countKeysByType: () =>
      storage.countKeysByType({ since: clock() - IN_USE_DAYS * DAY_MS, now: clock() }),

    async findSetupProgress(): Promise<SetupProgress> {
      const [used, newest, users] = await Promise.all([
        storage.searchKeys({ order: 'lastUsed', limit: 1 }),
        storage.searchKeys({ order: 'newest', limit: 1 }),
        storage.listUsers({ limit: MAX_SEARCHED_USERS }),
      ])
      return {
        hasOwner: users.some(({ role, leftAt }) => leftAt === null && canHoldKeys(role)),
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

  /** Keys that still open something: what is disabled or revoked harms nobody. */
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
  told: rows.slice(0, MAX_ATTENTION_ROWS),
})

export type DashboardStats = ReturnType<typeof createDashboardStats>
