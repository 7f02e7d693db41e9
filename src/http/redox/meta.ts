import { z } from 'zod'
import { type Failure, fail, ok, type Result } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import type { Accepted } from '../../service/accept.ts'
import { applyEdits, type Edit, type Member, setMembers, writeMember } from '../json-edit.ts'
import {
  type FoundValue,
  findMember,
  readSpan,
  type Watch,
  watchElements,
  watchMember,
} from '../json-scan.ts'

/*
 * The envelope of every message: the words of the vendor's `Meta`, read and written.
 */

export const META = 'Meta'

const text = z.string().min(1).max(256)
const id = text.overwrite(toStoredId)
const schema = z.object({
  Meta: z.object({
    DataModel: text,
    EventType: text,
    EventDateTime: z.unknown().optional(),
    Test: z.boolean().nullish(),
    Source: z.object({ ID: id.nullish() }).nullish(),
    Destinations: z
      .array(z.object({ ID: id }))
      .min(1)
      .max(100),
    FacilityCode: z.unknown().optional(),
  }),
})

/** What a message says of itself; everything else in it is payload. */
export type Meta = z.infer<typeof schema>['Meta']

/** Reads `Meta`. The first field that is missing or wrong is the answer. */
export function readMeta(Meta: unknown): Result<Meta> {
  const message = { Meta }
  const read = schema.safeParse(message)
  if (!read.success) return fail(explain(message, read.error.issues[0]))
  const meta = read.data.Meta
  const seen = new Set<string>()
  for (const [n, { ID }] of meta.Destinations.entries()) {
    const field = `Meta.Destinations[${n}].ID`
    if (seen.has(ID)) return fail({ reason: 'field_invalid', field, detail: 'is there twice' })
    seen.add(ID)
  }
  return ok(meta)
}

function explain(message: unknown, issue: z.core.$ZodIssue | undefined): Failure {
  const path = issue?.path ?? []
  const field = fieldName(path)
  const found = path.reduce(memberOf, message)
  const isEmpty = issue?.code === 'too_small'
  if (found === undefined || found === null || isEmpty) return { reason: 'field_missing', field }
  return { reason: 'field_invalid', field, detail: detailOf(issue) }
}

const memberOf = (value: unknown, name: PropertyKey): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined

/** `Meta.Destinations[0].ID` */
function fieldName(path: readonly PropertyKey[]): string {
  const name = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
  return name === '' ? 'the body' : name
}

function detailOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'invalid_type') return `must be ${withArticle(issue.expected)}`
  if (issue?.code === 'too_big') return `must not be longer than ${issue.maximum}`
  return 'is not valid'
}

