import type { z } from '@hono/zod-openapi'
import { fail, ok, type Result, type Unreadable } from '../../domain/failure.ts'
import { readBody } from '../body.ts'
import { parseJson } from '../json.ts'
import type { Problem, Wrong } from './problem.ts'

/** The longest text of a body has 2,000 characters. */
const LIMIT_BYTES = 64 * 1024
/** So many mistakes are told at once. */
const TOLD = 20

/** The body as JSON; where none is sent, an object without members. */
export async function readGivenBody(request: Request): Promise<Result<unknown, Problem>> {
  const body = await readBody(request, LIMIT_BYTES)
  if (!body.ok) return unreadable(body.failure)
  if (body.value.length === 0) return ok({})
  const type = request.headers.get('content-type') ?? ''
  if (!/^application\/json *(;|$)/i.test(type)) {
    const detail = 'send the body as JSON, with Content-Type: application/json'
    return fail({ kind: 'not_json', detail, headers: { Accept: 'application/json' } })
  }
  const value = parseJson(body.value)
  return value.ok ? value : unreadable(value.failure)
}

/** The parameters of a query; one that is there twice is two that say different things. */
export function readQuery(search: URLSearchParams): Result<unknown, Problem> {
  const names = [...search.keys()]
  const twice = names.find((name, n) => names.indexOf(name) !== n)
  return twice === undefined
    ? ok(Object.fromEntries(search))
    : wrong([{ parameter: twice, detail: 'is there twice' }])
}

/** What was given, as the schema wants it; or each place where it does not. */
export function fits<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  where: 'body' | 'query',
): Result<z.output<Schema>, Problem> {
  const parsed = schema.safeParse(given)
  if (parsed.success) return ok(parsed.data)
  const errors = parsed.error.issues.slice(0, TOLD).map(({ path, message }): Wrong => {
    const steps = path.map(String)
    if (where === 'query' && steps.length > 0) {
      return { parameter: steps.join('.'), detail: message }
    }
    return { pointer: pointerTo(steps), detail: message }
  })
  return wrong(errors)
}

/** RFC 6901 §3 and §6. */
const pointerTo = (steps: readonly string[]): string =>
  `#${steps.map((step) => `/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`

const wrong = (errors: readonly Wrong[]) =>
  fail<Problem>({ kind: 'invalid', detail: errors.map(told).join('; '), errors })

const told = ({ pointer, parameter, detail }: Wrong) =>
  `${parameter ?? (pointer === '#' ? 'the request' : pointer)}: ${detail}`

function unreadable(failure: Unreadable) {
  switch (failure.reason) {
    case 'body_too_large':
      return fail<Problem>({
        kind: 'too_large',
        detail: `a body must not be longer than ${failure.limitBytes} bytes`,
        headers: { Connection: 'close' },
      })
    case 'member_repeated':
      return fail<Problem>({ kind: 'unreadable', detail: `${failure.member} is there twice` })
    case 'body_unreadable':
      return fail<Problem>({ kind: 'unreadable', detail: failure.detail })
    default:
      return fail<Problem>({ kind: 'unreadable', detail: `${failure.field} cannot be read` })
  }
}
