import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hash } from '@node-rs/argon2'
import { readConfig } from '../../src/config.ts'
import type { Argon2 } from '../../src/crypto/primitives.ts'
import type { Result } from '../../src/domain/failure.ts'
import { openLatchkey } from '../../src/node/open-latchkey.ts'
import { nodeArgon2 } from '../../src/node/primitives.ts'
import { composeNodeApps, type RunningServer, startLatchkey } from '../../src/node/server.ts'
import type { Log } from '../../src/service/ports/runtime.ts'
import { createTestClock, type TestClock } from './time.ts'

/** Keeps every line that the operator would read. */
export function createTestLog(): Log & {
  lines: { level: string; message: string; facts: object }[]
} {
  const lines: { level: string; message: string; facts: object }[] = []
  const createLogLevel = (level: string) => (facts: object, message: string) => {
    lines.push({ level, message, facts })
  }
  return {
    lines,
    debug: createLogLevel('debug'),
    info: createLogLevel('info'),
    warn: createLogLevel('warn'),
    error: createLogLevel('error'),
  }
}

export const createTempFolder = () => mkdtempSync(join(tmpdir(), 'latchkey-test-'))

/** Requests as their listeners' sockets bring them; `address` is where they seem to come from. */
export const createAppCaller =
  ({ app, consoleApp }: ReturnType<typeof composeNodeApps>) =>
  async (path: string, init: RequestInit & { address?: string } = {}): Promise<Response> => {
    const incoming = { socket: { remoteAddress: init.address ?? '203.0.113.7' } }
    const body = init.body
    // A socket always announces a string body's length; so does this.
    const length =
      typeof body === 'string' ? { 'Content-Length': String(Buffer.byteLength(body)) } : {}
    const headers = { ...length, ...(init.headers as Record<string, string>) }
    const listener = /^\/(console|admin)\b/.test(path) ? (consoleApp ?? app) : app
    return listener.request(path, { method: 'POST', ...init, headers }, { incoming })
  }

/** The real argon2id with the least work that it knows: test/crypto tests the work that it has to be. */
export const leastWorkArgon2: Argon2 = {
  hash: (secret) => hash(secret, { memoryCost: 8, timeCost: 1, parallelism: 1 }),
  verify: nodeArgon2.verify,
}

/**
 * A whole server but its socket: real SQLite on disk, real argon2, a clock that the test turns.
 * `call` goes through the app as a request does; `address` is where it seems to come from.
 */
export async function createTestServer(
  settings: Record<string, string> = {},
  {
    dir = createTempFolder(),
    clock = createTestClock(),
    consoleUrl = 'https://console.example',
  }: { dir?: string; clock?: TestClock; consoleUrl?: string } = {},
) {
  const log = createTestLog()
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  const publicUrl = 'https://latchkey.example'
  const options = { publicUrl, consoleUrl, log, clock, argon2: leastWorkArgon2 }
  const latchkey = await openLatchkey(config, options)
  const apps = composeNodeApps(latchkey)
  const call = createAppCaller(apps)

  return {
    ...latchkey,
    ...apps,
    dir,
    clock,
    log,
    call,
    authenticate: (apiKey: string, secret: string) =>
      call('/auth/authenticate', { body: JSON.stringify({ apiKey, secret }) }),
    refresh: (apiKey: string, refreshToken: string) =>
      call('/auth/refreshToken', { body: JSON.stringify({ apiKey, refreshToken }) }),
    endpoint: (accessToken: string, message: object) =>
      call('/endpoint', {
        body: JSON.stringify(message),
        headers: { Authorization: `Bearer ${accessToken}` },
      }),
    async close() {
      await latchkey.storage.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

export type TestServer = Awaited<ReturnType<typeof createTestServer>>

/** Returns the value; throws an error with the failure in its message. */
export function unwrap<T>(result: Result<T, unknown>): T {
  if (result.ok) return result.value
  throw new Error(JSON.stringify(result.failure))
}

/** Seeds one account with one key whose source may send anything to one verified destination. */
export async function seedKey(
  {
    accounts,
    users,
    keys,
    sources,
    destinations,
    subscriptions,
  }: Pick<TestServer, 'accounts' | 'users' | 'keys' | 'sources' | 'destinations' | 'subscriptions'>,
  { accountId }: { accountId?: string } = {},
) {
  const account = accountId ?? unwrap(await accounts.create({ name: 'Acme Health' })).id
  const email = `engineer-${crypto.randomUUID()}@acme.example`
  const owner = unwrap(await users.add({ accountId: account, email, role: 'engineer' }))
  const source = unwrap(await sources.add({ accountId: account, name: 'Acme Source' }))
  const destination = unwrap(
    await destinations.add({
      accountId: account,
      name: 'Redox EMR',
      url: 'https://emr.example',
    }),
  )
  unwrap(await destinations.setVerified(destination.id, true))
  const subscription = unwrap(
    await subscriptions.create({ sourceId: source.id, destinationId: destination.id }),
  )
  const created = unwrap(
    await keys.create({
      keyType: 'redox',
      ownerId: owner.id,
      sourceId: source.id,
      name: 'nightly job',
    }),
  )
  return {
    accountId: account,
    ownerId: owner.id,
    keyId: created.key.id,
    apiKey: created.key.publicId,
    secret: created.secret,
    sourceId: source.id,
    destinationId: destination.id,
    subscriptionId: subscription.id,
  }
}

export interface TokenResponse {
  accessToken: string
  expires: string
  refreshToken: string
}

/** A message that is accepted. */
export const createDeviceNewMessage = (destinationId: string, more: object = {}) => ({
  Meta: {
    DataModel: 'Device',
    EventType: 'New',
    EventDateTime: '2015-03-25T20:52:35.000Z',
    Destinations: [{ ID: destinationId }],
    ...more,
  },
  Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
})

export type LiveServer = Omit<RunningServer, 'url' | 'console'> & {
  /** The URL of the socket, whatever the public URL is. */
  readonly url: string
  /** The URL of the console's socket. */
  readonly consoleUrl: string
  readonly dir: string
  readonly databasePath: string
  readonly log: ReturnType<typeof createTestLog>
  close(): Promise<void>
}

/** A whole server with its socket, in the process of the test. */
export async function startLiveServer(
  settings: Record<string, string> = {},
  { dir = createTempFolder() } = {},
): Promise<LiveServer> {
  const log = createTestLog()
  const config = readConfig({ LATCHKEY_DATA: dir, LATCHKEY_PORT: '0', ...settings })
  const running = await startLatchkey(config, log)
  const { port, console, ...latchkey } = running
  return {
    ...latchkey,
    port,
    url: `http://127.0.0.1:${port}`,
    consoleUrl: `http://127.0.0.1:${console?.port}`,
    dir,
    databasePath: config.database.engine === 'sqlite' ? config.database.path : '',
    log,
    async close() {
      await running.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
