import { BEGINNING, type Checkpoint, type Place, type SealedEvent } from '../domain/chain.ts'
import type { Notary } from './ports.ts'

/** A place where the audit is not what was sealed. */
export interface Break {
  /** The number of the event that it is about, or of the first of them. */
  readonly sequence: number
  /** The event that stands there; null where none does. */
  readonly eventId: string | null
  /** As a sentence. */
  readonly message: string
}

export interface Verdict {
  readonly whole: boolean
  readonly events: number
  /** The numbers of the first and last event that there should be; 0 and 0 where there are none. */
  readonly first: number
  readonly last: number
  readonly checkpoints: number
  /** When the last checkpoint was signed: what came later may be cut off unseen. */
  readonly signedAt: number | null
  /** The number of the event at the anchor outside the database; null without an anchor. */
  readonly anchor: number | null
  /** The first of them; `breaksFound` says how many there are. */
  readonly breaks: readonly Break[]
  readonly breaksFound: number
}

/** The event before the next one; its seal is null where it is not known. */
export interface Before {
  readonly sequence: number
  readonly seal: string | null
}

/** The result of comparing the chain with its anchor. */
export interface AnchorComparison {
  readonly anchor: Place | null
  readonly breaks: readonly Break[]
}

const NO_ANCHOR: AnchorComparison = { anchor: null, breaks: [] }

const TOLD = 100

/**
 * Reads a chain from its beginning: first all checkpoints, then all events by number. Each event is
 * held against the seal before it, so that what was done to one event is told of that event, and not of
 * all that follow. `from`: an event that is believed as it stands; what is read begins after it.
 */
export function createVerifier(notary: Notary, from: Before = BEGINNING) {
  const breaks: Break[] = []
  const signed = new Map<number, Checkpoint[]>()
  let breaksFound = 0
  let checkpoints = 0
  let newest: Checkpoint | null = null
  let first = BEGINNING.sequence + 1
  let events = 0
  let before: Before | null = null
  let start = 0

  function found(sequence: number, eventId: string | null, message: string): void {
    breaksFound++
    if (breaks.length < TOLD) breaks.push({ sequence, eventId, message })
  }

  async function takeCheckpoint(checkpoint: Checkpoint): Promise<void> {
    const { sequence } = checkpoint
    if (!(await notary.hasSigned(checkpoint))) {
      found(sequence, null, `the checkpoint of event ${sequence} was not signed with this key ring`)
      return
    }
    checkpoints++
    signed.set(sequence, [...(signed.get(sequence) ?? []), checkpoint])
    first = Math.max(first, checkpoint.first)
    if (newest === null || sequence >= newest.sequence) newest = checkpoint
  }

  /** Where the reading begins: where it is to, or after what was purged. */
  function beginning(): Before {
    if (first <= from.sequence + 1) return from
    const [checkpoint] = signed.get(first - 1) ?? []
    if (checkpoint === undefined) {
      found(first, null, `the checkpoint that stands for the events before ${first} is gone`)
    }
    return { sequence: first - 1, seal: checkpoint?.seal ?? null }
  }

  function begin(): Before {
    const place = beginning()
    start = place.sequence + 1
    return place
  }

  function takeEvent(event: SealedEvent): void {
    events++
    before ??= begin()
    const { sequence, seal, id } = event
    if (sequence <= before.sequence) {
      found(sequence, id, `event ${sequence} stands where none may: it was put in`)
      return
    }
    if (sequence > before.sequence + 1) {
      missing(before.sequence + 1, sequence - 1)
      before = { sequence: sequence - 1, seal: signed.get(sequence - 1)?.[0]?.seal ?? null }
    }
    if (before.seal !== null && !notary.hasSealed(before.seal, event)) {
      found(
        sequence,
        id,
        `event ${sequence} is not the one that was sealed: it was changed, or put in`,
      )
    }
    for (const checkpoint of signed.get(sequence) ?? []) {
      if (checkpoint.seal === seal) continue
      found(sequence, id, `event ${sequence} is not the one that a checkpoint was signed for`)
      break
    }
    before = { sequence, seal }
  }

  function missing(from: number, to: number): void {
    const which = from === to ? `event ${from} is gone` : `events ${from} to ${to} are gone`
    found(from, null, which)
  }

  /** `end`: where the chain must have got to, as far as its keeper knows. */
  function finish(end: Place = BEGINNING, anchored: AnchorComparison = NO_ANCHOR): Verdict {
    for (const { sequence, eventId, message } of anchored.breaks) found(sequence, eventId, message)
    before ??= begin()
    const last = Math.max(end.sequence, newest?.sequence ?? 0)
    if (before.sequence < last) missing(before.sequence + 1, last)
    return {
      whole: breaksFound === 0,
      events,
      first: events === 0 ? 0 : start,
      last: Math.max(before.sequence, last),
      checkpoints,
      signedAt: newest?.at ?? null,
      anchor: anchored.anchor?.sequence ?? null,
      breaks,
      breaksFound,
    }
  }

  return { takeCheckpoint, takeEvent, finish }
}

export type Verifier = ReturnType<typeof createVerifier>
