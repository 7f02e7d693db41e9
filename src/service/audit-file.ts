import type { Checkpoint, SealedEvent } from '../domain/chain.ts'

/*
 * The audit as JSON lines: one that says what this is, then a line for each checkpoint, then a line
 * for each event. An event's facts are a text, as they were sealed; `jq '.event.facts | fromjson'`
 * reads them.
 */

export type Line =
  | { readonly latchkeyAudit: 1; readonly exportedAt: string; readonly events: number }
  | { readonly checkpoint: Checkpoint }
  | { readonly event: SealedEvent }

export const writeLine = (line: Line): string => `${JSON.stringify(line)}\n`

/** Throws a sentence where it is none of ours. */
export function readLine(text: string, number: number): Line {
  const value = parse(text)
  if (number === 1 && isRecord(value) && value.latchkeyAudit === 1) return value as Line
  if (number > 1 && isRecord(value)) {
    if (isRecord(value.checkpoint) && has(value.checkpoint, CHECKPOINT)) return value as Line
    if (isRecord(value.event) && has(value.event, EVENT)) return value as Line
  }
  throw new Error(`line ${number} is not one of an exported audit`)
}

const CHECKPOINT = {
  first: 'number',
  sequence: 'number',
  seal: 'string',
  at: 'number',
  signature: 'string',
} as const satisfies Record<keyof Checkpoint, string>

const EVENT = {
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

const has = (value: Record<string, unknown>, members: Readonly<Record<string, string>>): boolean =>
  Object.entries(members).every(([name, type]) => typeof value[name] === type)

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
