import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Accepted, Incoming, Receipt } from '../../service/accept.ts'
import { parseFound } from '../json.ts'
import { applyEdits, withoutMember, writeMember } from '../json-edit.ts'
import {
  type FoundValue,
  findMember,
  type JsonFault,
  scanLongJson,
  skipBlanks,
  skipByteOrderMark,
  type Watch,
  watchMember,
} from '../json-scan.ts'
import { json, jsonText, type Reply } from '../reply.ts'
import {
  ANSWER_META_WATCH,
  DELIVERED_META_WATCH,
  type Echo,
  echo,
  fillMeta,
  META,
  type Meta,
  onwardOf,
  readMeta,
  writeAnswerMeta,
  writeFailed,
  writeReceipt,
} from './meta.ts'
import { findMissing, PAYLOAD_WATCHES } from './payload.ts'

/** The parts of a message that are known so far. A refusal echoes them. */
export interface Seen {
  /** `Meta`, as soon as it is read. */
  meta?: unknown
  /** Set when a query is sent to the destination that must answer it. */
  asked?: { readonly meta: Meta; readonly accepted: Accepted }
}

/** A message that can be judged. */
export interface Read {
  readonly meta: Meta
  /** The place of `Meta` in the payload. */
  readonly found: FoundValue
}

const MAX_META_BYTES = 64 * 1024
const limitMeta = (watch: Watch): Watch => ({ ...watch, maxBytes: MAX_META_BYTES })

const MESSAGE_WATCH = watchMember('', [limitMeta(DELIVERED_META_WATCH), ...PAYLOAD_WATCHES])

export async function readMessage(payload: Uint8Array, seen: Seen): Promise<Result<Read>> {
  const message = await scanLongJson(payload, MESSAGE_WATCH)
  if (!message.ok) return message
  const { kind, start } = message.value
  if (kind !== 'object') {
    return payload[start] === NULL_FIRST_BYTE
      ? fail({ reason: 'field_missing', field: 'the body' })
      : fail({ reason: 'field_invalid', field: 'the body', detail: 'must be an object' })
  }
  const found = findMember(message.value, META)
  if (found === undefined) return fail({ reason: 'field_missing', field: META })
  const value = parseFound(payload, found)
  if (!value.ok) return value
  seen.meta = value.value
  const meta = readMeta(value.value)
  if (!meta.ok) return meta
  const missing = findMissing(message.value, meta.value)
  return missing === null ? ok({ meta: meta.value, found }) : fail(missing)
}

/** The letter n: of all JSON values only null begins with it. */
const NULL_FIRST_BYTE = 0x6e

export const incomingOf = (
  payload: Uint8Array,
  { meta, found }: Read,
  seen: Seen,
  signal: () => AbortSignal,
): Incoming => ({
  dataModel: meta.DataModel,
  eventType: meta.EventType,
  sourceId: meta.Source?.ID ?? null,
  destinationIds: meta.Destinations.map(({ ID }) => ID),
  test: meta.Test ?? false,
  payload,
  render(accepted) {
    seen.asked = { meta, accepted }
    return applyEdits(
      payload,
      { start: skipByteOrderMark(payload), end: payload.length },
      fillMeta(found, onwardOf(accepted, meta.Test ?? false)),
    )
  },
  signal,
})

/** The part of `Meta` that a refusal repeats. */
export function findEcho({ meta, asked }: Seen): Echo | undefined {
  if (asked !== undefined) return writeFailed(asked.meta, asked.accepted)
  return meta === undefined ? undefined : echo(meta)
}

/** The answer to an accepted message: of a synchronous one with what its destination found. */
export async function replyOf({ meta }: Read, receipt: Receipt): Promise<Result<Reply>> {
  const { answer, route } = receipt
  if (answer === null) return ok(json(200, { Meta: writeReceipt(meta, receipt) }))
  const found = await readAnswer(answer)
  if (!found.ok) {
    const { id: destinationId } = route.hops[0].destination
    const answerFault = found.failure
    const detail = `its answer cannot be read: ${answerFault}`
    return fail({ reason: 'destination_failed', destinationId, detail, answerFault })
  }
  // The payload first, then Meta.
  const { payload, meta: answered } = found.value
  const Meta = writeMember(META, writeAnswerMeta(meta, receipt, answer, answered))
  return ok(jsonText(200, `{${payload === '' ? '' : `${payload},`}${Meta}}`))
}

interface Answer {
  /** The answer's members except `Meta`, as written. */
  readonly payload: string
  readonly meta: FoundValue | undefined
}

const ANSWER_WATCH = watchMember('', [limitMeta(ANSWER_META_WATCH)])

/** Reads a destination's answer, which may be empty. */
async function readAnswer(bytes: Uint8Array): Promise<Result<Answer, string>> {
  const isBlank = skipBlanks(bytes, skipByteOrderMark(bytes), bytes.length) === bytes.length
  if (isBlank) return ok({ payload: '', meta: undefined })
  const found = await scanLongJson(bytes, ANSWER_WATCH)
  if (!found.ok) return fail(describeFault(found.failure))
  const object = found.value
  if (object.kind !== 'object') return fail('it is not a JSON object')
  const meta = findMember(object, META)
  const value = meta === undefined ? ok(undefined) : parseFound(bytes, meta)
  if (!value.ok) return fail(describeFault(value.failure))
  const payload = new TextDecoder().decode(withoutMember(bytes, object, meta))
  return ok({ payload: payload.trim() === '' ? '' : payload, meta })
}

const describeFault = (fault: JsonFault): string =>
  fault.reason === 'member_repeated' ? `${fault.member} is there twice` : fault.detail
