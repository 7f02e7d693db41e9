import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { removeBasePath } from '../../src/domain/base-path.ts'
import { issueApiToken } from '../support/admin-client.ts'
import { signInToConsole } from '../support/console-client.ts'
import { seedSiteKey } from '../support/key-seeds.ts'
import { sendRaw } from '../support/raw-connection.ts'
import { type LiveServer, startLiveServer } from '../support/server.ts'
import { createSystemClock } from '../support/time.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'
import { seedUser } from '../support/users.ts'

/*
 * A server that proxies serve below a path, which some pass on and some remove.
 */

const API = 'https://api.example/latchkey'
const CONSOLE_URL = 'https://console.example/keys'

let live: LiveServer
let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
beforeAll(async () => {
  upstream = await startHttpUpstream()
  live = await startLiveServer({
    LATCHKEY_URL: API,
    LATCHKEY_CONSOLE_URL: `${CONSOLE_URL}/`,
    LATCHKEY_UPSTREAM_FHIR: upstream.url,
  })
})
afterAll(async () => {
  await live?.close()
  upstream?.close()
})

/** The console as a browser reaches it through a proxy that passes the path on. */
function createTestUserServer() {
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${live.consoleUrl}/keys${path}`, { method: 'POST', redirect: 'manual', ...init })
  return { ...live, call, clock: createSystemClock() }
}

describe('the console below a path', () => {
  test('has links, forms, files, redirects and cookies below the path', async () => {
    const operator = await signInToConsole(
      createTestUserServer(),
      await seedUser(createTestUserServer(), { role: 'operator' }),
    )
    const pages = [
      '/console',
      '/console/me',
      '/console/accounts',
      '/console/keys',
      '/console/nothing',
    ]
    for (const path of pages) {
      const { html } = await operator.get(path)
      const links = [...html.matchAll(/ (?:href|action|src|data-suggest)="([^"]*)"/g)]
        .map(([, link = '']) => link)
        .filter((link) => !link.startsWith('#'))
      expect(links.length).toBeGreaterThan(4)
      expect(links.filter((link) => !/^\/keys\/(console|admin)\b/.test(link))).toEqual([])
    }
    const { location, headers } = await operator.send('/console/theme', { next: '/console/keys' })
    expect(location).toBe('/keys/console/keys')
    expect(headers.getSetCookie()[0]).toContain('; Path=/keys/console;')
    const out = await operator.send('/console/sign-out')
    expect(out.location).toBe('/keys/console/sign-in')
  })

  test('limits its cookies to the path', async () => {
    const { username, password } = await seedUser(createTestUserServer())
    const answer = await createTestUserServer().call('/console/sign-in', {
      body: new URLSearchParams({ username, password }),
      headers: { 'Sec-Fetch-Site': 'same-origin' },
    })
    expect(answer.headers.get('location')).toBe('/keys/console')
    const cookies = answer.headers.getSetCookie()
    expect(cookies).toHaveLength(2)
    for (const line of cookies) {
      expect(line).toMatch(/^__Secure-latchkey.*; Path=\/keys; HttpOnly; Secure; SameSite=Strict$/)
    }
  })

  test('redirects to the sign-in form, and back after signing in', async () => {
    const answer = await fetch(`${live.consoleUrl}/keys/console/audit?what=key.refused`, {
      redirect: 'manual',
    })
    const location = answer.headers.get('location') ?? ''
    expect(location).toBe('/keys/console/sign-in?next=%2Fconsole%2Faudit%3Fwhat%3Dkey.refused')
    const page = await (await fetch(live.consoleUrl + location)).text()
    expect(page).toContain('name="next" value="/console/audit?what=key.refused"')
    expect(page).toContain('action="/keys/console/sign-in"')
  })

  test('also answers without the path, for a proxy that removes it', async () => {
    const page = await fetch(`${live.consoleUrl}/console/sign-in`)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('action="/keys/console/sign-in"')
    const root = await fetch(`${live.consoleUrl}/keys`, { redirect: 'manual' })
    expect(root.headers.get('location')).toBe('/keys/console')
  })

  test('has the path in replies to vendors, invitations, the management API and its reference', async () => {
    const root = await fetch(`${live.url}/latchkey/`, { redirect: 'manual' })
    expect(root.headers.get('location')).toBe(`${CONSOLE_URL}/console`)
    const testUser = await seedUser(createTestUserServer())
    const invited = await live.users.invite(testUser.user.id)
    expect(invited.ok && invited.value.link).toMatch(`${CONSOLE_URL}/console/welcome/`)
    const api = await fetch(`${live.consoleUrl}/keys/admin/v1/openapi.json`)
    expect(await api.json()).toMatchObject({ servers: [{ url: `${CONSOLE_URL}/admin/v1` }] })
    const reference = await (await fetch(`${live.consoleUrl}/keys/admin/v1/reference`)).text()
    expect(reference).toContain('href="/keys/admin/v1/openapi.json"')
    expect(reference).not.toMatch(/"\/(console|admin)\b/)
    const refused = await fetch(`${live.consoleUrl}/keys/admin/v1/me`)
    expect(await refused.json()).toMatchObject({
      type: '/keys/admin/v1/reference#problem-unauthorized',
    })
    const { secret } = await issueApiToken(createTestUserServer(), testUser)
    const me = await fetch(`${live.consoleUrl}/keys/admin/v1/me`, {
      headers: { Authorization: `Bearer ${secret}` },
    })
    expect(me.status).toBe(200)
  })
})

describe('the vendors’ listener below a path', () => {
  test('answers with and without the path, and sends the path to upstreams', async () => {
    const { secret } = await seedSiteKey(live)
    for (const base of ['/latchkey', '']) {
      const answer = await fetch(`${live.url}${base}/fhir/Patient?_id=1`, {
        headers: { 'X-API-Key': secret, 'X-Forwarded-Prefix': '/evil' },
      })
      expect(answer.status).toBe(200)
      const { url, headers } = upstream.requests.at(-1) ?? { url: '', headers: [] }
      expect(url).toBe('/fhir/Patient?_id=1')
      expect(headers.filter(([name]) => name.startsWith('x-forwarded-prefix'))).toEqual([
        ['x-forwarded-prefix', '/latchkey'],
      ])
    }
    expect((await fetch(`${live.url}/latchkey/.well-known/jwks.json`)).status).toBe(200)
    expect((await fetch(`${live.url}/latchkeyx/health`)).status).toBe(404)
  })

  test('refuses dot segments in the path', async () => {
    for (const path of ['/forward-auth/xenrad/../../health', '/forward-auth/xenrad/%2e%2e/x']) {
      const answer = await sendRaw(live.url, `GET /latchkey${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
      expect(answer?.status, path).toBe(400)
    }
  })
})

test.each([
  ['/latchkey/fhir/x?a=/latchkey', '/fhir/x?a=/latchkey'],
  ['/latchkey', '/'],
  ['/latchkey/', '/'],
  ['/latchkey?a=1', '/?a=1'],
  ['/latchkeys/x', '/latchkeys/x'],
  ['/LATCHKEY/x', '/LATCHKEY/x'],
  ['/x/latchkey/y', '/x/latchkey/y'],
  ['/latchkey/latchkey/x', '/latchkey/x'],
  ['https://api.example/latchkey/x', 'https://api.example/x'],
  ['https://api.example/latchkey', 'https://api.example/'],
  ['https://latchkey/x', 'https://latchkey/x'],
  ['*', '*'],
])('of %s the routes see %s', (target, expected) => {
  expect(removeBasePath(target, '/latchkey')).toBe(expected)
  expect(removeBasePath(target, '')).toBe(target)
})
