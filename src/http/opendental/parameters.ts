import { fail, ok, type Result, type Unreadable } from '../../domain/failure.ts'
import { decodeText, readBody } from '../body.ts'
import { parseJson } from '../json.ts'

export type Parameters = Readonly<Record<string, unknown>>

/** The longest reference takes 1,200 bytes in escapes: more is no change of a key. */
const BODY_LIMIT = 4096

/** The members of the JSON object that is the body. A body that is empty, or not there, has none. */
export async function readParameters(request: Request): Promise<Result<Parameters, Unreadable>> {
  const body = await readBody(request, BODY_LIMIT)
  if (!body.ok) return body
  const text = decodeText(body.value)
  if (!text.ok) return text
  if (text.value.trim() === '') return ok({})
  const parsed = parseJson(body.value)
  if (!parsed.ok) return parsed
  const { value } = parsed
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? ok(value as Parameters)
    : fail({ reason: 'body_unreadable', detail: 'the body is not a JSON object' })
}

/** A new key takes no parameters: clients send no body, an empty one or an empty object. */
export async function readNoParameters(request: Request): Promise<Result<void, Unreadable>> {
  const given = await readParameters(request)
  if (!given.ok) return given
  if (Object.keys(given.value).length === 0) return ok(undefined)
  const detail = 'must be empty: a new key takes no parameters'
  return fail({ reason: 'field_invalid', field: 'The body', detail })
}
