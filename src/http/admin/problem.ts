import type { Permission } from '../../domain/role.ts'
import { findFieldMember, type Operation, type OperationError } from '../../operations/define.ts'
import { formatJsonPointer, type InputError } from '../../operations/parse-input.ts'
import { createRetryAfterHeader, type Reply } from '../reply.ts'

/** An invalid part of a request. */
interface InputProblem {
  /** The place in the body, as a JSON Pointer (RFC 6901). */
  readonly pointer?: string
  /** The parameter of the query. */
  readonly parameter?: string
  readonly detail: string
}

/** A refusal of the management API, in the form of RFC 9457. */
export interface ApiProblem {
  readonly kind: ApiProblemKind
  /** The problem with this request, and how to solve it. */
  readonly detail: string
  readonly permission?: Permission
  readonly errors?: readonly InputProblem[]
  readonly retryAfterSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Every kind of problem. `about` is the explanation in the reference. */
export const API_PROBLEMS = {
  unreadable: {
    status: 400,
    title: 'The body cannot be read',
    about: 'It is not valid JSON (RFC 8259), is compressed, or has a repeated member.',
  },
  unauthorized: {
    status: 401,
    title: 'A valid API token is required',
    about:
      'The token is missing, invalid or expired, or its owner may not sign in. The response does not say which.',
  },
  forbidden: {
    status: 403,
    title: 'Your role does not allow this',
    about: 'If your role lacks a permission, `permission` names it.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    about:
      'It does not exist, or belongs to an account that you cannot see. The response does not say which.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The path does not support this method',
    about: 'The `Allow` header lists the supported methods.',
  },
  conflict: {
    status: 409,
    title: 'The current state does not allow this',
    about:
      'The resource already exists, was changed by another user, or is in a state that excludes this. `detail` says which.',
  },
  too_large: { status: 413, title: 'The body is too long', about: 'A body may have 64 KiB.' },
  not_json: {
    status: 415,
    title: 'The body must be JSON',
    about: 'Send it with `Content-Type: application/json`.',
  },
  unsupported_file: {
    status: 415,
    title: 'The body must be JSON lines or CSV, in UTF-8 and not compressed',
    about:
      'Send the file as it is, with `Content-Type: application/jsonl` or `text/csv`, and without `Content-Encoding`.',
  },
  invalid: {
    status: 422,
    title: 'The request is invalid',
    about: '`errors` names each invalid member and parameter.',
  },
  too_many: {
    status: 429,
    title: 'Too many invalid tokens',
    about: 'This address has sent too many invalid tokens. Try again after `retryAfterSeconds`.',
  },
  broken: {
    status: 500,
    title: 'The server failed',
    about: 'Find the details in the log by the request id.',
  },
  unavailable: {
    status: 503,
    title: 'The server cannot do this now',
    about:
      'The database does not respond, or the server is busy. `detail` says which. Try again after `retryAfterSeconds`; repeating a creation is safe if it contains its `id`.',
  },
} as const satisfies Record<string, { status: number; title: string; about: string }>

export type ApiProblemKind = keyof typeof API_PROBLEMS

export const PROBLEM_CONTENT_TYPE = 'application/problem+json'

/** The URL that explains a kind of problem. */
const formatProblemType = (kind: ApiProblemKind, basePath: string): string =>
  `${basePath}/admin/v1/reference#problem-${kind}`

export function createProblemReply(
  problem: ApiProblem,
  requestId: string,
  basePath: string,
): Reply {
  const { kind, detail, permission, errors, retryAfterSeconds, headers } = problem
  const { status, title } = API_PROBLEMS[kind]
  return {
    status,
    body: JSON.stringify({
      type: formatProblemType(kind, basePath),
      title,
      status,
      detail,
      requestId,
      permission,
      errors,
      retryAfterSeconds,
    }),
    type: PROBLEM_CONTENT_TYPE,
    headers: {
      ...headers,
      ...(retryAfterSeconds === undefined ? {} : createRetryAfterHeader(retryAfterSeconds)),
    },
  }
}

/** Converts the error of an operation. */
export function toApiProblem(operation: Operation, error: OperationError): ApiProblem {
  if ('errors' in error) return createInvalidProblem(error.errors.map(toInputProblem))
  const member = 'field' in error ? findFieldMember(operation, error.field) : undefined
  if (member !== undefined) {
    const { parent, name, part } = member
    const path = parent === undefined ? [name] : [parent, name]
    return createInvalidProblem([toInputProblem({ part, path, detail: error.message })])
  }
  return error.problem === 'busy'
    ? { kind: 'unavailable', detail: error.message, retryAfterSeconds: error.retryAfterSeconds }
    : { kind: error.problem, detail: error.message }
}

export const createInvalidProblem = (errors: readonly InputProblem[]): ApiProblem => ({
  kind: 'invalid',
  detail: errors.map(formatInputProblem).join('; '),
  errors,
})

const toInputProblem = ({ part, path, detail }: InputError): InputProblem =>
  part === 'query' && path.length > 0
    ? { parameter: path.join('.'), detail }
    : { pointer: formatJsonPointer(path), detail }

const formatInputProblem = ({ pointer, parameter, detail }: InputProblem) =>
  `${parameter ?? (pointer === '#' ? 'the request' : pointer)}: ${detail}`
