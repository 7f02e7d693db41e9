import { ok } from '../domain/failure.ts'
import { isUuid, toStoredId } from '../domain/id.ts'
import type { Random } from './ports/runtime.ts'
import { failInvalid, type ServiceResult } from './service-result.ts'

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
export function parseName(label: string, text: string, field = 'name'): ServiceResult<string> {
  const refuse = (problem: string) => failInvalid(`${label} must ${problem}`, field)
  const name = text
    .normalize('NFC')
    .replaceAll(/\p{Zs}+/gu, ' ')
    .trim()
  if (name === '') return refuse('not be blank')
  if (name.length > MAX_NAME_LENGTH)
    return refuse(`not be longer than ${MAX_NAME_LENGTH} characters`)
  if (LINE_BREAKING_PATTERN.test(name) || !name.isWellFormed()) {
    return refuse('be one line of text')
  }
  const isVisible =
    VISIBLE_PATTERN.test(name) && !/^[\p{Default_Ignorable_Code_Point}\u2800 ]*$/u.test(name)
  if (!isVisible) return refuse('not be blank')
  return INVISIBLE_PATTERN.test(name.replaceAll(VISIBLE_JOINER_PATTERN, ''))
    ? refuse('have no invisible characters: type it again')
    : ok(name)
}

/** Parses a text that may be empty and may have several lines. */
export function parseText(
  label: string,
  text: string,
  max: number,
  field?: string,
): ServiceResult<string> {
  const trimmed = text.trim()
  const refuse = (problem: string) => failInvalid(`${label} must ${problem}`, field)
  if (trimmed.length > max) return refuse(`not be longer than ${max} characters`)
  if (/[^\P{Cc}\n\t]/u.test(trimmed) || !trimmed.isWellFormed()) {
    return refuse('be plain text')
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
  return isUuid(text)
    ? ok(toStoredId(text))
    : failInvalid(`${JSON.stringify(text)} is not a UUID`, 'id')
}

/** Adds the taken id to a conflict's message, if the caller chose the id. */
export const formatIdConflict = (chosenId: string | undefined, label: string): string =>
  chosenId === undefined ? '' : `, or there is ${label} ${toStoredId(chosenId)} already`
