import { fail, ok, type Result } from '../domain/failure.ts'
import { isUuid, toStoredId } from '../domain/id.ts'
import type { AuditEvent } from './ports/audit.ts'
import type { Clock, Random } from './ports/runtime.ts'
import type { ResourceStorage } from './ports/storage.ts'

/** Why an operator's request cannot be done: what is wrong with it, and what would help. */
export type ServiceError =
  | {
      readonly problem: 'invalid' | 'not_found' | 'conflict' | 'forbidden'
      readonly message: string
    }
  | BusyError

/** Nothing is wrong with it: the same request is done a little later. */
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

export interface ActorDeps {
  readonly random: Random
  readonly clock: Clock
  /** Who acts, for the audit. */
  readonly actor: string
  /** The request that he acts by; null where there is none. */
  readonly requestId?: string | null
}

/** The audit event of a change that is about to be made. */
export function createAuditEvent(
  { random, clock, actor, requestId = null }: ActorDeps,
  action: string,
  subject: string,
  facts: AuditEvent['facts'] = {},
): AuditEvent {
  return { id: random.uuid(), at: clock(), actor, action, subject, facts, requestId }
}

const MAX_NAME_LENGTH = 200

/** What breaks a line, or turns around the text that follows on the page (Unicode TR 36). */
const LINE_BREAKING_PATTERN = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u
/** A name is a link too: of marks and blanks alone, it is none that can be seen. */
const VISIBLE_PATTERN = /[\p{L}\p{N}\p{P}\p{S}]/u

/**
 * What is there and cannot be seen: two names that differ by it alone look the same. Joiners and variation
 * selectors are visible in their effect inside an emoji, and between letters of the scripts that join.
 */
const INVISIBLE_PATTERN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u
const VISIBLE_JOINER_PATTERN =
  /(?<=\p{Extended_Pictographic}|[\p{Emoji_Modifier}\ufe0f])(?:\ufe0f|\u200d(?=\p{Extended_Pictographic}))|(?<=[[\p{L}\p{M}]&&[\p{sc=Arab}\p{sc=Deva}\p{sc=Beng}\p{sc=Guru}\p{sc=Gujr}\p{sc=Orya}\p{sc=Taml}\p{sc=Telu}\p{sc=Knda}\p{sc=Mlym}\p{sc=Sinh}\p{sc=Khmr}\p{sc=Mong}]])[\u200c\u200d](?=[\p{L}\p{M}])/gv

/** A name that people can read and tell from others: to be seen, one line, no lone surrogates. */
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
    ? failInvalid(`${label} must have no invisible characters: type it anew`)
    : ok(name)
}

/** A text that may be empty and may have several lines. */
export function parseText(label: string, text: string, max: number): ServiceResult<string> {
  const trimmed = text.trim()
  if (trimmed.length > max) return failInvalid(`${label} must not be longer than ${max} characters`)
  if (/[^\P{Cc}\n\t]/u.test(trimmed) || !trimmed.isWellFormed()) {
    return failInvalid(`${label} must be plain text`)
  }
  return ok(trimmed)
}

/** An id that another system gave already, or a new one. */
export function parseId(text: string | undefined, random: Random): ServiceResult<string> {
  if (text === undefined) return ok(random.uuid())
  return isUuid(text) ? ok(toStoredId(text)) : failInvalid(`${JSON.stringify(text)} is not a UUID`)
}

/** What else a conflict may come of, where whoever asks has chosen the id. */
export const formatIdConflict = (chosenId: string | undefined, label: string): string =>
  chosenId === undefined ? '' : `, or there is ${label} ${toStoredId(chosenId)} already`

/** What every new row of an account begins with. */
export async function parseNewRow(
  deps: { readonly random: Random; readonly storage: Pick<ResourceStorage, 'findAccount'> },
  input: { accountId: string; name: string; id?: string | undefined },
): Promise<ServiceResult<{ id: string; accountId: string; name: string }>> {
  const name = parseName('the name', input.name)
  if (!name.ok) return name
  const id = parseId(input.id, deps.random)
  if (!id.ok) return id
  const account = await deps.storage.findAccount(input.accountId)
  if (account === null) return failNotFound(`there is no account ${input.accountId}`)
  return ok({ id: id.value, accountId: account.id, name: name.value })
}
