import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type SiteKey, seedSiteKey } from '../support/key-seeds.ts'
import { REQUEST_ID_PATTERN, readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'
import {
  expectedInvalidKey,
  expectedXenradRefusal,
  SURFACE_REQUESTS,
  XENRAD_CHALLENGE,
  XENRAD_SURFACE_NAMES,
  type XenradSurfaceName,
} from '../support/xenrad.ts'

const HERE = '203.0.113.7'
const ELSEWHERE = '198.51.100.1'

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
let key: SiteKey
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({
    LATCHKEY_UPSTREAM_FHIR: `${upstream.url}/r4`,
    LATCHKEY_UPSTREAM_HL7: `${upstream.url}/engine`,
    LATCHKEY_UPSTREAM_MPPS: upstream.url,
  })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})
beforeEach(async () => {
  key = await seedSiteKey(server)
})

interface Sent {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly address?: string
}

const send = (path: string, { headers = {}, ...init }: Sent = {}) =>
  server.call(path, { address: HERE, headers: { 'X-API-Key': key.secret, ...headers }, ...init })

/** The request as the upstream has received it. */
const readReceived = (answer: Response) => {
  expect(answer.status).toBe(200)
  const last = upstream.requests.at(-1)
  return {
    method: last?.method,
    url: last?.url,
    headers: Object.fromEntries(last?.headers ?? []),
    body: last?.body.toString(),
  }
}

const requestStatus = async (surface: XenradSurfaceName, secret: string, init: Sent = {}) => {
  const { path, method } = SURFACE_REQUESTS[surface]
  const headers = { 'X-API-Key': secret, ...init.headers }
  return (await server.call(path, { address: HERE, method, ...init, headers })).status
}

test('one Xenrad key opens every surface of its site, and the upstream gets its identity but not the key', async () => {
  const targets = []
  for (const surface of XENRAD_SURFACE_NAMES) {
    const { path, method } = SURFACE_REQUESTS[surface]
    const { url, headers } = readReceived(await send(path, { method }))
    targets.push(url)
    expect(headers).toMatchObject({
      'x-latchkey-account': key.accountId,
      'x-latchkey-site': key.siteId,
      'x-latchkey-key': key.publicId,
      'x-latchkey-owner': key.ownerId,
      'x-latchkey-key-type': 'xenrad',
      'x-forwarded-for': HERE,
    })
    expect(JSON.stringify(headers)).not.toContain(key.secret)
  }
  expect(targets).toEqual([
    '/r4/fhir/Patient/1',
    '/engine/v2/ingest',
    '/engine/v3/ingest',
    '/ingest',
  ])
})

test('a site id that a Xenrad caller sends in a header is ignored', async () => {
  const other = await seedSiteKey(server)
  const headers = { 'X-Latchkey-Site': other.siteId, X_Latchkey_Site: other.siteId }
  const seenByUpstream = readReceived(await send('/fhir/Patient', { method: 'GET', headers }))
  expect(seenByUpstream.headers['x-latchkey-site']).toBe(key.siteId)
  expect(JSON.stringify(seenByUpstream)).not.toContain(other.siteId)
})

test.each([
  ['/ingest', 'application/json', '{"sop_instance_uid":"1.2","site_id":"another","status":""}'],
  ['/ingest', 'application/json', '{ not JSON, \u0000 and 🩻'],
  ['/v2/ingest', 'text/plain', 'MSH|^~\\&|RIS|Elsewhere|||20260102||ADT^A99|1|P|2.5\rPID|1\r'],
  ['/v2/ingest', 'text/plain', 'MSH|^~\\&|\r\nPID|1\r\n\n'],
  ['/v3/ingest', 'application/xml', '<?xml version="1.0"?><PRPA_IN201301UV02 site="another"/>'],
  ['/fhir/Patient', 'application/fhir+json', '{"resourceType":"Patient","meta":{"source":"x"}}'],
])('a body posted to %s reaches the upstream unchanged, valid or not', async (path, type, body) => {
  const sent = readReceived(await send(path, { headers: { 'Content-Type': type }, body }))
  expect([sent.method, sent.body, sent.headers['content-type']]).toEqual(['POST', body, type])
})

