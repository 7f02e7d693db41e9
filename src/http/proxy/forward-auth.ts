import { type Context, Hono } from 'hono'
import { type Failure, fail, ok, type Result, type SurfaceFailure } from '../../domain/failure.ts'
import { checkMethodAllowed, type Key } from '../../domain/key.ts'
import type { Caller, RecordRefusal } from '../../service/audit/buffer.ts'
import type { Authenticate } from '../../service/authenticate/authenticate.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import {
  createJsonReply,
  createRetryAfterHeader,
  DATABASE_RETRY_SECONDS,
  type Reply,
  toResponse,
} from '../reply.ts'
import { createBearerChallenge, type HttpDeps, identifyCaller } from '../request.ts'
import { toUpstreamIdentity, type VendorProtocol } from '../vendors/surface-handlers.ts'
import { SITE_HEADER, setIdentityHeaders } from './headers.ts'
import { hasDotSegment, parseTargetPath } from './target.ts'
import { isMethodOverrideHeader } from './withheld-headers.ts'

/** One kind of credential, as a proxy asks about it. */
export interface RequestAuthenticator {
  /** The segment of the path that admits this kind alone. */
  readonly name: string
  /** Whether the request carries such a credential, good or bad. */
  readonly hasCredential: (headers: Headers) => boolean
  /** Whether it may be half of one, where no other kind lets the request through. */
  readonly hasPartialCredential?: (headers: Headers) => boolean
  readonly authenticate: (headers: Headers, caller: Caller) => Promise<Result<Key>>
  /** `path`: what the proxy guards. */
  readonly refuseRequest: (failure: Failure, path: string) => Reply
  readonly replyServerError: (path: string) => Reply
}

export interface ForwardAuthDeps extends HttpDeps {
  readonly authenticators: readonly RequestAuthenticator[]
  readonly recordRefusal: RecordRefusal
  readonly log: Log
}

const FORWARD_AUTH_PATH = '/forward-auth'
const ANY_KIND = 'any'

/** The route for questions whose path has dot segments. */
const DOT_SEGMENT_PATH = `${FORWARD_AUTH_PATH}/..`

/**
 * Finds questions whose path has dot segments: returns the route for them, null for every other request.
 * Proxies append the caller's path to `/forward-auth`. With its dot segments resolved, the question could
 * reach another route that answers 200, so the target is judged as it was sent, before a URL resolves
 * it. (Cloudflare resolves plain dot segments before a Worker sees them.)
 */
export function findDotSegmentPath(request: Request, options?: { env?: unknown }): string | null {
  const { incoming, target } = (options?.env ?? {}) as RawTargetEnv
  const rawTarget = target ?? incoming?.url ?? request.url
  if (!rawTarget.includes(FORWARD_AUTH_PATH)) return null
  const path = parseTargetPath(rawTarget)
  return path.startsWith(FORWARD_AUTH_PATH) && hasDotSegment(path) ? DOT_SEGMENT_PATH : null
}

/** A request's target as it was sent: Node's, or a Worker's. */
interface RawTargetEnv {
  readonly incoming?: { readonly url?: string }
  readonly target?: string
}

/**
 * One question for the proxies that ask it: may this request pass, and whose is it? 200 with identity
 * headers, or the refusal in the words of the credential's dialect. nginx's auth_request, Traefik's
 * ForwardAuth, Caddy's forward_auth, Envoy's ext_authz.
 *
 * `/forward-auth/NAME` admits one kind of credential only, `/forward-auth/any` every kind, as
 * `/forward-auth` does; Envoy appends the path that it guards. `?statuses=401,403` tells every refusal by
 * the last of these where it has none of them: nginx takes any other for an error. `?refusal` answers
 * a refusal only, whole: for who has learned from such a status that there is one.
 */
