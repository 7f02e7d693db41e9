import type { AuditEvent } from './audit.ts'
import type { KeptAttempt } from './messages.ts'
import type { SubscriptionSummary } from './routes.ts'
import type { Maybe } from './runtime.ts'

/** A feed is leased by one process, until then; whoever holds it renews it as long as it works. */
export interface Lease {
  readonly feedId: string
  readonly by: string
  readonly until: number
}

/** How a feed is doing. */
export interface Feed {
  readonly id: string
  readonly status: SubscriptionSummary['status']
  readonly queued: number
  /** How often its first message was tried in vain, since it last got on. */
  readonly attempts: number
  readonly dueAt: number
  readonly leasedBy: string | null
  readonly leasedUntil: number | null
}

/** A feed, and where its messages go. */
export interface FeedRef {
  readonly id: string
  readonly destinationId: string
}

/** What a feed has to send next. */
export interface Head {
  readonly messageId: string
  /** Which of the message's deliveries it is. */
  readonly position: number
  /** How often it was tried in vain, since the feed last got on. */
  readonly failures: number
  readonly serial: number
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly receivedAt: number
  readonly sealedPayload: string
  readonly source: { readonly id: string; readonly name: string }
  readonly destination: {
    readonly id: string
    readonly url: string | null
    readonly development: boolean
    readonly sealedToken: string | null
    readonly method: 'POST' | 'GET'
  }
  /** All destinations of the message, in its order. */
  readonly hops: readonly {
    readonly logId: string
    readonly attemptId: string
    readonly destinationId: string
    readonly destinationName: string
  }[]
}

/** Which delivery was tried, in whose lease. */
export interface Tried {
  readonly feedId: string
  readonly by: string
  readonly messageId: string
  readonly position: number
  readonly attempt: KeptAttempt
}

/** Messages on their way out. A feed is a subscription; what it has queued goes in the order in which it came. */
export interface FeedStorage {
  /** Feeds that could be leased now: the longest due first, and so many of one destination. */
  listDueFeeds(now: number, most: { all: number; ofOne: number }): Promise<FeedRef[]>
  /**
   * Guard: it is active and due, something is queued, and nobody's lease lives. Of many that ask at
   * once, one gets it.
   */
  leaseFeed(lease: Lease, now: number): Promise<boolean>
  /**
   * When what is queued in the feed may be tried: now, or later where it waits. Null where nothing is
   * queued, the feed is paused, or somebody's lease lives.
   */
  findDueAt(feedId: string, now: number): Maybe<number | null>
  /** All leases of one process; answers how many it still had. */
  renewLeases(by: string, until: number): Promise<number>
  /** Guard: it is leased by this process. */
  releaseFeed(id: string, by: string): Promise<boolean>
  /** Null where nothing is queued, the feed is paused, or leased by somebody else. */
  findHead(feedId: string, by: string): Promise<Head | null>
  /**
   * The next one is due. Guard: the lease is still this process's, and the delivery is queued. With
   * `erase`, the payload goes when no other destination waits for it.
   */
  settleDelivered(tried: Tried, erase: boolean): Promise<boolean>
  /**
   * The feed waits, leased by nobody; of the delivery's attempts the newest are kept. Guard: as above;
   * where only the delivery is queued no more, the lease stays.
   */
  settleFailed(tried: Tried, dueAt: number): Promise<boolean>

  findFeed(id: string): Promise<Feed | null>
  /**
   * Queues again, at the end, what is queued no more of the message: for one destination, or for all
   * (null). Answers how many. Guard: the payload is there.
   */
  replayMessage(messageId: string, destinationId: string | null, event: AuditEvent): Promise<number>
  /** Takes what is queued of the message off the feed of one destination, or of all. Answers how many. */
  skipMessage(messageId: string, destinationId: string | null, event: AuditEvent): Promise<number>
  /** Takes everything off the feed. False where there is no such feed. */
  purgeFeed(id: string, event: AuditEvent): Promise<boolean>
  /** Of messages of which nothing is queued, nor was until then. Answers how many. */
  erasePayloads(settledUntil: number, now: number): Promise<number>
}