describe('Xenrad FHIR', () => {
  test.each([
    ['GET', '/fhir'],
    ['GET', '/fhir?_summary=true'],
    ['GET', '/fhir/Patient?name=M%C3%BCller&_count=2'],
    ['GET', '/fhir/Patient/1/_history/2'],
    ['POST', '/fhir/Patient/_search'],
    ['PUT', '/fhir/Patient/1'],
  ])('%s %s is forwarded', async (method, path) => {
    const { url, method: got } = readReceived(await send(path, { method }))
    expect([got, url]).toEqual([method, `/r4${path}`])
  })

  test('HEAD is forwarded', async () => {
    expect((await send('/fhir/Patient/1', { method: 'HEAD' })).status).toBe(200)
  })

  test.each(['DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])(
    '%s is answered with 405, with or without a key',
    async (method) => {
      for (const path of ['/fhir', '/fhir/Patient/1', '/fhir/metadata']) {
        const expectedAnswer = expectedXenradRefusal(
          'fhir',
          405,
          'not-supported',
          `${method} is not supported here.`,
          {
            allow: 'GET, HEAD, POST, PUT',
          },
        )
        expect(await readResponse(await send(path, { method }))).toEqual(expectedAnswer)
        expect(await readResponse(await server.call(path, { method }))).toEqual(expectedAnswer)
      }
    },
  )

  test.each(['/fhirs', '/FHIR/Patient', '/v2', '/v2/ingest/', '/v4/ingest', '/ingest/1'])(
    '%s is answered with 404',
    async (path) => {
      expect((await send(path)).status).toBe(404)
    },
  )

  test.each([
    ['no key', {}],
    ['a good key', { 'X-API-Key': 'good' }],
    ['a bad key', { 'X-API-Key': 'x'.repeat(43) }],
    ['an identity of its own', { 'X-Latchkey-Site': 'site', 'X-Latchkey-Key': 'key' }],
  ])(
    'metadata is public, and a request with %s reaches the upstream without an identity',
    async (_, credential) => {
      const headers: Record<string, string> = { ...credential }
      if (headers['X-API-Key'] === 'good') headers['X-API-Key'] = key.secret
      const answer = await server.call('/fhir/metadata?_format=json', { method: 'GET', headers })
      const { url, headers: read } = readReceived(answer)
      expect(url).toBe('/r4/fhir/metadata?_format=json')
      expect(Object.keys(read).filter((name) => /latchkey|key|authorization/.test(name))).toEqual(
        [],
      )
      expect(read['x-request-id']).toMatch(REQUEST_ID_PATTERN)
    },
  )

  test.each([
    ['POST', '/fhir/metadata'],
    ['PUT', '/fhir/metadata'],
    ['GET', '/fhir/metadata/'],
    ['GET', '/fhir/metadata/1'],
    ['GET', '/fhir//metadata'],
    ['POST', '/fhir/.well-known/smart-configuration'],
    ['GET', '/fhir/.well-known/other'],
    ['GET', '/fhir/metadata;x'],
    ['GET', '/fhir/metadata%2f'],
    ['GET', '/fhir/%6detadata'],
    ['GET', '/fhir/Metadata'],
    ['GET', '/fhir'],
  ])('only the exact metadata paths are public: %s %s needs a key', async (method, path) => {
    expect(await readResponse(await server.call(path, { method }))).toEqual(
      expectedXenradRefusal(
        'fhir',
        401,
        'login',
        'An API key is needed: send it in the X-API-Key header.',
        XENRAD_CHALLENGE,
      ),
    )
  })
})

describe('Xenrad messages', () => {
  const messages = ['hl7 v2', 'hl7 v3', 'mpps'] as const

  test.each(messages)('%s accepts only POST, with or without a key', async (surface) => {
    const { path } = SURFACE_REQUESTS[surface]
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const expectedAnswer = expectedXenradRefusal(
        surface,
        405,
        'not-supported',
        `${method} is not supported here.`,
        {
          allow: 'POST',
        },
      )
      expect(await readResponse(await send(path, { method }))).toEqual(expectedAnswer)
      expect(await readResponse(await server.call(path, { method }))).toEqual(expectedAnswer)
    }
    expect((await send(path, { method: 'HEAD' })).status).toBe(405)
  })

  test.each([
    ['/v2/ingest', 'text/plain'],
    ['/v2/ingest', 'text/plain; charset=utf-8'],
    ['/v2/ingest', 'Text/Plain;charset=ISO-8859-1'],
    ['/v2/ingest', 'application/hl7-v2'],
    ['/v2/ingest', 'Application/HL7-v2; charset=utf-8'],
    ['/v2/ingest', 'application/hl7-v2+er7'],
    ['/v2/ingest', 'application/hl7-v2+er7 ; charset=utf-8'],
    ['/v2/ingest', 'x-application/hl7-v2+er7'],
    ['/v2/ingest', ''],
    ['/v3/ingest', 'application/xml'],
    ['/v3/ingest', 'text/xml'],
    ['/v3/ingest', 'application/hl7-v3+xml'],
    ['/v3/ingest', ''],
    ['/ingest', 'application/json'],
    ['/ingest', 'application/json; charset=utf-8'],
    ['/ingest', ''],
  ])('%s accepts the Content-Type %j', async (path, type) => {
    const headers = { 'Content-Type': type }
    expect(readReceived(await send(path, { headers })).method).toBe('POST')
  })

  const V2 = [
    'text/plain',
    'application/hl7-v2',
    'application/hl7-v2+er7',
    'x-application/hl7-v2+er7',
  ]
  test.each([
    ['hl7 v2', V2, 'application/json'],
    ['hl7 v2', V2, 'application/xml'],
    ['hl7 v2', V2, 'text/plainest'],
    ['hl7 v2', V2, 'text/plain, text/plain'],
    ['hl7 v2', V2, 'application/x-www-form-urlencoded'],
    ['mpps', ['application/json'], 'text/plain'],
    ['mpps', ['application/json'], 'application/x-www-form-urlencoded'],
  ] as const)('%s accepts %j, and refuses %s', async (surface, types, type) => {
    const { path } = SURFACE_REQUESTS[surface]
    const headers = { 'Content-Type': type }
    expect(await readResponse(await send(path, { headers }))).toEqual(
      expectedXenradRefusal(
        surface,
        415,
        'not-supported',
        `The Content-Type must be ${types.join(' or ')}.`,
        {
          accept: types.join(', '),
        },
      ),
    )
    // Without a valid key the response names only the key, never the Content-Type.
    const stranger = { headers: { ...headers, 'X-API-Key': 'x'.repeat(43) } }
    expect(await readResponse(await server.call(path, stranger))).toEqual(
      expectedInvalidKey(surface),
    )
  })
})

