import { type Failure, fail, type Result } from '../../domain/failure.ts'
import type { RecordRefusal } from '../../service/audit/record-refusal.ts'
import { type AuthenticatedKey, checkMethods } from '../../service/authenticate/authenticate.ts'
import type { Caller } from '../../service/caller.ts'
import type { Log, MaybePromise } from '../../service/ports/runtime.ts'
import { createBearerChallenge } from '../authorization.ts'
import { createJsonReply, createRetryAfterHeader, type Reply } from '../reply.ts'
import { createCaller, type HttpDeps, type RequestHeaders, type ServerRequest } from '../request.ts'
import { replyToError, respond, type ServerRoute } from '../server-route.ts'
import { createIdentityHeaders, toUpstreamIdentity } from './headers.ts'
import { hasDotSegment, parseTargetPath } from './target.ts'
import { isMethodOverrideHeader } from './withheld-headers.ts'

/** Authenticates one type of credential for a proxy. */
export interface RequestAuthenticator {
  /** The segment of the path that selects this type alone. */
  readonly name: string
  /** Recognizes a credential of this type, valid or not. */
  readonly hasCredential: (headers: RequestHeaders) => boolean
  /** Recognizes a possible part of such a credential. It is tried only after every other type. */
  readonly hasPartialCredential?: (headers: RequestHeaders) => boolean
  readonly authenticate: (
    headers: RequestHeaders,
    caller: Caller,
  ) => MaybePromise<Result<AuthenticatedKey>>
  /** `path` is the path that the proxy guards. */
  readonly refuseRequest: (failure: Failure, path: string) => Reply
  readonly replyServerError: (path: string) => Reply
}

export interface ForwardAuthDeps extends HttpDeps {
  readonly authenticators: readonly RequestAuthenticator[]
  readonly recordRefusal: RecordRefusal
  readonly log: Log
}

const FORWARD_AUTH_PATH = '/forward-auth'
const ANY_KEY_TYPE = 'any'

/** The route for forward-auth requests whose path has dot segments. */
const DOT_SEGMENT_PATH = `${FORWARD_AUTH_PATH}/..`

/**
 * Returns the route for forward-auth requests whose path has dot segments, and null for every other request.
 * Proxies append the caller's path to `/forward-auth`. With its dot segments resolved, the request could
 * reach another route that answers 200, so the target is checked as it was sent, before a URL resolves
 * it. (Cloudflare resolves plain dot segments before a Worker sees them.)
 */
export function findDotSegmentPath(request: Request, options?: { env?: unknown }): string | null {
  const { incoming, target } = (options?.env ?? {}) as RawTargetEnv
  const rawTarget = target ?? incoming?.url ?? request.url
  if (!rawTarget.includes(FORWARD_AUTH_PATH)) return null
  const path = parseTargetPath(rawTarget)
  return path.startsWith(FORWARD_AUTH_PATH) && hasDotSegment(path) ? DOT_SEGMENT_PATH : null
}

/** The raw target: on Node that of `incoming`, on a Worker `target`. */
interface RawTargetEnv {
  readonly incoming?: { readonly url?: string }
  readonly target?: string
}

/**
 * Tells a proxy if a request may pass: 200 with identity headers, or the refusal in the format of the
 * credential's vendor. For nginx's auth_request, Traefik's ForwardAuth, Caddy's forward_auth and Envoy's ext_authz.
 *
 * `/forward-auth/NAME` accepts one type of credential, `/forward-auth/any` and `/forward-auth` every type. Envoy
 * appends the path that it guards. With `?statuses=401,403`, a refusal with another status gets the last of
 * these, because nginx treats any other status as an error. With `?refusal`, only a refusal is returned, with its
 * own body: for a proxy that has seen such a status and fetches the refusal itself.
 */
