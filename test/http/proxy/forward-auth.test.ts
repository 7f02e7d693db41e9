import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createBasicHeaders, seedEveryKeyType } from '../../support/key-seeds.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'

/* A reverse proxy asks /forward-auth whether to pass on the request that it has received. */

let server: TestServer
let keysOfEveryType: Awaited<ReturnType<typeof seedEveryKeyType>>
beforeEach(async () => {
  server = await createTestServer()
  keysOfEveryType = await seedEveryKeyType(server)
})
afterEach(() => server.close())

const findKeyOfType = (keyType: string) => {
  const key = keysOfEveryType.keys.find((one) => one.keyType === keyType)
  if (key === undefined) throw new Error(`there is no ${keyType} key`)
  return key
}
const requestForwardAuth = (
  headers: Record<string, string>,
  path = '/forward-auth',
  method = 'GET',
) => server.call(path, { method, headers })

/** How each credential looks on the request that the proxy guards. */
async function createHeaders(keyType: string): Promise<Record<string, string>> {
  const { publicId, secret } = findKeyOfType(keyType)
  switch (keyType) {
    case 'redox': {
      const tokens = (await (await server.authenticate(publicId, secret)).json()) as {
        accessToken: string
      }
      return { Authorization: `bearer ${tokens.accessToken}` }
    }
    case 'xenrad':
      return { 'X-API-Key': secret }
    case 'opendental': {
      const key = unwrap(await server.keys.find(publicId))
      const site = unwrap(await server.sites.add({ accountId: key.accountId, name: 'Office' }))
      unwrap(await server.keys.assign(publicId, site.id))
      return { Authorization: `ODFHIR ${keysOfEveryType.developerKey}/${secret}` }
    }
    case 'xdent':
      return { 'X-Api-Key': `${publicId}.${secret}` }
    default:
      return createBasicHeaders(keysOfEveryType.username, secret)
  }
}

const KEY_TYPES = ['redox', 'xenrad', 'opendental', 'xdent', 'practice']

