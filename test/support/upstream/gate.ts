import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Hono } from 'hono'
import { parseNetwork } from '../../../src/domain/address.ts'
import { callerOf } from '../../../src/http/caller.ts'
import type { Identity } from '../../../src/http/upstream/headers.ts'
import { createPass } from '../../../src/http/upstream/pass.ts'
import { createHttpServer } from '../../../src/node/http-server.ts'
import { createCarry } from '../../../src/node/upstream/carry.ts'
import { keepHead } from '../../../src/node/upstream/keep-head.ts'
import { testLog } from '../server.ts'

/** A server and what became of its connections. */
export interface Listening {
  readonly url: string
  /** How many connections are open, those included that are kept for later. */
  open(): number
  close(): void
}

export const IDENTITY: Identity = {
  accountId: 'account-1',
  siteId: 'site-1',
  keyId: 'KEY1',
  ownerId: 'owner-1',
  dialect: 'test',
}

export interface GateOptions {
  readonly timeoutMs?: number
  readonly trusted?: readonly string[]
  /** What is not as in IDENTITY; null where nobody is known. */
  readonly identity?: Partial<Identity> | null
}

/** The smallest server that passes on: everybody is believed to be one and the same. */
export async function openGate(upstream: string, options: GateOptions = {}) {
  const { timeoutMs = 30_000, trusted = [], identity = {} } = options
  const known = identity && { ...IDENTITY, ...identity }
  const log = testLog()
  const pass = createPass({
    carry: createCarry({ timeoutMs }),
    upstreams: { fhir: new URL(upstream) },
    publicUrl: 'https://latchkey.example/base',
    log,
    keepHead,
  })
  const http = {
    peerOf: () => '127.0.0.1',
    trustedProxies: trusted.flatMap((text) => parseNetwork(text) ?? []),
    requestId: () => 'request-1',
  }
  const app = new Hono()
  app.all('*', async (c) => {
    const answer = await pass(c, 'fhir', known, callerOf(http, c))
    return answer.ok ? answer.value : c.json(answer.failure, 502)
  })
  const server = createHttpServer(log)
  server.answerWith(app.fetch, 'http://x')
  return { ...(await listen(server)), log }
}

/** On a free port of this machine. */
export async function listen(server: Server): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open: () => sockets.size,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
