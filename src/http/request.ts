import type { Context, Hono } from 'hono'
import { routePath } from 'hono/route'
import {
  type CredentialFailure,
  fail,
  failMalformed,
  failUnreadable,
  type InputFailure,
  ok,
  type RateLimitFailure,
  type Result,
} from '../domain/failure.ts'
import { type IpNetwork, resolveClientAddress } from '../domain/ip-network.ts'
import type { Caller } from '../service/audit/buffer.ts'
import type { Log, Maybe } from '../service/ports/runtime.ts'
import { StorageUnavailableError } from '../service/ports/storage.ts'
import {
  createChallengeHeader,
  createReplyHeaders,
  DATABASE_RETRY_SECONDS,
  type Reply,
} from './reply.ts'

/** The headers of a request, as a Headers object has them: repeated ones are joined by a comma. */
export interface RequestHeaders {
  get(name: string): string | null
  /** The names, in any case. */
  keys(): Iterable<string>
}

/**
 * A request to a route that programs call often. The runtime reads the bytes and writes the answer;
 * the rules for both are in this folder.
 */
export interface ServerRequest {
  readonly method: string
  /** The URL, or its path and query. */
  readonly url: string
  readonly headers: RequestHeaders
  /** The address at the other end of the connection. */
  readonly peerAddress: string
  /** Aborted if the client closes the connection before the answer. */
  readonly signal: AbortSignal
  /** The body of a request without a Content-Length. */
  readonly stream: ReadableStream<Uint8Array> | null
  /** Reads the whole body of a request with a Content-Length. Rejects if the body ends early. */
  readBytes(): Promise<Uint8Array>
  /** Answers the request. */
  send(status: number, headers: Readonly<Record<string, string>>, body: string): void
}

/** A request that arrives as a Request and is answered by a Response. */
export class FetchRequest implements ServerRequest {
  readonly #request: Request
  readonly peerAddress: string
  #response: Response | undefined

  constructor(request: Request, peerAddress = '') {
    this.#request = request
    this.peerAddress = peerAddress
  }

  get method(): string {
    return this.#request.method
  }

  get url(): string {
    return this.#request.url
  }

  get headers(): Headers {
    return this.#request.headers
  }

  get signal(): AbortSignal {
    return this.#request.signal
  }

  get stream(): ReadableStream<Uint8Array> | null {
    return this.#request.body
  }

