import { type Failure, fail, ok, type Result } from '../../../domain/failure.ts'
import { toStoredId } from '../../../domain/id.ts'
import type { MessageEnvelope } from '../../../domain/routing.ts'
import type { AcceptedMessage } from '../../../service/messages/accept.ts'
import {
  applyEdits,
  formatJsonMember,
  type JsonEdit,
  type JsonMember,
  setMembers,
} from '../../json/edit.ts'
import {
  type FoundValue,
  findMember,
  type JsonSelector,
  listParts,
  selectElements,
  selectMember,
} from '../../json/selector.ts'
import { readSpan } from '../../json/tokens.ts'

/*
 * Reads and writes `Meta`, the envelope of every message.
 */

export const META = 'Meta'

const MAX_TEXT_LENGTH = 256
const MAX_DESTINATIONS = 100

/** The envelope; everything else in a message is payload. */
export interface Meta extends MessageEnvelope {
  readonly test: boolean
}

/** The members of a valid `Meta` that are read. */
interface WrittenMeta {
  readonly DataModel: string
  readonly EventType: string
  readonly Test?: boolean | null
  readonly Source?: { readonly ID?: string | null } | null
  readonly Destinations: readonly { readonly ID: string }[]
}

/** Reads `Meta`, or fails with the first missing or invalid field. */
export function readMeta(value: unknown): Result<Meta> {
  const fault = findTypeFault(META, value, 'object') ?? findMetaFault(value as Members)
  if (fault !== null) return fail(fault)
  const { DataModel, EventType, Test, Source, Destinations } = value as WrittenMeta
  const destinationIds = Destinations.map(({ ID }) => toStoredId(ID))
  const repeatedIndex = destinationIds.findIndex((id, n) => destinationIds.indexOf(id) < n)
  if (repeatedIndex >= 0) {
    const field = `Meta.Destinations[${repeatedIndex}].ID`
    return fail({ reason: 'field_invalid', field, detail: 'is there twice' })
  }
  const sourceId = Source?.ID ?? null
  return ok({
    dataModel: DataModel,
    eventType: EventType,
    sourceId: sourceId === null ? null : toStoredId(sourceId),
    destinationIds,
    test: Test ?? false,
  })
}

type Members = Readonly<Record<string, unknown>>

const findMetaFault = ({
  DataModel,
  EventType,
  Test,
  Source,
  Destinations,
}: Members): Failure | null =>
  findTextFault('Meta.DataModel', DataModel) ??
  findTextFault('Meta.EventType', EventType) ??
  (isAbsent(Test) ? null : findTypeFault('Meta.Test', Test, 'boolean')) ??
  (isAbsent(Source) ? null : findSourceFault(Source)) ??
  findTypeFault('Meta.Destinations', Destinations, 'array') ??
  findDestinationsFault(Destinations as readonly unknown[])

function findSourceFault(source: unknown): Failure | null {
  const fault = findTypeFault('Meta.Source', source, 'object')
  if (fault !== null) return fault
  const { ID } = source as Members
  return isAbsent(ID) ? null : findTextFault('Meta.Source.ID', ID)
}

function findDestinationsFault(destinations: readonly unknown[]): Failure | null {
  let fault = findLengthFault('Meta.Destinations', destinations, MAX_DESTINATIONS)
  for (let n = 0; n < destinations.length && fault === null; n++) {
    const field = `Meta.Destinations[${n}]`
    fault =
      findTypeFault(field, destinations[n], 'object') ??
      findTextFault(`${field}.ID`, (destinations[n] as Members).ID)
  }
  return fault
}

const findTextFault = (field: string, value: unknown): Failure | null =>
  findTypeFault(field, value, 'string') ?? findLengthFault(field, value as string, MAX_TEXT_LENGTH)

type JsonType = 'object' | 'array' | 'string' | 'boolean'

function findTypeFault(field: string, value: unknown, type: JsonType): Failure | null {
  if (isAbsent(value)) return { reason: 'field_missing', field }
  const found = Array.isArray(value) ? 'array' : typeof value
  if (found === type) return null
  const article = type === 'object' || type === 'array' ? 'an' : 'a'
  return { reason: 'field_invalid', field, detail: `must be ${article} ${type}` }
}

/** Refuses a text or a list that is empty, which counts as missing, or too long. */
function findLengthFault(
  field: string,
  { length }: { readonly length: number },
  max: number,
): Failure | null {
  if (length === 0) return { reason: 'field_missing', field }
  if (length <= max) return null
  return { reason: 'field_invalid', field, detail: `must not be longer than ${max}` }
}

const isAbsent = (value: unknown) => value === undefined || value === null

/** The server's own data about a routed message. */
export interface RoutedMessage {
  readonly serial: number
  readonly test: boolean
  readonly source: { readonly id: string; readonly name: string }
  /** In the message's order, like the logs. */
  readonly destinations: readonly { readonly id: string; readonly name: string }[]
  readonly logs: readonly { readonly id: string; readonly attemptId: string }[]
}

export const toRoutedMessage = (
  { route, logs, serial }: AcceptedMessage,
  test: boolean,
): RoutedMessage => ({
  serial,
  test,
  source: route.source,
  destinations: route.hops.map(({ destination }) => destination),
  logs,
})

