import type { Permission } from '../../domain/role.ts'
import type { ServiceError } from '../../service/service-result.ts'
import { createRetryAfterHeader, type Reply } from '../reply.ts'

/** An invalid part of a request. */
export interface InputError {
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
  readonly errors?: readonly InputError[]
  readonly retryAfterSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** Every kind of problem. `about` is the explanation in the reference. */
export const API_PROBLEMS = {
  unreadable: {
    status: 400,
    title: 'The body cannot be read',
    about: 'It is no JSON (RFC 8259), is compressed, or has one member twice.',
  },
  unauthorized: {
    status: 401,
    title: 'An API token is needed',
    about:
      'There is none, it has ended, or its owner may not sign in. One answer for all of these.',
  },
  forbidden: {
    status: 403,
    title: 'Your role does not allow this',
    about: '`permission` names what it needs, where your role is what is missing.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing of this name',
    about: 'It is not there, or belongs to an account that you do not see: nobody is told which.',
  },
  method_not_allowed: {
    status: 405,
    title: 'This path does not know that method',
    about: '`Allow` names those that it knows.',
  },
  conflict: {
    status: 409,
    title: 'It is not so that this can be done',
    about:
      'The thing is there already, was changed by somebody else, or is past this: `detail` says which.',
  },
  too_large: { status: 413, title: 'The body is too long', about: 'No body is over 64 KiB.' },
  not_json: {
    status: 415,
    title: 'The body must be JSON',
    about: 'Send it with `Content-Type: application/json`.',
  },
  invalid: {
    status: 422,
    title: 'Something in the request cannot be taken',
    about: '`errors` names each member and parameter that is wrong, where it is one of them.',
  },
  too_many: {
    status: 429,
    title: 'Too many tokens were wrong',
    about: 'This address has guessed too often. `retryAfterSeconds` says how long it must wait.',
  },
  broken: {
    status: 500,
    title: 'The server failed',
    about: 'The log has the details, under the request id.',
  },
  unavailable: {
    status: 503,
    title: 'The server cannot do this now',
    about:
      'The database does not answer, or too much is under way: `detail` says which. `retryAfterSeconds` says when to come back; a creation that names its `id` is safe to repeat.',
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

/** Converts a service's error. */
export const toApiProblem = (error: ServiceError): ApiProblem =>
  error.problem === 'busy'
    ? {
        kind: 'unavailable',
        detail: error.message,
        retryAfterSeconds: error.retryAfterSeconds,
      }
    : { kind: error.problem, detail: error.message }
