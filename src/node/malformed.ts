import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { RequestError } from '@hono/node-server'
import type { Log } from '../service/ports.ts'

/*
 * What is refused before any handler runs. A client's author reads these, so each says what is wrong
 * with the request.
 */

const MALFORMED: Record<string, [status: string, message: string]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are too long.'],
  HPE_INVALID_HEADER_TOKEN: ['400 Bad Request', 'A header line is not a header: RFC 9110 §5.'],
  HPE_INVALID_METHOD: ['400 Bad Request', 'The request does not begin with an HTTP method.'],
  HPE_INVALID_CONTENT_LENGTH: [
    '400 Bad Request',
    'Content-Length is not a number, or beside Transfer-Encoding.',
  ],
  HPE_UNEXPECTED_CONTENT_LENGTH: [
    '400 Bad Request',
    'Content-Length is there twice, or beside Transfer-Encoding.',
  ],
  HPE_INVALID_TRANSFER_ENCODING: [
    '400 Bad Request',
    'Transfer-Encoding is not chunked, or beside Content-Length.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive.'],
}

const HEADERS = {
  Connection: 'close',
  'Cache-Control': 'no-store',
  'Content-Type': 'application/json; charset=utf-8',
  'X-Content-Type-Options': 'nosniff',
}

const bodyOf = (message: string) => JSON.stringify({ message })

/** `clientError`: the parser cannot go on, so all that is left is the socket. */
export function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, message] = MALFORMED[error.code ?? ''] ?? [
    '400 Bad Request',
    'The request is not HTTP/1.1 as RFC 9112 has it.',
  ]
  const body = bodyOf(`${message} (${error.code ?? 'malformed'})`)
  const headers = {
    Date: new Date().toUTCString(),
    ...HEADERS,
    'Content-Length': Buffer.byteLength(body),
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  socket.end([`HTTP/1.1 ${status}`, ...lines, '', body].join('\r\n'))
}

/** `checkExpectation`: an Expect other than 100-continue (RFC 9110 §10.1.1). */
export function refuseExpectation(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(417, HEADERS).end(bodyOf('Expect takes 100-continue only.'))
}

/**
 * Whether a target leads out of `base`, to which a proxy appends a path as its caller wrote it: with dot
 * segments resolved (RFC 3986 §5.2.4) the proxy would have asked for whatever else answers 200.
 */
export const leavesBase = ({ url = '' }: IncomingMessage, base: string): boolean =>
  url.startsWith(base) && /^[^?#]*\/(?:\.|%2e){1,2}(?:[/?#]|$)/i.test(url)

export function refuseDotSegments(response: ServerResponse): void {
  response.writeHead(400, HEADERS).end(bodyOf('The path must have no dot segments.'))
}

/** What no Request can be made of: no Host, or one that is none; a target that is no URL. */
export function refuseUnreadable(log: Log): (error: unknown) => Response {
  return (error) => {
    if (error instanceof RequestError) {
      const message = `Host and path make no URL: ${error.message}.`
      return new Response(bodyOf(message), { status: 400, headers: HEADERS })
    }
    log.error({ error }, 'a request failed')
    const message = 'The server failed; try again.'
    return new Response(bodyOf(message), { status: 500, headers: HEADERS })
  }
}
