import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCredentialHeaders, seedOwnerKey, seedSiteKey } from '../../support/key-seeds.ts'
import { seedCustomerKey, seedDeveloper } from '../../support/opendental.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
  unwrap,
} from '../../support/server.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'

/** The body of upstream and destination errors: it must not reach the audit. */
const HEALTH_DATA = 'MRN 0000000003, Timothy Bixby'
const HERE = '203.0.113.7'

const startRefusingUpstream = () =>
  startHttpUpstream((_, response) => {
    response.statusCode = 403
    response.end(HEALTH_DATA)
  })

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
/** One request of a key within five minutes, and services behind that refuse all. */
let server: TestServer
/** Nothing stands behind any surface. */
let bare: TestServer
/** The upstreams cannot be reached. */
let cut: TestServer

const UPSTREAMS = ['FHIR', 'HL7', 'MPPS', 'OPENDENTAL', 'XDENT', 'PRACTICE']
const createUpstreamSettings = (url: string) =>
  Object.fromEntries(UPSTREAMS.map((name) => [`LATCHKEY_UPSTREAM_${name}`, url]))

beforeAll(async () => {
  upstream = await startRefusingUpstream()
  const closed = await startRefusingUpstream()
  closed.close()
  server = await createTestServer({
    ...createUpstreamSettings(upstream.url),
    LATCHKEY_QUOTA_REQUESTS: '1',
  })
  bare = await createTestServer()
  cut = await createTestServer(createUpstreamSettings(closed.url))
})
afterAll(async () => {
  await Promise.all([server.close(), bare.close(), cut.close()])
  upstream.close()
})

interface Presented {
  readonly keyId: string
  readonly accountId: string
  readonly headers: Record<string, string>
}
interface SeedInput {
  readonly access?: 'read'
}

/** Every kind of key that comes with each request, by the surface that it is sent to. */
const seedPresentedSiteKey = async (at: TestServer, input: SeedInput): Promise<Presented> => {
  const key = await seedSiteKey(at, input)
  return { ...key, headers: { 'X-API-Key': key.secret } }
}
const createOwnerKeySeeder =
  (keyType: 'xdent' | 'practice') => async (at: TestServer, input: SeedInput) => {
    const key = await seedOwnerKey(at, keyType, input)
    return { ...key, headers: createCredentialHeaders[keyType](key) }
  }
const seedOfficeKey = async (at: TestServer, input: SeedInput): Promise<Presented> => {
  const developer = await seedDeveloper(at)
  const { keyId, headers } = await seedCustomerKey(at, developer, input)
  return { keyId, accountId: developer.accountId, headers }
}

const SURFACES = [
  { surface: 'FHIR', keyType: 'xenrad', path: '/fhir/Patient', seed: seedPresentedSiteKey },
  { surface: 'HL7 v2', keyType: 'xenrad', path: '/v2/ingest', seed: seedPresentedSiteKey },
  { surface: 'HL7 v3', keyType: 'xenrad', path: '/v3/ingest', seed: seedPresentedSiteKey },
  { surface: 'MPPS', keyType: 'xenrad', path: '/ingest', seed: seedPresentedSiteKey },
  { surface: 'Open Dental', keyType: 'opendental', path: '/api/v1/patients', seed: seedOfficeKey },
  {
    surface: 'XDENT',
    keyType: 'xdent',
    path: '/api/v1/Patients',
    seed: createOwnerKeySeeder('xdent'),
  },
  {
    surface: 'practice',
    keyType: 'practice',
    path: '/practice/v1/patients',
    seed: createOwnerKeySeeder('practice'),
  },
] as const

const send = (at: TestServer, path: string, headers: Record<string, string>, body?: string) =>
  at.call(path, { method: 'POST', headers, ...(body !== undefined && { body }) })

/** Lets the account's keys in from elsewhere alone. */
async function closeAddress(at: TestServer, accountId: string) {
  unwrap(await at.ipAllowlist.add({ accountId, network: '198.51.100.0/24' }))
  unwrap(await at.ipAllowlist.setEnforced(accountId, true))
}

