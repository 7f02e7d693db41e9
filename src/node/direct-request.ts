import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Hono } from 'hono'
import { findServerAnswer, type RequestHeaders, type ServerRequest } from '../compose-apps.ts'
import type { Log, MaybePromise } from '../service/ports/runtime.ts'

/**
 * Node's field for the length of the body, which `end` sets too, but only for a head that was written with
 * `setHeader`: that takes 0.9 µs more. Without the field, Node would send the body in chunks.
 */
type DirectResponse = ServerResponse & { _contentLength?: number }

/** A Host that needs no URL parser to be valid. */
const PLAIN_HOST = /^[a-z0-9._-]+(?::[1-5]?\d{1,4})?$/i

/** A path that needs none either: it has no dot segments, and nothing is encoded. */
const PLAIN_PATH = /^[a-z0-9/_-]+(?=\?|$)/i

/**
 * Creates a function that passes Node's own messages to the route that Hono's router finds, in place of a
 * Context, a Request and a Response. It returns false for routes that need those, for HEAD and HTTP/1.0, whose
 * responses Node frames otherwise, and for bodies in chunks.
 */
export function createDirectHandler(router: Hono['router'], log: Log) {
  return (incoming: IncomingMessage, outgoing: ServerResponse): boolean => {
    const { url = '', method = '', httpVersion, headers } = incoming
    const isPlain =
      method !== 'HEAD' &&
      httpVersion === '1.1' &&
      headers['transfer-encoding'] === undefined &&
      PLAIN_HOST.test(headers.host ?? '')
    const path = isPlain ? PLAIN_PATH.exec(url)?.[0] : undefined
    const answer = path === undefined ? undefined : findServerAnswer(router, method, path)
    if (answer === undefined) return false
    answer(new DirectRequest(incoming, outgoing)).catch((error: unknown) => {
      log.error({ error }, 'a request failed')
      outgoing.destroy()
    })
    return true
  }
}

/** Reads the body from the incoming message, and writes head and body to the outgoing one at once. */
class DirectRequest implements ServerRequest {
  readonly headers: RequestHeaders
  readonly stream = null
  readonly #incoming: IncomingMessage
  readonly #outgoing: DirectResponse

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.headers = new RawHeaders(incoming.rawHeaders)
    this.#incoming = incoming
    this.#outgoing = outgoing
  }

  get method(): string {
    return this.#incoming.method ?? ''
  }

  get url(): string {
    return this.#incoming.url ?? ''
  }

  get peerAddress(): string {
    return this.#incoming.socket.remoteAddress ?? ''
  }

  createSignal(): AbortSignal {
    const controller = new AbortController()
    const outgoing = this.#outgoing
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) controller.abort()
    })
    if (outgoing.destroyed) controller.abort()
    return controller.signal
  }

  readBytes(): MaybePromise<Uint8Array> {
    const incoming = this.#incoming
    const length = Number(incoming.headers['content-length'])
    if (length === 0) return new Uint8Array()
    if (!incoming.complete && !incoming.destroyed) return receiveBytes(incoming, length)
    // No more will arrive. The body of a complete message was received while its sender was authenticated.
    const body: Buffer | null = incoming.read()
    return body?.length === length ? body : Promise.reject(createEarlyEndError())
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    const outgoing = this.#outgoing
    const length = Buffer.byteLength(body)
    outgoing._contentLength = length
    // ASCII is copied to the socket as it is.
    outgoing.writeHead(status, headers).end(body, length === body.length ? 'latin1' : 'utf8')
  }
}

/** Node's own object of headers drops repeated ones, such as a second Authorization. */
class RawHeaders implements RequestHeaders {
  readonly #rawHeaders: readonly string[]

  constructor(rawHeaders: readonly string[]) {
    this.#rawHeaders = rawHeaders
  }

  get(name: string): string | null {
    const rawHeaders = this.#rawHeaders
    const lowerName = name.toLowerCase()
    let joined: string | null = null
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const rawName = rawHeaders[at] ?? ''
      if (rawName.length !== lowerName.length || rawName.toLowerCase() !== lowerName) continue
      const value = rawHeaders[at + 1] ?? ''
      joined = joined === null ? value : `${joined}, ${value}`
    }
    return joined
  }

  keys(): string[] {
    return this.#rawHeaders.filter((_, at) => at % 2 === 0)
  }
}

/** Each turn of the event loop reads so much of a body, or little more: libuv would read 2 MB of each. */
export const MAX_BURST_BYTES = 256 * 1024

/**
 * Waits for the last byte, not for the events after it. Rejects if the connection closes before. A body of
 * several chunks is copied chunk by chunk: to copy 40 MB at once would delay every other request. An idle
 * connection keeps its last message, which must not keep the body.
 */
function receiveBytes(incoming: IncomingMessage, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let body: Buffer | undefined
    let at = 0
    /** The offset of the last pause. */
    let pausedAt = 0
    incoming.on('data', function receive(chunk: Buffer) {
      if (chunk.length === length) body = chunk
      else {
        body ??= Buffer.allocUnsafe(length)
        chunk.copy(body, at)
      }
      at += chunk.length
      if (at === length && body !== undefined) {
        incoming.off('data', receive)
        resolve(body)
      } else if (at - pausedAt >= MAX_BURST_BYTES) {
        pausedAt = at
        incoming.pause()
        setImmediate(() => incoming.resume())
      }
    })
    incoming.on('close', () => {
      // Every message is closed, and an Error takes microseconds.
      if (at < length) reject(createEarlyEndError())
    })
  })
}

const createEarlyEndError = () => new Error('the connection closed before the body ended')
