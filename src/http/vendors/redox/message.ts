import { type Failure, fail, ok, type Result } from '../../../domain/failure.ts'
import type {
  AcceptedMessage,
  IncomingMessage,
  MessageReceipt,
} from '../../../service/messages/accept.ts'
import type { OutgoingMessage } from '../../../service/messages/attempt.ts'
import { type MaybePromise, mapMaybePromise } from '../../../service/ports/runtime.ts'
import { applyLongEdits, formatJsonMember, removeMember } from '../../json/edit.ts'
import { parseScannedJson } from '../../json/parse.ts'
import { type JsonFault, NO_BOUNDS, scanLongJson } from '../../json/scan.ts'
import {
  type FoundValue,
  findMember,
  type JsonSelector,
  selectElements,
  selectMember,
} from '../../json/selector.ts'
import { skipBlanks, skipByteOrderMark } from '../../json/tokens.ts'
import { createJsonReply, createJsonTextReply, type Reply } from '../../reply.ts'
import {
  ANSWER_META_SELECTOR,
  createEcho,
  DELIVERED_META_SELECTOR,
  type Echo,
  fillMeta,
  META,
  type Meta,
  readMeta,
  toRoutedMessage,
  writeAnswerMeta,
  writeFailedReceipt,
  writeReceipt,
} from './meta.ts'

/** The members that each identifier of a patient must have. */
const IDENTIFIER_MEMBERS = ['ID', 'IDType']
const IDENTIFIER_SELECTORS = IDENTIFIER_MEMBERS.map((name) => selectMember(name))

/** The parts of a message that `findMissingField` reads. */
const PAYLOAD_SELECTORS = [
  selectMember('Device', [selectMember('ID')]),
  selectMember('Patient', [selectElements('Identifiers', IDENTIFIER_SELECTORS)]),
]

/**
 * Finds a missing field that the published schemas require beside `Meta`: the id of a new device, and the id and
 * type of each patient identifier. Unknown fields are allowed everywhere.
 */
function findMissingField(message: FoundValue, { dataModel, eventType }: Meta): Failure | null {
  if (
    dataModel === 'Device' &&
    eventType === 'New' &&
    !hasValue(findMember(message, 'Device'), 'ID')
  ) {
    return { reason: 'field_missing', field: 'Device.ID' }
  }
  const identifiers = findMember(findMember(message, 'Patient'), 'Identifiers')
  let identifier = identifiers?.firstPart ?? null
  for (let n = 0; identifier !== null; n++, identifier = identifier.nextPart) {
    for (const name of IDENTIFIER_MEMBERS) {
      if (!hasValue(identifier, name)) {
        return { reason: 'field_missing', field: `Patient.Identifiers[${n}].${name}` }
      }
    }
  }
  return null
}

function hasValue(value: FoundValue | undefined, name: string): boolean {
  const found = findMember(value, name)
  return found !== undefined && found.kind !== 'nothing'
}

/** The known parts of a message, which a refusal echoes. */
export interface MessageProgress {
  /** `Meta`, as soon as it is read. */
  meta?: unknown
  /** Set when a query is sent to the destination that must answer it. */
  sentQuery?: { readonly meta: Meta; readonly accepted: AcceptedMessage }
}

/** A message whose `Meta` is valid. */
export interface ParsedMessage {
  readonly meta: Meta
  /** The place of `Meta` in the payload. */
  readonly found: FoundValue
}

const MAX_META_BYTES = 64 * 1024
const limitMeta = (selector: JsonSelector): JsonSelector => ({
  ...selector,
  maxBytes: MAX_META_BYTES,
})

const MESSAGE_SELECTOR = selectMember('', [
  limitMeta(DELIVERED_META_SELECTOR),
  ...PAYLOAD_SELECTORS,
])

/** Reads a message, and sets what is known of it even if it is refused. A short one is read at once. */
export function readMessage(
  payload: Uint8Array,
  progress: MessageProgress,
): MaybePromise<Result<ParsedMessage>> {
  return mapMaybePromise(scanLongJson(payload, MESSAGE_SELECTOR), (message) =>
    parseMessage(payload, message, progress),
  )
}

function parseMessage(
  payload: Uint8Array,
  message: Result<FoundValue, JsonFault>,
  progress: MessageProgress,
): Result<ParsedMessage> {
  if (!message.ok) return message
  const { kind, start } = message.value
  if (kind !== 'object') {
    return payload[start] === NULL_FIRST_BYTE
      ? fail({ reason: 'field_missing', field: 'the body' })
      : fail({ reason: 'field_invalid', field: 'the body', detail: 'must be an object' })
  }
  const found = findMember(message.value, META)
  if (found === undefined) return fail({ reason: 'field_missing', field: META })
  const value = parseScannedJson(payload, found)
  if (!value.ok) return value
  progress.meta = value.value
  const meta = readMeta(value.value)
  if (!meta.ok) return meta
  const missing = findMissingField(message.value, meta.value)
  return missing === null ? ok({ meta: meta.value, found }) : fail(missing)
}

