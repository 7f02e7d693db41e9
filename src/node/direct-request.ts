import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { ServerRequest } from '../compose-apps.ts'

/**
 * Node's field for the length of the body, which `end` sets too, but only for a head that was written with
 * `setHeader`: that takes 0.9 µs more. Without the field, Node would send the body in chunks.
 */
type DirectResponse = ServerResponse & { _contentLength: number | null }

/** The pair of messages that node-server passes on with each request; a test may have a part of it. */
type NodeContext = Context<{
  Bindings: { incoming?: IncomingMessage; outgoing?: DirectResponse }
}>

/**
 * Opens a request of node:http without the Request and Response around it. Returns null for HEAD, of whose
 * Response Hono makes a new one, which node-server would send a second time; and for HTTP/1.0, whose
 * responses Node frames otherwise.
 */
export function openDirectRequest(c: NodeContext): ServerRequest | null {
  const { incoming, outgoing } = c.env ?? {}
  if (incoming === undefined || outgoing === undefined) return null
  const isDirect = incoming.method !== 'HEAD' && incoming.httpVersion === '1.1'
  return isDirect ? new DirectRequest(c.req.raw, incoming, outgoing) : null
}

/** Reads the body from the incoming message, and writes head and body to the outgoing one at once. */
class DirectRequest implements ServerRequest {
  readonly raw: Request
  readonly #incoming: IncomingMessage
  readonly #outgoing: DirectResponse

  constructor(raw: Request, incoming: IncomingMessage, outgoing: DirectResponse) {
    this.raw = raw
    this.#incoming = incoming
    this.#outgoing = outgoing
  }

  readBytes(): Promise<Uint8Array> {
    const incoming = this.#incoming
    const length = Number(incoming.headers['content-length'])
    // A closed connection emits no more events, and node-server can read what arrived before.
    return length === 0 || incoming.destroyed
      ? this.raw.arrayBuffer().then((buffer) => new Uint8Array(buffer))
      : readBytes(incoming, length)
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: string): Response {
    const outgoing = this.#outgoing
    const length = Buffer.byteLength(body)
    outgoing._contentLength = length
    // ASCII is copied to the socket as it is.
    outgoing.writeHead(status, headers).end(body, length === body.length ? 'latin1' : 'utf8')
    return RESPONSE_ALREADY_SENT
  }
}

/** Each turn of the event loop reads so much of a body, or little more: libuv would read 2 MB of each. */
export const MAX_BURST_BYTES = 256 * 1024

/**
 * Waits for the last byte, not for the events after it. Rejects if the connection closes before. A body of
 * several chunks is copied chunk by chunk: to copy 40 MB at once would delay every other request. An idle
 * connection keeps its last message, which must not keep the body.
 */
function readBytes(incoming: IncomingMessage, length: number): Promise<Uint8Array> {
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
    incoming.once('close', () => {
      // Every message is closed, and an Error takes microseconds.
      if (at < length) reject(new Error('the connection closed before the body ended'))
    })
  })
}
