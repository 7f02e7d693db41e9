import { z } from '@hono/zod-openapi'
import { ok, type Result } from '../../domain/failure.ts'
import type { Permission } from '../../domain/role.ts'
import type { ActorServices } from '../../service/actor-services.ts'
import type { Caller } from '../../service/audit/buffer.ts'
import { SERVICE_PERMISSIONS } from '../../service/permissions.ts'
import type { SignedInUser } from '../../service/ports/sign-in.ts'
import type { ServiceResult } from '../../service/service-result.ts'
import type { Sessions } from '../../service/sign-in/sessions.ts'
import { JSON_CONTENT_TYPE } from '../reply.ts'
import type { TestMessages } from '../test-messages.ts'
import { parseInput } from './input.ts'
import { type ApiProblem, toApiProblem } from './problem.ts'

/** The caller, the caller's services, and the addressed resource. */
export interface OperationContext {
  readonly signedInUser: SignedInUser
  readonly services: ActorServices
  readonly sessions: Sessions
  readonly caller: Caller
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal
  readonly testMessages: TestMessages
  /** The `{id}` of the path; empty if the path has none. */
  readonly id: string
}

/** A request whose query and body have not been validated. */
export interface OperationRequest extends OperationContext {
  readonly query: unknown
  readonly body: unknown
}

export interface OperationResponse {
  readonly status: 200 | 201 | 204
  readonly type: string
  readonly body: string | AsyncIterable<string> | null
}

/** An operation of the management API: its documentation and its implementation. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** The path below /admin/v1; `{id}` is the id of one resource. */
  readonly path: string
  /** The service methods that it calls, all of one permission; none for a user's own access. */
  readonly serviceMethods: readonly ServiceMethodName[]
  readonly summary: string
  readonly text: string | undefined
  readonly query: z.ZodObject
  readonly body: z.ZodObject | null
  /** Valid bodies, by title. */
  readonly examples: Readonly<Record<string, object>>
  readonly status: OperationResponse['status']
  /** Null for a response without a body. */
  readonly response: { readonly type: string; readonly schema: z.ZodType } | null
  readonly perform: (request: OperationRequest) => Promise<Result<OperationResponse, ApiProblem>>
}

const EMPTY_INPUT = z.strictObject({})
type EmptyInput = typeof EMPTY_INPUT

interface OperationSpec<Query extends z.ZodObject, Body extends z.ZodObject>
  extends Pick<Operation, 'method' | 'path' | 'serviceMethods' | 'summary'> {
  readonly text?: string
  readonly query?: Query
  readonly body?: Body
  readonly examples?: Readonly<Record<string, z.input<Body> & object>>
}

type OperationInput<Query extends z.ZodObject, Body extends z.ZodObject> = OperationContext & {
  readonly query: z.output<Query>
  readonly body: z.output<Body>
}

/** Defines an operation that answers one JSON value. Members that the response schema does not name are left out. */
export function defineOperation<
  Answer extends z.ZodType,
  Query extends z.ZodObject = EmptyInput,
  Body extends z.ZodObject = EmptyInput,
>(
  spec: OperationSpec<Query, Body> & {
    readonly response: Answer
    readonly creates?: true
    readonly run: (input: OperationInput<Query, Body>) => Promise<ServiceResult<z.output<Answer>>>
  },
): Operation {
  const status = spec.creates ? 201 : 200
  return {
    ...toOperationFields(spec),
    status,
    response: { type: 'application/json', schema: spec.response },
    perform: createPerform(spec, async (input) => {
      const result = await spec.run(input)
      if (!result.ok) return result
      const body = JSON.stringify(z.encode(spec.response, result.value))
      return ok({ status, type: JSON_CONTENT_TYPE, body })
    }),
  }
}

/** Defines an operation that answers 204 without a body. */
export const defineNoContentOperation = <
  Query extends z.ZodObject = EmptyInput,
  Body extends z.ZodObject = EmptyInput,
>(
  spec: OperationSpec<Query, Body> & {
    readonly run: (input: OperationInput<Query, Body>) => Promise<ServiceResult<void>>
  },
): Operation => ({
  ...toOperationFields(spec),
  status: 204,
  response: null,
  perform: createPerform(spec, async (input) => {
    const result = await spec.run(input)
    return result.ok ? ok({ status: 204, type: '', body: null } as const) : result
  }),
})

const JSON_LINES_TYPE = 'application/jsonl'

/** Defines an operation that streams JSON lines. */
export const defineJsonLinesOperation = (
  spec: OperationSpec<EmptyInput, EmptyInput> & {
    readonly run: (context: OperationContext) => AsyncIterable<string>
  },
): Operation => ({
  ...toOperationFields(spec),
  status: 200,
  response: { type: JSON_LINES_TYPE, schema: z.string() },
  perform: createPerform(spec, async (input) =>
    ok({ status: 200, type: JSON_LINES_TYPE, body: spec.run(input) } as const),
  ),
})

function toOperationFields<Query extends z.ZodObject, Body extends z.ZodObject>(
  spec: OperationSpec<Query, Body>,
) {
  const { method, path, serviceMethods, summary, text, query, body, examples = {} } = spec
  const fields = { method, path, serviceMethods, summary, text, examples }
  return { ...fields, query: query ?? EMPTY_INPUT, body: body ?? null }
}

/** Validates query and body before it calls `work`. */
function createPerform<Query extends z.ZodObject, Body extends z.ZodObject>(
  spec: OperationSpec<Query, Body>,
  work: (input: OperationInput<Query, Body>) => Promise<ServiceResult<OperationResponse>>,
): Operation['perform'] {
  // A missing schema has the type of EMPTY_INPUT, by the defaults of the type parameters.
  const querySchema = (spec.query ?? EMPTY_INPUT) as Query
  const bodySchema = (spec.body ?? EMPTY_INPUT) as Body
  return async (request) => {
    const query = parseInput(querySchema, request.query, 'query')
    if (!query.ok) return query
    const body = parseInput(bodySchema, request.body, 'body')
    if (!body.ok) return body
    const response = await work({ ...request, query: query.value, body: body.value })
    return response.ok ? response : { ok: false, failure: toApiProblem(response.failure) }
  }
}

/** The name of a service method: `keys.create`, `explain`. */
export type ServiceMethodName = {
  [Service in keyof typeof SERVICE_PERMISSIONS]: (typeof SERVICE_PERMISSIONS)[Service] extends Permission
    ? Service
    : `${Service}.${string & keyof (typeof SERVICE_PERMISSIONS)[Service]}`
}[keyof typeof SERVICE_PERMISSIONS]

const PERMISSION_BY_SERVICE_METHOD = new Map<string, Permission>(
  Object.entries(SERVICE_PERMISSIONS).flatMap(([service, permissions]): [string, Permission][] =>
    typeof permissions === 'string'
      ? [[service, permissions]]
      : Object.entries(permissions).map(([method, permission]) => [
          `${service}.${method}`,
          permission,
        ]),
  ),
)

/** Finds the permission that a service method requires. */
export function findPermission(method: ServiceMethodName): Permission {
  const permission = PERMISSION_BY_SERVICE_METHOD.get(method)
  if (permission === undefined) throw new Error(`there is no service method ${method}`)
  return permission
}

export const SERVICE_METHOD_NAMES = [
  ...PERMISSION_BY_SERVICE_METHOD.keys(),
] as readonly ServiceMethodName[]