/** Asserts that the audit records the refused actor and the exact error text of the response. */
async function expectRecordedRefusal(
  at: TestServer,
  answer: Response,
  key: { keyId: string; accountId: string },
  status: number,
  reason: string,
  surface: string,
) {
  const body = await answer.text()
  await at.flushAuditEvents()
  expect(answer.status).toBe(status)
  const requestId = answer.headers.get('X-Request-Id') ?? ''
  expect(unwrap(await at.audit.explain(requestId)).decisions).toMatchObject([
    {
      action: 'key.refused',
      subject: key.keyId,
      surface,
      facts: { reason, keyId: key.keyId },
      key: { id: key.keyId, accountId: key.accountId },
      answer: { status, body },
    },
  ])
  const [event] = await at.audit.list({ accountId: key.accountId, action: 'key.refused', limit: 1 })
  expect(event).toMatchObject({ requestId, subject: key.keyId })
}

describe.each(SURFACES)('a $keyType key that is refused on $surface', ({ keyType, path, seed }) => {
  test('for its pace is audited with its account and the answer', async () => {
    const key = await seed(server, {})
    await send(server, path, key.headers)
    const answer = await send(server, path, key.headers)
    await expectRecordedRefusal(server, answer, key, 429, 'quota_exceeded', keyType)
  })

  test('for its address is audited with its account and the answer', async () => {
    const key = await seed(server, {})
    await closeAddress(server, key.accountId)
    const answer = await send(server, path, key.headers)
    const status = answer.status
    // Open Dental has no 403.
    expect(status).toBe(keyType === 'opendental' ? 401 : 403)
    await expectRecordedRefusal(server, answer, key, status, 'address_refused', keyType)
  })

  test('because it only reads is audited with its account and the answer', async () => {
    const key = await seed(server, { access: 'read' })
    const answer = await send(server, path, key.headers)
    const status = keyType === 'opendental' ? 401 : 403
    await expectRecordedRefusal(server, answer, key, status, 'permission_missing', keyType)
  })

  test('because it has no upstream is audited with its account and the answer', async () => {
    const key = await seed(bare, {})
    const answer = await send(bare, path, key.headers)
    await expectRecordedRefusal(bare, answer, key, 502, 'upstream_missing', keyType)
  })

  test('because its upstream is unreachable is audited with its account and the answer', async () => {
    const key = await seed(cut, {})
    const answer = await send(cut, path, key.headers)
    await expectRecordedRefusal(cut, answer, key, 502, 'upstream_unreachable', keyType)
  })

  test('by its upstream leaves nothing of that answer in the audit', async () => {
    const key = await seed(server, {})
    const answer = await send(server, path, key.headers)
    expect([answer.status, await answer.text()]).toEqual([403, HEALTH_DATA])
    await server.flushAuditEvents()
    const requestId = answer.headers.get('X-Request-Id') ?? ''
    expect((await server.audit.explain(requestId)).ok).toBe(false)
  })
})

