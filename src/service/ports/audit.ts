import type {
  ChainAnchor,
  ChainPosition,
  Checkpoint,
  CheckpointStatement,
  SealedEvent,
  UnsealedEvent,
} from '../../domain/audit-chain.ts'
import type { Page } from './lists.ts'

/** Seals audit events, and signs checkpoints, with the audit key of the key ring. */
export interface AuditSigner {
  /** Returns the seal of an event with this number, after the event whose seal is `previous`. */
  seal(previous: string, event: UnsealedEvent, sequence: number): string
  /** True if the event is, byte for byte, the one that was sealed after `previous`. */
  isSealedEvent(previous: string, event: SealedEvent): boolean
  signCheckpoint(statement: CheckpointStatement): Promise<Checkpoint>
  isSignedCheckpoint(checkpoint: Checkpoint): Promise<boolean>
}

/**
 * Stores the audit's anchor outside the database, for all processes of a machine. Keeps the latest
 * anchor (`pickLaterAnchor`), in whatever order they are written.
 */
export interface AnchorStore {
  /** Null if there is none. */
  read(): Promise<ChainAnchor | null>
  /** The anchor is on disk when this resolves. False, without a write, if the store holds a later one. */
  write(anchor: ChainAnchor): Promise<boolean>
  /** Writes the anchor even if the stored one cannot be read. */
  replace(anchor: ChainAnchor): Promise<void>
}

export type AuditEventFacts = Readonly<Record<string, string | number | boolean | null>>

/** An actor's action on a subject, for the audit. */
export interface AuditEvent {
  readonly id: string
  readonly at: number
  /** The id of the acting user or key; `operator`, `server` or `nobody` if there is none. */
  readonly actor: string
  /** `key.revoked`, `grant.reused`, … */
  readonly action: string
  /** The row id of the affected resource. */
  readonly subject: string
  readonly facts: AuditEventFacts
  /** The request that caused it; null if there was none. */
  readonly requestId: string | null
}

/** A stored event, with its account. */
export interface RecordedEvent extends AuditEvent {
  /**
   * The account of the subject when the event was written; null if it had none. Not covered by the
   * seal.
   */
  readonly accountId: string | null
}

/** Filters events. Undefined fields match all. */
export interface EventFilter {
  /** Matches subjects of this account only. */
  readonly accountId?: string | undefined
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  /** `key.` matches all events of keys. */
  readonly actionPrefix?: string | undefined
  /** The start of the period, inclusive. */
  readonly since?: number | undefined
  /** The end of the period, exclusive. */
  readonly until?: number | undefined
}

/** Stores the events of users' actions. */
export interface EventStorage {
  addEvent(event: AuditEvent): Promise<void>
  listEvents(page: Page & EventFilter): Promise<RecordedEvent[]>
}

/** Stores the events of requests, and the chain of all events. */
export interface AuditStorage {
  /** Adds all events or none. Existing events stay unchanged. */
  addEvents(events: readonly AuditEvent[]): Promise<void>
  /** Lists the oldest first. */
  listRequestEvents(filter: {
    readonly requestId: string
    readonly accountId?: string | undefined
  }): Promise<RecordedEvent[]>

  /** Returns the number and seal of the last event. */
  findChainEnd(): Promise<ChainPosition>
  /** Lists the oldest events without a seal. */
  listUnsealedEvents(limit: number): Promise<UnsealedEvent[]>
  /**
   * Sets the positions of events, by id. The last one is the new end of the chain. Returns false and
   * writes nothing if the chain no longer ends at `end`, because another process was first.
   */
  sealEvents(
    end: ChainPosition,
    positions: readonly (ChainPosition & { readonly id: string })[],
  ): Promise<boolean>
  /** Lists events after this number, in order. */
  listSealedEvents(after: number, limit: number): Promise<SealedEvent[]>

  /**
   * Adds a checkpoint, and replaces those between `since` and it, so that they do not accumulate.
   * Never replaces the one that stands for purged events.
   */
  addCheckpoint(checkpoint: Checkpoint, since: number): Promise<void>
  /** Lists by number, then by `first`. */
  listCheckpoints(
    after: Pick<Checkpoint, 'sequence' | 'first'>,
    limit: number,
  ): Promise<Checkpoint[]>
  /** Finds the checkpoint with the highest number; null if there is none. */
  findLastCheckpoint(): Promise<Checkpoint | null>
  /** Finds the checkpoint with the highest `first`. */
  findStartCheckpoint(): Promise<Checkpoint | null>
  /**
   * Adds the checkpoint, deletes everything before its `first` except the checkpoint of the purged
   * events, and returns the number of deleted events.
   */
  purgeEvents(checkpoint: Checkpoint): Promise<number>
}
