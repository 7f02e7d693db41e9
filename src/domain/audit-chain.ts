/*
 * The audit is a chain: each event has a number and a seal over itself and the previous seal.
 * Changing, deleting or inserting an event invalidates every later seal.
 */

/** An audit event as it is stored. Its facts are the stored text, byte for byte. */
export interface UnsealedEvent {
  readonly id: string
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly requestId: string | null
  readonly facts: string
}

/** The number and seal of an event in the chain. */
export interface ChainPosition {
  readonly sequence: number
  readonly seal: string
}

/** The position before the first event. */
export const CHAIN_START: ChainPosition = { sequence: 0, seal: '' }

/** A signed position of the chain that is stored outside the database. */
export interface ChainAnchor extends ChainPosition {
  /** The time of signing. */
  readonly at: number
  /** The time at which an operator last accepted a chain that ends before its anchor; 0 for never. */
  readonly acceptedAt: number
}

/**
 * Returns the later of two anchors. The anchor that an operator accepted later wins, even with a lower
 * number.
 */
export function pickLaterAnchor(a: ChainAnchor | null, b: ChainAnchor | null): ChainAnchor | null {
  if (a === null || b === null) return a ?? b
  const order = a.acceptedAt - b.acceptedAt || a.sequence - b.sequence
  return order >= 0 ? a : b
}

export interface SealedEvent extends UnsealedEvent, ChainPosition {}

/** The signed statement: up to this event, the chain was intact at this time. */
export interface CheckpointStatement extends ChainPosition {
  readonly at: number
  /** The first event that is still stored. The checkpoint before it replaces all purged events. */
  readonly first: number
}

export interface Checkpoint extends CheckpointStatement {
  readonly signature: string
}

/**
 * Serializes the part of an event that its seal covers, apart from the previous seal. JSON is
 * unambiguous, so no two events serialize alike.
 */
export function serializeEvent(event: UnsealedEvent, sequence: number): string {
  const { id, at, actor, action, subject, requestId, facts } = event
  return JSON.stringify([sequence, id, at, actor, action, subject, requestId, facts])
}

/**
 * Serializes the part of a checkpoint that its signature covers. The prefix is unique among signed and
 * sealed texts.
 */
export const serializeStatement = ({ first, sequence, seal, at }: CheckpointStatement): string =>
  `latchkey audit checkpoint ${JSON.stringify([first, sequence, seal, at])}`
