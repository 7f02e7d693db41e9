import type { DeliveryOutcome } from '../../domain/delivery.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'
import type { MaybePromise } from './runtime.ts'

/** A payload as it is stored: sealed in one piece, or in parts. */
export interface StoredPayload {
  /** Empty if the payload is in parts. */
  readonly sealedPayload: string
  /** The number of parts; 0 for a payload in one piece. */
  readonly payloadPartCount: number
}

export interface NewMessage extends StoredPayload {
  readonly id: string
  readonly serial: number
  readonly keyId: string
  readonly sourceId: string
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly receivedAt: number
  readonly deliveries: readonly NewDelivery[]
}

export interface NewDelivery {
  readonly id: string
  readonly subscriptionId: string
  readonly destinationId: string
  readonly attemptId: string
}

export interface MessageSummary {
  readonly id: string
  readonly serial: number
  readonly accountId: string
  readonly sourceId: string
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly receivedAt: number
  readonly deliveries: readonly DeliverySummary[]
}

export interface DeliverySummary {
  readonly id: string
  /** The subscription that it is queued in. */
  readonly subscriptionId: string
  readonly destinationId: string
  readonly destinationName: string
  readonly status: 'queued' | 'delivered' | 'skipped'
  /** The number of attempts. */
  readonly attempts: number
  /** The time at which it left the queue. */
  readonly settledAt: number | null
}

/** Filters messages. All given fields must match; those of a delivery must match the same delivery. */
export interface MessageFilter {
  readonly accountId?: string | undefined
  readonly sourceId?: string | undefined
  readonly destinationId?: string | undefined
  readonly subscriptionId?: string | undefined
  readonly status?: DeliverySummary['status'] | undefined
  readonly test?: boolean | undefined
}

/** The stored result of one attempt. */
export interface AttemptRecord {
  readonly at: number
  readonly ms: number
  readonly outcome: DeliveryOutcome
  /** Null if there was no response. */
  readonly httpStatus: number | null
  /** The reason for the failure; empty for a delivery. */
  readonly detail: string
}

export interface AttemptSummary extends AttemptRecord {
  readonly destinationId: string
  /** Counts from 1 for each destination, even if the first attempts are no longer stored. */
  readonly number: number
}

/** Stores the next free block of message ids. */
export interface MessageIdStorage {
  findNextIdBlock(): MaybePromise<number>
  /** Guard: the next block is still `from`. Of concurrent calls, one succeeds. */
  moveNextIdBlock(from: number, to: number): Promise<boolean>
}

export interface MessageStorage {
  /**
   * Adds the message and all its deliveries, or nothing; with the event if a user sends it. Rejects if a
   * part of the payload is missing.
   */
  addMessage(message: NewMessage, event?: AuditEvent): Promise<void>
  listMessages(page: Page & MessageFilter): Promise<MessageSummary[]>
  findMessage(id: string): Promise<MessageSummary | null>
  /** Finds the sealed payload; null if the message does not exist, or its payload was erased. */
  findPayload(messageId: string): Promise<StoredPayload | null>
  /** Adds a part of a long payload, before its message. Parts are counted from 0. */
  addPayloadPart(messageId: string, part: number, sealed: string, now: number): Promise<void>
  findPayloadPart(messageId: string, part: number): Promise<string | null>
  /** Deletes a few parts of a payload. Guard: it was erased, or has no message. Returns how many. */
  deletePayloadParts(messageId: string): Promise<number>
  /**
   * Lists the messages whose parts nobody needs: those that were erased, and those that were not added
   * until `abandonedBefore`.
   */
  listUnneededPayloads(abandonedBefore: number, limit: number): Promise<string[]>
  /** Lists the last attempts, the newest first. */
  listAttempts(messageId: string, limit: number): Promise<AttemptSummary[]>
}
