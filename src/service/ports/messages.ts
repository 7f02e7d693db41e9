import type { DeliveryOutcome } from '../../domain/delivery.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'
import type { Maybe } from './runtime.ts'

export interface NewMessage {
  readonly id: string
  readonly serial: number
  readonly keyId: string
  readonly sourceId: string
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly sealedPayload: string
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
  /** The feed that it goes by. */
  readonly subscriptionId: string
  readonly destinationId: string
  readonly destinationName: string
  readonly status: 'queued' | 'delivered' | 'skipped'
  /** How often it was tried. */
  readonly attempts: number
  /** Since when it is not queued any more. */
  readonly settledAt: number | null
}

/** Which messages of a list: those that are all of this; what is said of a delivery, of one and the same. */
export interface MessageFilter {
  readonly accountId?: string | undefined
  readonly sourceId?: string | undefined
  readonly destinationId?: string | undefined
  readonly subscriptionId?: string | undefined
  readonly status?: DeliverySummary['status'] | undefined
  readonly test?: boolean | undefined
}

/** What came of one attempt, as it is kept. */
export interface AttemptRecord {
  readonly at: number
  readonly ms: number
  readonly outcome: DeliveryOutcome
  /** Null where there was no answer. */
  readonly httpStatus: number | null
  /** Why it was in vain; empty where it was not. */
  readonly detail: string
}

export interface AttemptSummary extends AttemptRecord {
  readonly destinationId: string
  /** From 1, for each destination, whether or not the first ones are kept. */
  readonly number: number
}

/** Numbers for messages are claimed in blocks: the next one that is free is kept. */
export interface MessageIdStorage {
  findNextIdBlock(): Maybe<number>
  /** Guard: it is `from`. Of many at once, one moves it. */
  moveNextIdBlock(from: number, to: number): Promise<boolean>
}

export interface MessageStorage {
  /** The message and all its deliveries, or nothing; with the event where a person sends it. */
  addMessage(message: NewMessage, event?: AuditEvent): Promise<void>
  listMessages(page: Page & MessageFilter): Promise<MessageSummary[]>
  findMessage(id: string): Promise<MessageSummary | null>
  /** The sealed payload; null when there is no such message, or it was erased. */
  findPayload(messageId: string): Promise<string | null>
  /** The last attempts, the newest first. */
  listAttempts(messageId: string, limit: number): Promise<AttemptSummary[]>
}
