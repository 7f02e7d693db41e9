import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { Hono } from 'hono'
import { parseIpNetwork } from '../../../src/domain/ip-network.ts'
import type { UpstreamIdentity } from '../../../src/http/proxy/headers.ts'
import { createProxyRequest } from '../../../src/http/proxy/upstream.ts'
import { identifyCaller } from '../../../src/http/request.ts'
import { createHttpServer } from '../../../src/node/http-server.ts'
import { createUpstreamFetch, writeUpstreamHead } from '../../../src/node/upstream-fetch.ts'
import { createTestLog } from '../server.ts'

/** A server and what became of its connections. */
export interface ListeningServer {
  readonly url: string
  /** How many connections are open, those included that are kept for later. */
  countConnections(): number
  close(): void
}

export const PROXY_IDENTITY: UpstreamIdentity = {
  accountId: 'account-1',
  siteIds: ['site-1'],
  sourceIds: [],
  scopes: [],
  keyId: 'KEY1',
  ownerId: 'owner-1',
  keyType: 'test',
}

export interface TestProxyOptions {
  readonly timeoutMs?: number
  readonly trusted?: readonly string[]
  /** Differences from PROXY_IDENTITY; null for an unknown caller. */
  readonly identity?: Partial<UpstreamIdentity> | null
}

/** The smallest proxy, which takes every caller for the same one. */
export async function startTestProxy(upstream: string, options: TestProxyOptions = {}) {
  const { timeoutMs = 30_000, trusted = [], identity = {} } = options
  const identityOrNull = identity && { ...PROXY_IDENTITY, ...identity }
  const log = createTestLog()
  const pass = createProxyRequest({
    upstreamFetch: createUpstreamFetch({ timeoutMs }),
    upstreams: { fhir: new URL(upstream) },
    publicUrl: 'https://latchkey.example/base',
    log,
    writeUpstreamHead,
  })
  const http = {
    getPeerAddress: () => '127.0.0.1',
    trustedProxies: trusted.flatMap((text) => parseIpNetwork(text) ?? []),
    createRequestId: () => 'request-1',
  }
  const app = new Hono()
  app.all('*', async (c) => {
    const answer = await pass(c, 'fhir', identityOrNull, identifyCaller(http, c))
    return answer.ok ? answer.value : c.json(answer.failure, 502)
  })
  const server = createHttpServer(log)
  server.serveApp(app.fetch, 'http://x')
  return { ...(await startListening(server)), log }
}

/** On a free port of this machine. */
export async function startListening(server: Server): Promise<ListeningServer> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    countConnections: () => sockets.size,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A request as an upstream has received it: names in lower case, as they came. */
export interface UpstreamRequestRecord {
  readonly method: string
  readonly url: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

/** An upstream that answers as it is told to, and keeps what it was asked. */
export async function startHttpUpstream(
  answer: RequestListener = (_, response) => void response.end('ok'),
) {
  const requests: UpstreamRequestRecord[] = []
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    requests.push({ ...readRequestHead(request), body })
    answer(request, response)
  })
  return {
    ...(await startListening(server)),
    requests,
    readLastRequest() {
      const { headers = [], body = '', ...line } = requests.at(-1) ?? {}
      return { ...line, headers: Object.fromEntries(headers), body: body.toString() }
    },
  }
}

export function readRequestHead({ method = '', url = '', rawHeaders }: IncomingMessage) {
  const headers: [string, string][] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.push([(rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? ''])
  }
  return { method, url, headers }
}
