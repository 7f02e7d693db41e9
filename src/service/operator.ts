import { fail, ok, type Result } from '../domain/failure.ts'
import { isUuid, toStoredId } from '../domain/id.ts'
import type { AuditEvent, Clock, OperatorStorage, Random } from './ports.ts'

/** Why an operator's request cannot be done: what is wrong with it, and what would help. */
export type Refusal =
  | {
      readonly problem: 'invalid' | 'not_found' | 'conflict' | 'forbidden'
      readonly message: string
    }
  | Later

/** Nothing is wrong with it: the same request is done a little later. */
export interface Later {
  readonly problem: 'busy'
  readonly message: string
  readonly retryAfterSeconds: number
}

export type Done<T> = Result<T, Refusal>

export const invalid = (message: string) => fail<Refusal>({ problem: 'invalid', message })
export const notFound = (message: string) => fail<Refusal>({ problem: 'not_found', message })
export const conflict = (message: string) => fail<Refusal>({ problem: 'conflict', message })
export const forbidden = (message: string) => fail<Refusal>({ problem: 'forbidden', message })

export const busy = (message: string, retryAfterSeconds: number) =>
  fail<Refusal>({ problem: 'busy', message, retryAfterSeconds })

export interface OperatorDeps {
  readonly random: Random
  readonly clock: Clock
  /** Who acts, for the audit. */
  readonly actor: string
  /** The request that he acts by; null where there is none. */
  readonly requestId?: string | null
}

/** The audit event of a change that is about to be made. */
export function eventOf(
  { random, clock, actor, requestId = null }: OperatorDeps,
  action: string,
  subject: string,
  facts: AuditEvent['facts'] = {},
): AuditEvent {
  return { id: random.uuid(), at: clock(), actor, action, subject, facts, requestId }
}

const NAME_MAX = 200

/** What breaks a line, or turns around the text that follows on the page (Unicode TR 36). */
const UNRULY = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u
/** A name is a link too: of marks and blanks alone, it is none that can be seen. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u

/**
 * What is there and cannot be seen: two names that differ by it alone look the same. Joiners and variation
 * selectors are visible in their effect inside an emoji, and between letters of the scripts that join.
 */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]/u
const JOINED =
  /(?<=\p{Extended_Pictographic}|[\p{Emoji_Modifier}\ufe0f])(?:\ufe0f|\u200d(?=\p{Extended_Pictographic}))|(?<=[[\p{L}\p{M}]&&[\p{sc=Arab}\p{sc=Deva}\p{sc=Beng}\p{sc=Guru}\p{sc=Gujr}\p{sc=Orya}\p{sc=Taml}\p{sc=Telu}\p{sc=Knda}\p{sc=Mlym}\p{sc=Sinh}\p{sc=Khmr}\p{sc=Mong}]])[\u200c\u200d](?=[\p{L}\p{M}])/gv

/** A name that people can read and tell from others: to be seen, one line, no lone surrogates. */
export function readName(what: string, text: string): Done<string> {
  const name = text
    .normalize('NFC')
    .replaceAll(/\p{Zs}+/gu, ' ')
    .trim()
  if (name === '') return invalid(`${what} must not be blank`)
  if (name.length > NAME_MAX)
    return invalid(`${what} must not be longer than ${NAME_MAX} characters`)
  if (UNRULY.test(name) || !name.isWellFormed()) {
    return invalid(`${what} must be one line of text`)
  }
  const isSeen = VISIBLE.test(name) && !/^[\p{Default_Ignorable_Code_Point}\u2800 ]*$/u.test(name)
  if (!isSeen) return invalid(`${what} must not be blank`)
  return INVISIBLE.test(name.replaceAll(JOINED, ''))
    ? invalid(`${what} must have no invisible characters: type it anew`)
    : ok(name)
}

/** A text that may be empty and may have several lines. */
export function readText(what: string, text: string, max: number): Done<string> {
  const trimmed = text.trim()
  if (trimmed.length > max) return invalid(`${what} must not be longer than ${max} characters`)
  if (/[^\P{Cc}\n\t]/u.test(trimmed) || !trimmed.isWellFormed()) {
    return invalid(`${what} must be plain text`)
  }
  return ok(trimmed)
}

/** An id that another system gave already, or a new one. */
export function readId(text: string | undefined, random: Random): Done<string> {
  if (text === undefined) return ok(random.uuid())
  return isUuid(text) ? ok(toStoredId(text)) : invalid(`${JSON.stringify(text)} is not a UUID`)
}

/** What else a conflict may come of, where whoever asks has chosen the id. */
export const orThere = (chosen: string | undefined, what: string): string =>
  chosen === undefined ? '' : `, or there is ${what} ${toStoredId(chosen)} already`

/** What every new row of an account begins with. */
export async function readHead(
  deps: { readonly random: Random; readonly storage: Pick<OperatorStorage, 'findAccount'> },
  wish: { accountId: string; name: string; id?: string | undefined },
): Promise<Done<{ id: string; accountId: string; name: string }>> {
  const name = readName('the name', wish.name)
  if (!name.ok) return name
  const id = readId(wish.id, deps.random)
  if (!id.ok) return id
  const account = await deps.storage.findAccount(wish.accountId)
  if (account === null) return notFound(`there is no account ${wish.accountId}`)
  return ok({ id: id.value, accountId: account.id, name: name.value })
}
