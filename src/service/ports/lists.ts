import type { DeliveryOutcome } from '../../domain/delivery.ts'
import type { KeyStatus } from '../../domain/key.ts'
import type { KeyType } from '../../domain/key-type.ts'
import type { User } from './accounts.ts'
import type { KeySummary } from './keys.ts'
import type { SubscriptionQueue, SubscriptionSummary } from './routing.ts'

/**
 * A page of a list: the rows after `after` (a row's id), `limit` at most. Messages and events come
 * newest first, everything else oldest first.
 */
export interface Page {
  readonly after?: string | undefined
  readonly limit: number
}

/** What is asked of a key; undefined is not asked. */
export interface KeyCriteria {
  readonly accountId?: string | undefined
  /** In its name, public id or reference, or its owner's e-mail address; ASCII case does not matter. */
  readonly text?: string | undefined
  readonly dialect?: KeyType | undefined
  readonly status?: KeyStatus | undefined
  readonly siteId?: string | undefined
  readonly ownerId?: string | undefined
  readonly developerId?: string | undefined
  /** Last used before this moment; or never, and made before it. */
  readonly unusedSince?: number | undefined
  /** It will expire before this moment, and has not by `now`; a revoked key expires no more. */
  readonly expires?: { readonly now: number; readonly before: number } | undefined
  /** Whether its owner has left. */
  readonly ownerLeft?: boolean | undefined
}

export type KeyOrder = 'newest' | 'oldest' | 'name' | 'lastUsed' | 'leastUsed' | 'expiry'

export interface KeySearch extends KeyCriteria {
  readonly order: KeyOrder
  /** `next` of the page before. */
  readonly after?: string | undefined
  readonly limit: number
  /** How far to count what answers; `limit` + 1 by itself. */
  readonly counted?: number | undefined
}

/** A key as a list tells it, with the names of what it belongs to. */
export interface KeyListItem extends KeySummary {
  readonly accountName: string
  readonly owner: Pick<User, 'email' | 'username' | 'leftAt'>
  readonly siteName: string | null
  readonly sourceName: string | null
  readonly developerName: string | null
}

export interface KeyPage {
  readonly keys: readonly KeyListItem[]
  /** Where the next page begins; null where there is none. */
  readonly next: string | null
  /** How many keys answer from here on, counted up to `counted`. */
  readonly count: number
}

/** A feed as a list tells it: between whom, how much waits, and what came of the last attempt. */
export interface SubscriptionListItem extends SubscriptionQueue {
  readonly accountId: string
  readonly dataModel: SubscriptionSummary['dataModel']
  readonly source: { readonly id: string; readonly name: string }
  readonly destination: {
    readonly id: string
    readonly name: string
    readonly url: string | null
    readonly verifiedAt: number | null
  }
  /** The message that is to go next; null where nothing waits. */
  readonly headId: string | null
  /** When what waits longest was received; null where nothing waits. */
  readonly oldestAt: number | null
  /** Of what is to go next; null where it was not tried yet. */
  readonly lastAttempt: {
    readonly at: number
    readonly outcome: DeliveryOutcome
    readonly httpStatus: number | null
    readonly detail: string
  } | null
}

export interface SubscriptionFilter {
  /** Of this account's sources. */
  readonly accountId?: string | undefined
  readonly sourceId?: string | undefined
  readonly destinationId?: string | undefined
  /** Only those whose first message was tried in vain. */
  readonly stuck?: boolean | undefined
}

/** What keys belong to, and are counted by. */
export type KeyHolderKind = 'owner' | 'site' | 'developer'

/** How far somebody can sign in, and when he was here last. */
export interface SignInStatus {
  readonly userId: string
  readonly hasPassword: boolean
  readonly hasSecondFactor: boolean
  /** Until when his one-time link is good; null where he has none. */
  readonly invitedUntil: number | null
  /** Browsers and tokens of his that live. */
  readonly sessions: number
  /** Null where he was never here. */
  readonly seenAt: number | null
}

/** Lists for people: no request of a key waits for one. */
export interface ListStorage {
  searchKeys(search: KeySearch): Promise<KeyPage>
  /** How many keys answer the questions, counted up to `most`. */
  countKeys(criteria: KeyCriteria, maxCount: number): Promise<number>
  /** Uses a day from this day on, the oldest first, of each of these keys. */
  listDailyUsesByKey(
    keyIds: readonly string[],
    fromDay: number,
  ): Promise<{ readonly keyId: string; readonly day: number; readonly uses: number }[]>
  /** By a part of the e-mail address or the username, those who have not left; by e-mail address. */
  searchUsers(search: {
    readonly accountId?: string | undefined
    readonly text: string
    readonly limit: number
  }): Promise<User[]>
  /** How many keys that are not revoked each of these has; who has none is left out. */
  countKeysByHolder(
    what: KeyHolderKind,
    ids: readonly string[],
    accountId?: string,
  ): Promise<{ readonly id: string; readonly keys: number }[]>
  /** In no order. */
  listSignInStatus(userIds: readonly string[], now: number): Promise<SignInStatus[]>
  /** The key that sends as this source; null where it has none that is not revoked. */
  findSourceKey(sourceId: string): Promise<KeySummary | null>
  searchSubscriptions(
    page: SubscriptionFilter & { readonly after?: string | undefined; readonly limit: number },
  ): Promise<SubscriptionListItem[]>
  findSubscriptionListItem(id: string): Promise<SubscriptionListItem | null>
}
