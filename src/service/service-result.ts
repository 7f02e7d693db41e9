import { fail, ok, type Result } from '../domain/failure.ts'
import { isUuid, toStoredId } from '../domain/id.ts'
import type { DeletableKind, EditStorage, RenamableKind } from './ports/accounts.ts'
import type { AuditEvent } from './ports/audit.ts'
import type { Clock, Random } from './ports/runtime.ts'
import type { ResourceStorage } from './ports/storage.ts'

/** A refused request. The message says what is wrong and, if possible, what to do. */
export type ServiceError =
  | {
      readonly problem: 'invalid' | 'not_found' | 'conflict' | 'forbidden'
      readonly message: string
    }
  | BusyError

/** The server is busy. The same request can succeed a little later. */
export interface BusyError {
  readonly problem: 'busy'
  readonly message: string
  readonly retryAfterSeconds: number
}

export type ServiceResult<T> = Result<T, ServiceError>

export const failInvalid = (message: string) => fail<ServiceError>({ problem: 'invalid', message })
export const failNotFound = (message: string) =>
  fail<ServiceError>({ problem: 'not_found', message })
export const failConflict = (message: string) =>
  fail<ServiceError>({ problem: 'conflict', message })
export const failForbidden = (message: string) =>
  fail<ServiceError>({ problem: 'forbidden', message })

export const failBusy = (message: string, retryAfterSeconds: number) =>
  fail<ServiceError>({ problem: 'busy', message, retryAfterSeconds })

/** Returns the row, or a not-found error if it is null. */
export const requireFound = <Row>(
  row: Row | null,
  label: string,
  id: string,
): ServiceResult<Row> => (row === null ? failNotFound(`there is no ${label} ${id}`) : ok(row))

export interface ActorDeps {
  readonly random: Random
  readonly clock: Clock
  /** The acting user's id, for the audit. */
  readonly actor: string
  /** Null if there is no request. */
  readonly requestId?: string | null
}

/** Creates the audit event of a change, which is written together with the change. */
export function createAuditEvent(
  { random, clock, actor, requestId = null }: ActorDeps,
  action: string,
  subject: string,
  facts: AuditEvent['facts'] = {},
): AuditEvent {
  return { id: random.uuid(), at: clock(), actor, action, subject, facts, requestId }
}

const MAX_NAME_LENGTH = 200

/** Characters that break a line, or reverse the text after them (Unicode TR 36). */
const LINE_BREAKING_PATTERN = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u
/** A name is also the text of a link, so it needs a character that can be seen and clicked. */
const VISIBLE_PATTERN = /[\p{L}\p{N}\p{P}\p{S}]/u

/**
 * Invisible characters: two names that differ only by them look the same. Joiners and variation selectors
 * are allowed inside an emoji, and between letters of the scripts that join, where their effect is visible.
 */
const INVISIBLE_PATTERN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u
const VISIBLE_JOINER_PATTERN =
  /(?<=\p{Extended_Pictographic}|[\p{Emoji_Modifier}\ufe0f])(?:\ufe0f|\u200d(?=\p{Extended_Pictographic}))|(?<=[[\p{L}\p{M}]&&[\p{sc=Arab}\p{sc=Deva}\p{sc=Beng}\p{sc=Guru}\p{sc=Gujr}\p{sc=Orya}\p{sc=Taml}\p{sc=Telu}\p{sc=Knda}\p{sc=Mlym}\p{sc=Sinh}\p{sc=Khmr}\p{sc=Mong}]])[\u200c\u200d](?=[\p{L}\p{M}])/gv

/** Parses a name that people can read and tell apart: visible, one line, no lone surrogates. */
export function parseName(label: string, text: string): ServiceResult<string> {
  const name = text
    .normalize('NFC')
    .replaceAll(/\p{Zs}+/gu, ' ')
    .trim()
  if (name === '') return failInvalid(`${label} must not be blank`)
  if (name.length > MAX_NAME_LENGTH)
    return failInvalid(`${label} must not be longer than ${MAX_NAME_LENGTH} characters`)
  if (LINE_BREAKING_PATTERN.test(name) || !name.isWellFormed()) {
    return failInvalid(`${label} must be one line of text`)
  }
  const isVisible =
    VISIBLE_PATTERN.test(name) && !/^[\p{Default_Ignorable_Code_Point}\u2800 ]*$/u.test(name)
  if (!isVisible) return failInvalid(`${label} must not be blank`)
  return INVISIBLE_PATTERN.test(name.replaceAll(VISIBLE_JOINER_PATTERN, ''))
    ? failInvalid(`${label} must have no invisible characters: type it again`)
    : ok(name)
}

