import type {
  ChainAnchor,
  ChainPosition,
  Checkpoint,
  CheckpointStatement,
  SealedEvent,
  UnsealedEvent,
} from '../../domain/audit-chain.ts'
import type { Page } from './lists.ts'

/** Seals the events of the audit, and signs how far they go, with the audit key of the key ring. */
export interface AuditSigner {
  /** The seal of an event that gets this number, after the event with the seal `previous`. */
  seal(previous: string, event: UnsealedEvent, sequence: number): string
  /** Whether the event is, to the byte, the one that was sealed after `previous`. */
  isSealedEvent(previous: string, event: SealedEvent): boolean
  signCheckpoint(statement: CheckpointStatement): Promise<Checkpoint>
  isSignedCheckpoint(checkpoint: Checkpoint): Promise<boolean>
}

/**
 * Keeps the audit's anchor outside the database, for all processes of a machine. It holds the latest
 * anchor that it was given (`laterAnchor`), in whatever order they came.
 */
export interface AnchorStore {
  /** Null if there is none. */
  read(): Promise<ChainAnchor | null>
  /** The anchor is on disk when this resolves. False, without a write, if the store holds a later one. */
  write(anchor: ChainAnchor): Promise<boolean>
  /** Writes the anchor also if the stored one cannot be read. */
  replace(anchor: ChainAnchor): Promise<void>
}

export type AuditEventFacts = Readonly<Record<string, string | number | boolean | null>>

/** Who did what to whom, for the audit. */
export interface AuditEvent {
  readonly id: string
  readonly at: number
  /** `operator`, or the key id that acted. */
  readonly actor: string
  /** `key.revoked`, `grant.reused`, … */
  readonly action: string
  /** Row id of what it happened to. */
  readonly subject: string
  readonly facts: AuditEventFacts
  /** The request that it comes of; null where an operator acted. */
  readonly requestId: string | null
}

/** An event as it is told. */
export interface RecordedEvent extends AuditEvent {
  /** Whose the subject was when it was written; null where it was nobody's. No part of the seal. */
  readonly accountId: string | null
}

/** What is asked for by no value is not asked for. */
export interface EventFilter {
  /** Of this account's subjects: those of nobody are no account's. */
  readonly accountId?: string | undefined
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  /** `key.` for everything that happens to keys. */
  readonly actionPrefix?: string | undefined
  /** From this moment on. */
  readonly since?: number | undefined
  /** Before this moment. */
  readonly until?: number | undefined
}

/** Events that come of what people do, as they are written and told. */
export interface EventStorage {
  addEvent(event: AuditEvent): Promise<void>
  listEvents(page: Page & EventFilter): Promise<RecordedEvent[]>
}

/** The events that come of requests, and the chain that all events become. */
export interface AuditStorage {
  /** All or none; those that are there already stay as they are. */
  addEvents(events: readonly AuditEvent[]): Promise<void>
  /** Oldest first. */
  listRequestEvents(requestId: string): Promise<RecordedEvent[]>

  /** How far the chain goes. */
  findChainEnd(): Promise<ChainPosition>
  /** The oldest events that have no seal. */
  listUnsealedEvents(limit: number): Promise<UnsealedEvent[]>
  /**
   * Gives events (by id) their places, the last of which is the chain's new end. False, and nothing
   * is written, where the chain does not end at `end` any more: somebody else was first.
   */
  sealEvents(
    end: ChainPosition,
    positions: readonly (ChainPosition & { readonly id: string })[],
  ): Promise<boolean>
  /** By number, after this one. */
  listSealedEvents(after: number, limit: number): Promise<SealedEvent[]>

  /**
   * Replaces those between `since` and this one, so that they do not pile up: never the one that
   * stands for what was purged.
   */
  addCheckpoint(checkpoint: Checkpoint, since: number): Promise<void>
  /** By number, then by `first`. */
  listCheckpoints(
    after: Pick<Checkpoint, 'sequence' | 'first'>,
    limit: number,
  ): Promise<Checkpoint[]>
  /** That of the highest number; null where there is none. */
  findLastCheckpoint(): Promise<Checkpoint | null>
  /** The one that says that the chain begins last. */
  findStartCheckpoint(): Promise<Checkpoint | null>
  /** Adds the checkpoint, and deletes all before its `first` but the checkpoint of what went. */
  purgeEvents(checkpoint: Checkpoint): Promise<number>
}
