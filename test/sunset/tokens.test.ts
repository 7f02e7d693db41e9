import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { postForm, STANDARD_TOKEN_PATH } from '../support/oauth.ts'
import {
  expectedJsonResponse,
  parseTokens,
  REQUEST_ID_PATTERN,
  readResponse,
  readResponseWithoutId,
} from '../support/responses.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  unwrap,
} from '../support/server.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../support/time.ts'

/* The retirement of keys that are exchanged for tokens. */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100' })
})
afterAll(() => server.close())

type Vendor = Awaited<ReturnType<typeof seedKey>>
let vendor: Vendor
beforeEach(async () => {
  vendor = await seedKey(server)
})

const URL_TEXT = 'https://clinic.example/move'

/** Plans the retirement of the vendor's keys in ten days, with a brownout of an hour tomorrow. */
async function setSunset(more: Partial<Parameters<TestServer['sunsets']['set']>[0]> = {}) {
  const now = server.clock()
  const startsAt = now + DAY_MS
  return unwrap(
    await server.sunsets.set({
      accountId: vendor.accountId,
      keyType: 'redox',
      sunsetAt: now + 10 * DAY_MS,
      documentationUrl: URL_TEXT,
      brownouts: [{ startsAt, endsAt: startsAt + HOUR_MS }],
      ...more,
    }),
  )
}

const expectedHeaders = (plan: { deprecatedAt: number; sunsetAt: number }) => ({
  deprecation: `@${Math.floor(plan.deprecatedAt / 1000)}`,
  sunset: new Date(plan.sunsetAt).toUTCString(),
  link: `<${URL_TEXT}>; rel="deprecation", <${URL_TEXT}>; rel="sunset"`,
})

const authenticate = () => server.authenticate(vendor.apiKey, vendor.secret ?? '')
const send = (accessToken: string) =>
  server.endpoint(accessToken, createDeviceNewMessage(vendor.destinationId))
const pick = ({ headers }: Response) => ({
  deprecation: headers.get('deprecation'),
  sunset: headers.get('sunset'),
  link: headers.get('link'),
})
const NO_HEADERS = { deprecation: null, sunset: null, link: null }

const INVALID_REQUEST = {
  status: 401,
  headers: {
    'cache-control': 'no-store',
    'content-type': 'text/html; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.stringMatching(REQUEST_ID_PATTERN),
  },
  body: 'Invalid request',
}

describe('the headers of a sunset', () => {
  test('come with every answer to the holder of the secret or of a token, at the next request', async () => {
    const first = await parseTokens(await authenticate())
    expect(pick(await authenticate())).toEqual(NO_HEADERS)
    const plan = await setSunset()
    const expected = expectedHeaders(plan)
    const exchanged = await authenticate()
    expect(pick(exchanged)).toEqual(expected)
    expect(Object.keys(await exchanged.json())).toEqual(['accessToken', 'expires', 'refreshToken'])
    const refreshed = await server.refresh(vendor.apiKey, first.refreshToken)
    expect(pick(refreshed)).toEqual(expected)
    const { accessToken } = await parseTokens(refreshed)
    expect(pick(await send(accessToken))).toEqual(expected)
    expect(pick(await server.endpoint(accessToken, {}))).toEqual(expected)
    const { headers } = await postForm(server, STANDARD_TOKEN_PATH, {
      client_id: vendor.apiKey,
      client_secret: vendor.secret ?? '',
    })
    expect(pick({ headers } as Response)).toEqual(expected)
    const forwarded = await server.call('/forward-auth/redox', {
      method: 'GET',
      headers: { Authorization: `Bearer ${accessToken}` },
    })
    expect([forwarded.status, pick(forwarded)]).toEqual([200, expected])
    unwrap(await server.sunsets.cancel(plan.id))
    expect(pick(await authenticate())).toEqual(NO_HEADERS)
    expect(pick(await send(accessToken))).toEqual(NO_HEADERS)
  })

  test('never come with an answer to a stranger, which is the one without a sunset to the byte', async () => {
    const { accessToken, refreshToken } = await parseTokens(await authenticate())
    const attempts = () => [
      server.authenticate(vendor.apiKey, 'wrong'),
      server.authenticate(vendor.apiKey, `${vendor.secret}x`),
      server.refresh(vendor.apiKey, `${refreshToken.slice(0, -2)}AA`),
      send(`${accessToken.slice(0, -2)}AA`),
      server.call('/forward-auth/redox', {
        method: 'GET',
        headers: { Authorization: 'Bearer nothing' },
      }),
    ]
    const read = async () => {
      const answers = await Promise.all((await Promise.all(attempts())).map(readResponseWithoutId))
      // The ids of errors differ by their nature.
      return answers.map((answer) => ({ ...answer, body: answer.body.replace(/"ID":\d+/, '') }))
    }
    const before = await read()
    const now = server.clock()
    await setSunset({ brownouts: [{ startsAt: now, endsAt: now + HOUR_MS }] })
    expect(await read()).toEqual(before)
  })

  test('are those of the source where it has a sunset of its own, and have no link without a page', async () => {
    await setSunset()
    const plan = await setSunset({
      sourceId: vendor.sourceId,
      sunsetAt: server.clock() + 20 * DAY_MS,
      documentationUrl: undefined,
      brownouts: [],
    })
    const expected = { ...expectedHeaders(plan), link: null }
    expect(pick(await authenticate())).toEqual(expected)
    unwrap(await server.sunsets.cancel(plan.id))
    expect(pick(await authenticate())).toMatchObject({ link: expect.stringContaining(URL_TEXT) })
  })

  test('never have a sunset before the deprecation, though both are cut to whole seconds', async () => {
    const at = server.clock() + DAY_MS
    await setSunset({ deprecatedAt: at, sunsetAt: at, brownouts: [] })
    const { deprecation, sunset } = pick(await authenticate())
    expect(Date.parse(sunset ?? '')).toBe(Number(deprecation?.slice(1)) * SECOND_MS)
  })
})