describe.each(KEY_TYPES)('a valid credential of %s', (keyType) => {
  test('passes with identity headers', async () => {
    const answer = await requestForwardAuth(await createHeaders(keyType))
    expect(answer.status).toBe(200)
    expect(await answer.text()).toBe('')
    const key = unwrap(await server.keys.find(findKeyOfType(keyType).publicId))
    const told = Object.fromEntries(
      [...answer.headers].filter(([name]) => name.startsWith('x-latchkey-')),
    )
    expect(told).toEqual({
      'x-latchkey-account': key.accountId,
      'x-latchkey-site': key.siteId ?? '',
      'x-latchkey-source': '',
      'x-latchkey-scope': '',
      'x-latchkey-key': key.publicId,
      'x-latchkey-owner': key.ownerId,
      'x-latchkey-key-type': keyType,
    })
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('passes only the authenticator of its own type', async () => {
    const headers = await createHeaders(keyType)
    for (const gate of KEY_TYPES) {
      // One window of its pace for each question.
      server.clock.advance(10_000)
      const { status } = await requestForwardAuth(headers, `/forward-auth/${gate}`)
      expect([gate, status === 200]).toEqual([gate, gate === keyType])
    }
  })

  test('is refused at the next request after its key is revoked', async () => {
    const headers = await createHeaders(keyType)
    unwrap(await server.keys.revoke(findKeyOfType(keyType).publicId))
    expect((await requestForwardAuth(headers)).status).toBe(401)
  })
})

test('a developer’s portal key is refused', async () => {
  const { secret } = findKeyOfType('opendental-portal')
  const answer = await requestForwardAuth({
    Authorization: `ODFHIR ${keysOfEveryType.developerKey}/${secret}`,
  })
  expect(answer.status).toBe(401)
})

describe('a read-only key', () => {
  let headers: Record<string, string>
  beforeEach(async () => {
    headers = await createHeaders('xenrad')
    unwrap(await server.keys.edit(findKeyOfType('xenrad').publicId, { access: 'read' }))
  })

  test.each([
    ['nginx', { 'X-Original-Method': 'POST' }, 'GET'],
    ['Traefik and Caddy', { 'X-Forwarded-Method': 'POST' }, 'GET'],
    ['Envoy', {}, 'POST'],
    ['a caller who adds nginx’s header', { 'X-Original-Method': 'GET' }, 'POST'],
    [
      'a caller who adds the other proxies’ header',
      { 'X-Original-Method': 'POST', 'X-Forwarded-Method': 'GET' },
      'GET',
    ],
    [
      'a caller who adds nginx’s header before Traefik',
      { 'X-Original-Method': 'GET', 'X-Forwarded-Method': 'DELETE' },
      'GET',
    ],
  ])('is refused a write that is requested by %s', async (_, more, method) => {
    const { status } = await requestForwardAuth(
      { ...headers, ...(more as object) },
      '/forward-auth',
      method,
    )
    expect(status).toBe(403)
  })

  test.each([
    'X-HTTP-Method-Override',
    'X-HTTP-Method',
    'X-Method-Override',
    'x_http.method_override',
  ])('is refused a method override by %s', async (name) => {
    for (const method of ['DELETE', 'get, DELETE']) {
      expect((await requestForwardAuth({ ...headers, [name]: method })).status).toBe(403)
    }
    expect((await requestForwardAuth({ ...headers, [name]: 'GET' })).status).toBe(200)
  })

  test('is refused so many method overrides that they are not all read', async () => {
    const overrides = Array.from('!#$%&*+.', (separator) => [`x${separator}method`, 'GET'] as const)
    const few = Object.fromEntries(overrides)
    expect((await requestForwardAuth({ ...headers, ...few })).status).toBe(200)
    expect((await requestForwardAuth({ ...headers, ...few, x_method: 'DELETE' })).status).toBe(403)
  })

  test('is accepted for reading', async () => {
    const { status } = await requestForwardAuth({ ...headers, 'X-Original-Method': 'GET' })
    expect(status).toBe(200)
  })
})

describe('a refusal', () => {
  test('has the format of the surface whose path the proxy guards', async () => {
    const bad = { 'X-API-Key': 'nobody’s-key'.replace('’', '-') }
    const fhir = await requestForwardAuth({ ...bad, 'X-Original-URI': '/fhir/Patient?name=x' })
    expect(fhir.headers.get('content-type')).toContain('application/fhir+json')
    const mpps = await requestForwardAuth({ ...bad, 'X-Forwarded-Uri': '/ingest' })
    expect(await mpps.json()).toMatchObject({ success: false })
    const envoy = await requestForwardAuth(bad, '/forward-auth/xenrad/fhir/Patient')
    expect(envoy.headers.get('content-type')).toContain('application/fhir+json')
  })

  test('has one of the statuses that the proxy accepts', async () => {
    const idAlone = { 'X-Api-Key': `${findKeyOfType('xdent').publicId}.` }
    expect((await requestForwardAuth({ 'X-Api-Key': '' }, '/forward-auth/xdent')).status).toBe(400)
    const told = await requestForwardAuth(
      { 'X-Api-Key': '' },
      '/forward-auth/xdent?statuses=401,403',
    )
    expect(told.status).toBe(403)
    expect((await requestForwardAuth(idAlone, '/forward-auth?statuses=401,403')).status).toBe(401)
  })

  test('of an XDENT KeyId without its secret is in XDENT’s format only for an existing KeyId', async () => {
    const { publicId } = findKeyOfType('xdent')
    for (const path of ['/forward-auth', '/forward-auth/any', '/forward-auth/xdent']) {
      const answer = await requestForwardAuth({ 'X-Api-Key': publicId }, path)
      expect([answer.status, await answer.json()]).toEqual([
        401,
        { Code: 'SECRET_REQUIRED', Message: expect.any(String) },
      ])
    }
    const unknown = await requestForwardAuth({ 'X-Api-Key': 'NOBODYS-KEY-ID' })
    expect(unknown.headers.get('content-type')).toContain('application/fhir+json')
  })

  test('is the only response to ?refusal', async () => {
    const headers = await createHeaders('xdent')
    const now = await requestForwardAuth(headers, '/forward-auth?refusal')
    expect(now.status).toBe(503)
    expect(now.headers.get('retry-after')).toBe('1')
    expect(
      (await requestForwardAuth({ 'X-Api-Key': '' }, '/forward-auth/xdent?refusal')).status,
    ).toBe(400)
  })

  test('is not requested by the query of the guarded request', async () => {
    const headers = await createHeaders('xdent')
    const guarded = '/forward-auth/any/claims?refusal=1&statuses=404'
    expect((await requestForwardAuth(headers, guarded)).status).toBe(200)
    expect((await requestForwardAuth({}, guarded)).status).toBe(401)
    expect((await requestForwardAuth({}, '/forward-auth/any/?statuses=404')).status).toBe(401)
  })

  test('of an unknown type of credential is 404', async () => {
    const headers = await createHeaders('xdent')
    const answer = await requestForwardAuth(headers, '/forward-auth/xdnet')
    expect(answer.status).toBe(404)
    expect(await answer.json()).toEqual({ message: 'There is no such kind of credential.' })
    expect((await requestForwardAuth(headers, '/forward-auth/any/anything')).status).toBe(200)
  })

  test('of a request without a credential has a challenge', async () => {
    const answer = await requestForwardAuth({})
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="Latchkey"')
    expect(await answer.json()).toEqual({ message: 'A credential is needed.' })
  })

  test('counts for the address that a trusted proxy names', async () => {
    await server.close()
    server = await createTestServer({
      LATCHKEY_TRUSTED_PROXIES: '203.0.113.7',
      LATCHKEY_FAILURES_PER_ADDRESS: '3',
    })
    const sendWrongKey = (address: string) =>
      requestForwardAuth(
        { 'X-API-Key': 'guess', 'X-Forwarded-For': address },
        '/forward-auth/xenrad',
      )
    for (let n = 0; n < 3; n++) expect((await sendWrongKey('198.51.100.1')).status).toBe(401)
    expect((await sendWrongKey('198.51.100.1')).status).toBe(429)
    expect((await sendWrongKey('198.51.100.2')).status).toBe(401)
  })
})

// As a Worker is asked: its platform leaves these to it, and a URL of them would lead elsewhere.
test.each([
  'https://latchkey.example/forward-auth/xenrad/%2e%2e/%2E%2e/health',
  'https://latchkey.example/forward-auth/any\\..\\..\\health',
  'https://latchkey.example/forward-auth/any/.%2e\\..\\.well-known/jwks.json',
  '/forward-auth/any/../../health',
])('a path with dot segments is refused in every runtime: %s', async (target) => {
  const answer = await server.app.request(new URL(target, 'https://x').href, {}, { target })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toEqual({ message: 'The path must have no dot segments.' })
})
