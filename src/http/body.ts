import { fail, type NotNow, ok, type Result, type Unreadable } from '../domain/failure.ts'

type Unread = Unreadable | Extract<NotNow, { reason: 'busy' }>
type Reserve = (bytes: number) => boolean

/** A longer body is taken only where there is room for it: all bodies under way are in memory. */
const SHORT_BYTES = 1024 * 1024

/**
 * The request's body, `limitBytes` at most. A longer one is refused before it is read where its
 * length is announced, and as soon as it is too long where it is not. `reserve` says whether there
 * is room for a long one.
 */
export function readBody(
  request: Request,
  limitBytes: number,
): Promise<Result<Uint8Array, Unreadable>>
export function readBody(
  request: Request,
  limitBytes: number,
  reserve: Reserve,
): Promise<Result<Uint8Array, Unread>>
export async function readBody(
  request: Request,
  limitBytes: number,
  reserve: Reserve = () => true,
): Promise<Result<Uint8Array, Unread>> {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    return unreadable('Content-Encoding is not supported: send the body as it is')
  }
  const announced = request.headers.get('content-length')
  if (announced !== null && Number(announced) > limitBytes) return tooLarge(limitBytes)
  if (Number(announced) > SHORT_BYTES && !reserve(Number(announced))) return busy
  try {
    if (announced === null) return await readStream(request.body, limitBytes, reserve)
    return ok(new Uint8Array(await request.arrayBuffer()))
  } catch {
    return unreadable('the body ended early')
  }
}

/** All of a stream, or a failure as soon as it is longer than `limitBytes`. */
export async function readStream(
  stream: ReadableStream<Uint8Array> | null,
  limitBytes: number,
  reserve: Reserve,
): Promise<Result<Uint8Array, Unread>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream ?? []) {
    const wasShort = length <= SHORT_BYTES
    length += chunk.length
    if (length > limitBytes) return tooLarge(limitBytes)
    // How long it will be is not known: as long as may be.
    if (wasShort && length > SHORT_BYTES && !reserve(limitBytes)) return busy
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
export function decodeText(bytes: Uint8Array): Result<string, Unreadable> {
  try {
    return ok(decoder.decode(bytes))
  } catch {
    return unreadable('the body is not valid UTF-8')
  }
}

const busy = fail({ reason: 'busy', retryAfterSeconds: 5 } as const)
const tooLarge = (limitBytes: number) => fail({ reason: 'body_too_large', limitBytes } as const)
const unreadable = (detail: string) => fail({ reason: 'body_unreadable', detail } as const)