describe('a brownout', () => {
  const expectedRefusal = (seconds: number, headers: object) =>
    expectedJsonResponse(
      503,
      { message: `Keys of this kind are being retired. Try again in ${seconds} seconds.` },
      { 'retry-after': String(seconds), ...headers },
    )

  test('refuses exchange and refresh until its end, and leaves access tokens as they are', async () => {
    const { accessToken, refreshToken } = await parseTokens(await authenticate())
    const plan = await setSunset()
    const [{ startsAt, endsAt } = { startsAt: 0, endsAt: 0 }] = plan.brownouts
    const headers = expectedHeaders(plan)
    server.clock.set(startsAt - 1)
    expect((await authenticate()).status).toBe(200)
    // The token of before still lives: 24 hours, less the milliseconds of its start.
    const held = await parseTokens(await authenticate())
    for (const [at, seconds] of [
      [startsAt, 3600],
      [endsAt - 1001, 2],
      [endsAt - 1, 1],
    ] as const) {
      server.clock.set(at)
      const expected = expectedRefusal(seconds, headers)
      expect(await readResponse(await authenticate())).toEqual(expected)
      expect(await readResponse(await server.refresh(vendor.apiKey, refreshToken))).toEqual(
        expected,
      )
      expect((await send(held.accessToken)).status).toBe(200)
    }
    server.clock.set(endsAt)
    expect((await authenticate()).status).toBe(200)
    expect(accessToken).not.toBe(held.accessToken)
  })

  test('neither rotates nor revokes: the same refresh tokens work after it as they would have before', async () => {
    const first = await parseTokens(await authenticate())
    const second = await parseTokens(await server.refresh(vendor.apiKey, first.refreshToken))
    const plan = await setSunset()
    const [{ startsAt, endsAt } = { startsAt: 0, endsAt: 0 }] = plan.brownouts
    server.clock.set(startsAt + MINUTE_MS)
    expect((await send(second.accessToken)).status).toBe(401)
    const grants = () => readRows('grants')
    const before = await grants()
    for (let n = 0; n < 5; n++) {
      for (const token of [first.refreshToken, second.refreshToken]) {
        expect((await server.refresh(vendor.apiKey, token)).status).toBe(503)
      }
    }
    expect(await grants()).toEqual(before)
    server.clock.set(endsAt)
    const third = await parseTokens(await server.refresh(vendor.apiKey, second.refreshToken))
    expect((await send(third.accessToken)).status).toBe(200)
    const again = await server.refresh(vendor.apiKey, third.refreshToken)
    expect(again.status).toBe(200)
  })

  test('counts as no failure of the address: it never locks the vendor out', async () => {
    const address = '198.51.100.77'
    const { refreshToken } = await parseTokens(await authenticate())
    const now = server.clock()
    await setSunset({ brownouts: [{ startsAt: now, endsAt: now + HOUR_MS }] })
    const body = JSON.stringify({ apiKey: vendor.apiKey, refreshToken })
    for (let n = 0; n < 200; n++) {
      expect((await server.call('/auth/refreshToken', { body, address })).status).toBe(503)
    }
    const wrong = { body: JSON.stringify({ apiKey: vendor.apiKey, secret: 'wrong' }), address }
    expect((await server.call('/auth/authenticate', wrong)).status).toBe(401)
  })

  test('refuses the token endpoint for a legacy key, in the words of the standard', async () => {
    const now = server.clock()
    await setSunset({ brownouts: [{ startsAt: now, endsAt: now + HOUR_MS }] })
    const credential = { client_id: vendor.apiKey, client_secret: vendor.secret ?? '' }
    const answer = await postForm(server, STANDARD_TOKEN_PATH, credential)
    expect([answer.status, answer.headers.get('retry-after'), answer.body]).toEqual([
      503,
      '3600',
      { error: 'invalid_request', error_description: 'Try again in 3600 seconds.' },
    ])
  })

  test('is recorded in the audit, so that explain shows it', async () => {
    const now = server.clock()
    await setSunset({ brownouts: [{ startsAt: now, endsAt: now + HOUR_MS }] })
    const answer = await authenticate()
    await server.flushAuditEvents()
    const { decisions } = unwrap(
      await server.audit.explain(answer.headers.get('x-request-id') ?? ''),
    )
    expect(decisions).toMatchObject([
      {
        action: 'key.refused',
        facts: { reason: 'brownout', retryAfterSeconds: 3600, surface: 'exchange' },
        sentence: 'A planned brownout refused the key, for another 3600 seconds.',
        key: { id: vendor.keyId },
      },
    ])
  })
})