/** The letter n, with which only null begins. */
const NULL_FIRST_BYTE = 0x6e

export const toIncomingMessage = (
  payload: Uint8Array,
  { meta, found }: ParsedMessage,
  sourceId: string | null,
  progress: MessageProgress,
  signal: () => AbortSignal,
): IncomingMessage => ({
  dataModel: meta.dataModel,
  eventType: meta.eventType,
  sourceId,
  destinationIds: meta.destinationIds,
  test: meta.test,
  payload,
  render(accepted) {
    progress.sentQuery = { meta, accepted }
    return applyLongEdits(
      payload,
      { start: skipByteOrderMark(payload), end: payload.length },
      fillMeta(found, toRoutedMessage(accepted, meta.test)),
    )
  },
  signal,
})

/** Finds the part of `Meta` that a refusal repeats. */
export function findEcho({ meta, sentQuery }: MessageProgress): Echo | undefined {
  if (sentQuery !== undefined) return writeFailedReceipt(sentQuery.meta, sentQuery.accepted)
  return meta === undefined ? undefined : createEcho(meta)
}

/** Replies to an accepted message, and to a synchronous one with the answer of its destination. */
export const createReceiptReply = (
  { meta }: ParsedMessage,
  receipt: MessageReceipt,
): MaybePromise<Result<Reply>> =>
  receipt.answer === null
    ? ok(createJsonReply(200, { Meta: writeReceipt(meta, receipt) }))
    : createAnswerReply(meta, receipt, receipt.answer)

async function createAnswerReply(
  meta: Meta,
  receipt: MessageReceipt,
  answer: Uint8Array,
): Promise<Result<Reply>> {
  const found = await readAnswer(answer)
  if (!found.ok) {
    const { id: destinationId } = receipt.route.hops[0].destination
    const answerFault = found.failure
    const detail = `its answer cannot be read: ${answerFault}`
    return fail({ reason: 'destination_failed', destinationId, detail, answerFault })
  }
  // The payload first, then Meta.
  const { payload, meta: answerMeta } = found.value
  const Meta = formatJsonMember(META, writeAnswerMeta(meta, receipt, answer, answerMeta))
  return ok(createJsonTextReply(200, `{${payload === '' ? '' : `${payload},`}${Meta}}`))
}

interface DestinationAnswer {
  /** The answer's members except `Meta`, as written. */
  readonly payload: string
  readonly meta: FoundValue | undefined
}

const ANSWER_SELECTOR = selectMember('', [limitMeta(ANSWER_META_SELECTOR)])

/** Reads a destination's answer, which may be empty. */
async function readAnswer(bytes: Uint8Array): Promise<Result<DestinationAnswer, string>> {
  const isBlank = skipBlanks(bytes, skipByteOrderMark(bytes), bytes.length) === bytes.length
  if (isBlank) return ok({ payload: '', meta: undefined })
  const found = await scanLongJson(bytes, ANSWER_SELECTOR)
  if (!found.ok) return fail(describeFault(found.failure))
  const object = found.value
  if (object.kind !== 'object') return fail('it is not a JSON object')
  const meta = findMember(object, META)
  const value = meta === undefined ? ok(undefined) : parseScannedJson(bytes, meta)
  if (!value.ok) return fail(describeFault(value.failure))
  const payload = new TextDecoder().decode(removeMember(bytes, object, meta))
  return ok({ payload: payload.trim() === '' ? '' : payload, meta })
}

const describeFault = (fault: JsonFault): string =>
  fault.reason === 'member_repeated' ? `${fault.member} is there twice` : fault.detail

const STORED_MESSAGE_SELECTOR = selectMember('', [DELIVERED_META_SELECTOR])

/** Renders the body for a destination: the message as received, with its `Meta` filled in. */
export async function renderDeliveryBody(outgoing: OutgoingMessage): Promise<Uint8Array> {
  const { payload, hops, ...envelope } = outgoing
  // The message was accepted before, possibly by an older version with wider bounds.
  const message = await scanLongJson(payload, STORED_MESSAGE_SELECTOR, NO_BOUNDS)
  const meta = message.ok ? findMember(message.value, META) : undefined
  if (meta === undefined) throw new Error('a stored message has no Meta')
  const logs = hops.map(({ logId, attemptId }) => ({ id: logId, attemptId }))
  const destinations = hops.map((hop) => ({ id: hop.destinationId, name: hop.destinationName }))
  const messageSpan = { start: skipByteOrderMark(payload), end: payload.length }
  return applyLongEdits(payload, messageSpan, fillMeta(meta, { ...envelope, destinations, logs }))
}