export function createForwardAuthRoutes(deps: ForwardAuthDeps): ServerRoute[] {
  const patterns = [FORWARD_AUTH_PATH, `${FORWARD_AUTH_PATH}/*`]
  return [
    {
      pattern: DOT_SEGMENT_PATH,
      async answer(request) {
        respond(request, DOT_SEGMENT_REPLY, createCaller(deps, request, DOT_SEGMENT_PATH))
      },
    },
    ...patterns.map((pattern) => ({
      pattern,
      answer: (request: ServerRequest) => answerForwardAuth(deps, request, pattern),
    })),
  ]
}

async function answerForwardAuth(
  deps: ForwardAuthDeps,
  serverRequest: ServerRequest,
  pattern: string,
): Promise<void> {
  const caller = createCaller(deps, serverRequest, pattern)
  const request = parseForwardAuthRequest(serverRequest)
  const authenticators = selectAuthenticators(request, deps.authenticators)
  if (authenticators === null)
    return respond(serverRequest, replaceStatus(UNKNOWN_KEY_TYPE_REPLY, request), caller)
  let reply: Reply
  try {
    const result = await authenticateWithAny(authenticators, request, caller)
    reply =
      result.ok && !request.refusalOnly
        ? createAdmittedReply(result.value)
        : refuseRequest(deps, request, authenticators, result, caller)
  } catch (error) {
    reply = replyToThrownError(deps, request, authenticators, error, caller)
  }
  respond(serverRequest, reply, caller)
}

/**
 * Words a refusal in the format of the credential's vendor, and records it. A request that asks for a refusal,
 * but is admitted now, must come again.
 */
function refuseRequest(
  { recordRefusal }: ForwardAuthDeps,
  request: ForwardAuthRequest,
  authenticators: readonly RequestAuthenticator[],
  result: Result<AuthenticatedKey>,
  caller: Caller,
): Reply {
  const [first = NO_AUTHENTICATOR] = authenticators
  const failure: Failure = result.ok ? { reason: 'busy', retryAfterSeconds: 1 } : result.failure
  const refuser = failure.reason === 'secret_missing' ? (authenticators.at(-1) ?? first) : first
  const reply = replaceStatus(refuser.refuseRequest(failure, findGuardedPath(request)), request)
  if (!result.ok) {
    recordRefusal('forward-auth', failure, caller)
    recordRefusal.recordResponse(caller, reply)
  }
  return reply
}

function replyToThrownError(
  { log }: ForwardAuthDeps,
  request: ForwardAuthRequest,
  authenticators: readonly RequestAuthenticator[],
  error: unknown,
  caller: Caller,
): Reply {
  const [first = NO_AUTHENTICATOR] = authenticators
  const path = findGuardedPath(request)
  const reply = replyToError(log, caller, error, {
    replyUnavailable: (retryAfterSeconds) =>
      first.refuseRequest({ reason: 'busy', retryAfterSeconds }, path),
    replyServerError: () => first.replyServerError(path),
  })
  return replaceStatus(reply, request)
}

/** Returns the key of the first authenticator that accepts the request, otherwise the refusal of the first. */
async function authenticateWithAny(
  authenticators: readonly RequestAuthenticator[],
  { headers, methods }: ForwardAuthRequest,
  caller: Caller,
): Promise<Result<AuthenticatedKey>> {
  let refusal: Result<AuthenticatedKey> | undefined
  for (const authenticator of authenticators) {
    const authenticated = await authenticator.authenticate(headers, caller)
    const result = authenticated.ok ? checkMethods(authenticated.value, methods) : authenticated
    if (result.ok) return result
    // A known key without its secret is more specific than an unknown credential.
    if (refusal === undefined || result.failure.reason === 'secret_missing') refusal = result
  }
  return refusal ?? fail({ reason: 'credential_missing' })
}

interface ForwardAuthRequest {
  readonly headers: RequestHeaders
  /**
   * Every method that the guarded request claims; never empty. The caller could have added a header that names
   * one, and the proxy forwards those by which the upstream may serve another.
   */
  readonly methods: readonly string[]
  /** The requested type of credential. */
  readonly name: string
  /** The path that the proxy guards, if it appended that to the name; otherwise empty. */
  readonly pathBelow: string
  readonly statuses: readonly number[]
  readonly refusalOnly: boolean
}