/** Writes the `Meta` of the reply to an accepted message. */
export function writeReceipt(meta: Meta, accepted: AcceptedMessage) {
  const { source, ...routing } = toRoutedMessage(accepted, meta.test)
  return writeEcho(meta, { ...routing, source: { ID: source.id } })
}

/** Writes the `Meta` of the reply to a message that did not reach its destination. */
export function writeFailedReceipt(meta: Meta, accepted: AcceptedMessage) {
  const { source, ...routing } = toRoutedMessage(accepted, meta.test)
  return writeEcho(meta, { ...routing, source: toNamedObject(source) })
}

/** Keeps the order in which the vendor's service writes these fields. */
const writeEcho = (
  { dataModel, eventType }: Meta,
  { source, serial, destinations, logs }: Omit<RoutedMessage, 'source'> & { source: object },
) => ({
  DataModel: dataModel,
  EventType: eventType,
  Message: { ID: serial },
  Source: source,
  Destinations: destinations.map(toNamedObject),
  Logs: logs.map(toLogObject),
})

const MESSAGE_ID_SELECTOR = selectMember('Message', [selectMember('ID')])

/** The parts of `Meta` that the server sets in a message that it delivers. Nothing else changes. */
export const DELIVERED_META_SELECTOR = selectMember(META, [
  selectMember('Source'),
  selectElements('Destinations', [selectMember('Name')]),
  MESSAGE_ID_SELECTOR,
  selectMember('Logs'),
  selectMember('Test'),
])

/** Sets those parts. `meta` must have been found with `DELIVERED_META_SELECTOR`. */
export function fillMeta(meta: FoundValue, routedMessage: RoutedMessage): JsonEdit[] {
  const { serial, test, source, destinations, logs } = routedMessage
  const destinationElements = listParts(findMember(meta, 'Destinations'))
  const message = findMember(meta, 'Message')
  const id = toMember('ID', serial)
  const members = [
    ...(message?.kind === 'object' ? [] : [toMember('Message', { ID: serial })]),
    toMember('Source', toNamedObject(source)),
    toMember('Logs', logs.map(toLogObject)),
    toMember('Test', test),
  ]
  return [
    ...setMembers(meta, members),
    ...(message?.kind === 'object' ? setMembers(message, [id]) : []),
    ...destinationElements.flatMap((destination, n) =>
      setMembers(destination, [toMember('Name', destinations[n]?.name)]),
    ),
  ]
}

const toMember = (name: string, value: unknown): JsonMember => ({
  name,
  value: JSON.stringify(value),
})

/** Finds every member of the `Meta` of a destination's answer. */
export const ANSWER_META_SELECTOR: JsonSelector = {
  ...selectMember(META, [MESSAGE_ID_SELECTOR]),
  otherMembers: selectMember(''),
}

/**
 * Writes the `Meta` of the answer to a query: the request's own fields, then every other field of the
 * destination's `Meta`, as the destination wrote it.
 */
export function writeAnswerMeta(
  meta: Meta,
  accepted: AcceptedMessage,
  bytes: Uint8Array,
  answerMeta: FoundValue | undefined,
): string {
  const receipt = writeReceipt(meta, accepted)
  const otherMembers = listParts(answerMeta).filter(({ name }) => !Object.hasOwn(receipt, name))
  const message = findMember(answerMeta, 'Message')
  const fields = Object.entries(receipt).map(([name, value]) => {
    if (name !== 'Message' || message?.kind !== 'object') {
      return formatJsonMember(name, JSON.stringify(value))
    }
    const edits = setMembers(message, [toMember('ID', receipt.Message.ID)])
    return formatJsonMember(name, new TextDecoder().decode(applyEdits(bytes, message, edits)))
  })
  const otherFields = otherMembers.map(({ nameStart, end }) =>
    readSpan(bytes, { start: nameStart, end }),
  )
  return `{${[...fields, ...otherFields].join(',')}}`
}

/** Writes the `Meta` of a test message. */
export const writeTestMeta = (
  kind: Pick<WrittenMeta, 'DataModel' | 'EventType'>,
  envelope: TestEnvelope,
) => ({
  ...kind,
  EventDateTime: envelope.at,
  Test: true,
  Source: { ID: envelope.sourceId },
  Destinations: [{ ID: envelope.destinationId }],
})

interface TestEnvelope {
  readonly at: string
  readonly sourceId: string
  readonly destinationId: string
}

const toNamedObject = ({ id, name }: RoutedMessage['source']) => ({ ID: id, Name: name })

const toLogObject = ({ id, attemptId }: RoutedMessage['logs'][number]) => ({
  ID: id,
  AttemptID: attemptId,
})

const getMember = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

/** Extracts the readable part of a refused message's `Meta`. */
export function createEcho(meta: unknown) {
  const toShortText = (value: unknown) =>
    typeof value === 'string' && value.length <= 256 ? value : undefined
  const list = getMember(meta, 'Destinations')
  return {
    DataModel: toShortText(getMember(meta, 'DataModel')),
    EventType: toShortText(getMember(meta, 'EventType')),
    Source: toIdObject(getMember(meta, 'Source')),
    Destinations: Array.isArray(list) ? list.slice(0, 100).map(toIdObject) : undefined,
  }

  function toIdObject(value: unknown) {
    const ID = toShortText(getMember(value, 'ID'))
    return ID === undefined ? undefined : { ID }
  }
}

export type Echo = Partial<ReturnType<typeof createEcho> | ReturnType<typeof writeFailedReceipt>>
