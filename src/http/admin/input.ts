import { fail, type InputFailure, ok, type Result } from '../../domain/failure.ts'
import { parseJson } from '../json/parse.ts'
import { readBody } from '../request.ts'
import { type ApiProblem, createInvalidProblem } from './problem.ts'

/** Large enough for every field: the longest text has 2,000 characters. */
const BODY_LIMIT_BYTES = 64 * 1024

/** Parses the body as JSON; an empty body is an empty object. */
export async function readJsonBody(request: Request): Promise<Result<unknown, ApiProblem>> {
  const body = await readBody(request, BODY_LIMIT_BYTES)
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
