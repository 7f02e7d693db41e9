import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { getRequestListener, RequestError } from '@hono/node-server'
import type { Hono } from 'hono'
import { REQUEST_ID_HEADER } from '../compose-apps.ts'
import { parseBasePath, removeBasePath } from '../domain/base-path.ts'
import type { Log } from '../service/ports/runtime.ts'
import { createDirectHandler } from './direct-request.ts'

/**
 * Limits how long a slow sender holds a connection, and the memory for a long message. Idle connections are kept
 * longer than load balancers keep them (60 s), so that the balancer closes them and no request is lost.
 */
const SERVER_OPTIONS = {
  // Checked below, so that the refusal has a body that says why.
  requireHostHeader: false,
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
}

/** How fast a body must arrive that may take longer than `requestTimeout`, and how often this is checked. */
export interface SlowBodyLimits {
  readonly bytesPerSecond: number
  readonly checkMs: number
}

/** For the file of an import, which is read as it arrives, over a slow line. */
export const IMPORT_BODY_LIMITS: SlowBodyLimits = { bytesPerSecond: 10_000, checkMs: 15_000 }

/** A sender that was fast enough may send nothing for this many checks. */
const PAUSE_CHECKS = 2

/** The host of a request without a Host header, which HTTP/1.0 allows. */
const DEFAULT_HOST = 'localhost'

export interface HttpServer extends Server {
  /**
   * Answers requests with this app from now on, without the base path of `publicUrl`. With the app's router,
   * its routes that need no Request and Response get none.
   */
  serveApp(fetch: Hono['fetch'], publicUrl: string, router?: Hono['router']): void
  /** Stops listening. Lets requests in progress end within this time, then closes their connections. */
  stop(timeoutMs: number): Promise<void>
}

/**
 * Creates a server that refuses malformed requests, and answers others once it has an app. With limits, a body may
 * take longer than `requestTimeout` while it arrives fast enough.
 */
export function createHttpServer(log: Log, slowBodyLimits?: SlowBodyLimits): HttpServer {
  const refusals = createRequestRefusals(log)
  const server = createServer(SERVER_OPTIONS)
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const isTimeout = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
    const request = isTimeout ? findResponse(socket)?.req : undefined
    const refuse = () => refusals.refuseMalformed(error, socket)
    // Without a response, the headers are incomplete.
    if (slowBodyLimits === undefined || request === undefined || request.complete) refuse()
    else watchBody(request, slowBodyLimits, refuse)
  })
  server.on('connect', refusals.refuseTunnel)
  server.on('checkExpectation', refusals.refuseExpectation)
  return Object.assign(server, {
    stop: createStop(server),
    serveApp(fetch: Hono['fetch'], publicUrl: string, router?: Hono['router']) {
      const basePath = parseBasePath(publicUrl)
      const { refuseUnreadable: errorHandler } = refusals
      const handleDirectly = router && createDirectHandler(router, log)
      const handleRequest = getRequestListener(fetch, { hostname: DEFAULT_HOST, errorHandler })
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        // RFC 9112 §9.6: after the server has closed a connection, it answers no further request.
        if (request.socket.writableEnded) return
        if (!server.listening) response.shouldKeepAlive = false
        lingerUntilRead(request)
        request.url = removeBasePath(request.url ?? '', basePath)
        const problem = findHostProblem(request) ?? findCodingProblem(request)
        if (problem !== null) refusals.refuseRequest(response, problem)
        else if (!handleDirectly?.(request, response)) void handleRequest(request, response)
      })
    },
  })
}

/** The response that a socket is busy with, by the name that Node has for it. */
const findResponse = (socket: Socket): ServerResponse | null =>
  (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? null

/**
 * Waits for the rest of a body as long as it arrives fast enough. If bytes wait to be read, the server is what
 * is slow. Node itself checks a request only once.
 */
function watchBody(
  request: IncomingMessage,
  { bytesPerSecond, checkMs }: SlowBodyLimits,
  refuse: () => void,
): void {
  const { socket } = request
  const dueBytes = (bytesPerSecond * checkMs) / 1000
  const maxAllowance = dueBytes * PAUSE_CHECKS
  let allowance = maxAllowance
  let read = socket.bytesRead
  const check = setInterval(() => {
    const received = request.readableLength === 0 ? socket.bytesRead - read : dueBytes
    read = socket.bytesRead
    allowance = Math.min(maxAllowance, allowance + received - dueBytes)
    const isOver = request.complete || socket.destroyed
    if (!isOver && allowance >= 0) return
    clearInterval(check)
    if (!isOver) refuse()
  }, checkMs)
  check.unref()
}

/**
 * Creates the stop of this server. It waits for requests alone: `close` of Node also waits for connections
 * that have sent nothing or half a head, and for those that stay open after the answer to a request in
 * progress.
 */
function createStop(server: Server): HttpServer['stop'] {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return (timeoutMs) =>
    new Promise((resolve) => {
      const check = setInterval(() => {
        for (const socket of sockets) if (findResponse(socket) === null) socket.destroy()
      }, POLL_INTERVAL_MS)
      const timeout = setTimeout(() => server.closeAllConnections(), timeoutMs)
      server.close(() => {
        clearInterval(check)
        clearTimeout(timeout)
        resolve()
      })
    })
}

/** RFC 9112 §6.1: a body in a transfer coding other than chunked would be read as it is not meant. */
function findCodingProblem({ headers }: IncomingMessage): string | null {
  const coding = headers['transfer-encoding']
  return coding === undefined || /^chunked$/i.test(coding.trim())
    ? null
    : 'The only transfer coding is chunked: send the body without another one.'
}

/** Requires one Host line for HTTP/1.1, at most one for HTTP/1.0 (RFC 9112 §3.2). */
function findHostProblem({ rawHeaders, httpVersion, headers }: IncomingMessage): string | null {
  let lines = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length === 4 && name.toLowerCase() === 'host') lines++
  }
  if (lines > 1) return 'The request has more than one Host header.'
  const isNeeded = httpVersion !== '1.0'
  return isNeeded && !headers.host ? 'The Host header is missing.' : null
}

