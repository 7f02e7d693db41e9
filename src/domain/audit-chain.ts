/*
 * The audit is a chain: each event has a number and a seal over itself and the seal before it, so that
 * no event can be changed, taken out or put in without all seals after it being made anew.
 */

/** An audit event as it is kept; its facts are the text, byte for byte. */
export interface UnsealedEvent {
  readonly id: string
  readonly at: number
  readonly actor: string
  readonly action: string
  readonly subject: string
  readonly requestId: string | null
  readonly facts: string
}

/** Where a chain has got to: the last event's number and seal. */
export interface ChainPosition {
  readonly sequence: number
  readonly seal: string
}

/** Before the first event. */
export const CHAIN_START: ChainPosition = { sequence: 0, seal: '' }

/** A signed place of the chain, as it is kept outside the database. */
export interface ChainAnchor extends ChainPosition {
  /** When the place was signed. */
  readonly at: number
  /** When an operator last accepted a chain that ends before its anchor; 0 for never. */
  readonly acceptedAt: number
}

/** The later of two anchors. One that an operator accepted later wins, even with a lower number. */
export function pickLaterAnchor(a: ChainAnchor | null, b: ChainAnchor | null): ChainAnchor | null {
  if (a === null || b === null) return a ?? b
  const order = a.acceptedAt - b.acceptedAt || a.sequence - b.sequence
  return order >= 0 ? a : b
}

export interface SealedEvent extends UnsealedEvent, ChainPosition {}

/** What is signed: up to this event the chain was whole at this time. */
export interface CheckpointStatement extends ChainPosition {
  readonly at: number
  /** The first event that is still kept. The checkpoint of the one before stands for all that went. */
  readonly first: number
}

export interface Checkpoint extends CheckpointStatement {
  readonly signature: string
}

/** What a seal covers, the seal before it apart. In JSON no two events are written alike. */
export function serializeEvent(event: UnsealedEvent, sequence: number): string {
  const { id, at, actor, action, subject, requestId, facts } = event
  return JSON.stringify([sequence, id, at, actor, action, subject, requestId, facts])
}

/** What a checkpoint's signature covers. Nothing else that is signed or sealed begins like this. */
export const serializeStatement = ({ first, sequence, seal, at }: CheckpointStatement): string =>
  `latchkey audit checkpoint ${JSON.stringify([first, sequence, seal, at])}`
