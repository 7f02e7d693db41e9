import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createTestServer, type TestServer } from '../../support/server.ts'
import { PASSWORD, seedUser, type TestUser } from '../../support/users.ts'

/*
 * The console refuses requests that another page, site or session forges in a user's name. Each
 * request is sent with the headers that a browser would set.
 */

type Fields = Readonly<Record<string, string>>
type Headers = Readonly<Record<string, string>>

const FORM_CONTENT_TYPE = 'application/x-www-form-urlencoded'
const SAME_ORIGIN_HEADERS = { 'Sec-Fetch-Site': 'same-origin' }
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

let server: TestServer
let testUser: TestUser
let cookie: string
let formToken: string
beforeAll(async () => {
  server = await createTestServer()
  testUser = await seedUser(server, { role: 'operator' })
})
afterAll(() => server.close())
beforeEach(async () => {
  cookie = await startSession(testUser)
  formToken = await readFormToken(cookie)
})

const get = (path: string, headers: Headers = {}) => server.call(path, { method: 'GET', headers })

const post = (path: string, fields: Fields, headers: Headers = SAME_ORIGIN_HEADERS) =>
  server.call(path, {
    body: String(new URLSearchParams(fields)),
    headers: { 'Content-Type': FORM_CONTENT_TYPE, ...headers },
  })

const signIn = (
  { username }: TestUser,
  fields: Fields = {},
  headers: Headers = SAME_ORIGIN_HEADERS,
) => post('/console/sign-in', { username, password: PASSWORD, ...fields }, headers)

async function startSession(who: TestUser): Promise<string> {
  const lines = (await signIn(who)).headers.getSetCookie()
  return lines.find((line) => line.startsWith('__Host-latchkey='))?.split(';')[0] ?? ''
}

async function readFormToken(session: string): Promise<string> {
  const html = await (await get('/console/me', { Cookie: session })).text()
  return /name="form-token" value="([^"]+)"/.exec(html)?.[1] ?? ''
}

async function accountExists(name: string): Promise<boolean> {
  const found = await server.storage.listAccounts({ limit: 500 })
  return found.some((account) => account.name === name)
}

const postCreateAccount = (name: string, token: string | null, headers: Headers) =>
  post(
    '/console/accounts/new',
    { name, region: 'us', ...(token === null ? {} : { 'form-token': token }) },
    { Cookie: cookie, ...headers },
  )

test('a form of the session’s own page is taken', async () => {
  const answer = await postCreateAccount('Taken', formToken, SAME_ORIGIN_HEADERS)
  expect(answer.status).toBe(303)
  expect(await accountExists('Taken')).toBe(true)
})

describe('a form token', () => {
  test.each([
    ['none', () => null],
    ['an empty one', () => ''],
    [
      'one of another session of the same person',
      async () => readFormToken(await startSession(testUser)),
    ],
    [
      'one of another person’s session',
      async () => readFormToken(await startSession(await seedUser(server, { role: 'operator' }))),
    ],
    ['a shortened one', () => formToken.slice(0, -1)],
    ['its first half', () => formToken.slice(0, formToken.length / 2)],
    ['a lengthened one', () => `${formToken}A`],
    ['the cookie itself', () => cookie.split('=')[1] ?? ''],
  ])('is not this: %s', async (what, tokenFor) => {
    const answer = await postCreateAccount(what, await tokenFor(), SAME_ORIGIN_HEADERS)
    expect(answer.status).toBe(403)
    expect(await answer.text()).toContain('This form is out of date')
    expect(await accountExists(what)).toBe(false)
  })

  test('opens nothing without the session, or with one that has ended', async () => {
    const none = await post('/console/accounts/new', { name: 'Nobody', 'form-token': formToken })
    expect(none.status).toBe(401)
    await post(
      '/console/sign-out',
      { 'form-token': formToken },
      { ...SAME_ORIGIN_HEADERS, Cookie: cookie },
    )
    expect((await postCreateAccount('Nobody', formToken, SAME_ORIGIN_HEADERS)).status).toBe(401)
    expect(await accountExists('Nobody')).toBe(false)
  })
})

