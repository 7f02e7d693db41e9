import { type Context, Hono } from 'hono'
import { parseBasePath } from '../../domain/base-path.ts'
import { fail, ok, type Result } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { ADMIN_SCOPE_PREFIX } from '../../domain/scope.ts'
import {
  findOperationPermission,
  JSON_LINES_TYPE,
  type Operation,
} from '../../operations/define.ts'
import { OPERATIONS } from '../../operations/registry.ts'
import type { ServicesFor } from '../../service/actor-services.ts'
import type { Caller } from '../../service/caller.ts'
import { SLICE_BYTES, yieldToOtherWork } from '../../service/long-work.ts'
import { PermissionDeniedError } from '../../service/permissions.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import type { TestMessages } from '../../service/ports/test-messages.ts'
import { createBearerChallenge } from '../authorization.ts'
import type { OpenApiDocument } from '../openapi/document.ts'
import {
  createJsonTextReply,
  DATABASE_RETRY_SECONDS,
  JSON_CONTENT_TYPE,
  toResponse,
} from '../reply.ts'
import { type HttpDeps, identifyCaller } from '../request.ts'
import { type ApiTokenDeps, authenticateToken } from './authenticate-token.ts'
import { createApiDocument } from './openapi-document.ts'
import { type ApiProblem, createProblemReply, toApiProblem } from './problem.ts'
import { openUpload, readJsonBody, readQuery } from './request-input.ts'

const ADMIN_PATH = '/admin/v1'

export interface AdminDeps extends HttpDeps, ApiTokenDeps {
  readonly servicesFor: ServicesFor
  readonly log: Log
  readonly testMessages: TestMessages
  /** Public URL that this API is below. */
  readonly consoleUrl: string
  /** Renders the OpenAPI document as a page. */
  readonly showReference: (c: Context, caller: Caller, api: OpenApiDocument) => Promise<Response>
}

/** Serves the management API. */
export function createAdminApi(deps: AdminDeps): Hono {
  const app = new Hono()
  let apiText: string | undefined
  /** Creates the document at its first request, because that delays all others by 70 ms. */
  const getApiText = () =>
    (apiText ??= JSON.stringify(createApiDocument(OPERATIONS, deps.consoleUrl)))

  // Public, because it is the same on every server of this release.
  app.get(`${ADMIN_PATH}/openapi.json`, (c) =>
    toResponse(createJsonTextReply(200, getApiText()), identifyCaller(deps, c)),
  )
  app.get(`${ADMIN_PATH}/reference`, (c) =>
    handleErrors(deps, c, (caller) => {
      const api: OpenApiDocument = JSON.parse(getApiText())
      return deps.showReference(c, caller, api)
    }),
  )

  for (const operation of OPERATIONS) {
    app.on(operation.method.toUpperCase(), toRoutePath(operation.path), (c) =>
      handleErrors(deps, c, async (caller) => {
        const response = await performOperation(deps, c, caller, operation)
        return response.ok
          ? respondWithResult(operation, response.value, caller)
          : respondWithProblem(deps, caller, response.failure)
      }),
    )
  }
  const methods = Map.groupBy(OPERATIONS, ({ path }) => path)
  for (const [path, pathOperations] of methods) {
    const allowed = pathOperations.map(({ method }) => method.toUpperCase())
    const Allow = [...allowed, ...(allowed.includes('GET') ? ['HEAD'] : [])].join(', ')
    app.all(toRoutePath(path), (c) =>
      respondWithProblem(deps, identifyCaller(deps, c), {
        kind: 'method_not_allowed',
        detail: `supported methods: ${Allow}`,
        headers: { Allow },
      }),
    )
  }
  app.all('*', (c) =>
    respondWithProblem(deps, identifyCaller(deps, c), {
      kind: 'not_found',
      detail: `see ${ADMIN_PATH}/reference for all paths`,
    }),
  )
  return app
}

/** Authenticates the caller, checks the permission, and reads query and body before it performs the operation. */
async function performOperation(
  deps: AdminDeps,
  c: Context,
  caller: Caller,
  operation: Operation,
): Promise<Result<unknown, ApiProblem>> {
  const authentication = await authenticateToken(deps, c.req.raw.headers, caller)
  if (!authentication.ok) return authentication
  const { actor, signedInUser } = authentication.value
  const services = deps.servicesFor({ ...actor, requestId: caller.requestId })
  const permission = findOperationPermission(operation)
  if (permission === null && signedInUser === null) return fail(NO_USER_PROBLEM)
  if (permission !== null && !services.can(permission)) {
    const problem = createForbiddenProblem(permission)
    return fail(signedInUser === null ? addScopeChallenge(problem, permission) : problem)
  }
  const query = readQuery(new URL(c.req.url).searchParams)
  if (!query.ok) return query
  const upload = openUpload(c.req.raw, operation)
  if (!upload.ok) return upload
  const hasBody = upload.value === undefined && !['get', 'delete'].includes(operation.method)
  const body = hasBody ? await readJsonBody(c.req.raw) : ok({})
  if (!body.ok) return body
  const result = await operation.perform({
    services,
    signedIn: signedInUser === null ? null : { user: signedInUser, sessions: deps.sessions },
    caller,
    signal: c.req.raw.signal,
    loadTestMessages: async () => deps.testMessages,
    id: toStoredId(c.req.param('id') ?? ''),
    query: query.value,
    body: body.value,
    upload: upload.value,
  })
  return result.ok ? result : fail(toApiProblem(operation, result.failure))
}

