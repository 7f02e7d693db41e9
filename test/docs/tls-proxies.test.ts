import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { openLatchkey } from '../../src/node/open-latchkey.ts'
import { composeNodeApps } from '../../src/node/server.ts'
import { signInToConsole } from '../support/console-client.ts'
import { startDestination } from '../support/delivery/destinations.ts'
import {
  INSTALLABLE_PROXIES,
  isProgramInstalled,
  type RunningProxy,
  readProxySample,
  startProxy,
  writeProxyCertificates,
} from '../support/installed-proxies.ts'
import { createBasicHeaders, seedOwnerKey } from '../support/key-seeds.ts'
import { findFreePort, type ServerProcess, startServerProcess } from '../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestLog,
  seedKey,
  type TokenResponse,
  unwrap,
} from '../support/server.ts'
import { seedUser } from '../support/users.ts'
import { findDocument } from './documents.ts'

const HOST = 'latchkey.example'
const CONSOLE_HOST = 'console.latchkey.example'
/** An address of this machine that is not the proxy's. */
const CALLER_ADDRESS = '127.0.0.2'
/** More than a proxy collects before it passes on the head of a request. */
const STREAMED_CHUNK_BYTES = 64 * 1024
const MESSAGE_LIMIT_BYTES = 40 * 1024 * 1024