describe('a form from elsewhere', () => {
  test.each<[string, Headers]>([
    ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['another port or a sister name of this host', { 'Sec-Fetch-Site': 'same-site' }],
    ['nobody’s page', { 'Sec-Fetch-Site': 'none' }],
    ['a browser of words that nobody knows', { 'Sec-Fetch-Site': 'same-origin, cross-site' }],
    [
      'another site that claims our Origin',
      { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://console.example' },
    ],
    ['a program that says nothing', {}],
    ['a sandboxed page', { Origin: 'null' }],
    ['the origin of vendors and upstreams', { Origin: 'https://latchkey.example' }],
    ['another port', { Origin: 'https://console.example:8443' }],
    ['a name that ours begins', { Origin: 'https://console.example.evil.example' }],
  ])('is not taken, its token right or not: %s', async (what, headers) => {
    const answer = await postCreateAccount(what, formToken, headers)
    expect(answer.status).toBe(403)
    expect(await answer.text()).toContain('This form was not sent by a page of Latchkey')
    expect(await accountExists(what)).toBe(false)
    // It also signs no user in.
    const signedIn = await signIn(testUser, {}, headers)
    expect([signedIn.status, signedIn.headers.getSetCookie()]).toEqual([403, []])
  })

  test.each<Headers>([{ Origin: 'https://console.example' }])(
    'is told by its Origin where a browser has no better word: %j',
    async (headers) => {
      const name = `By ${JSON.stringify(headers)}`
      expect((await postCreateAccount(name, formToken, headers)).status).toBe(303)
      expect(await accountExists(name)).toBe(true)
    },
  )
})

describe('a page that another origin asks for', () => {
  const SESSION = /form-token|Sign out/

  test.each<[string, Headers]>([
    ['as an image', { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }],
    ['as a script', { 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' }],
    ['by fetch', { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' }],
    ['in a frame', { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' }],
  ])('is not made, although the cookie came along: %s', async (_, headers) => {
    for (const site of ['same-site', 'cross-site']) {
      const answer = await get('/console/me', {
        ...headers,
        Cookie: cookie,
        'Sec-Fetch-Site': site,
      })
      expect(answer.status).toBe(403)
      expect(await answer.text()).not.toMatch(SESSION)
    }
  })

  test('in a window of its own asks for itself once more, from here', async () => {
    const window = { 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document', Cookie: cookie }
    for (const site of ['same-site', 'cross-site']) {
      const answer = await get('/console/me', { ...window, 'Sec-Fetch-Site': site })
      const html = await answer.text()
      expect([answer.status, html]).toEqual([200, expect.stringContaining('http-equiv="refresh"')])
      expect(html).not.toMatch(SESSION)
    }
    for (const site of ['same-origin', 'none']) {
      const answer = await get('/console/me', { ...window, 'Sec-Fetch-Site': site })
      expect(await answer.text()).toMatch(SESSION)
    }
  })
})

test('a session that is signed out opens nothing, nor does a copy of its cookie', async () => {
  const out = await post(
    '/console/sign-out',
    { 'form-token': formToken },
    { ...SAME_ORIGIN_HEADERS, Cookie: cookie },
  )
  expect([out.status, out.headers.get('location')]).toEqual([303, '/console/sign-in'])
  const ended = out.headers.getSetCookie().find((line) => line.startsWith('__Host-latchkey=;'))
  expect(ended).toMatch(/Max-Age=0/)
  const page = await get('/console/me', { Cookie: cookie })
  expect([page.status, page.headers.get('location')]).toEqual([
    303,
    '/console/sign-in?next=%2Fconsole%2Fme',
  ])
})

test('no cookie of the console is within reach of scripts, other sites or plain http', async () => {
  const lines = (await signIn(testUser)).headers.getSetCookie()
  const chosen = await post(
    '/console/account',
    { 'form-token': formToken, account: testUser.accountId },
    { ...SAME_ORIGIN_HEADERS, Cookie: cookie },
  )
  const themed = await post(
    '/console/theme',
    { 'form-token': formToken, theme: 'dark' },
    { ...SAME_ORIGIN_HEADERS, Cookie: cookie },
  )
  const all = [...lines, ...chosen.headers.getSetCookie(), ...themed.headers.getSetCookie()]
  expect(new Set(all.map((line) => line.split('=')[0]))).toEqual(
    new Set([
      '__Host-latchkey',
      '__Host-latchkey-account',
      '__Host-latchkey-device',
      'latchkey-theme',
    ]),
  )
  for (const line of all) {
    expect(line).toMatch(/; HttpOnly; Secure; SameSite=Strict$/)
    expect(line).not.toMatch(/Domain/i)
  }
})

test('no page may be framed or cached, or run other scripts than those of the console', async () => {
  const answers = await Promise.all([
    get('/console/sign-in'),
    get('/console/welcome/x'),
    get('/console/me', { Cookie: cookie }),
    get('/console/keys', { Cookie: cookie }),
    get('/console/nothing-here', { Cookie: cookie }),
    get('/console/audit/verify', { Cookie: cookie }),
    get('/admin/v1/reference'),
    post('/console/sign-in', {}),
    post('/console/accounts/new', {}),
  ])
  for (const { headers, url } of answers) {
    expect(headers.get('content-security-policy'), url).toBe(CONTENT_SECURITY_POLICY)
    expect(headers.get('cache-control'), url).toBe('no-store')
    expect(headers.get('x-content-type-options'), url).toBe('nosniff')
    expect(headers.get('cross-origin-opener-policy'), url).toBe('same-origin')
    expect(headers.get('cross-origin-resource-policy'), url).toBe('same-origin')
    expect(headers.get('access-control-allow-origin'), url).toBe(null)
  }
})

describe('a sign-in leads', () => {
  test.each([
    '/console',
    '/console/keys?status=enabled&after=a%2Fb',
    '/console/messages/0198d5f2-7a5e-7000-8000-000000000000',
    '/console/audit..',
  ])('to where they were going: %s', async (next) => {
    expect((await signIn(testUser, { next })).headers.get('location')).toBe(next)
  })

  test.each([
    '//elsewhere.example',
    '//elsewhere.example/console',
    '/\\elsewhere.example',
    'https://elsewhere.example/console',
    'javascript:alert(1)',
    '/consolex',
    '/practice/v1/x.html',
    '/console/../../x',
    '/console/../practice/v1/x.html',
    '/console/%2e%2e/x',
    '/console/.%2E/x',
    '/console/..',
    '/console/keys/./x',
    '/console/..\\x',
    '/console\\..\\x',
    '/console/\t../x',
    '/console\n//elsewhere.example',
    '/console/keys#x',
    '',
  ])('nowhere but to the console: %j', async (next) => {
    expect((await signIn(testUser, { next })).headers.get('location')).toBe('/console')
    const page = await get(`/console/sign-in?next=${encodeURIComponent(next)}`)
    expect(await page.text()).toContain('name="next" value="/console"')
    for (const path of ['/console/theme', '/console/account']) {
      const chosen = await post(
        path,
        { 'form-token': formToken, next },
        { ...SAME_ORIGIN_HEADERS, Cookie: cookie },
      )
      expect(chosen.headers.get('location'), path).toBe('/console')
    }
  })
})