async function handleErrors(
  deps: AdminDeps,
  c: Context,
  work: (caller: Caller) => Promise<Response>,
): Promise<Response> {
  const caller = identifyCaller(deps, c)
  try {
    return await work(caller)
  } catch (error) {
    if (error instanceof PermissionDeniedError)
      return respondWithProblem(deps, caller, createForbiddenProblem(error.permission))
    // The caller disconnected, so the work was aborted: not a fault.
    const { signal } = c.req.raw
    const isAborted = signal.aborted && error === signal.reason
    if (isAborted) deps.log.info({ ...caller }, 'a request was aborted by its caller')
    else deps.log.error({ ...caller, error }, 'a request failed')
    return respondWithProblem(
      deps,
      caller,
      error instanceof StorageUnavailableError ? UNAVAILABLE_PROBLEM : SERVER_ERROR_PROBLEM,
    )
  }
}

const respondWithProblem = ({ consoleUrl }: AdminDeps, caller: Caller, problem: ApiProblem) =>
  toResponse(createProblemReply(problem, caller.requestId, parseBasePath(consoleUrl)), caller)

const toRoutePath = (path: string) => ADMIN_PATH + path.replaceAll(/\{(\w+)\}/g, ':$1')

function respondWithResult(
  { status, response }: Operation,
  value: unknown,
  caller: Caller,
): Response {
  if (response === null) return respondWithoutBody(status, caller)
  if (response.type === JSON_LINES_TYPE) {
    const head = toResponse({ status, type: response.type, body: '' }, caller)
    return createStreamedResponse(head, value as AsyncIterable<string>)
  }
  if (hasLongText(value)) {
    const head = toResponse({ status, type: JSON_CONTENT_TYPE, body: '' }, caller)
    return createStreamedResponse(head, writeLongJson(value))
  }
  return toResponse({ status, type: JSON_CONTENT_TYPE, body: JSON.stringify(value) }, caller)
}

/** Tests for a member such as a payload of 40 MB, whose JSON would delay every other request if it was written at once. */
const hasLongText = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && Object.values(value).some(isLongText)

const isLongText = (member: unknown): member is string =>
  typeof member === 'string' && member.length > SLICE_BYTES

/** Writes an object as JSON.stringify does, with long texts in slices and other work between them. */
async function* writeLongJson(value: object): AsyncGenerator<string> {
  let separator = '{'
  for (const [name, member] of Object.entries(value)) {
    yield `${separator}${JSON.stringify(name)}:`
    separator = ','
    if (!isLongText(member)) {
      yield JSON.stringify(member)
      continue
    }
    yield '"'
    for (let at = 0; at < member.length; at += SLICE_BYTES) {
      // A character that two slices share is escaped, which means the same.
      yield JSON.stringify(member.slice(at, at + SLICE_BYTES)).slice(1, -1)
      await yieldToOtherWork()
    }
    yield '"'
  }
  yield '}'
}

function respondWithoutBody(status: number, caller: Caller): Response {
  const { headers } = toResponse({ status: 200, type: '', body: '' }, caller)
  headers.delete('Content-Type')
  return new Response(null, { status, headers })
}

const createForbiddenProblem = (permission: PermissionDeniedError['permission']): ApiProblem => ({
  kind: 'forbidden',
  detail: `this needs the permission ${permission}`,
  permission,
})

const UNAVAILABLE_PROBLEM: ApiProblem = {
  kind: 'unavailable',
  detail: 'check the audit to see whether the change was made',
  retryAfterSeconds: DATABASE_RETRY_SECONDS,
}
const SERVER_ERROR_PROBLEM: ApiProblem = {
  kind: 'broken',
  detail: 'try again, or find the error in the log by the request id',
}

/** Streams the lines, and reads each only when the client takes it. */
function createStreamedResponse(
  { status, headers }: Response,
  lines: AsyncIterable<string>,
): Response {
  const encoder = new TextEncoder()
  const iterator = lines[Symbol.asyncIterator]()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await iterator.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await iterator.return?.()
    },
  })
  return new Response(body, { status, headers })
}

/** RFC 6750 §3.1. */
const addScopeChallenge = (
  problem: ApiProblem,
  permission: PermissionDeniedError['permission'],
): ApiProblem => ({
  ...problem,
  headers: createBearerChallenge('insufficient_scope', { scope: ADMIN_SCOPE_PREFIX + permission }),
})

const NO_USER_PROBLEM: ApiProblem = {
  kind: 'forbidden',
  detail: 'an OAuth client is no user: send the API token of a user',
}
