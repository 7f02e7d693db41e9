import type { DeliveryOutcome } from '../../domain/delivery.ts'
import type { KeyStatus } from '../../domain/key.ts'
import type { KeyType } from '../../domain/key-type.ts'
import type { User } from './accounts.ts'
import type { KeySummary } from './keys.ts'
import type { NewSubscription } from './routing.ts'

/**
 * A page of a list: at most `limit` rows after the row with the id `after`. Messages and events come
 * newest first, all other rows oldest first.
 */
export interface Page {
  readonly after?: string | undefined
  readonly limit: number
}

/** Criteria for keys. Undefined fields match all. */
export interface KeyCriteria {
  readonly accountId?: string | undefined
  /** Matches a part of the name, public id, reference or owner's e-mail address; ignores ASCII case. */
  readonly text?: string | undefined
  readonly keyType?: KeyType | undefined
  readonly status?: KeyStatus | undefined
  readonly siteId?: string | undefined
  readonly ownerId?: string | undefined
  readonly developerId?: string | undefined
  /** Matches keys that were last used before this time, or never used and created before it. */
  readonly unusedSince?: number | undefined
  /** Matches keys that expire before `before` but have not at `now`. Revoked keys do not match. */
  readonly expires?: { readonly now: number; readonly before: number } | undefined
  /** Matches keys by the deactivation of their owner. */
  readonly ownerLeft?: boolean | undefined
}

export type KeyOrder = 'newest' | 'oldest' | 'name' | 'lastUsed' | 'leastUsed' | 'expiry'

export interface KeySearch extends KeyCriteria {
  readonly order: KeyOrder
  /** The `next` of the previous page. */
  readonly after?: string | undefined
  readonly limit: number
  /** The highest count; `limit` + 1 by default. */
  readonly counted?: number | undefined
}

/** A key in a list, with the names of the resources that it belongs to. */
export interface KeyListItem extends KeySummary {
  readonly accountName: string
  readonly owner: Pick<User, 'email' | 'username' | 'deactivatedAt'>
  readonly siteName: string | null
  readonly sourceName: string | null
  readonly developerName: string | null
}

export interface KeyPage {
  readonly keys: readonly KeyListItem[]
  /** The cursor of the next page; null if there is none. */
  readonly next: string | null
  /** The number of matching keys from this page on, counted up to `counted`. */
  readonly count: number
}

/** A subscription in a list, with its source, destination, queue and last attempt. */
export interface SubscriptionListItem {
  readonly id: string
  readonly status: NewSubscription['status']
  readonly queued: number
  /** The number of failed attempts of the first message, since the queue last advanced. */
  readonly attempts: number
  readonly dueAt: number
  readonly leasedBy: string | null
  readonly leasedUntil: number | null
  readonly accountId: string
  readonly dataModel: NewSubscription['dataModel']
  readonly source: { readonly id: string; readonly name: string }
  readonly destination: {
    readonly id: string
    readonly name: string
    readonly url: string | null
    readonly verifiedAt: number | null
  }
  /** The next message; null if nothing is queued. */
  readonly headId: string | null
  /** The time at which the oldest queued message was received; null if nothing is queued. */
  readonly oldestAt: number | null
  /** The last attempt of the next message; null if it was not attempted. */
  readonly lastAttempt: {
    readonly at: number
    readonly outcome: DeliveryOutcome
    readonly httpStatus: number | null
    readonly detail: string
  } | null
}

export interface SubscriptionFilter {
  /** Matches subscriptions of this account's sources. */
  readonly accountId?: string | undefined
  readonly sourceId?: string | undefined
  readonly destinationId?: string | undefined
  /** Matches only subscriptions whose first message failed. */
  readonly stuck?: boolean | undefined
}

/** The kinds of holders that keys are counted by. */
export type KeyHolderKind = 'owner' | 'site' | 'developer'

/** The ways in which a user can sign in, and their last activity. */
export interface SignInStatus {
  readonly userId: string
  readonly hasPassword: boolean
  readonly hasSecondFactor: boolean
  /** The expiry of the user's one-time link; null if they have none. */
  readonly invitedUntil: number | null
  /** The number of the user's active browser sessions and API tokens. */
  readonly sessions: number
  /** Null if the user has never signed in. */
  readonly seenAt: number | null
}

/** Lists for the console and the management API. No request of a key waits for them. */
export interface ListStorage {
  searchKeys(search: KeySearch): Promise<KeyPage>
  /** Counts the matching keys, up to `maxCount`. */
  countKeys(criteria: KeyCriteria, maxCount: number): Promise<number>
  /** Lists the daily uses of each key from this day on, the oldest first. */
  listDailyUsesByKey(filter: {
    readonly keyIds: readonly string[]
    readonly fromDay: number
    readonly accountId?: string | undefined
  }): Promise<{ readonly keyId: string; readonly day: number; readonly uses: number }[]>
  /** Finds active users by a part of their e-mail address or username, ordered by e-mail address. */
  searchUsers(search: {
    readonly accountId?: string | undefined
    readonly text: string
    readonly limit: number
  }): Promise<User[]>
  /** Counts the keys of each holder that are not revoked. Leaves out holders without keys. */
  countKeysByHolder(filter: {
    readonly holder: KeyHolderKind
    readonly ids: readonly string[]
    readonly accountId?: string | undefined
  }): Promise<{ readonly id: string; readonly keys: number }[]>
  /** Returns the rows in no order. */
  listSignInStatus(filter: {
    readonly userIds: readonly string[]
    readonly now: number
    readonly accountId?: string | undefined
  }): Promise<SignInStatus[]>
  /**
   * Finds the source's key that is not revoked, otherwise the oldest OAuth client that may use the source and is
   * not revoked; null if there is neither.
   */
  findSourceKey(sourceId: string): Promise<KeySummary | null>
  searchSubscriptions(
    page: SubscriptionFilter & { readonly after?: string | undefined; readonly limit: number },
  ): Promise<SubscriptionListItem[]>
  findSubscriptionListItem(id: string): Promise<SubscriptionListItem | null>
}
