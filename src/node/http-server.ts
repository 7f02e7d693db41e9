import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { parseBasePath, removeBasePath } from '../domain/base-path.ts'
import type { Log } from '../service/ports.ts'
import { lingerUntilRead } from './linger.ts'
import { createRefusals } from './malformed.ts'

/**
 * A slow sender holds a connection this long at most. An idle connection is kept longer than load
 * balancers do (60 s), so that it is they who close it and no request is lost on the way.
 */
const SERVER = {
  // Judged here, and refused in words.
  requireHostHeader: false,
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
}

/** The host of a request that names none, as HTTP/1.0 allows. */
const UNNAMED_HOST = 'localhost'

export interface HttpServer extends Server {
  /** From now on; the paths of `publicUrl` are the app's. */
  answerWith(fetch: Hono['fetch'], publicUrl: string): void
}

/** A server that refuses what is no request, and answers others once it is given an app. */
export function createHttpServer(log: Log): HttpServer {
  const refusals = createRefusals(log)
  const server = createServer(SERVER)
  server.on('clientError', refusals.refuseMalformed)
  server.on('checkExpectation', refusals.refuseExpectation)
  return Object.assign(server, {
    answerWith(fetch: Hono['fetch'], publicUrl: string) {
      const basePath = parseBasePath(publicUrl)
      const { refuseUnreadable: errorHandler } = refusals
      const answer = getRequestListener(fetch, { hostname: UNNAMED_HOST, errorHandler })
      server.on('request', (request: IncomingMessage, response: ServerResponse) => {
        // RFC 9112 §9.6: whose connection was closed is answered no further request.
        if (request.socket.writableEnded) return
        lingerUntilRead(request)
        request.url = removeBasePath(request.url ?? '', basePath)
        const problem = findHostProblem(request)
        if (problem === null) void answer(request, response)
        else refusals.refuseRequest(response, problem)
      })
    },
  })
}

/** RFC 9112 §3.2: HTTP/1.1 needs one Host line, HTTP/1.0 none, and two are refused in both. */
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
