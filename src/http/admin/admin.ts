import { type Context, Hono } from 'hono'
import { parseBasePath } from '../../domain/base-path.ts'
import { fail, type InputFailure, ok, type Result } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { ADMIN_SCOPE_PREFIX } from '../../domain/scope.ts'
import {
  findOperationPermission,
  JSON_LINES_TYPE,
  type Operation,
  type Upload,
} from '../../operations/define.ts'
import { OPERATIONS } from '../../operations/registry.ts'
import type { Actor, ServicesFor } from '../../service/actor-services.ts'
import {
  type AuditBuffer,
  type Caller,
  type RecordRefusal,
  UNKNOWN_SUBJECT,
} from '../../service/audit/buffer.ts'
import type { FailureLimiter } from '../../service/limits/rate-limits.ts'
import { SLICE_BYTES, yieldToOtherWork } from '../../service/messages/payload.ts'
import type { FindServiceAccount } from '../../service/oauth/service-account.ts'
import { PermissionDeniedError } from '../../service/permissions.ts'
import type { Log } from '../../service/ports/runtime.ts'
import type { SignedInUser } from '../../service/ports/sign-in.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import type { TestMessages } from '../../service/ports/test-messages.ts'
import type { Sessions } from '../../service/sign-in/sessions.ts'
import { createBearerChallenge, parseBearerToken } from '../authorization.ts'
import { parseJson } from '../json/parse.ts'
import type { OpenApiDocument } from '../openapi/document.ts'
import {
  createJsonTextReply,
  DATABASE_RETRY_SECONDS,
  JSON_CONTENT_TYPE,
  toResponse,
} from '../reply.ts'
import { FetchRequest, type HttpDeps, identifyCaller } from '../request.ts'
import { isEncoded, readBody } from '../request-body.ts'
import { createApiDocument } from './openapi-document.ts'
import {
  type ApiProblem,
  createInvalidProblem,
  createProblemReply,
  toApiProblem,
} from './problem.ts'

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
  return result.ok ? result : fail(toApiProblem(result.failure))
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

interface ApiTokenDeps {
  readonly sessions: Sessions
  readonly findServiceAccount: FindServiceAccount
  readonly auditBuffer: Pick<AuditBuffer, 'record'>
  readonly recordRefusal: RecordRefusal
  /** Counts failed API tokens. */
  readonly failureLimiter: FailureLimiter
}

const TOKEN_NEEDED_DETAIL =
  'send an API token, or the access token of an OAuth client, in the header Authorization: Bearer; create an API token in the console, under Profile and security'
const CLIENT_TOKEN_REFUSED_DETAIL = 'the access token is not valid any more; request a new one'
const TOKEN_REFUSED_DETAIL =
  'the API token is invalid or has expired; create a new one in the console, under Profile and security'

/** The user of an API token, or the OAuth client of an access token, which no user is signed in with. */
interface ApiCaller {
  readonly actor: Actor
  readonly signedInUser: SignedInUser | null
}

/** Finds the caller by the request's token. Cookies are ignored, so that no other site can act for the user. */
async function authenticateToken(
  { sessions, findServiceAccount, auditBuffer, recordRefusal, failureLimiter }: ApiTokenDeps,
  headers: Headers,
  caller: Caller,
): Promise<Result<ApiCaller, ApiProblem>> {
  const token = parseBearerToken(headers.get('authorization'))
  if (!token.ok && token.failure.reason === 'credential_missing') {
    return fail({
      kind: 'unauthorized',
      detail: TOKEN_NEEDED_DETAIL,
      headers: createBearerChallenge(),
    })
  }
  const signedInUser = token.ok ? await sessions.find(token.value, 'token') : null
  if (signedInUser !== null) {
    const { user, account } = signedInUser
    const accountId = user.role === 'operator' ? null : account.id
    return ok({ actor: { actor: user.id, role: user.role, accountId }, signedInUser })
  }
  const serviceAccount = token.ok ? await findServiceAccount(token.value, caller) : token
  if (serviceAccount.ok) return ok({ actor: serviceAccount.value, signedInUser: null })

  // A valid token is never refused for the failures of its address: only further failures are.
  const limitCheck = failureLimiter.checkAllowed(caller.address)
  failureLimiter.countFailure(caller.address)
  if (!limitCheck.ok) {
    const { retryAfterSeconds } = limitCheck.failure
    const detail = `try again in ${retryAfterSeconds} seconds`
    return fail({ kind: 'too_many', detail, retryAfterSeconds })
  }
  const { isClient = false } = caller
  if (isClient) {
    recordRefusal('admin', serviceAccount.failure, caller)
  } else {
    const facts = { surface: 'admin', reason: 'token_unknown' }
    auditBuffer.record({ action: 'session.refused', subject: UNKNOWN_SUBJECT, caller, facts })
  }
  return fail({
    kind: 'unauthorized',
    detail: isClient ? CLIENT_TOKEN_REFUSED_DETAIL : TOKEN_REFUSED_DETAIL,
    headers: createBearerChallenge('invalid_token'),
  })
}

/** Returns the body of an operation that reads it as it arrives; undefined for any other. */
function openUpload(
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
async function readJsonBody(request: Request): Promise<Result<unknown, ApiProblem>> {
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
function readQuery(search: URLSearchParams): Result<unknown, ApiProblem> {
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