export function createForwardAuthRoutes(deps: ForwardAuthDeps): Hono {
  const app = new Hono()
  const handler = (c: Context) => answerQuestion(c)
  app.all(DOT_SEGMENT_PATH, (c) => {
    const { requestId } = identifyCaller(deps, c)
    return toResponse(
      createJsonReply(400, { message: 'The path must have no dot segments.' }),
      requestId,
    )
  })
  app.all(FORWARD_AUTH_PATH, handler)
  app.all(`${FORWARD_AUTH_PATH}/*`, handler)
  return app

  async function answerQuestion(c: Context): Promise<Response> {
    const caller = identifyCaller(deps, c)
    const question = parseQuestion(c.req.raw)
    const match = selectAuthenticators(question, deps.authenticators)
    if (match === null)
      return toResponse(replaceStatus(UNKNOWN_KIND_REPLY, question), caller.requestId)
    const { authenticators, path } = match
    const [first = NO_AUTHENTICATOR] = authenticators
    try {
      const result = await authenticateWithAny(authenticators, question, caller)
      if (result.ok && !question.refusalOnly) return createAdmittedResponse(result.value, caller)
      const failure: Failure = result.ok ? { reason: 'busy', retryAfterSeconds: 1 } : result.failure
      const refuser = failure.reason === 'secret_missing' ? (authenticators.at(-1) ?? first) : first
      const reply = replaceStatus(refuser.refuseRequest(failure, path), question)
      if (!result.ok) {
        deps.recordRefusal('forward-auth', failure, caller)
        deps.recordRefusal.recordResponse(caller, reply)
      }
      return toResponse(reply, caller.requestId)
    } catch (error) {
      deps.log.error({ ...caller, error }, 'a request failed')
      const reply =
        error instanceof StorageUnavailableError
          ? first.refuseRequest({ reason: 'busy', retryAfterSeconds: DATABASE_RETRY_SECONDS }, path)
          : first.replyServerError(path)
      return toResponse(replaceStatus(reply, question), caller.requestId)
    }
  }
}

/** The first gate that lets the request through; else why the first of them does not. */
async function authenticateWithAny(
  authenticators: readonly RequestAuthenticator[],
  { headers, methods }: ForwardAuthQuestion,
  caller: Caller,
): Promise<Result<Key>> {
  let refusal: Result<Key> = fail({ reason: 'credential_missing' })
  for (const [n, authenticator] of authenticators.entries()) {
    const key = await authenticator.authenticate(headers, caller)
    const result = key.ok ? checkAllMethods(key.value, methods) : key
    if (result.ok) return result
    // A half that is known says more than that a whole is not.
    if (n === 0 || result.failure.reason === 'secret_missing') refusal = result
  }
  return refusal
}

/**
 * Whoever calls could have added one of the headers that name the method, and the proxy hands on those
 * by which the service behind may serve another: so all of them count.
 */
function checkAllMethods(key: Key, methods: readonly string[]): Result<Key> {
  for (const method of methods) {
    const methodCheck = checkMethodAllowed(key, method)
    if (!methodCheck.ok) return methodCheck
  }
  return ok(key)
}

interface ForwardAuthQuestion {
  readonly headers: Headers
  /** What is said to be the method of the request that the proxy guards; never empty. */
  readonly methods: readonly string[]
  /** The kind of credential that is asked for. */
  readonly name: string
  /** What the proxy has appended to that: the path that it guards. */
  readonly pathBelow: readonly string[]
  /** The path of the request that the proxy guards, where a header says it. */
  readonly originalPath: string | null
  readonly statuses: readonly number[]
  readonly refusalOnly: boolean
}

