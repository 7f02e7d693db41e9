import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Incoming, Receipt } from '../../service/accept.ts'
import { decodeText } from '../body.ts'
import { parseJson } from '../json.ts'
import { membersOf, objectOf, writeMember } from '../members.ts'
import { json, jsonText, type Reply } from '../reply.ts'
import { type Meta, onwardOf, readMeta, writeDelivered, writeReceipt } from './meta.ts'
import { missingFrom } from './payload.ts'
import { META, withMeta } from './splice.ts'

/** What was read so far: a refusal echoes it. */
export interface Seen {
  message?: unknown
}

/** A message that can be judged. */
export interface Read {
  readonly meta: Meta
  readonly text: string
}

export function readMessage(payload: Uint8Array, seen: Seen): Result<Read> {
  const text = decodeText(payload)
  if (!text.ok) return text
  const parsed = parseJson(text.value)
  if (!parsed.ok) return parsed
  const message = parsed.value
  seen.message = message
  const meta = readMeta(message)
  if (!meta.ok) return meta
  const missing = missingFrom(message, meta.value)
  return missing === null ? ok({ meta: meta.value, text: text.value }) : fail(missing)
}

export const incomingOf = (
  payload: Uint8Array,
  { meta, text }: Read,
  signal: () => AbortSignal,
): Incoming => ({
  dataModel: meta.DataModel,
  eventType: meta.EventType,
  sourceId: meta.Source?.ID ?? null,
  destinationIds: meta.Destinations.map(({ ID }) => ID),
  test: meta.Test ?? false,
  payload,
  render: (accepted) => withMeta(text, writeDelivered(meta, onwardOf(accepted))),
  signal,
})

/** The answer to an accepted message: of a synchronous one with what its destination found. */
export function replyOf({ meta }: Read, receipt: Receipt): Result<Reply> {
  const { answer, route } = receipt
  const Meta = writeReceipt(meta, receipt)
  if (answer === null) return ok(json(200, { Meta }))
  const found = readAnswer(answer, route.hops[0].destination.id)
  // The payload first, then Meta.
  return found.ok ? ok(jsonText(200, objectOf([...found.value, writeMember(META, Meta)]))) : found
}

/**
 * What a destination found: the members of an object as it wrote them, none where there is nothing.
 * Its own `Meta` is not the caller's.
 */
function readAnswer(answer: string, destinationId: string): Result<string[]> {
  if (answer.trim() === '') return ok([])
  const parsed = parseJson(answer)
  const value = parsed.ok ? parsed.value : null
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const detail = 'its answer is not a JSON object'
    return fail({ reason: 'destination_failed', destinationId, detail })
  }
  const found = membersOf(answer).filter(({ name }) => name !== META)
  return ok(found.map(({ text }) => text))
}