  async readBytes(): Promise<Uint8Array> {
    const { headers } = this.#request
    const bytes = new Uint8Array(await this.#request.arrayBuffer())
    if (bytes.length !== Number(headers.get('content-length')))
      throw new Error('the body ended early')
    return bytes
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    this.#response = new Response(body, { status, headers })
  }

  get response(): Response {
    if (this.#response === undefined) throw new Error('the route sent no response')
    return this.#response
  }
}

/** The dependencies of every route. */
export interface HttpDeps {
  /** The address at the other end of a request's connection. */
  readonly getPeerAddress: (c: Context) => string
  /** The proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly IpNetwork[]
  readonly createRequestId: () => string
}

export const FORWARDED_FOR_HEADER = 'x-forwarded-for'

/** Identifies the caller of a request that Hono has routed. */
export function identifyCaller(deps: HttpDeps, c: Context): Caller {
  const { headers } = c.req.raw
  return createCaller(deps, { headers, peerAddress: deps.getPeerAddress(c) }, routePath(c))
}

/** Identifies the caller of a request to a route. `path` is the pattern of its paths. */
export function createCaller(
  { trustedProxies, createRequestId }: HttpDeps,
  { headers, peerAddress }: Pick<ServerRequest, 'headers' | 'peerAddress'>,
  path: string,
): Caller {
  const forwarded = trustedProxies.length > 0 ? headers.get(FORWARDED_FOR_HEADER) : null
  const address = resolveClientAddress(peerAddress, forwarded ?? undefined, trustedProxies)
  return new RequestCaller(headers, address, createRequestId(), path)
}

/** A caller whose User-Agent is read only when it is needed. A log line with a copy of it has no request. */
class RequestCaller implements Caller {
  readonly address: string
  readonly requestId: string
  readonly path: string
  readonly #headers: RequestHeaders

  constructor(headers: RequestHeaders, address: string, requestId: string, path: string) {
    this.address = address
    this.requestId = requestId
    this.path = path
    this.#headers = headers
  }

  readUserAgent(): string | undefined {
    return this.#headers.get('user-agent') ?? undefined
  }
}

/** A path that accepts POST only, with the replies of its protocol to everything else. */
export interface PostRoute {
  readonly handle: (request: ServerRequest, caller: Caller) => Promise<Reply>
  /** The reply to any other method: 405 with Allow (RFC 9110 §15.5.6). */
  readonly replyMethodNotAllowed: () => Reply
  /** The reply if the database cannot be reached: 503. */
  readonly replyUnavailable: (retryAfterSeconds: number, caller: Caller) => Reply
  /** The reply to any other error, which is a bug or a broken machine: 500. */
  readonly replyServerError: (caller: Caller) => Reply
}

/** A route that programs call often, for all methods. */
export interface ServerRoute {
  /** The pattern of its paths, for Hono. */
  readonly pattern: string
  /** Sends a response to the request. Catches its own errors. */
  readonly answer: (request: ServerRequest) => Promise<void>
}

export const createPostRoute = (
  path: string,
  deps: HttpDeps & { log: Log },
  route: PostRoute,
): ServerRoute => ({
  pattern: path,
  async answer(request) {
    const caller = createCaller(deps, request, path)
    if (request.method !== 'POST') return respond(request, route.replyMethodNotAllowed(), caller)
    try {
      respond(request, await route.handle(request, caller), caller)
    } catch (error) {
      respond(request, replyToError(deps.log, caller, error, route), caller)
    }
  },
})

export const respond = (request: ServerRequest, reply: Reply, caller: Caller): void =>
  request.send(reply.status, createReplyHeaders(reply, caller), reply.body)

/**
 * Adds the route with one handler for all methods. With more handlers, or with an app and an error handler for
 * the path, Hono would compose middleware at every request.
 */
export function addServerRoute(app: Hono, deps: HttpDeps, { pattern, answer }: ServerRoute): void {
  const handler = async (c: Context) => {
    const request = new FetchRequest(c.req.raw, deps.getPeerAddress(c))
    await answer(request)
    return request.response
  }
  app.all(pattern, Object.assign(handler, { answer }))
}

/**
 * Finds the route that Hono's router has for a path, if it was added by `addServerRoute`: a runtime may call it
 * with a request of its own. `path` must need no URL parser.
 */
export function findServerAnswer(
  router: Hono['router'],
  method: string,
  path: string,
): ServerRoute['answer'] | undefined {
  const [matches] = router.match(method, path)
  if (matches.length !== 1) return undefined
  const [[handler]] = matches[0] as [[Partial<ServerRoute>, unknown], unknown]
  return handler.answer
}

/** Replies to errors that are thrown, which are no expected failures. */
export type ErrorReplies = Pick<PostRoute, 'replyUnavailable' | 'replyServerError'>

/** Logs a thrown error, and chooses its reply: the database is unavailable, or it is a bug. */
export function replyToError(
  log: Log,
  caller: Caller,
  error: unknown,
  { replyUnavailable, replyServerError }: ErrorReplies,
): Reply {
  log.error({ ...caller, error }, 'a request failed')
  return error instanceof StorageUnavailableError
    ? replyUnavailable(DATABASE_RETRY_SECONDS, caller)
    : replyServerError(caller)
}

/** The beginning of an Authorization header with this scheme, in any case (RFC 9110 §11.1). */
const SCHEME_PATTERNS = { basic: /^basic(?: |$)/i, bearer: /^bearer(?: |$)/i }

export const hasScheme = (headers: RequestHeaders, scheme: keyof typeof SCHEME_PATTERNS): boolean =>
  SCHEME_PATTERNS[scheme].test(headers.get('authorization') ?? '')

/**
 * Extracts the token of an Authorization header (RFC 6750 §2.1; the scheme in any case: RFC 9110 §11.1). Two
 * headers arrive joined by a comma, which no token contains, so they are refused. The token is not verified.
 */
export function parseBearerToken(header: string | null): Result<string, CredentialFailure> {
  if (header === null) return fail({ reason: 'credential_missing' })
  if (!SCHEME_PATTERNS.bearer.test(header)) return failMalformed('not the Bearer scheme')
  const token = header.slice('bearer'.length).trim()
  if (token === '' || token.includes(',') || token.includes(' ')) {
    return failMalformed('not one bearer token')
  }
  return ok(token)
}

/** Asks for a token (RFC 6750 §3), or names the error of the presented one (§3.1). */
export const createBearerChallenge = (
  error?: 'invalid_token' | 'insufficient_scope',
  parameters: Readonly<Record<string, string>> = {},
) => {
  const all = { ...(error !== undefined && { error }), ...parameters }
  const texts = Object.entries(all).map(([name, value]) => `, ${name}="${value}"`)
  return createChallengeHeader(`Bearer realm="Latchkey"${texts.join('')}`)
}

/** Asks for a name and a password (RFC 7617 §2). */
export const createBasicChallenge = () =>
  createChallengeHeader('Basic realm="Latchkey", charset="UTF-8"')

/** True for a body that is compressed, which the server does not read. */
export const isEncoded = (headers: RequestHeaders): boolean =>
  (headers.get('content-encoding') ?? 'identity').toLowerCase() !== 'identity'

type BodyFailure = InputFailure | Extract<RateLimitFailure, { reason: 'busy' }>
type ReserveBytes = (bytes: number) => boolean

/** Longer bodies need a reservation, because all bodies are held in memory. */
const MAX_UNRESERVED_BYTES = 1024 * 1024

/**
 * Reads the request's body of at most `limitBytes`. A longer body is refused before it is read if its length
 * is announced, otherwise as soon as it is too long. `reserve` reserves memory for a long body, or returns false.
 */
export function readBody(
  request: ServerRequest,
  limitBytes: number,
): Maybe<Result<Uint8Array, InputFailure>>
export function readBody(
  request: ServerRequest,
  limitBytes: number,
  reserve: ReserveBytes,
): Maybe<Result<Uint8Array, BodyFailure>>
export function readBody(
  request: ServerRequest,
  limitBytes: number,
  reserve: ReserveBytes = () => true,
): Maybe<Result<Uint8Array, BodyFailure>> {
  const { headers } = request
  if (isEncoded(headers)) {
    return failUnreadable('Content-Encoding is not supported: send the body as it is')
  }
  const contentLength = headers.get('content-length')
  if (contentLength !== null && Number(contentLength) > limitBytes) return failTooLarge(limitBytes)
  const isLong = Number(contentLength) > MAX_UNRESERVED_BYTES
  if (isLong && !reserve(Number(contentLength))) return BUSY_FAILURE
  return contentLength === null
    ? readStream(request.stream, limitBytes, reserve).catch(failEndedEarly)
    : request.readBytes().then(ok<Uint8Array>, failEndedEarly)
}

const failEndedEarly = () => failUnreadable('the body ended early')

/**
 * Reads a stream, or fails as soon as it is longer than `limitBytes`. A long body is copied chunk by chunk:
 * to copy 40 MB at once would delay every other request.
 */
async function readStream(
  stream: ReadableStream<Uint8Array> | null,
  limitBytes: number,
  reserve: ReserveBytes,
): Promise<Result<Uint8Array, BodyFailure>> {
  const chunks: Uint8Array[] = []
  let longBody: Uint8Array | null = null
  let length = 0
  for await (const chunk of stream ?? []) {
    const at = length
    length += chunk.length
    if (length > limitBytes) return failTooLarge(limitBytes)
    if (longBody !== null) {
      longBody.set(chunk, at)
      continue
    }
    chunks.push(chunk)
    if (length > MAX_UNRESERVED_BYTES) {
      // The length may be unknown, so reserve the maximum.
      if (!reserve(limitBytes)) return BUSY_FAILURE
      longBody = joinChunks(chunks, limitBytes)
    }
  }
  return ok(longBody?.subarray(0, length) ?? joinChunks(chunks, length))
}

/** Copies chunks to the beginning of `size` bytes. */
function joinChunks(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Decodes UTF-8, or fails: a replacement character would be silent loss. */
export function decodeText(bytes: Uint8Array): Result<string, InputFailure> {
  try {
    return ok(decoder.decode(bytes))
  } catch {
    return failUnreadable('the body is not valid UTF-8')
  }
}

const BUSY_FAILURE = fail({ reason: 'busy', retryAfterSeconds: 5 } as const)
const failTooLarge = (limitBytes: number) => fail({ reason: 'body_too_large', limitBytes } as const)