/** Parses a text that may be empty and may have several lines. */
export function parseText(label: string, text: string, max: number): ServiceResult<string> {
  const trimmed = text.trim()
  if (trimmed.length > max) return failInvalid(`${label} must not be longer than ${max} characters`)
  if (/[^\P{Cc}\n\t]/u.test(trimmed) || !trimmed.isWellFormed()) {
    return failInvalid(`${label} must be plain text`)
  }
  return ok(trimmed)
}

const ISO_PATTERN = /^(\d{4}-\d\d-\d\d)(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))?$/

/**
 * Parses an ISO 8601 date (its first moment, UTC), or a date and time with a zone, into epoch ms; null for any
 * other text, and for 30 February.
 */
export function parseIsoInstant(text: string): number | null {
  const [, date = ''] = ISO_PATTERN.exec(text) ?? []
  const at = Date.parse(text.replace(' ', 'T'))
  // Date.parse reads 30 February as 2 March.
  return !Number.isNaN(at) && new Date(date).toJSON()?.startsWith(date) ? at : null
}

/** Parses an id that the caller chose; creates one if omitted. */
export function parseId(text: string | undefined, random: Random): ServiceResult<string> {
  if (text === undefined) return ok(random.uuid())
  return isUuid(text) ? ok(toStoredId(text)) : failInvalid(`${JSON.stringify(text)} is not a UUID`)
}

/** Adds the taken id to a conflict's message, if the caller chose the id. */
export const formatIdConflict = (chosenId: string | undefined, label: string): string =>
  chosenId === undefined ? '' : `, or there is ${label} ${toStoredId(chosenId)} already`

/** Renames a row and returns it as it is now. */
export async function renameResource<Row>(
  deps: ActorDeps & { readonly storage: Pick<EditStorage, 'rename'> },
  kind: RenamableKind,
  id: string,
  text: string,
  find: (id: string) => Promise<ServiceResult<Row>>,
): Promise<ServiceResult<Row>> {
  const name = parseName('the name', text)
  if (!name.ok) return name
  const event = createAuditEvent(deps, `${kind}.renamed`, id, { name: name.value })
  const isRenamed = await deps.storage.rename(kind, id, name.value, event)
  return isRenamed ? find(id) : failNotFound(`there is no ${kind} ${id}`)
}

/** Deletes a row that nothing belongs to. Its events stay, and the last one keeps `facts`. */
export async function deleteResource(
  deps: ActorDeps & { readonly storage: Pick<EditStorage, 'deleteRow'> },
  kind: DeletableKind,
  id: string,
  { facts, reason }: { readonly facts: AuditEvent['facts']; readonly reason: string },
): Promise<ServiceResult<void>> {
  const event = createAuditEvent(deps, `${kind}.deleted`, id, facts)
  return (await deps.storage.deleteRow(kind, id, event)) ? ok(undefined) : failConflict(reason)
}

interface NewRowInput {
  readonly accountId: string
  readonly name: string
  readonly id?: string | undefined
}

/** The input for a new row of a resource. Without an id, it gets a new one. */
export type NewRow<Row extends NewRowInput> = Omit<Row, 'id' | 'createdAt'> &
  Pick<NewRowInput, 'id'>

/** Parses the fields that every new row of an account has. */
export async function parseNewRow(
  deps: { readonly random: Random; readonly storage: Pick<ResourceStorage, 'findAccount'> },
  input: NewRowInput,
): Promise<ServiceResult<NewRowInput & { readonly id: string }>> {
  const name = parseName('the name', input.name)
  if (!name.ok) return name
  const id = parseId(input.id, deps.random)
  if (!id.ok) return id
  const account = requireFound(
    await deps.storage.findAccount(input.accountId),
    'account',
    input.accountId,
  )
  if (!account.ok) return account
  return ok({ id: id.value, accountId: account.value.id, name: name.value })
}