describe.each(INSTALLABLE_PROXIES)('$page, followed', (program) => {
  const { name, page, versionOption } = program
  if (!isProgramInstalled(name, versionOption)) {
    test.skip(`is not tried: ${name} is not installed here`)
    return
  }

  let destination: Awaited<ReturnType<typeof startDestination>>
  let upstream: Server
  let latchkey: ServerProcess
  let proxy: RunningProxy
  let seeds: Awaited<ReturnType<typeof seedIntegration>>
  let tokens: TokenResponse
  let ca: string
  beforeAll(async () => {
    destination = await startDestination(() => 'take')
    upstream = createServer().listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const dir = createTempFolder()
    seeds = await seedIntegration(dir, destination.url)
    const [consolePort, port] = [await findFreePort(), await findFreePort()]
    latchkey = await startServerProcess(dir, {
      ...readSettings(page),
      LATCHKEY_CONSOLE_PORT: String(consolePort),
      LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1',
      LATCHKEY_UPSTREAM_PRACTICE: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
    })
    const home = createTempFolder()
    ca = await writeProxyCertificates(home, [HOST, CONSOLE_HOST])
    const replacements = {
      '/etc/ssl/latchkey': home,
      443: port,
      // Caddy listens on 443 without a line that says so.
      '.example {': `.example:${port} {`,
      8080: new URL(latchkey.url).port,
      8081: consolePort,
    }
    proxy = await startProxy(program, readProxySample(program, 'ssl/latchkey', replacements), port)
  })
  afterAll(async () => {
    await proxy?.stop()
    await latchkey.stop()
    await seeds.storage.close()
    await destination.close()
    upstream.close()
  })

  /** A request, not yet ended, of a caller elsewhere, who claims another address. */
  const open = (host: string, path: string, { method = 'POST', headers }: RequestInit) =>
    request({
      host: '127.0.0.1',
      port: new URL(proxy.url).port,
      localAddress: CALLER_ADDRESS,
      servername: host,
      ca,
      path,
      method,
      headers: {
        Host: host,
        'X-Forwarded-For': '203.0.113.9',
        ...(headers as Record<string, string>),
      },
    })

  async function call(host: string, path: string, init: RequestInit = {}): Promise<Response> {
    const sent = open(host, path, init).end(init.body ?? '')
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    // A request that is refused before all of it is sent may end with a reset.
    sent.on('error', () => undefined)
    const headers = new Headers()
    for (const [name, values] of Object.entries(answer.headersDistinct)) {
      for (const value of values ?? []) headers.append(name, value)
    }
    const status = answer.statusCode ?? 0
    const body = await buffer(answer)
    return new Response([204, 304].includes(status) ? null : body, { status, headers })
  }

  const post = (path: string, body: object) => call(HOST, path, { body: JSON.stringify(body) })
  const send = (body: string) =>
    call(HOST, '/endpoint', {
      body,
      headers: {
        Authorization: `Bearer ${tokens.accessToken}`,
        'Content-Type': 'application/json',
      },
    })

  test('exchanges a key and refreshes its tokens', async () => {
    const { apiKey, secret } = seeds
    const issued = await post('/auth/authenticate', { apiKey, secret })
    expect(issued.status).toBe(200)
    const { refreshToken } = (await issued.json()) as TokenResponse
    const refreshed = await post('/auth/refreshToken', { apiKey, refreshToken })
    expect(refreshed.status).toBe(200)
    tokens = (await refreshed.json()) as TokenResponse
  })

  test('delivers a message', async () => {
    const message = JSON.stringify(createDeviceNewMessage(seeds.receiverId))
    expect((await send(message)).status).toBe(200)
    await destination.waitForRequests(1)
    expect(JSON.parse(destination.requests[0]?.body ?? '')).toMatchObject({
      Meta: { Destinations: [{ ID: seeds.receiverId, Name: 'Receiver' }] },
    })
  })

  test('accepts a message of 40 MB, and refuses one that is a byte longer as Latchkey does', async () => {
    const message = JSON.stringify(createDeviceNewMessage(seeds.receiverId))
    expect((await send(message.padEnd(MESSAGE_LIMIT_BYTES))).status).toBe(200)
    const refused = await send(message.padEnd(MESSAGE_LIMIT_BYTES + 1))
    expect(refused.status).toBe(413)
    expect(await refused.text()).toContain(`longer than ${MESSAGE_LIMIT_BYTES} bytes`)
  })

  test('passes paths on as they were sent, and both bodies while they are written', async () => {
    const path = '/practice/v1/a%2Fb/c%20d;e?f=%2F&g=1'
    const sent = open(HOST, path, { headers: seeds.practiceHeaders })
    const [asked, answered] = [once(upstream, 'request'), once(sent, 'response')]
    sent.write('x'.repeat(STREAMED_CHUNK_BYTES))
    const [incoming, response] = (await asked) as [IncomingMessage, ServerResponse]
    await once(incoming, 'data')
    sent.end()
    response.write(incoming.url)
    const [answer] = (await answered) as [IncomingMessage]
    expect(String((await once(answer, 'data'))[0])).toBe(path)
    response.end()
    await once(answer, 'end')
  })

  test('serves the console under its own name, and nothing of it under the other', async () => {
    const callConsole = (path: string, init: RequestInit = {}) => call(CONSOLE_HOST, path, init)
    const client = await signInToConsole({ call: callConsole }, seeds.operator)
    expect((await client.get('/console/keys')).status).toBe(200)
    expect((await call(HOST, '/console/sign-in', { method: 'GET' })).status).toBe(404)
  })

  test("records the caller's address, which the caller cannot choose", async () => {
    for (const action of ['token.issued', 'token.refreshed', 'session.started']) {
      await expect
        .poll(async () => (await seeds.storage.listEvents({ action, limit: 1 }))[0]?.facts.address)
        .toBe(CALLER_ADDRESS)
    }
  })
})

/** The settings that the table of a page names. */
const readSettings = (page: string): Record<string, string> =>
  Object.fromEntries(
    [...findDocument(page).prose.matchAll(/`(LATCHKEY_\w+)=([^`]+)`/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  )

async function seedIntegration(dir: string, url: string) {
  const config = readConfig({ LATCHKEY_DATA: dir })
  const options = { publicUrl: `https://${HOST}`, log: createTestLog() }
  const latchkey = await openLatchkey(config, options)
  const key = await seedKey(latchkey)
  const { destinations, subscriptions, storage } = latchkey
  const { accountId, sourceId } = key
  const input = { accountId, name: 'Receiver', url: `${url}/messages`, development: true }
  const receiver = unwrap(await destinations.add(input))
  unwrap(await destinations.setVerified(receiver.id, true))
  unwrap(await subscriptions.create({ sourceId, destinationId: receiver.id }))
  const practice = await seedOwnerKey(latchkey, 'practice')
  return {
    ...key,
    receiverId: receiver.id,
    practiceHeaders: createBasicHeaders(practice.username, practice.secret),
    operator: await seedUser({ ...latchkey, ...composeNodeApps(latchkey) }, { role: 'operator' }),
    storage,
  }
}