function parseForwardAuthRequest({ url, headers, method }: ServerRequest): ForwardAuthRequest {
  const methods = [method]
  const overrides = findMethodOverrides(headers)
  if (overrides.length > MAX_METHOD_OVERRIDES) methods.push('too many methods')
  for (const name of DECLARED_METHOD_HEADERS.concat(overrides.slice(0, MAX_METHOD_OVERRIDES))) {
    const claimed = headers.get(name)
    if (claimed !== null) methods.push(claimed)
  }
  const rest = parseTargetPath(url).slice(FORWARD_AUTH_PATH.length)
  const nameEnd = rest.indexOf('/', 1)
  // A proxy that appends the path also appends the caller's query, which must not set options here.
  const hasOptions = nameEnd === -1 && url.includes('?')
  const options = hasOptions ? new URL(url, 'http://localhost').searchParams : null
  return {
    headers,
    methods,
    name: rest === '' ? ANY_KEY_TYPE : rest.slice(1, nameEnd === -1 ? undefined : nameEnd),
    pathBelow: nameEnd === -1 ? '' : rest.slice(nameEnd),
    statuses: options === null ? [] : parseStatuses(options.get('statuses') ?? ''),
    refusalOnly: options?.has('refusal') ?? false,
  }
}

/** The headers in which a proxy names the method of the guarded request. */
const DECLARED_METHOD_HEADERS = ['x-original-method', 'x-forwarded-method']

/** Each is looked up among all headers: for a thousand of them, that would take 50 ms. */
const MAX_METHOD_OVERRIDES = 8

const findMethodOverrides = (headers: RequestHeaders): readonly string[] =>
  [...headers.keys()].filter(isMethodOverrideHeader)

const parseStatuses = (text: string): readonly number[] =>
  text
    .split(',')
    .map(Number)
    .filter((status) => status >= 400 && status <= 599)

/** The path that the proxy guards: that of a header, or what it appended. */
function findGuardedPath({ headers, pathBelow }: ForwardAuthRequest): string {
  const uri = headers.get('x-original-uri') ?? headers.get('x-forwarded-uri')
  return uri === null ? pathBelow || '/' : uri.replace(/\?.*/s, '')
}

/** Returns null for an unknown name: a misspelled name must not select every type. */
function selectAuthenticators(
  { headers, name }: ForwardAuthRequest,
  all: readonly RequestAuthenticator[],
): readonly RequestAuthenticator[] | null {
  if (name === ANY_KEY_TYPE) {
    const claimingAuthenticators = all.filter((authenticator) =>
      authenticator.hasCredential(headers),
    )
    const others = all.filter(
      (authenticator) =>
        !claimingAuthenticators.includes(authenticator) &&
        authenticator.hasPartialCredential?.(headers),
    )
    return [...claimingAuthenticators, ...others]
  }
  const namedAuthenticator = all.find((authenticator) => authenticator.name === name)
  return namedAuthenticator === undefined ? null : [namedAuthenticator]
}

/** Empty headers are sent, too: without them, some proxies keep those of the caller. */
const createAdmittedReply = (authenticated: AuthenticatedKey): Reply => ({
  status: 200,
  body: '',
  type: 'text/plain',
  headers: createIdentityHeaders(toUpstreamIdentity(authenticated)),
})

/** Replaces a status that the proxy does not accept. */
function replaceStatus(reply: Reply, { statuses }: ForwardAuthRequest): Reply {
  const isKnown = statuses.length === 0 || statuses.includes(reply.status)
  return isKnown ? reply : { ...reply, status: statuses.at(-1) ?? reply.status }
}

const DOT_SEGMENT_REPLY = createJsonReply(400, { message: 'The path must have no dot segments.' })

const UNKNOWN_KEY_TYPE_REPLY = createJsonReply(404, {
  message: 'There is no such kind of credential.',
})

/** Refuses a request without any credential. */
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