/*
 * Refusals before any handler runs. A client's author reads these, so each says what is wrong with the
 * request.
 */

const PARSER_ERRORS: Record<string, [status: string, message: string]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are too long.'],
  HPE_INVALID_HEADER_TOKEN: ['400 Bad Request', 'A header line is malformed (RFC 9110 §5).'],
  HPE_INVALID_METHOD: ['400 Bad Request', 'The request does not begin with an HTTP method.'],
  HPE_INVALID_CONTENT_LENGTH: [
    '400 Bad Request',
    'Content-Length is not a number, or was sent with Transfer-Encoding.',
  ],
  HPE_UNEXPECTED_CONTENT_LENGTH: [
    '400 Bad Request',
    'Content-Length is repeated, or was sent with Transfer-Encoding.',
  ],
  HPE_INVALID_TRANSFER_ENCODING: [
    '400 Bad Request',
    'Transfer-Encoding is not chunked, or was sent with Content-Length.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive.'],
}

const createRefusalHeaders = (requestId: string) => ({
  Connection: 'close',
  'Cache-Control': 'no-store',
  'Content-Type': 'application/json; charset=utf-8',
  'X-Content-Type-Options': 'nosniff',
  [REQUEST_ID_HEADER]: requestId,
})

const formatRefusalBody = (message: string) => JSON.stringify({ message })

/** Creates the refusals. Each has a request id, which is also in its line in the log. */
export function createRequestRefusals(log: Log) {
  function createRefusal(message: string, facts: object = {}) {
    const requestId = crypto.randomUUID()
    log.debug({ requestId, message, ...facts }, 'a request was refused before it was routed')
    return { headers: createRefusalHeaders(requestId), body: formatRefusalBody(message) }
  }

  function refuseOnSocket(socket: Socket, status: string, message: string): void {
    const { headers, body } = createRefusal(message, { address: socket.remoteAddress })
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
      const response = findResponse(socket)
      // A refusal within a response would be read as its body.
      const isWithinResponse = response?.headersSent === true && !response.writableEnded
      if (error.code === 'ECONNRESET' || !socket.writable || isWithinResponse) {
        socket.destroy()
        return
      }
      const [status, message] = PARSER_ERRORS[error.code ?? ''] ?? [
        '400 Bad Request',
        'The request is not valid HTTP/1.1 (RFC 9112).',
      ]
      refuseOnSocket(socket, status, `${message} (${error.code ?? 'malformed'})`)
      // The parser would report each further byte as malformed and reset the connection, or complete a request
      // that was refused for its slowness.
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
      refuseOnSocket(
        socket,
        '400 Bad Request',
        'CONNECT is not supported: this server is not a proxy.',
      )
      socket.resume()
      linger(socket, () => false)
    },

    /** `checkExpectation`: an Expect other than 100-continue (RFC 9110 §10.1.1). */
    refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
      lingerUntilRead(request)
      const { headers, body } = createRefusal('Expect takes 100-continue only.')
      response.writeHead(417, headers).end(body)
    },

    refuseRequest(response: ServerResponse, message: string): void {
      const { headers, body } = createRefusal(message)
      response.writeHead(400, headers).end(body)
    },

    /** Errors of making a Request, such as an invalid Host, or a target that is no URL. */
    refuseUnreadable(error: unknown): Response {
      if (error instanceof RequestError) {
        const { headers, body } = createRefusal(
          `Host and path do not form a URL: ${error.message}.`,
        )
        return new Response(body, { status: 400, headers })
      }
      const requestId = crypto.randomUUID()
      log.error({ requestId, error }, 'a request failed')
      const body = formatRefusalBody('The server failed; try again.')
      return new Response(body, { status: 500, headers: createRefusalHeaders(requestId) })
    },
  }
}

/** How long a refused sender may continue to send, and how long it may pause. */
const LINGER_MS = 30_000
const LINGER_SILENCE_MS = 5_000
const POLL_INTERVAL_MS = 100

/**
 * Closes the connection of this request only after its body was read (RFC 9112 §9.6). If it were closed
 * with unread bytes, the system would reset it, and a client that still sends would not read its answer.
 */
export function lingerUntilRead(request: IncomingMessage): void {
  const { socket, headers } = request
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return
  let isLingering = false
  // Node and node-server call this to close a connection after its answer.
  socket.destroySoon = () => {
    if (request.complete) Socket.prototype.destroySoon.call(socket)
    else if (!isLingering) {
      isLingering = true
      socket.end()
      // The reader of the body has stopped, and its stream would block the rest.
      request.removeAllListeners('data').resume()
      linger(socket, () => request.complete)
    }
  }
}

/** Keeps an answered connection open, within limits, while its sender continues to send. */
export function linger(socket: Socket, isRead: () => boolean): void {
  const endsAt = performance.now() + LINGER_MS
  let silentAt = performance.now() + LINGER_SILENCE_MS
  let read = socket.bytesRead
  const timer = setInterval(() => {
    const now = performance.now()
    if (socket.bytesRead > read) silentAt = now + LINGER_SILENCE_MS
    read = socket.bytesRead
    // A server that stops does not wait for connections that it has answered.
    const isStopping = (socket as { server?: { listening: boolean } }).server?.listening === false
    if (isRead() || isStopping || now > endsAt || now > silentAt) socket.destroy()
  }, POLL_INTERVAL_MS)
  socket.once('close', () => clearInterval(timer))
}
