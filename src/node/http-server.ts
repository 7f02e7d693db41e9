import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { parseBasePath, removeBasePath } from '../domain/base-path.ts'
import type { Log } from '../service/ports.ts'
import { lingerUntilRead } from './linger.ts'
import { createRefusals } from './malformed.ts'

/**
 * Limits how long a slow sender holds a connection. Idle connections are kept longer than load balancers
 * keep them (60 s), so that the balancer closes them and no request is lost.
 */
const SERVER_OPTIONS = {
  // Checked below, so that the refusal has a body that says why.
  requireHostHeader: false,
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
}

/** The host of a request without a Host header, which HTTP/1.0 allows. */
const DEFAULT_HOST = 'localhost'

export interface HttpServer extends Server {
  /** Answers requests with this app from now on, without the base path of `publicUrl`. */
  answerWith(fetch: Hono['fetch'], publicUrl: string): void
}

/** Creates a server that refuses malformed requests, and answers others once it has an app. */
export function createHttpServer(log: Log): HttpServer {
  const refusals = createRefusals(log)
  const server = createServer(SERVER_OPTIONS)
  server.on('clientError', refusals.refuseMalformed)
  server.on('connect', refusals.refuseTunnel)
  server.on('checkExpectation', refusals.refuseExpectation)
  return Object.assign(server, {
    answerWith(fetch: Hono['fetch'], publicUrl: string) {
      const basePath = parseBasePath(publicUrl)
      const { refuseUnreadable: errorHandler } = refusals
      const answer = getRequestListener(fetch, { hostname: DEFAULT_HOST, errorHandler })
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        // RFC 9112 §9.6: after the server has closed a connection, it answers no further request.
        if (request.socket.writableEnded) return
        lingerUntilRead(request)
        request.url = removeBasePath(request.url ?? '', basePath)
        const problem = findHostProblem(request) ?? findCodingProblem(request)
        if (problem === null) void answer(request, response)
        else refusals.refuseRequest(response, problem)
      })
    },
  })
}

/** RFC 9112 §6.1: a body in a transfer coding other than chunked would be read as it is not meant. */
const findCodingProblem = ({ headers }: IncomingMessage): string | null =>
  /^chunked$/i.test(headers['transfer-encoding']?.trim() ?? 'chunked')
    ? null
    : 'Transfer-Encoding takes chunked only: send the body as it is.'

/** Requires one Host line for HTTP/1.1, at most one for HTTP/1.0 (RFC 9112 §3.2). */
function findHostProblem({ rawHeaders, httpVersion, headers }: IncomingMessage): string | null {
  let lines = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length === 4 && name.toLowerCase() === 'host') lines++
  }
  if (lines > 1) return 'Host is there twice: which one is meant cannot be known.'
  const isNeeded = httpVersion !== '1.0'
  return isNeeded && !headers.host ? 'Host and path make no URL: the Host header is missing.' : null
}
