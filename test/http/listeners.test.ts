import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { runCli } from '../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestServer,
  type LiveServer,
  seedKey,
  startLiveServer,
  type TokenResponse,
} from '../support/server.ts'

/*
 * Upstream content runs in the origin of the main listener: the console must not be served there.
 */

let live: LiveServer | undefined
afterEach(async () => {
  await live?.close()
  live = undefined
})

const requestStatus = async (url: string, method = 'GET') =>
  (await fetch(url, { method, redirect: 'manual' })).status

const OF_PEOPLE = [
  '/console',
  '/console/sign-in',
  '/console/icon.svg',
  '/console/welcome/x',
  '/admin/v1/openapi.json',
  '/admin/v1/reference',
  '/admin/v1/accounts',
]
const OF_VENDORS = [
  '/auth/authenticate',
  '/auth/refreshToken',
  '/endpoint',
  '/query',
  '/fhir/metadata',
  '/v2/ingest',
  '/v3/ingest',
  '/ingest',
  '/apikeys',
  '/api/v1/Identity',
  '/practice/v1/me',
  '/forward-auth',
  '/.well-known/jwks.json',
  '/.well-known/oauth-authorization-server',
  '/.well-known/oauth-protected-resource',
  '/fhir/.well-known/smart-configuration',
  '/openapi/redox.json',
  '/.well-known/api-catalog',
]

describe('the console', () => {
  test('has its own listener, and each listener answers 404 to paths of the other', async () => {
    live = await startLiveServer()
    const { url, consoleUrl } = live
    for (const path of OF_PEOPLE) {
      for (const method of ['GET', 'POST']) {
        expect(await requestStatus(url + path, method), `${method} ${path}`).toBe(404)
      }
      expect(await requestStatus(consoleUrl + path), path).not.toBe(404)
    }
    for (const path of OF_VENDORS) {
      expect(await requestStatus(url + path), path).not.toBe(404)
      for (const method of ['GET', 'POST']) {
        expect(await requestStatus(consoleUrl + path, method), `${method} ${path}`).toBe(404)
      }
    }
    const { headers } = await fetch(consoleUrl, { redirect: 'manual' })
    expect(headers.get('location')).toBe('/console')
    for (const each of [url, consoleUrl]) {
      expect(await requestStatus(`${each}/health`)).toBe(200)
      expect(await requestStatus(`${each}/ready`)).toBe(200)
    }
  })

  test('is not revealed by the main listener if its URL is not set', async () => {
    live = await startLiveServer()
    expect(await requestStatus(`${live.url}/`)).toBe(404)
    const server = await createTestServer()
    const text = await readRefusedSubscription(server)
    expect(text).not.toContain('console')
    await server.close()
  })

  test('is linked by the main listener if its URL is set', async () => {
    const LATCHKEY_CONSOLE_URL = 'https://desk.example/keys'
    const server = await createTestServer({ LATCHKEY_CONSOLE_URL })
    const { status, headers } = await server.call('/', { method: 'GET' })
    expect([status, headers.get('location')]).toEqual([303, `${LATCHKEY_CONSOLE_URL}/console`])
    expect(await readRefusedSubscription(server)).toContain(
      `from existing subscriptions ${LATCHKEY_CONSOLE_URL}/console`,
    )
    await server.close()
  })

  test('is logged with its host, port and URL when the server listens', async () => {
    live = await startLiveServer()
    const { url, consoleUrl } = live
    const listening = live.log.lines.find(({ message }) => message === 'listening')
    const toHostAndPort = (place: string) => ({
      host: '127.0.0.1',
      port: Number(new URL(place).port),
    })
    expect(listening?.facts).toEqual({
      ...toHostAndPort(url),
      url,
      console: { ...toHostAndPort(consoleUrl), url: `${consoleUrl}/console` },
    })
  })

  test('is off with LATCHKEY_CONSOLE=off', async () => {
    live = await startLiveServer({ LATCHKEY_CONSOLE: 'off' })
    expect(live.consoleApp).toBeNull()
    for (const path of OF_PEOPLE) expect(await requestStatus(live.url + path), path).toBe(404)
    const listening = live.log.lines.find(({ message }) => message === 'listening')
    expect(listening?.facts).toMatchObject({ console: null })
  })
})

test('a console port that is in use is reported with its setting, and the server does not start', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const env = { LATCHKEY_PORT: '0', LATCHKEY_CONSOLE_PORT: String(port) }
  const { code, stderr } = await runCli(['serve'], { dir: createTempFolder(), env })
  taken.close()
  expect([code, stderr]).toEqual([
    1,
    `port ${port} of 127.0.0.1 is in use: stop the other program, or set LATCHKEY_CONSOLE_PORT\n`,
  ])
})

async function readRefusedSubscription(server: Awaited<ReturnType<typeof createTestServer>>) {
  const { apiKey, secret } = await seedKey(server)
  const tokens = (await (await server.authenticate(apiKey, secret)).json()) as TokenResponse
  const message = createDeviceNewMessage('9fcd3fd5-b6f7-4a1e-9d5f-1d0e6a7f0001')
  const answer = await server.endpoint(tokens.accessToken, message)
  expect(answer.status).toBe(403)
  return answer.text()
}
