import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { RequestError } from '@hono/node-server'
import { REQUEST_ID } from '../compose.ts'
import type { Log } from '../service/ports.ts'
import { linger, lingerUntilRead } from './linger.ts'

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

const headersOf = (requestId: string) => ({
  Connection: 'close',
  'Cache-Control': 'no-store',
  'Content-Type': 'application/json; charset=utf-8',
  'X-Content-Type-Options': 'nosniff',
  [REQUEST_ID]: requestId,
})

const bodyOf = (message: string) => JSON.stringify({ message })

/** Creates the refusals. Each has a request id, which is also in its line in the log. */
export function createRefusals(log: Log) {
  function begin(message: string, facts: object = {}) {
    const requestId = crypto.randomUUID()
    log.debug({ requestId, message, ...facts }, 'a request was refused before it was routed')
    return { headers: headersOf(requestId), body: bodyOf(message) }
  }

  function refuseOnSocket(socket: Socket, status: string, message: string): void {
    const { headers, body } = begin(message, { address: socket.remoteAddress })
    const lines = Object.entries({
      Date: new Date().toUTCString(),
      ...headers,
      'Content-Length': Buffer.byteLength(body),
    }).map(([name, value]) => `${name}: ${value}`)
    socket.end([`HTTP/1.1 ${status}`, ...lines, '', body].join('\r\n'))
  }

  return {
    /** `clientError`: the parser cannot go on, so all that is left is the socket. */
    refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
      if (error.code === 'ECONNRESET' || !socket.writable) {
        socket.destroy()
        return
      }
      const [status, message] = MALFORMED[error.code ?? ''] ?? [
        '400 Bad Request',
        'The request is not HTTP/1.1 as RFC 9112 has it.',
      ]
      refuseOnSocket(socket, status, `${message} (${error.code ?? 'malformed'})`)
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return
      // The parser would report each further byte as malformed, and reset the connection.
      socket.removeAllListeners('data').on('data', () => undefined)
      linger(socket, () => false)
    },

    /** `connect`: without a listener Node closes the connection; with one, it leaves the socket alone. */
    refuseTunnel(_request: IncomingMessage, socket: Socket): void {
      socket.on('error', () => socket.destroy())
      if (!socket.writable) {
        socket.destroy()
        return
      }
      refuseOnSocket(socket, '400 Bad Request', 'CONNECT is not taken: this server is no proxy.')
      socket.resume()
      linger(socket, () => false)
    },

    /** `checkExpectation`: an Expect other than 100-continue (RFC 9110 §10.1.1). */
    refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
      lingerUntilRead(request)
      const { headers, body } = begin('Expect takes 100-continue only.')
      response.writeHead(417, headers).end(body)
    },

    refuseRequest(response: ServerResponse, message: string): void {
      const { headers, body } = begin(message)
      response.writeHead(400, headers).end(body)
    },

    /** Errors of making a Request, such as an invalid Host, or a target that is no URL. */
    refuseUnreadable(error: unknown): Response {
      if (error instanceof RequestError) {
        const { headers, body } = begin(`Host and path make no URL: ${error.message}.`)
        return new Response(body, { status: 400, headers })
      }
      const requestId = crypto.randomUUID()
      log.error({ requestId, error }, 'a request failed')
      const body = bodyOf('The server failed; try again.')
      return new Response(body, { status: 500, headers: headersOf(requestId) })
    },
  }
}
