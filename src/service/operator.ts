import { fail, ok, type Result } from '../domain/failure.ts'
import type { AuditEvent, Clock, Random } from './ports.ts'

/** Why an operator's request cannot be done: what is wrong with it, and what would help. */
export interface Refusal {
  readonly problem: 'invalid' | 'not_found' | 'conflict'
  readonly message: string
}

export type Done<T> = Result<T, Refusal>

export const invalid = (message: string) => fail<Refusal>({ problem: 'invalid', message })
export const notFound = (message: string) => fail<Refusal>({ problem: 'not_found', message })
export const conflict = (message: string) => fail<Refusal>({ problem: 'conflict', message })

export interface OperatorDeps {
  readonly random: Random
  readonly clock: Clock
  /** Who acts, for the audit. */
  readonly actor: string
}

/** The audit event of a change that is about to be made. */
export function eventOf(
  { random, clock, actor }: OperatorDeps,
  action: string,
  subject: string,
  facts: AuditEvent['facts'] = {},
): AuditEvent {
  return { id: random.uuid(), at: clock(), actor, action, subject, facts, requestId: null }
}

const NAME_MAX = 200

/** A name that people can read: not blank, one line, no lone surrogates. */
export function readName(what: string, text: string): Done<string> {
  const name = text.trim()
  if (name === '') return invalid(`${what} must not be blank`)
  if (name.length > NAME_MAX)
    return invalid(`${what} must not be longer than ${NAME_MAX} characters`)
  if (/\p{Cc}/u.test(name) || !name.isWellFormed()) {
    return invalid(`${what} must be one line of text`)
  }
  return ok(name)
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

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** An id that another system gave already, or a new one. */
export function readId(text: string | undefined, random: Random): Done<string> {
  if (text === undefined) return ok(random.uuid())
  const id = text.toLowerCase()
  return UUID.test(id) ? ok(id) : invalid(`${JSON.stringify(text)} is not a UUID`)
}
