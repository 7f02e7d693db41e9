import { fail, ok, type Result, type Unreadable } from '../domain/failure.ts'

/**
 * The request's body, `limitBytes` at most. A longer one is refused before it is read where its
 * length is announced, and as soon as it is too long where it is not.
 */
export async function readBody(
  request: Request,
  limitBytes: number,
): Promise<Result<Uint8Array, Unreadable>> {
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    return unreadable('Content-Encoding is not supported: send the body as it is')
  }
  const announced = request.headers.get('content-length')
  if (announced !== null && Number(announced) > limitBytes) return tooLarge(limitBytes)
  try {
    if (announced === null) return await readStream(request.body, limitBytes)
    return ok(new Uint8Array(await request.arrayBuffer()))
  } catch {
    return unreadable('the body ended early')
  }
}

/** All of a stream, or a failure as soon as it is longer than `limitBytes`. */
export async function readStream(
  stream: ReadableStream<Uint8Array> | null,
  limitBytes: number,
): Promise<Result<Uint8Array, Unreadable>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of stream ?? []) {
    length += chunk.length
    if (length > limitBytes) return tooLarge(limitBytes)
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

const tooLarge = (limitBytes: number) => fail({ reason: 'body_too_large', limitBytes } as const)
const unreadable = (detail: string) => fail({ reason: 'body_unreadable', detail } as const)