describe('after its sunset, a key', () => {
  test('is refused as a revoked one is, with its tokens, until the sunset is cancelled', async () => {
    const plan = await setSunset({ brownouts: [] })
    server.clock.set(plan.sunsetAt - 1)
    const { accessToken, refreshToken } = await parseTokens(await authenticate())
    expect((await send(accessToken)).status).toBe(200)
    server.clock.set(plan.sunsetAt)
    expect(await readResponse(await authenticate())).toEqual(INVALID_REQUEST)
    const refreshed = await readResponse(await server.refresh(vendor.apiKey, refreshToken))
    expect(refreshed).toEqual({
      ...INVALID_REQUEST,
      headers: { ...INVALID_REQUEST.headers, ...expectedHeaders(plan) },
    })
    const sent = await send(accessToken)
    expect([sent.status, pick(sent)]).toEqual([401, expectedHeaders(plan)])
    const credential = { client_id: vendor.apiKey, client_secret: vendor.secret ?? '' }
    expect(await postForm(server, STANDARD_TOKEN_PATH, credential)).toMatchObject({
      status: 400,
      body: { error: 'invalid_client' },
    })

    unwrap(await server.sunsets.cancel(plan.id))
    expect((await authenticate()).status).toBe(200)
    expect((await send(accessToken)).status).toBe(200)
    expect((await server.refresh(vendor.apiKey, refreshToken)).status).toBe(200)
  })

  test('is explained: the reason is its sunset, and the advice names the command to cancel it', async () => {
    const plan = await setSunset({ brownouts: [] })
    server.clock.set(plan.sunsetAt)
    const answer = await authenticate()
    await server.flushAuditEvents()
    const { decisions } = unwrap(
      await server.audit.explain(answer.headers.get('x-request-id') ?? ''),
    )
    expect(decisions).toMatchObject([
      {
        facts: { reason: 'key_retired', keyId: vendor.keyId },
        sentence: 'The sunset of the key has passed.',
        advice: expect.stringContaining(`latchkey sunset list --account ${vendor.accountId}`),
      },
    ])
  })

  test('keeps a source whose own sunset is later, and other accounts, as they were', async () => {
    const other = await seedKey(server)
    const plan = await setSunset({ brownouts: [] })
    const later = await setSunset({
      sourceId: vendor.sourceId,
      sunsetAt: plan.sunsetAt + DAY_MS,
      brownouts: [],
    })
    server.clock.set(plan.sunsetAt)
    expect((await authenticate()).status).toBe(200)
    expect((await server.authenticate(other.apiKey, other.secret ?? '')).status).toBe(200)
    server.clock.set(later.sunsetAt)
    expect((await authenticate()).status).toBe(401)
  })

  test('is judged by the clock of this server: a clock that is set back undoes the sunset', async () => {
    const plan = await setSunset({ brownouts: [] })
    server.clock.set(plan.sunsetAt)
    expect((await authenticate()).status).toBe(401)
    server.clock.set(plan.sunsetAt - MINUTE_MS)
    expect((await authenticate()).status).toBe(200)
  })
})

const readRows = (table: string) =>
  server.parts.runtime.engine.read({ sql: `SELECT * FROM ${table} ORDER BY id`, values: [] })