const withArticle = (type: string) => `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────

/** What the server knows of a message that is on its way. */
export interface Onward {
  readonly serial: number
  readonly test: boolean
  readonly source: { readonly id: string; readonly name: string }
  /** In the message's order; so are the logs. */
  readonly destinations: readonly { readonly id: string; readonly name: string }[]
  readonly logs: readonly { readonly id: string; readonly attemptId: string }[]
}

export const onwardOf = ({ principal, route, logs, serial }: Accepted, test: boolean): Onward => ({
  serial,
  test,
  source: { id: principal.routes.sourceId, name: principal.routes.sourceName },
  destinations: route.hops.map(({ destination }) => destination),
  logs,
})

/** The answer to an accepted message. */
export function writeReceipt(meta: Meta, accepted: Accepted) {
  const { source, ...onward } = onwardOf(accepted, meta.Test ?? false)
  return writeEcho(meta, { ...onward, source: { ID: source.id } })
}

/** The answer to a message that did not reach its destination. */
export function writeFailed(meta: Meta, accepted: Accepted) {
  const { source, ...onward } = onwardOf(accepted, meta.Test ?? false)
  return writeEcho(meta, { ...onward, source: toNamed(source) })
}

/** Keeps the order in which the vendor's service writes these fields. */
const writeEcho = (
  { DataModel, EventType }: Meta,
  { source, serial, destinations, logs }: Omit<Onward, 'source'> & { source: object },
) => ({
  DataModel,
  EventType,
  Message: { ID: serial },
  Source: source,
  Destinations: destinations.map(toNamed),
  Logs: logs.map(toLog),
})

const MESSAGE_ID = watchMember('Message', [watchMember('ID')])

/** The parts of `Meta` that the server sets in a message that it delivers. Nothing else changes. */
export const DELIVERED_META_WATCH = watchMember(META, [
  watchMember('Source'),
  watchElements('Destinations', [watchMember('Name')]),
  MESSAGE_ID,
  watchMember('Logs'),
  watchMember('Test'),
])

/** Sets those parts. `meta` must have been found with `DELIVERED_META_WATCH`. */
export function fillMeta(meta: FoundValue, onward: Onward): Edit[] {
  const { serial, test, source, destinations, logs } = onward
  const named = findMember(meta, 'Destinations')?.elements ?? []
  const message = findMember(meta, 'Message')
  const id = toMember('ID', serial)
  const whole = [
    ...(message?.kind === 'object' ? [] : [toMember('Message', { ID: serial })]),
    toMember('Source', toNamed(source)),
    toMember('Logs', logs.map(toLog)),
    toMember('Test', test),
  ]
  return [
    ...setMembers(meta, whole),
    ...(message?.kind === 'object' ? setMembers(message, [id]) : []),
    ...named.flatMap((destination, n) =>
      setMembers(destination, [toMember('Name', destinations[n]?.name)]),
    ),
  ]
}

const toMember = (name: string, value: unknown): Member => ({ name, value: JSON.stringify(value) })

/** Finds every member of the `Meta` of a destination's answer. */
export const ANSWER_META_WATCH: Watch = {
  ...watchMember(META, [MESSAGE_ID]),
  others: watchMember(''),
}

/**
 * Writes the `Meta` of the answer to a query: the request's own fields, then every other field of the
 * destination's `Meta`, as the destination wrote it.
 */
export function writeAnswerMeta(
  meta: Meta,
  accepted: Accepted,
  bytes: Uint8Array,
  answered: FoundValue | undefined,
): string {
  const receipt = writeReceipt(meta, accepted)
  const others = answered?.members.filter(({ name }) => !Object.hasOwn(receipt, name)) ?? []
  const message = findMember(answered, 'Message')
  const written = Object.entries(receipt).map(([name, value]) => {
    if (name !== 'Message' || message?.kind !== 'object') {
      return writeMember(name, JSON.stringify(value))
    }
    const edits = setMembers(message, [toMember('ID', receipt.Message.ID)])
    return writeMember(name, new TextDecoder().decode(applyEdits(bytes, message, edits)))
  })
  const kept = others.map(({ nameStart, end }) => readSpan(bytes, { start: nameStart, end }))
  return `{${[...written, ...kept].join(',')}}`
}

/** The `Meta` of a message that somebody writes on a page. */
export const writeTest = (kind: Pick<Meta, 'DataModel' | 'EventType'>, onward: Test) => ({
  ...kind,
  EventDateTime: onward.at,
  Test: true,
  Source: { ID: onward.sourceId },
  Destinations: [{ ID: onward.destinationId }],
})

interface Test {
  readonly at: string
  readonly sourceId: string
  readonly destinationId: string
}

const toNamed = ({ id, name }: Onward['source']) => ({ ID: id, Name: name })

const toLog = ({ id, attemptId }: Onward['logs'][number]) => ({ ID: id, AttemptID: attemptId })

/** As much of a refused message's `Meta` as can be told apart, for the answer that refuses it. */
export function echo(meta: unknown) {
  const word = (value: unknown) =>
    typeof value === 'string' && value.length <= 256 ? value : undefined
  const list = memberOf(meta, 'Destinations')
  return {
    DataModel: word(memberOf(meta, 'DataModel')),
    EventType: word(memberOf(meta, 'EventType')),
    Source: named(memberOf(meta, 'Source')),
    Destinations: Array.isArray(list) ? list.slice(0, 100).map(named) : undefined,
  }

  function named(value: unknown) {
    const ID = word(memberOf(value, 'ID'))
    return ID === undefined ? undefined : { ID }
  }
}

export type Echo = Partial<ReturnType<typeof echo> | ReturnType<typeof writeFailed>>