describe('a request that this server itself refuses after authentication', () => {
  test.each(SURFACES.filter(({ path }) => !path.endsWith('/ingest')))(
    'for a path that could climb, on $surface',
    async ({ keyType, ...of }) => {
      const key = await of.seed(server, {})
      const answer = await send(server, `${of.path}/%2e%2e;/x`, key.headers)
      await expectRecordedRefusal(server, answer, key, 400, 'field_invalid', keyType)
    },
  )

  test.each(['/v2/ingest', '/ingest'])('for its Content-Type, at %s', async (path) => {
    const key = await seedPresentedSiteKey(server, {})
    const answer = await send(server, path, { ...key.headers, 'Content-Type': 'image/png' }, 'x')
    await expectRecordedRefusal(server, answer, key, 415, 'type_unsupported', 'xenrad')
  })

  test.each([
    [
      'a CustomerKey that is not the developer’s',
      { CustomerKey: 'A'.repeat(16) },
      404,
      'key_unknown',
    ],
    ['a reference that is too long', { DevRefId: 'x'.repeat(500) }, 400, 'reference_invalid'],
  ])('for %s', async (_, change, status, why) => {
    const developer = await seedDeveloper(bare)
    const { secret } = await seedCustomerKey(bare, developer)
    const headers = developer.portalHeaders
    const body = JSON.stringify({ CustomerKey: secret, ...change })
    const answer = await bare.call('/apikeys', { method: 'PUT', headers, body })
    const key = { keyId: developer.portalKeyId, accountId: developer.accountId }
    const requestId = answer.headers.get('X-Request-Id') ?? ''
    await expectRecordedRefusal(bare, answer, key, status, 'customer_key_refused', 'opendental')
    const [decision] = unwrap(await bare.audit.explain(requestId)).decisions
    expect(decision?.facts.why).toBe(why)
  })

  test.each([
    ['data', '/api/v1/patients', 401, 'permission_missing'],
    ['a body, where a new key takes none', '/apikeys', 400, 'field_invalid'],
  ])('for a portal key that asks for %s', async (_, path, status, reason) => {
    const developer = await seedDeveloper(bare)
    const answer = await send(bare, path, developer.portalHeaders, '{"KeyStatus":"Enabled"}')
    const key = { keyId: developer.portalKeyId, accountId: developer.accountId }
    await expectRecordedRefusal(bare, answer, key, status, reason, 'opendental')
  })

  test.each(SURFACES)('for a proxy that guards $surface', async ({ keyType, seed, path }) => {
    const key = await seed(bare, { access: 'read' })
    const headers = { ...key.headers, 'X-Original-Method': 'POST', 'X-Original-URI': path }
    const answer = await bare.call('/forward-auth', { method: 'GET', headers })
    const status = keyType === 'opendental' ? 401 : 403
    await expectRecordedRefusal(bare, answer, key, status, 'permission_missing', 'forward-auth')
  })
})

describe('an access token that is refused', () => {
  async function seedTokenVendor(at: TestServer) {
    const seeded = await seedKey(at)
    const tokens = (await (
      await at.authenticate(seeded.apiKey, seeded.secret)
    ).json()) as TokenResponse
    return { ...seeded, ...tokens }
  }

  test('for its address is audited with its account and the answer', async () => {
    const { accessToken, ...key } = await seedTokenVendor(bare)
    await closeAddress(bare, key.accountId)
    const answer = await bare.endpoint(accessToken, createDeviceNewMessage(key.destinationId))
    await expectRecordedRefusal(bare, answer, key, 401, 'address_refused', 'message')
  })

  test('at the exchange for its address is audited with its account and the answer', async () => {
    const key = await seedTokenVendor(bare)
    await closeAddress(bare, key.accountId)
    const exchanged = await bare.authenticate(key.apiKey, key.secret)
    await expectRecordedRefusal(bare, exchanged, key, 401, 'address_refused', 'exchange')
    const refreshed = await bare.refresh(key.apiKey, key.refreshToken)
    await expectRecordedRefusal(bare, refreshed, key, 401, 'address_refused', 'refresh')
  })

  test('by a destination is audited with its account and this server’s words alone', async () => {
    const { accessToken, ...key } = await seedTokenVendor(bare)
    const { accountId, sourceId } = key
    const input = { accountId, name: 'EMR', url: upstream.url, development: true }
    const { id: destinationId } = unwrap(await bare.destinations.add(input))
    unwrap(await bare.destinations.setVerified(destinationId, true))
    unwrap(await bare.subscriptions.create({ sourceId, destinationId }))
    const query = { DataModel: 'PatientSearch', EventType: 'Query' }
    const answer = await bare.endpoint(accessToken, createDeviceNewMessage(destinationId, query))
    const { status } = answer.clone()
    expect(await answer.clone().text()).not.toContain(HEALTH_DATA)
    await expectRecordedRefusal(bare, answer, key, status, 'destination_failed', 'message')
  })
})

test.each([
  ['/auth/authenticate', 'exchange'],
  ['/auth/refreshToken', 'refresh'],
])('a body at %s that cannot be read is recorded on the surface %s', async (path, surface) => {
  const answer = await bare.call(path, { body: '{', address: HERE })
  await bare.flushAuditEvents()
  const requestId = answer.headers.get('X-Request-Id') ?? ''
  expect(unwrap(await bare.audit.explain(requestId)).decisions).toMatchObject([
    { surface, facts: { reason: 'body_unreadable' }, answer: { body: await answer.text() } },
  ])
})