describe('the life cycle of a Xenrad key', () => {
  test.each(XENRAD_SURFACE_NAMES)(
    'a revocation takes effect at the next request: %s',
    async (surface) => {
      expect(await requestStatus(surface, key.secret)).toBe(200)
      unwrap(await server.keys.revoke(key.keyId))
      expect(await requestStatus(surface, key.secret)).toBe(401)
      expect(unwrap(await server.keys.find(key.keyId)).status).toBe('revoked')
    },
  )

  test('a new key works beside the old key until the old key is revoked', async () => {
    const { secret } = unwrap(
      await server.keys.create({
        keyType: 'xenrad',
        ownerId: key.ownerId,
        siteId: key.siteId,
        name: 'PACS, new',
      }),
    )
    expect([await requestStatus('mpps', key.secret), await requestStatus('mpps', secret)]).toEqual([
      200, 200,
    ])
    unwrap(await server.keys.revoke(key.keyId))
    expect([await requestStatus('mpps', key.secret), await requestStatus('mpps', secret)]).toEqual([
      401, 200,
    ])
  })

  test('both secrets work during the overlap of a rotation, and only the new one afterwards', async () => {
    const { secret } = unwrap(await server.keys.rotateSecret(key.keyId, { overlapMs: 60_000 }))
    const readBothStatuses = async () => [
      await requestStatus('hl7 v2', key.secret),
      await requestStatus('hl7 v2', secret),
    ]
    expect(await readBothStatuses()).toEqual([200, 200])
    server.clock.advance(59_999)
    expect(await readBothStatuses()).toEqual([200, 200])
    server.clock.advance(1)
    expect(await readBothStatuses()).toEqual([401, 200])
  })

  test('the old secret ends at once when a rotation has no overlap', async () => {
    const { secret } = unwrap(await server.keys.rotateSecret(key.keyId, {}))
    expect([await requestStatus('fhir', key.secret), await requestStatus('fhir', secret)]).toEqual([
      401, 200,
    ])
  })

  test('the last use is recorded, but not for refused requests or requests without a key', async () => {
    const readLastUsed = async () => {
      await server.flushCounters()
      return unwrap(await server.keys.find(key.keyId)).lastUsedAt
    }
    await send('/fhir/metadata', { method: 'GET' })
    await send('/fhir/Patient/1', { method: 'DELETE' })
    await requestStatus('fhir', `${key.secret}x`)
    expect(await readLastUsed()).toBeNull()
    server.clock.advance(5_000)
    await requestStatus('fhir', key.secret)
    expect(await readLastUsed()).toBe(server.clock())
  })
})