function parseQuestion({ url, headers, method }: Request): ForwardAuthQuestion {
  const { pathname, searchParams } = new URL(url)
  const getHeader = (name: string) => headers.get(name)
  const uri = getHeader('x-original-uri') ?? getHeader('x-forwarded-uri')
  const declaredMethods = [getHeader('x-original-method'), getHeader('x-forwarded-method')]
  const methodOverrides = [...headers].filter(([name]) => isMethodOverrideHeader(name))
  const [originalPath = null] = uri === null ? [] : uri.split('?')
  const [, name = ANY_KIND, ...pathBelow] = pathname.slice(FORWARD_AUTH_PATH.length).split('/')
  // Who appends the guarded path appends its query, which is the caller's: it asks for nothing here.
  const options = pathBelow.length === 0 ? searchParams : new URLSearchParams()
  return {
    headers,
    methods: [
      method,
      ...declaredMethods.filter((name) => name !== null),
      ...methodOverrides.map(([, value]) => value),
    ],
    name,
    pathBelow,
    originalPath,
    statuses: (options.get('statuses') ?? '')
      .split(',')
      .map(Number)
      .filter((status) => status >= 400 && status <= 599),
    refusalOnly: options.has('refusal'),
  }
}

/** Null where the path names no gate: a name that is mistyped must not open them all. */
function selectAuthenticators(
  { headers, name, pathBelow, originalPath }: ForwardAuthQuestion,
  all: readonly RequestAuthenticator[],
): { authenticators: readonly RequestAuthenticator[]; path: string } | null {
  const path = originalPath ?? `/${pathBelow.join('/')}`
  if (name === ANY_KIND) {
    const claimingAuthenticators = all.filter((gate) => gate.hasCredential(headers))
    const others = all.filter(
      (gate) => !claimingAuthenticators.includes(gate) && gate.hasPartialCredential?.(headers),
    )
    return { authenticators: [...claimingAuthenticators, ...others], path }
  }
  const namedAuthenticator = all.find((gate) => gate.name === name)
  return namedAuthenticator === undefined ? null : { authenticators: [namedAuthenticator], path }
}

function createAdmittedResponse(key: Key, { requestId }: Caller): Response {
  const response = toResponse({ status: 200, body: '', type: 'text/plain' }, requestId)
  // Said even where there is none: some proxies copy a header only where it is, and keep the caller's.
  response.headers.set(SITE_HEADER, '')
  setIdentityHeaders(response.headers, toUpstreamIdentity(key))
  return response
}

/** Replaces a status that the proxy does not accept. */
function replaceStatus(reply: Reply, { statuses }: ForwardAuthQuestion): Reply {
  const isKnown = statuses.length === 0 || statuses.includes(reply.status)
  const status = isKnown ? reply.status : (statuses.at(-1) ?? reply.status)
  return { ...reply, status }
}

const UNKNOWN_KIND_REPLY = createJsonReply(404, { message: 'There is no such kind of credential.' })

/** Where no credential came, of no kind that was asked for by name. */
const NO_AUTHENTICATOR: Pick<RequestAuthenticator, 'refuseRequest' | 'replyServerError'> = {
  refuseRequest: (failure) =>
    failure.reason === 'busy'
      ? createJsonReply(
          503,
          { message: 'Try again.' },
          createRetryAfterHeader(failure.retryAfterSeconds),
        )
      : createJsonReply(401, { message: 'A credential is needed.' }, createBearerChallenge()),
  replyServerError: () => createJsonReply(500, { message: 'The server failed; try again.' }),
}

/** A credential that comes with every request, where a proxy asks about it. */
export const createKeyAuthenticator = (
  protocol: VendorProtocol,
  authenticate: Authenticate,
): RequestAuthenticator => ({
  name: protocol.name,
  hasCredential: protocol.hasCredential,
  hasPartialCredential: protocol.hasPartialCredential ?? (() => false),
  async authenticate(headers, caller) {
    const credential = protocol.parseCredential(headers)
    return credential.ok ? authenticate(credential.value, caller) : credential
  },
  // It is handed what its own judge has answered, and nothing else.
  refuseRequest: (failure, path) => protocol.refuseRequest(failure as SurfaceFailure, path),
  replyServerError: protocol.replyServerError,
})
