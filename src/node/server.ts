import { existsSync, mkdirSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { getRequestListener } from '@hono/node-server'
import type { Context } from 'hono'
import { compose, type Latchkey } from '../compose.ts'
import { type Config, dangersOf } from '../config.ts'
import { Keyring } from '../crypto/keyring.ts'
import type { Clock, Log } from '../service/ports.ts'
import { httpCourier } from './courier.ts'
import { followRing, loadRing } from './keyring-file.ts'
import { nodeArgon2, nodePrimitives } from './primitives.ts'
import { openSqlite } from './sqlite.ts'

export const databasePath = (config: Config): string => join(config.dataDir, 'latchkey.db')

/** Everything but a socket: what the command line works with. */
export async function open(
  config: Config,
  { publicUrl, log, clock = Date.now }: { publicUrl: string; log: Log; clock?: Clock },
): Promise<Latchkey & { keyring: Keyring }> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  // The ring is older than the database: where only the database is there, a new ring would prove
  // and open nothing of what it holds.
  const mayMake = !existsSync(databasePath(config))
  const keyring = new Keyring(nodePrimitives, await loadRing(config.keyringPath, { mayMake }))
  const latchkey = compose({
    config,
    publicUrl,
    engine: openSqlite(databasePath(config)),
    primitives: nodePrimitives,
    argon2: nodeArgon2,
    keyring,
    courier: httpCourier,
    clock,
    log,
    cores: availableParallelism(),
    peerOf: (c: Context<{ Bindings: { incoming?: IncomingMessage } }>) =>
      c.env?.incoming?.socket.remoteAddress ?? '',
  })
  return { ...latchkey, keyring }
}

export interface Running extends Latchkey {
  /** Where it listens. */
  readonly url: string
  /** Answers what is under way, then closes the database. */
  stop(): Promise<void>
}

/**
 * A slow sender holds a connection this long at most. An idle connection is kept longer than load
 * balancers do (60 s), so that it is they who close it and no request is lost on the way.
 */
const TIMEOUTS = {
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 2_000,
}

const SWEEP_MS = 60 * 60 * 1000
/** Requests under way have this long to be answered when the server is told to stop. */
const STOP_WITHIN_MS = 10_000

/** Opens the database, listens, and says what is dangerous in how it was set up. */
export async function start(config: Config, log: Log): Promise<Running> {
  const server = createServer(TIMEOUTS)
  server.on('clientError', refuseMalformed)
  // Tokens name the server's URL. A port that the system chooses is known only by listening, and
  // then nobody else knows it yet; any other is opened when everything behind it stands.
  const port = config.port === 0 ? await listen(server, config) : config.port
  const url = config.publicUrl ?? urlOf(config.host, port)
  const latchkey = await open(config, { publicUrl: url, log }).catch((error: unknown) => {
    server.close()
    throw error
  })
  server.on('request', getRequestListener(latchkey.app.fetch))
  if (config.port !== 0) {
    await listen(server, config).catch(async (error: unknown) => {
      await latchkey.storage.close()
      throw error
    })
  }
  followRing(config.keyringPath, latchkey.keyring, log)
  for (const danger of dangersOf(config)) log.warn({}, danger)
  log.info({ host: config.host, port, url }, 'listening')

  const sweep = () =>
    latchkey.sweep().catch((error: unknown) => log.error({ error }, 'the sweep failed'))
  const sweeping = setInterval(sweep, SWEEP_MS)
  sweeping.unref()

  return {
    ...latchkey,
    url,
    async stop() {
      clearInterval(sweeping)
      const hurry = setTimeout(() => server.closeAllConnections(), STOP_WITHIN_MS)
      await new Promise((closed) => {
        server.close(closed)
        server.closeIdleConnections()
      })
      clearTimeout(hurry)
      await latchkey.storage.close()
      log.info({}, 'stopped')
    },
  }
}

/** The URL of a server that nobody gave one. */
function urlOf(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

function listen(server: Server, { host, port }: Config): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** What Node itself refuses, before any handler runs. A client's author reads these. */
const MALFORMED: Record<string, [status: string, message: string]> = {
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'The headers are too long.'],
  HPE_INVALID_HEADER_TOKEN: ['400 Bad Request', 'A header line is not a header: RFC 9110 §5.'],
  HPE_INVALID_METHOD: ['400 Bad Request', 'The request does not begin with an HTTP method.'],
  HPE_INVALID_CONTENT_LENGTH: ['400 Bad Request', 'Content-Length is not a number.'],
  HPE_UNEXPECTED_CONTENT_LENGTH: [
    '400 Bad Request',
    'Content-Length is there twice, or beside Transfer-Encoding.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'The request took too long to arrive.'],
}

function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, message] = MALFORMED[error.code ?? ''] ?? [
    '400 Bad Request',
    'The request is not HTTP/1.1 as RFC 9112 has it.',
  ]
  const body = JSON.stringify({ message: `${message} (${error.code ?? 'malformed'})` })
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      `Date: ${new Date().toUTCString()}`,
      'Connection: close',
      'Cache-Control: no-store',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}