describe('the IP allowlist of a Xenrad account', () => {
  const addNetworkAndRequest = async (network: string) => {
    unwrap(await server.ipAllowlist.add({ accountId: key.accountId, network }))
    unwrap(await server.ipAllowlist.setEnforced(key.accountId, true))
  }

  test('applies to every surface from the next request on', async () => {
    await addNetworkAndRequest('203.0.113.0/24')
    for (const surface of XENRAD_SURFACE_NAMES) {
      const requestFrom = (address: string) => requestStatus(surface, key.secret, { address })
      expect([await requestFrom(HERE), await requestFrom(ELSEWHERE)]).toEqual([200, 403])
    }
    unwrap(await server.ipAllowlist.setEnforced(key.accountId, false))
    expect(await requestStatus('fhir', key.secret, { address: ELSEWHERE })).toBe(200)
  })

  test('ignores X-Forwarded-For without a trusted proxy, and the header reaches no upstream', async () => {
    await addNetworkAndRequest(HERE)
    const headers = { 'X-Forwarded-For': HERE, 'X-Real-IP': HERE, Forwarded: `for=${HERE}` }
    expect(await requestStatus('fhir', key.secret, { address: ELSEWHERE, headers })).toBe(403)
    const spoofed = { 'X-Forwarded-For': ELSEWHERE }
    const init = { method: 'GET', headers: spoofed }
    expect(readReceived(await send('/fhir/Patient', init)).headers['x-forwarded-for']).toBe(HERE)
  })
})

test('forward-auth answers for Xenrad keys in the format of the guarded path', async () => {
  const askForwardAuth = (secret: string, uri: string) =>
    server.call('/forward-auth/xenrad', {
      method: 'GET',
      headers: { 'X-API-Key': secret, 'X-Forwarded-Uri': uri },
    })
  const admitted = await askForwardAuth(key.secret, '/v2/ingest')
  expect([admitted.status, admitted.headers.get('x-latchkey-site')]).toEqual([200, key.siteId])
  for (const surface of XENRAD_SURFACE_NAMES) {
    const refused = await askForwardAuth('x'.repeat(43), SURFACE_REQUESTS[surface].path)
    expect(await readResponse(refused)).toEqual(expectedInvalidKey(surface))
  }
  // Also one with a dot, although XDENT's keys have one too and come in the same header.
  const imported = await seedSiteKey(server, { secret: 'imported.from.elsewhere' })
  for (const { secret, siteId } of [key, imported]) {
    const { status, headers } = await server.call('/forward-auth', {
      headers: { 'X-API-Key': secret },
    })
    expect([status, headers.get('x-latchkey-site')]).toEqual([200, siteId])
  }
})
