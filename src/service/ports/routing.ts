import type { Destination } from '../../domain/routing.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'
import type { AttemptRecord } from './messages.ts'
import type { Maybe } from './runtime.ts'

export interface Source {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly createdAt: number
}

export interface DestinationSummary extends Omit<Destination, 'sealedToken'> {
  readonly accountId: string
  /** Of its verification handshake. */
  readonly method: 'POST' | 'GET'
  readonly hasToken: boolean
  readonly createdAt: number
}

export type NewDestination = Omit<DestinationSummary, 'hasToken'> & {
  readonly sealedToken: string | null
}

export interface SubscriptionSummary {
  readonly id: string
  readonly sourceId: string
  readonly destinationId: string
  readonly dataModel: string | null
  readonly status: 'active' | 'paused'
  readonly createdAt: number
}

/** The destination of a subscription, as far as who sends to it may know: it may be another account's. */
export type SubscriptionTarget = Pick<DestinationSummary, 'id' | 'name' | 'verifiedAt'>

/** Each change and its audit event are one atomic list. False: the change's own guard did not hold. */
export interface RoutingStorage {
  addSource(source: Source, event: AuditEvent): Promise<boolean>
  listSources(page: Page & { accountId?: string | undefined }): Promise<Source[]>
  findSource(id: string): Promise<Source | null>

  addDestination(destination: NewDestination, event: AuditEvent): Promise<boolean>
  /** Another address is another party: it is no longer verified. */
  setDestinationUrl(id: string, url: string, event: AuditEvent): Promise<boolean>
  setDestinationVerified(id: string, at: number | null, event: AuditEvent): Promise<boolean>
  /** It has met the challenge. Guard: it is still at this URL, and has this token. */
  verifyDestination(
    id: string,
    challenged: { readonly url: string; readonly sealedToken: string | null },
    at: number,
    event: AuditEvent,
  ): Promise<boolean>
  /** Another agreement: it is no longer verified. Null where there is to be no token. */
  setVerificationToken(
    id: string,
    sealedToken: string | null,
    method: DestinationSummary['method'],
    event: AuditEvent,
  ): Promise<boolean>
  /** The sealed token; null where it has none. */
  findSealedVerificationToken(id: string): Promise<string | null>
  listDestinations(page: Page & { accountId?: string | undefined }): Promise<DestinationSummary[]>
  findDestination(id: string): Promise<DestinationSummary | null>

  /** Guard: source and destination exist, and are not yet joined for that data model. */
  addSubscription(subscription: SubscriptionSummary, event: AuditEvent): Promise<boolean>
  /** Resumed, it is due at once. */
  setSubscriptionStatus(
    id: string,
    status: SubscriptionSummary['status'],
    event: AuditEvent,
  ): Promise<boolean>
  listSubscriptions(
    page: Page & { sourceId?: string | undefined; accountId?: string | undefined },
  ): Promise<SubscriptionSummary[]>
  findSubscription(id: string): Promise<SubscriptionSummary | null>
  /** Who receives what a subscription sends. */
  findSubscriptionTarget(subscriptionId: string): Promise<SubscriptionTarget | null>
}

/** A feed is leased by one process, until then; whoever holds it renews it as long as it works. */
export interface QueueLease {
  readonly subscriptionId: string
  readonly by: string
  readonly until: number
}

/** How a feed is doing. */
export interface SubscriptionQueue {
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
export interface QueueRef {
  readonly id: string
  readonly destinationId: string
}

/** What a feed has to send next. */
export interface QueueHead {
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
export interface LeasedAttempt {
  readonly subscriptionId: string
  readonly by: string
  readonly messageId: string
  readonly position: number
  readonly attempt: AttemptRecord
}

/** Messages on their way out. A feed is a subscription; what it has queued goes in the order in which it came. */
export interface QueueStorage {
  /** Feeds that could be leased now: the longest due first, and so many of one destination. */
  listDueQueues(now: number, limits: { all: number; ofOne: number }): Promise<QueueRef[]>
  /**
   * Guard: it is active and due, something is queued, and nobody's lease lives. Of many that ask at
   * once, one gets it.
   */
  leaseQueue(lease: QueueLease, now: number): Promise<boolean>
  /**
   * When what is queued in the feed may be tried: now, or later where it waits. Null where nothing is
   * queued, the feed is paused, or somebody's lease lives.
   */
  findDueAt(subscriptionId: string, now: number): Maybe<number | null>
  /** All leases of one process; answers how many it still had. */
  renewLeases(by: string, until: number): Promise<number>
  /** Guard: it is leased by this process. */
  releaseQueue(id: string, by: string): Promise<boolean>
  /** Null where nothing is queued, the feed is paused, or leased by somebody else. */
  findQueueHead(subscriptionId: string, by: string): Promise<QueueHead | null>
  /**
   * The next one is due. Guard: the lease is still this process's, and the delivery is queued. With
   * `erase`, the payload goes when no other destination waits for it.
   */
  settleDelivered(attempt: LeasedAttempt, erase: boolean): Promise<boolean>
  /**
   * The feed waits, leased by nobody; of the delivery's attempts the newest are kept. Guard: as above;
   * where only the delivery is queued no more, the lease stays.
   */
  settleFailed(attempt: LeasedAttempt, dueAt: number): Promise<boolean>

  findQueue(id: string): Promise<SubscriptionQueue | null>
  /**
   * Queues again, at the end, what is queued no more of the message: for one destination, or for all
   * (null). Answers how many. Guard: the payload is there.
   */
  replayMessage(messageId: string, destinationId: string | null, event: AuditEvent): Promise<number>
  /** Takes what is queued of the message off the feed of one destination, or of all. Answers how many. */
  skipMessage(messageId: string, destinationId: string | null, event: AuditEvent): Promise<number>
  /** Takes everything off the feed. False where there is no such feed. */
  purgeQueue(id: string, event: AuditEvent): Promise<boolean>
  /** Of messages of which nothing is queued, nor was until then. Answers how many. */
  erasePayloads(settledUntil: number, now: number): Promise<number>
}
