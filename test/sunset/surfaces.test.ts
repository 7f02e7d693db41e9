import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { LegacyKeyType } from '../../src/domain/sunset.ts'
import {
  createBasicHeaders,
  createXdentHeaders,
  seedOwnerKey,
  seedSiteKey,
} from '../support/key-seeds.ts'
import { seedCustomerKey, seedDeveloper } from '../support/opendental.ts'
import { readResponse, readResponseWithoutId } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../support/time.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

/* The retirement of keys that come with every request, and of those behind a proxy. */

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
beforeAll(async () => {
  upstream = await startHttpUpstream((request, response) => {
    if (request.url?.endsWith('/old')) response.writeHead(200, UPSTREAM_HEADERS)
    response.end('ok')
  })
  server = await createTestServer({
    LATCHKEY_UPSTREAM_FHIR: upstream.url,
    LATCHKEY_UPSTREAM_HL7: upstream.url,
    LATCHKEY_UPSTREAM_MPPS: upstream.url,
    LATCHKEY_UPSTREAM_OPENDENTAL: upstream.url,
    LATCHKEY_UPSTREAM_XDENT: upstream.url,
    LATCHKEY_UPSTREAM_PRACTICE: upstream.url,
  })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

/** An upstream that announces its own retirement. */
const UPSTREAM_HEADERS = {
  Deprecation: '@1',
  Sunset: 'Thu, 01 Jan 1970 00:00:01 GMT',
  Link: '</fhir/Patient?page=2>; rel="next"',
}

interface Credential {
  readonly accountId: string
  readonly headers: Record<string, string>
}

interface SurfaceCase {
  readonly name: string
  readonly keyType: LegacyKeyType
  readonly seed: () => Promise<Credential>
  readonly method: string
  readonly path: string
  /** The body of a refusal after the sunset, with its status, and that of a brownout of an hour. */
  readonly retired: readonly [number, string]
  readonly brownout: string
}

const seedXenrad = async () => {
  const { accountId, secret } = await seedSiteKey(server)
  return { accountId, headers: { 'X-API-Key': secret ?? '' } }
}
const seedXdent = async () => {
  const { accountId, publicId, secret } = await seedOwnerKey(server, 'xdent')
  return { accountId, headers: createXdentHeaders(publicId, secret ?? '') }
}
const seedPractice = async () => {
  const { accountId, username, secret } = await seedOwnerKey(server, 'practice')
  return { accountId, headers: createBasicHeaders(username, secret ?? '') }
}
const TEXT = 'Keys of this kind are being retired.'
const formatOutcome = (code: string, text: string) =>
  `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"${code}","details":{"text":"${text}"}}]}`

const CASES: readonly SurfaceCase[] = [
  {
    name: 'FHIR',
    keyType: 'xenrad',
    seed: seedXenrad,
    method: 'GET',
    path: '/fhir/Patient/1',
    retired: [401, formatOutcome('expired', 'The API key has expired.')],
    brownout: formatOutcome('transient', `${TEXT} Try again in 3600 seconds.`),
  },
  {
    name: 'HL7',
    keyType: 'xenrad',
    seed: seedXenrad,
    method: 'POST',
    path: '/v2/ingest',
    retired: [401, 'The API key has expired.'],
    brownout: `${TEXT} Try again in 3600 seconds.`,
  },
  {
    name: 'MPPS',
    keyType: 'xenrad',
    seed: seedXenrad,
    method: 'POST',
    path: '/ingest',
    retired: [401, '{"success":false,"error":"The API key has expired."}'],
    brownout: `{"success":false,"error":"${TEXT} Try again in 3600 seconds."}`,
  },
  {
    name: 'Open Dental data',
    keyType: 'opendental',
    async seed() {
      const developer = await seedDeveloper(server)
      const { headers } = await seedCustomerKey(server, developer)
      return { accountId: developer.accountId, headers }
    },
    method: 'GET',
    path: '/api/v1/patients',
    retired: [401, '"API key has expired."'],
    brownout: `"${TEXT} Seconds until you may try again: 3600."`,
  },
  {
    name: 'the Open Dental list of keys',
    keyType: 'opendental-portal',
    async seed() {
      const { accountId, portalHeaders } = await seedDeveloper(server)
      return { accountId, headers: portalHeaders }
    },
    method: 'GET',
    path: '/apikeys',
    retired: [401, '"API key has expired."'],
    brownout: `"${TEXT} Seconds until you may try again: 3600."`,
  },
  ...['/api/v1/Identity', '/api/v1/patients'].map((path) => ({
    name: `XDENT ${path}`,
    keyType: 'xdent' as const,
    seed: seedXdent,
    method: 'GET',
    path,
    retired: [401, '{"Code":"API_KEY_DISABLED","Message":"This key has expired."}'] as const,
    brownout: `{"Code":"SERVICE_UNAVAILABLE","Message":"${TEXT} Please try again later."}`,
  })),
  ...['/practice/v1/me', '/practice/v1/patients'].map((path) => ({
    name: `practice ${path}`,
    keyType: 'practice' as const,
    seed: seedPractice,
    method: 'GET',
    path,
    retired: [401, '{"error":"key_expired","message":"This key has expired."}'] as const,
    brownout: `{"error":"brownout","message":"${TEXT} Try again in 3600 seconds."}`,
  })),
]

const URL_TEXT = 'https://clinic.example/move'
const LINK = `<${URL_TEXT}>; rel="deprecation", <${URL_TEXT}>; rel="sunset"`

describe.each(CASES)('$name', ({ keyType, seed, method, path, retired, brownout }) => {
  let credential: Credential
  beforeEach(async () => {
    credential = await seed()
  })
  const call = (to = path, headers = credential.headers) => server.call(to, { method, headers })
  const setSunset = async (brownouts: readonly { startsAt: number; endsAt: number }[] = []) =>
    unwrap(
      await server.sunsets.set({
        accountId: credential.accountId,
        keyType,
        sunsetAt: server.clock() + DAY_MS,
        documentationUrl: URL_TEXT,
        brownouts,
      }),
    )
  const expectedHeaders = (plan: { deprecatedAt: number; sunsetAt: number }) => ({
    deprecation: `@${Math.floor(plan.deprecatedAt / 1000)}`,
    sunset: new Date(plan.sunsetAt).toUTCString(),
    link: LINK,
  })

  test('announces the sunset to the holder of the key, and changes nothing else', async () => {
    const read = async () => {
      const { headers, ...rest } = await readResponseWithoutId(await call())
      // The upstream's clock goes on.
      const { date, ...others } = headers
      return { ...rest, headers: others as Record<string, string> }
    }
    const before = await read()
    // An Open Dental-style key may send one request in a second.
    server.clock.advance(SECOND_MS)
    const plan = await setSunset()
    const after = await read()
    const { deprecation, sunset, link, ...others } = after.headers
    expect({ deprecation, sunset, link }).toEqual(expectedHeaders(plan))
    expect({ ...after, headers: others }).toEqual(before)
  })

  test('answers strangers as without a sunset', async () => {
    const guess = Object.fromEntries(
      Object.entries(credential.headers).map(([name, value]) => [
        name,
        name === 'Authorization' && value.startsWith('Basic ')
          ? `Basic ${Buffer.from(`${atob(value.slice(6))}x`).toString('base64')}`
          : `${value}x`,
      ]),
    )
    const before = await readResponseWithoutId(await call(path, guess))
    await setSunset([{ startsAt: server.clock(), endsAt: server.clock() + HOUR_MS }])
    expect(await readResponseWithoutId(await call(path, guess))).toEqual(before)
    expect(before.headers).not.toHaveProperty('sunset')
  })

  test('answers 503 in a brownout, in its own words, and works after it', async () => {
    const now = server.clock()
    const plan = await setSunset([{ startsAt: now, endsAt: now + HOUR_MS }])
    const { status, headers, body } = await readResponse(await call())
    expect({ status, body }).toEqual({ status: 503, body: brownout })
    expect(headers).toMatchObject({ 'retry-after': '3600', ...expectedHeaders(plan) })
    const forwarded = await server.call('/forward-auth', {
      method,
      headers: { ...credential.headers, 'X-Original-Uri': path },
    })
    expect(forwarded.status).toBe(503)
    server.clock.advance(HOUR_MS)
    expect((await call()).status).toBeLessThan(400)
  })

  test('refuses the key after the sunset as an expired one, until the sunset is cancelled', async () => {
    const plan = await setSunset()
    server.clock.set(plan.sunsetAt)
    const { status, headers, body } = await readResponse(await call())
    expect([status, body]).toEqual(retired)
    expect(headers).toMatchObject(expectedHeaders(plan))
    unwrap(await server.sunsets.cancel(plan.id))
    expect((await call()).status).toBeLessThan(400)
  })
})

test('an upstream’s own sunset gives way to that of the key, and its links stay', async () => {
  const { accountId, headers } = await seedXenrad()
  const get = async () => {
    const answer = await server.call('/fhir/Patient/old', { method: 'GET', headers })
    return ['deprecation', 'sunset', 'link'].map((name) => answer.headers.get(name))
  }
  const { Deprecation, Sunset, Link } = UPSTREAM_HEADERS
  expect(await get()).toEqual([Deprecation, Sunset, Link])
  const sunsetAt = server.clock() + DAY_MS
  const target = { accountId, keyType: 'xenrad', sunsetAt, documentationUrl: URL_TEXT } as const
  unwrap(await server.sunsets.set(target))
  expect(await get()).toEqual([
    `@${Math.floor(server.clock() / 1000)}`,
    new Date(sunsetAt).toUTCString(),
    `${Link}, ${LINK}`,
  ])
})
