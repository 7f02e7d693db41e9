import type { Checkpoint, SealedEvent } from '../../domain/audit-chain.ts'

/*
 * The audit as JSON lines: a header, then a line for each checkpoint, then a line for each event. An
 * event's facts are the sealed text; `jq '.event.facts
 *  fromjson'` parses them.
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
