import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Latchkey } from '../../src/compose.ts'
import { readConfig } from '../../src/config.ts'
import { open } from '../../src/node/server.ts'
import type { Done } from '../../src/service/operator.ts'
import type { Log } from '../../src/service/ports.ts'

/** Time as a test turns it. */
export interface TestClock {
  (): number
  turn(ms: number): void
  set(now: number): void
}

export function testClock(now = Date.UTC(2026, 0, 2, 3, 4, 5, 678)): TestClock {
  let time = now
  return Object.assign(() => time, {
    turn: (ms: number) => {
      time += ms
    },
    set: (to: number) => {
      time = to
    },
  })
}

/** Keeps every line that the operator would read. */
export function testLog(): Log & { lines: { level: string; message: string; facts: object }[] } {
  const lines: { level: string; message: string; facts: object }[] = []
  const at = (level: string) => (facts: object, message: string) => {
    lines.push({ level, message, facts })
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export const temporaryFolder = () => mkdtempSync(join(tmpdir(), 'latchkey-test-'))

/** Requests as their listeners' sockets bring them; `address` is where they seem to come from. */
export const callOf =
  ({ app, consoleApp }: Pick<Latchkey, 'app' | 'consoleApp'>) =>
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

/**
 * A whole server but its socket: real SQLite on disk, real argon2, a clock that the test turns.
 * `call` goes through the app as a request does; `address` is where it seems to come from.
 */
export async function testServer(
  settings: Record<string, string> = {},
  {
    dir = temporaryFolder(),
    clock = testClock(),
    consoleUrl = 'https://console.example',
  }: { dir?: string; clock?: TestClock; consoleUrl?: string } = {},
) {
  const log = testLog()
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  const publicUrl = 'https://latchkey.example'
  const latchkey = await open(config, { publicUrl, consoleUrl, log, clock })

  const call = callOf(latchkey)

  return {
    ...latchkey,
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

export type TestServer = Awaited<ReturnType<typeof testServer>>

export function done<T>(result: Done<T>): T {
  if (!result.ok) throw new Error(result.failure.message)
  return result.value
}

/** Seeds one account with one key whose source may send anything to one verified destination. */
export async function seedKey(
  { accounts, keys, routes }: Pick<TestServer, 'accounts' | 'keys' | 'routes'>,
  { accountId }: { accountId?: string } = {},
) {
  const account = accountId ?? done(await accounts.create({ name: 'Acme Health' })).id
  const email = `engineer-${crypto.randomUUID()}@acme.example`
  const owner = done(await accounts.addUser({ accountId: account, email, role: 'engineer' }))
  const source = done(await routes.addSource({ accountId: account, name: 'Acme Source' }))
  const destination = done(
    await routes.addDestination({
      accountId: account,
      name: 'Redox EMR',
      url: 'https://emr.example',
    }),
  )
  done(await routes.setVerified(destination.id, true))
  const subscription = done(
    await routes.subscribe({ sourceId: source.id, destinationId: destination.id }),
  )
  const created = done(
    await keys.create({
      dialect: 'redox',
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

export interface TokenAnswer {
  accessToken: string
  expires: string
  refreshToken: string
}

/** A message that is accepted. */
export const deviceNew = (destinationId: string, more: object = {}) => ({
  Meta: {
    DataModel: 'Device',
    EventType: 'New',
    EventDateTime: '2015-03-25T20:52:35.000Z',
    Destinations: [{ ID: destinationId }],
    ...more,
  },
  Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
})
