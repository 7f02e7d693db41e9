import {
  CHAIN_START,
  type ChainPosition,
  type Checkpoint,
  type SealedEvent,
} from '../../domain/audit-chain.ts'
import type { AuditSigner } from '../ports/audit.ts'

/** A place where the audit differs from the sealed events. */
export interface ChainBreak {
  /** The number of the affected event, or of the first of several. */
  readonly sequence: number
  /** The id of the event with that number; null if there is none. */
  readonly eventId: string | null
  /** Describes the break, as a sentence. */
  readonly message: string
}

export interface AuditVerdict {
  readonly whole: boolean
  readonly events: number
  /** The numbers of the first and last expected event; 0 and 0 if there are none. */
  readonly first: number
  readonly last: number
  readonly checkpoints: number
  /** The time of the last checkpoint's signature. The loss of later events may be undetected. */
  readonly signedAt: number | null
  /** The number of the event at the anchor outside the database; null without an anchor. */
  readonly anchor: number | null
  /** The first breaks. `breaksFound` is the total number. */
  readonly breaks: readonly ChainBreak[]
  readonly breaksFound: number
}

/** The event before the next one. Its seal is null if unknown. */
export interface PrecedingEvent {
  readonly sequence: number
  readonly seal: string | null
}

/** The result of comparing the chain with its anchor. */
export interface AnchorComparison {
  readonly anchor: ChainPosition | null
  readonly breaks: readonly ChainBreak[]
}

const NO_ANCHOR: AnchorComparison = { anchor: null, breaks: [] }

const MAX_REPORTED_BREAKS = 100

/**
 * Verifies a chain: first all checkpoints, then all events by number. Each event is checked against
 * the seal before it, so that a changed event is reported by itself, without all that follow. `from`:
 * an event that is trusted; reading begins after it.
 */
export function createChainVerifier(auditSigner: AuditSigner, from: PrecedingEvent = CHAIN_START) {
  const breaks: ChainBreak[] = []
  const checkpointsBySequence = new Map<number, Checkpoint[]>()
  let breaksFound = 0
  let checkpoints = 0
  let newest: Checkpoint | null = null
  let first = CHAIN_START.sequence + 1
  let events = 0
  let preceding: PrecedingEvent | null = null
  let start = 0

  function addBreak(sequence: number, eventId: string | null, message: string): void {
    breaksFound++
    if (breaks.length < MAX_REPORTED_BREAKS) breaks.push({ sequence, eventId, message })
  }

  async function addCheckpoint(checkpoint: Checkpoint): Promise<void> {
    const { sequence } = checkpoint
    if (!(await auditSigner.isSignedCheckpoint(checkpoint))) {
      addBreak(
        sequence,
        null,
        `the checkpoint of event ${sequence} was not signed with this key ring`,
      )
      return
    }
    checkpoints++
    checkpointsBySequence.set(sequence, [
      ...(checkpointsBySequence.get(sequence) ?? []),
      checkpoint,
    ])
    first = Math.max(first, checkpoint.first)
    if (newest === null || sequence >= newest.sequence) newest = checkpoint
  }

  /** Finds the event before the first one to verify: `from`, or the last purged event. */
  function findStart(): PrecedingEvent {
    if (first <= from.sequence + 1) return from
    const [checkpoint] = checkpointsBySequence.get(first - 1) ?? []
    if (checkpoint === undefined) {
      addBreak(first, null, `the checkpoint that stands for the events before ${first} is gone`)
    }
    return { sequence: first - 1, seal: checkpoint?.seal ?? null }
  }

  function startReading(): PrecedingEvent {
    const position = findStart()
    start = position.sequence + 1
    return position
  }

  function addEvent(event: SealedEvent): void {
    events++
    preceding ??= startReading()
    const { sequence, seal, id } = event
    if (sequence <= preceding.sequence) {
      addBreak(sequence, id, `event ${sequence} stands where none may: it was put in`)
      return
    }
    if (sequence > preceding.sequence + 1) {
      addMissing(preceding.sequence + 1, sequence - 1)
      preceding = {
        sequence: sequence - 1,
        seal: checkpointsBySequence.get(sequence - 1)?.[0]?.seal ?? null,
      }
    }
    if (preceding.seal !== null && !auditSigner.isSealedEvent(preceding.seal, event)) {
      addBreak(
        sequence,
        id,
        `event ${sequence} is not the one that was sealed: it was changed, or put in`,
      )
    }
    for (const checkpoint of checkpointsBySequence.get(sequence) ?? []) {
      if (checkpoint.seal === seal) continue
      addBreak(sequence, id, `event ${sequence} is not the one that a checkpoint was signed for`)
      break
    }
    preceding = { sequence, seal }
  }

  function addMissing(from: number, to: number): void {
    const description = from === to ? `event ${from} is gone` : `events ${from} to ${to} are gone`
    addBreak(from, null, description)
  }

  /** `end`: the end of the chain, as the storage or the export states it. */
  function finish(
    end: ChainPosition = CHAIN_START,
    comparison: AnchorComparison = NO_ANCHOR,
  ): AuditVerdict {
    for (const { sequence, eventId, message } of comparison.breaks)
      addBreak(sequence, eventId, message)
    preceding ??= startReading()
    const last = Math.max(end.sequence, newest?.sequence ?? 0)
    if (preceding.sequence < last) addMissing(preceding.sequence + 1, last)
    return {
      whole: breaksFound === 0,
      events,
      first: events === 0 ? 0 : start,
      last: Math.max(preceding.sequence, last),
      checkpoints,
      signedAt: newest?.at ?? null,
      anchor: comparison.anchor?.sequence ?? null,
      breaks,
      breaksFound,
    }
  }

  return { addCheckpoint, addEvent, finish }
}

/**
 * The audit as JSON lines: a header, then a line for each checkpoint, then a line for each event. An
 * event's facts are the sealed text; `jq '.event.facts | fromjson'` parses them.
 */
export type AuditExportLine =
  | { readonly latchkeyAudit: 1; readonly exportedAt: string; readonly events: number }
  | { readonly checkpoint: Checkpoint }
  | { readonly event: SealedEvent }

export const formatExportLine = (line: AuditExportLine): string => `${JSON.stringify(line)}\n`

/** Throws an error that names the line if it is not part of an export. */
export function parseExportLine(text: string, number: number): AuditExportLine {
  const value = parseJsonOrNull(text)
  if (number === 1 && isRecord(value) && value.latchkeyAudit === 1) return value as AuditExportLine
  if (number > 1 && isRecord(value)) {
    if (isRecord(value.checkpoint) && hasFields(value.checkpoint, CHECKPOINT_FIELDS))
      return value as AuditExportLine
    if (isRecord(value.event) && hasFields(value.event, EVENT_FIELDS))
      return value as AuditExportLine
  }
  throw new Error(`line ${number} is not one of an exported audit`)
}

const CHECKPOINT_FIELDS = {
  first: 'number',
  sequence: 'number',
  seal: 'string',
  at: 'number',
  signature: 'string',
} as const satisfies Record<keyof Checkpoint, string>

const EVENT_FIELDS = {
  sequence: 'number',
  seal: 'string',
  id: 'string',
  at: 'number',
  actor: 'string',
  action: 'string',
  subject: 'string',
  facts: 'string',
} as const satisfies Partial<Record<keyof SealedEvent, string>>

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const hasFields = (
  value: Record<string, unknown>,
  members: Readonly<Record<string, string>>,
): boolean => Object.entries(members).every(([name, type]) => typeof value[name] === type)

function parseJsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
