import type { Destination } from '../../domain/routing.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'
import type { AttemptRecord, StoredPayload } from './messages.ts'
import type { MaybePromise } from './runtime.ts'

export interface Source {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly createdAt: number
}

export interface DestinationSummary extends Omit<Destination, 'sealedToken'> {
  readonly accountId: string
  /** The method of the verification handshake. */
  readonly method: 'POST' | 'GET'
  readonly hasToken: boolean
  readonly createdAt: number
}

export type NewDestination = Omit<DestinationSummary, 'hasToken'> & {
  readonly sealedToken: string | null
}

export interface NewSubscription {
  readonly id: string
  readonly sourceId: string
  readonly destinationId: string
  readonly dataModel: string | null
  readonly status: 'active' | 'paused'
  readonly createdAt: number
}

/**
 * The destination of a subscription, limited to the fields that the sender may see: it may be another
 * account's.
 */
export type SubscriptionTarget = Pick<DestinationSummary, 'id' | 'name' | 'verifiedAt'>

/** Writes each change and its audit event atomically. Returns false if the change's guard does not hold. */
export interface RoutingStorage {
  addSource(source: Source, event: AuditEvent): Promise<boolean>
  listSources(page: Page & { accountId?: string | undefined }): Promise<Source[]>
  findSource(id: string): Promise<Source | null>

  addDestination(destination: NewDestination, event: AuditEvent): Promise<boolean>
  /** Sets the URL and removes the verification, because another address is another party. */
  setDestinationUrl(id: string, url: string, event: AuditEvent): Promise<boolean>
  setDestinationVerified(id: string, at: number | null, event: AuditEvent): Promise<boolean>
  /** Marks the destination verified. Guard: its URL and token are still the challenged ones. */
  verifyDestination(
    id: string,
    challenged: { readonly url: string; readonly sealedToken: string | null },
    at: number,
    event: AuditEvent,
  ): Promise<boolean>
  /**
   * Sets the token and removes the verification, because another token is another agreement. Null
   * removes the token.
   */
  setVerificationToken(
    id: string,
    sealedToken: string | null,
    method: DestinationSummary['method'],
    event: AuditEvent,
  ): Promise<boolean>
  /** Finds the sealed token; null if there is none. */
  findSealedVerificationToken(id: string): Promise<string | null>
  listDestinations(page: Page & { accountId?: string | undefined }): Promise<DestinationSummary[]>
  findDestination(id: string): Promise<DestinationSummary | null>

  /** Guard: source and destination exist, and no subscription joins them for that data model. */
  addSubscription(subscription: NewSubscription, event: AuditEvent): Promise<boolean>
  /** Makes a resumed subscription due at once. */
  setSubscriptionStatus(
    id: string,
    status: NewSubscription['status'],
    event: AuditEvent,
  ): Promise<boolean>
  /** Finds the destination that a subscription sends to. */
  findSubscriptionTarget(subscriptionId: string): Promise<SubscriptionTarget | null>
}

/** The lease of a subscription by one process, which renews it while it works. */
export interface QueueLease {
  readonly subscriptionId: string
  readonly by: string
  readonly until: number
}

/** A subscription, and its destination. */
export interface QueueRef {
  readonly id: string
  readonly destinationId: string
}

/** The next message of a subscription. */
export interface QueueHead extends StoredPayload {
  readonly messageId: string
  /** The index of the delivery within the message. */
  readonly position: number
  /** The number of failed attempts since the queue last advanced. */
  readonly failures: number
  readonly serial: number
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly receivedAt: number
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

/** An attempt of a delivery, under a lease. */
export interface LeasedAttempt {
  readonly subscriptionId: string
  readonly by: string
  readonly messageId: string
  readonly position: number
  readonly attempt: AttemptRecord
}

/** Stores the queues of subscriptions. Each queue is sent in the order of its messages' receipt. */
export interface QueueStorage {
  /** Lists subscriptions that can be leased now, the longest due first, up to a limit per destination. */
  listDueQueues(now: number, limits: { all: number; perDestination: number }): Promise<QueueRef[]>
  /**
   * Guard: the subscription is active and due, a message is queued, and no lease is valid. Of
   * concurrent calls, one succeeds.
   */
  leaseQueue(lease: QueueLease, now: number): Promise<boolean>
  /**
   * Finds the time at which the next message is due: now, or later if it waits. Null if nothing is
   * queued, the subscription is paused, or a lease is valid.
   */
  findDueAt(subscriptionId: string, now: number): MaybePromise<number | null>
  /** Renews all leases of one process. Returns how many it still held. */
  renewLeases(by: string, until: number): Promise<number>
  /** Guard: this process holds the lease. */
  releaseQueue(id: string, by: string): Promise<boolean>
  /** Null if nothing is queued, the subscription is paused, or another process holds the lease. */
  findQueueHead(subscriptionId: string, by: string): Promise<QueueHead | null>
  /**
   * Records the delivery and makes the next message due. Guard: the process still holds the lease, and
   * the delivery is queued. With `erasure`, erases the payload if no other destination waits for it.
   * `isShared`: the message has other destinations, whose deliveries may be settled at the same time.
   */
  settleDelivered(
    attempt: LeasedAttempt,
    erasure: { readonly isShared: boolean } | null,
  ): Promise<boolean>
  /**
   * Records the failure, lets the subscription wait and releases its lease. Only the newest attempts
   * of a delivery are stored. Guard: as above. If only the delivery is no longer queued, the lease is
   * kept.
   */
  settleFailed(attempt: LeasedAttempt, dueAt: number): Promise<boolean>

  /**
   * Queues the message again, at the end, where it is no longer queued: for one destination, or for
   * all (null). Returns how many. Guard: the payload exists.
   */
  replayMessage(messageId: string, destinationId: string | null, event: AuditEvent): Promise<number>
  /** Removes the message from the queue of one destination, or of all (null). Returns how many. */
  skipMessage(messageId: string, destinationId: string | null, event: AuditEvent): Promise<number>
  /**
   * Skips what is queued, in parts from the head: the first with the event, so that none lacks it. Returns
   * false if the subscription does not exist.
   */
  purgeQueue(id: string, event: AuditEvent): Promise<boolean>
  /**
   * Erases the payloads of messages that have had nothing queued since `settledUntil`. Returns how
   * many.
   */
  erasePayloads(settledUntil: number, now: number): Promise<number>
}
