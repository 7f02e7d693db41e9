import type { Context, Hono } from 'hono'
import { routePath } from 'hono/route'
import {
  fail,
  type InputFailure,
  ok,
  type RateLimitFailure,
  type Result,
} from '../domain/failure.ts'
import { type IpNetwork, resolveClientAddress } from '../domain/ip-network.ts'
import type { Caller } from '../service/audit/buffer.ts'
import type { Log } from '../service/ports/runtime.ts'
import { StorageUnavailableError } from '../service/ports/storage.ts'
import { createChallengeHeader, DATABASE_RETRY_SECONDS, type Reply, toResponse } from './reply.ts'

/** What every route needs to know of the server that it runs in. */
export interface HttpDeps {
  /** The address at the other end of a request's connection. */
  readonly getPeerAddress: (c: Context) => string
  /** The proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly IpNetwork[]
  readonly createRequestId: () => string
}

export const FORWARDED_FOR_HEADER = 'x-forwarded-for'

export function identifyCaller(
  { getPeerAddress, trustedProxies, createRequestId }: HttpDeps,
  c: Context,
): Caller {
  const forwarded = trustedProxies.length > 0 ? c.req.header(FORWARDED_FOR_HEADER) : undefined
  return {
    address: resolveClientAddress(getPeerAddress(c), forwarded, trustedProxies),
    requestId: createRequestId(),
    path: routePath(c),
  }
}

/** A path that takes POST only, and what it says otherwise in its dialect's words. */
export interface PostRoute {
  readonly handle: (request: Request, caller: Caller) => Promise<Reply>
  /** To any other method: 405 with Allow (RFC 9110 §15.5.6). */
  readonly replyMethodNotAllowed: () => Reply
  /** Where the database cannot be reached: 503. */
  readonly replyUnavailable: (retryAfterSeconds: number) => Reply
  /** Where `answer` threw anything else: a bug, or a broken machine. */
  readonly replyServerError: () => Reply
}

/**
 * Adds the path. It has one handler for all methods, and its errors are caught here: where a path has
 * more, or an app of its own with an error handler, Hono composes middleware anew at every request.
 */
export function addPostRoute(
  app: Hono,
  path: string,
  deps: HttpDeps & { log: Log },
  route: PostRoute,
) {
  app.all(path, async (c) => {
    const caller = identifyCaller(deps, c)
    const { requestId } = caller
    if (c.req.method !== 'POST') return toResponse(route.replyMethodNotAllowed(), requestId)
    try {
      return toResponse(await route.handle(c.req.raw, caller), requestId)
    } catch (error) {
      deps.log.error({ ...caller, path, error }, 'a request failed')
      const isUnavailable = error instanceof StorageUnavailableError
      const reply = isUnavailable
        ? route.replyUnavailable(DATABASE_RETRY_SECONDS)
        : route.replyServerError()
      return toResponse(reply, requestId)
    }
  })
}

/**
 * The token of an Authorization header (RFC 6750 §2.1, its scheme in any case: RFC 9110 §11.1). Two
 * such headers arrive joined by a comma, which no token has: nobody chooses between them. Whether what
 * is left is a token at all is for who verifies it.
 */
export function parseBearerToken(header: string | null): Result<string> {
  if (header === null) return fail({ reason: 'credential_missing' })
  if (!/^bearer(?: |$)/i.test(header)) return failMalformed('not the Bearer scheme')
  const token = header.slice('bearer'.length).trim()
  if (token === '' || token.includes(',') || token.includes(' ')) {
    return failMalformed('not one bearer token')
  }
  return ok(token)
}

const failMalformed = (detail: string) => fail({ reason: 'credential_malformed', detail } as const)

/** How to ask for a token (RFC 6750 §3), and, of one that came, what is wrong with it (§3.1). */
export const createBearerChallenge = (error?: 'invalid_token') =>
  createChallengeHeader(`Bearer realm="Latchkey"${error === undefined ? '' : `, error="${error}"`}`)

type BodyFailure = InputFailure | Extract<RateLimitFailure, { reason: 'busy' }>
type ReserveBytes = (bytes: number) => boolean

/** A longer body is taken only where there is room for it: all bodies under way are in memory. */
const MAX_UNRESERVED_BYTES = 1024 * 1024

/**
 * The request's body, `limitBytes` at most. A longer one is refused before it is read where its
 * length is announced, and as soon as it is too long where it is not. `reserve` says whether there
 * is room for a long one.
 */
export function readBody(
  request: Request,
  limitBytes: number,
): Promise<Result<Uint8Array, InputFailure>>
export function readBody(
  request: Request,
  limitBytes: number,
  reserve: ReserveBytes,
): Promise<Result<Uint8Array, BodyFailure>>
export async function readBody(
  request: Request,
  limitBytes: number,
  reserve: ReserveBytes = () => true,
): Promise<Result<Uint8Array, BodyFailure>> {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    return failUnreadable('Content-Encoding is not supported: send the body as it is')
  }
  const contentLength = request.headers.get('content-length')
  if (contentLength !== null && Number(contentLength) > limitBytes) return failTooLarge(limitBytes)
  if (Number(contentLength) > MAX_UNRESERVED_BYTES && !reserve(Number(contentLength)))
    return BUSY_FAILURE
  try {
    if (contentLength === null) return await readStream(request.body, limitBytes, reserve)
    return ok(new Uint8Array(await request.arrayBuffer()))
  } catch {
    return failUnreadable('the body ended early')
  }
}

/** All of a stream, or a failure as soon as it is longer than `limitBytes`. */
export async function readStream(
  stream: ReadableStream<Uint8Array> | null,
  limitBytes: number,
  reserve: ReserveBytes,
): Promise<Result<Uint8Array, BodyFailure>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream ?? []) {
    const wasShort = length <= MAX_UNRESERVED_BYTES
    length += chunk.length
    if (length > limitBytes) return failTooLarge(limitBytes)
    // How long it will be is not known: as long as may be.
    if (wasShort && length > MAX_UNRESERVED_BYTES && !reserve(limitBytes)) return BUSY_FAILURE
    chunks.push(chunk)
  }
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.length
  }
  return ok(body)
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** UTF-8, or a failure: a replacement character would be silent loss. */
export function decodeText(bytes: Uint8Array): Result<string, InputFailure> {
  try {
    return ok(decoder.decode(bytes))
  } catch {
    return failUnreadable('the body is not valid UTF-8')
  }
}

const BUSY_FAILURE = fail({ reason: 'busy', retryAfterSeconds: 5 } as const)
const failTooLarge = (limitBytes: number) => fail({ reason: 'body_too_large', limitBytes } as const)
const failUnreadable = (detail: string) => fail({ reason: 'body_unreadable', detail } as const)
