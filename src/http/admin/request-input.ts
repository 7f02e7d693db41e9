import { fail, type InputFailure, ok, type Result } from '../../domain/failure.ts'
import type { Operation, Upload } from '../../operations/define.ts'
import { parseJson } from '../json/parse.ts'
import { FetchRequest } from '../request.ts'
import { isEncoded, readBody } from '../request-body.ts'
import { type ApiProblem, createInvalidProblem } from './problem.ts'

/** Returns the body of an operation that reads it as it arrives; undefined for any other. */
export function openUpload(
  { headers, body }: Request,
  { uploadTypes }: Operation,
): Result<Upload | undefined, ApiProblem> {
  if (uploadTypes === undefined) return ok(undefined)
  const contentType = headers.get('content-type') ?? ''
  const [type = ''] = contentType.split(';')
  const typeName = type.trim().toLowerCase()
  if (!Object.hasOwn(uploadTypes, typeName)) {
    const types = Object.keys(uploadTypes)
    const detail = `send the file as it is, with Content-Type: ${types.join(' or ')}`
    return failUnsupportedFile(detail, { Accept: types.join(', ') })
  }
  const [, charset = 'utf-8'] = CHARSET_PATTERN.exec(contentType) ?? []
  if (!/^utf-?8$/i.test(charset)) {
    return failUnsupportedFile('convert the file to UTF-8, and send it with charset=utf-8')
  }
  if (isEncoded(headers)) {
    const detail = 'send the file without Content-Encoding: it must not be compressed'
    return failUnsupportedFile(detail, { 'Accept-Encoding': 'identity' })
  }
  return ok({ type: typeName, bytes: body ?? NO_BYTES })
}

/** RFC 9110 §8.3.1. */
const CHARSET_PATTERN = /;\s*charset="?([^";\s]*)/i

/** RFC 9110 §15.5.16: the headers name what is accepted. */
const failUnsupportedFile = (detail: string, headers: ApiProblem['headers'] = {}) =>
  fail<ApiProblem>({ kind: 'unsupported_file', detail, headers })

const NO_BYTES: AsyncIterable<Uint8Array> = { async *[Symbol.asyncIterator]() {} }

/** Large enough for every field: the longest text has 2,000 characters. */
const BODY_LIMIT_BYTES = 64 * 1024

/** Parses the body as JSON; an empty body is an empty object. */
export async function readJsonBody(request: Request): Promise<Result<unknown, ApiProblem>> {
  if (isEncoded(request.headers)) {
    const detail = 'send the body without Content-Encoding: it must not be compressed'
    return fail({ kind: 'not_json', detail, headers: { 'Accept-Encoding': 'identity' } })
  }
  const body = await readBody(new FetchRequest(request), BODY_LIMIT_BYTES)
  if (!body.ok) return failUnreadableBody(body.failure)
  if (body.value.length === 0) return ok({})
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json *(;|$)/i.test(type)) {
    const detail = 'send the body as JSON, with Content-Type: application/json'
    return fail({ kind: 'not_json', detail, headers: { Accept: 'application/json' } })
  }
  const value = parseJson(body.value)
  return value.ok ? value : failUnreadableBody(value.failure)
}

/** Reads the parameters of a query, and refuses a repeated one. */
export function readQuery(search: URLSearchParams): Result<unknown, ApiProblem> {
  const names = [...search.keys()]
  const repeatedName = names.find((name, n) => names.indexOf(name) !== n)
  return repeatedName === undefined
    ? ok(Object.fromEntries(search))
    : fail(createInvalidProblem([{ parameter: repeatedName, detail: 'is repeated' }]))
}

function failUnreadableBody(failure: InputFailure) {
  switch (failure.reason) {
    case 'body_too_large':
      return fail<ApiProblem>({
        kind: 'too_large',
        detail: `the body must not be longer than ${failure.limitBytes} bytes`,
        headers: { Connection: 'close' },
      })
    case 'member_repeated':
      return fail<ApiProblem>({ kind: 'unreadable', detail: `${failure.member} is repeated` })
    case 'body_unreadable':
      return fail<ApiProblem>({ kind: 'unreadable', detail: failure.detail })
    default:
      return fail<ApiProblem>({ kind: 'unreadable', detail: `${failure.field} cannot be read` })
  }
}
