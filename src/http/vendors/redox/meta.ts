import { z } from 'zod'
import { type Failure, fail, ok, type Result } from '../../../domain/failure.ts'
import { toStoredId } from '../../../domain/id.ts'
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
  selectElements,
  selectMember,
} from '../../json/selector.ts'
import { readSpan } from '../../json/tokens.ts'

/*
 * Reads and writes `Meta`, the envelope of every message.
 */

export const META = 'Meta'

const shortText = z.string().min(1).max(256)
const storedId = shortText.overwrite(toStoredId)
const messageSchema = z.object({
  Meta: z.object({
    DataModel: shortText,
    EventType: shortText,
    EventDateTime: z.unknown().optional(),
    Test: z.boolean().nullish(),
    Source: z.object({ ID: storedId.nullish() }).nullish(),
    Destinations: z
      .array(z.object({ ID: storedId }))
      .min(1)
      .max(100),
    FacilityCode: z.unknown().optional(),
  }),
})

/** The envelope; everything else in a message is payload. */
export type Meta = z.infer<typeof messageSchema>['Meta']

/** Reads `Meta`, or fails with the first missing or invalid field. */
export function readMeta(Meta: unknown): Result<Meta> {
  const message = { Meta }
  const parseResult = messageSchema.safeParse(message)
  if (!parseResult.success) return fail(describeIssue(message, parseResult.error.issues[0]))
  const meta = parseResult.data.Meta
  const seenIds = new Set<string>()
  for (const [n, { ID }] of meta.Destinations.entries()) {
    const field = `Meta.Destinations[${n}].ID`
    if (seenIds.has(ID)) return fail({ reason: 'field_invalid', field, detail: 'is there twice' })
    seenIds.add(ID)
  }
  return ok(meta)
}

function describeIssue(message: unknown, issue: z.core.$ZodIssue | undefined): Failure {
  const path = issue?.path ?? []
  const field = formatFieldName(path)
  const found = path.reduce(getMember, message)
  const isEmpty = issue?.code === 'too_small'
  if (found === undefined || found === null || isEmpty) return { reason: 'field_missing', field }
  return { reason: 'field_invalid', field, detail: describeIssueDetail(issue) }
}

const getMember = (value: unknown, name: PropertyKey): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

/** Formats `Meta.Destinations[0].ID`. */
function formatFieldName(path: readonly PropertyKey[]): string {
  const name = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
  return name === '' ? 'the body' : name
}

function describeIssueDetail(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'invalid_type') return `must be ${addArticle(issue.expected)}`
  if (issue?.code === 'too_big') return `must not be longer than ${issue.maximum}`
  return 'is not valid'
}

const addArticle = (type: string) => `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`

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
  const { source, ...routing } = toRoutedMessage(accepted, meta.Test ?? false)
  return writeEcho(meta, { ...routing, source: { ID: source.id } })
}

/** Writes the `Meta` of the reply to a message that did not reach its destination. */
export function writeFailedReceipt(meta: Meta, accepted: AcceptedMessage) {
  const { source, ...routing } = toRoutedMessage(accepted, meta.Test ?? false)
  return writeEcho(meta, { ...routing, source: toNamedObject(source) })
}

/** Keeps the order in which the vendor's service writes these fields. */
const writeEcho = (
  { DataModel, EventType }: Meta,
  { source, serial, destinations, logs }: Omit<RoutedMessage, 'source'> & { source: object },
) => ({
  DataModel,
  EventType,
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
  const destinationElements = findMember(meta, 'Destinations')?.elements ?? []
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
  const otherMembers = answerMeta?.members.filter(({ name }) => !Object.hasOwn(receipt, name)) ?? []
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
  kind: Pick<Meta, 'DataModel' | 'EventType'>,
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
