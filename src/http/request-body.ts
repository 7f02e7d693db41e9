import { joinBytes } from '../domain/bytes.ts'
import {
  fail,
  failUnreadable,
  type InputFailure,
  ok,
  type RateLimitFailure,
  type Result,
} from '../domain/failure.ts'
import type { MaybePromise } from '../service/ports/runtime.ts'
import type { RequestHeaders, ServerRequest } from './request.ts'

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
): MaybePromise<Result<Uint8Array, InputFailure>>
export function readBody(
  request: ServerRequest,
  limitBytes: number,
  reserve: ReserveBytes,
): MaybePromise<Result<Uint8Array, BodyFailure>>
export function readBody(
  request: ServerRequest,
  limitBytes: number,
  reserve: ReserveBytes = () => true,
): MaybePromise<Result<Uint8Array, BodyFailure>> {
  const { headers } = request
  if (isEncoded(headers)) {
    return failUnreadable('Content-Encoding is not supported: send the body as it is')
  }
  const contentLength = headers.get('content-length')
  const length = Number(contentLength)
  if (length > limitBytes) return failTooLarge(limitBytes)
  if (length > MAX_UNRESERVED_BYTES && !reserve(length)) return BUSY_FAILURE
  if (contentLength === null)
    return readStream(request.stream, limitBytes, reserve).catch(failEndedEarly)
  const bytes = request.readBytes()
  return bytes instanceof Promise ? bytes.then(ok<Uint8Array>, failEndedEarly) : ok(bytes)
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
      longBody = joinBytes(chunks, limitBytes)
    }
  }
  return ok(longBody?.subarray(0, length) ?? joinBytes(chunks, length))
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
