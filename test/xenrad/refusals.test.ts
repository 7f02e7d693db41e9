import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SurfaceFailure } from '../../src/domain/failure.ts'
import type { SurfaceDeps } from '../../src/http/vendors/surface-handlers.ts'
import { createXenradRoutes, xenradProtocol } from '../../src/http/vendors/xenrad/surfaces.ts'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { createBrokenServer } from '../support/composed-server.ts'
import { type SiteKey, seedSiteKey } from '../support/key-seeds.ts'
import { readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { HOUR_MS } from '../support/time.ts'
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
const WINDOW_SECONDS = 300

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
/** One request a key and window, so that the next is one too many. */
let server: TestServer
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({
    LATCHKEY_UPSTREAM_FHIR: upstream.url,
    LATCHKEY_UPSTREAM_HL7: upstream.url,
    LATCHKEY_UPSTREAM_MPPS: upstream.url,
    LATCHKEY_QUOTA_REQUESTS: '1',
    LATCHKEY_QUOTA_SECONDS: String(WINDOW_SECONDS),
    LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
  })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

type Headers = Record<string, string>
const send = (
  surface: XenradSurfaceName,
  headers: Headers,
  at: Pick<TestServer, 'call'> = server,
) => {
  const { path, method } = SURFACE_REQUESTS[surface]
  return at.call(path, { method, headers, address: HERE })
}

/** A valid key with one fault, the headers to send, and the expected response. */
interface Row {
  readonly what: string
  readonly breakFixture?: (key: SiteKey) => unknown
  readonly headers?: (key: SiteKey) => Headers
  readonly told: (surface: XenradSurfaceName) => ReturnType<typeof expectedXenradRefusal>
}

const rows: Row[] = [
  {
    what: 'no key',
    headers: () => ({}),
    told: (surface) =>
      expectedXenradRefusal(
        surface,
        401,
        'login',
        'An API key is needed: send it in the X-API-Key header.',
        XENRAD_CHALLENGE,
      ),
  },
  {
    what: 'an unknown key',
    headers: () => ({ 'X-API-Key': 'x'.repeat(43) }),
    told: expectedInvalidKey,
  },
  {
    what: 'a key that is wrong by a letter',
    headers: ({ secret }) => ({ 'X-API-Key': `${secret}x` }),
    told: expectedInvalidKey,
  },
  {
    what: 'a revoked key',
    breakFixture: async ({ keyId }) => unwrap(await server.keys.revoke(keyId)),
    told: expectedInvalidKey,
  },
  {
    what: 'a disabled key',
    breakFixture: async ({ keyId }) => unwrap(await server.keys.disable(keyId)),
    told: expectedInvalidKey,
  },
  {
    what: 'a key of a closed account',
    breakFixture: async ({ accountId }) =>
      unwrap(await server.accounts.setStatus(accountId, 'closed')),
    told: expectedInvalidKey,
  },
  {
    what: 'an expired key',
    breakFixture: () => server.clock.advance(HOUR_MS),
    told: (surface) =>
      expectedXenradRefusal(surface, 401, 'expired', 'The API key has expired.', XENRAD_CHALLENGE),
  },
  {
    what: 'an address that is not in the list',
    breakFixture: async ({ accountId }) => {
      unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.0/24' }))
      unwrap(await server.ipAllowlist.setEnforced(accountId, true))
    },
    told: (surface) =>
      expectedXenradRefusal(
        surface,
        403,
        'forbidden',
        `The API key may not be used from the address ${HERE}.`,
      ),
  },
  {
    what: 'one request too many',
    breakFixture: ({ secret }) => send('fhir', { 'X-API-Key': secret }),
    told: (surface) =>
      expectedXenradRefusal(
        surface,
        429,
        'throttled',
        `Too many requests. Try again in ${WINDOW_SECONDS} seconds.`,
        { 'retry-after': String(WINDOW_SECONDS) },
      ),
  },
]

describe.each(XENRAD_SURFACE_NAMES)('the Xenrad surface %s', (surface) => {
  test.each(rows)('refuses $what', async ({ breakFixture, headers, told }) => {
    const key = await seedSiteKey(server, { expiresAt: server.clock() + HOUR_MS })
    await breakFixture?.(key)
    const sent = headers?.(key) ?? { 'X-API-Key': key.secret }
    expect(await readResponse(await send(surface, sent))).toEqual(told(surface))
  })

  test('accepts a valid key, so that each refused key is refused for its own fault', async () => {
    const { secret } = await seedSiteKey(server, { expiresAt: server.clock() + HOUR_MS })
    expect((await send(surface, { 'X-API-Key': secret })).status).toBe(200)
  })

  test('refuses an address after too many failures, but never a valid key', async () => {
    const guarded = await createTestServer({
      LATCHKEY_FAILURES_PER_ADDRESS: '1',
      LATCHKEY_FAILURES_SECONDS: '60',
    })
    const { secret } = await seedSiteKey(guarded)
    const wrong = { 'X-API-Key': 'x'.repeat(43) }
    expect(await readResponse(await send(surface, wrong, guarded))).toEqual(
      expectedInvalidKey(surface),
    )
    expect(await readResponse(await send(surface, wrong, guarded))).toEqual(
      expectedXenradRefusal(
        surface,
        429,
        'throttled',
        'Too many failures. Try again in 60 seconds.',
        {
          'retry-after': '60',
        },
      ),
    )
    // Let through, to where nothing is set up.
    expect((await send(surface, { 'X-API-Key': secret }, guarded)).status).toBe(502)
    await guarded.close()
  })

  test('answers 502 without a reachable upstream and 504 when the upstream does not answer', async () => {
    const silent = await startHttpUpstream(() => undefined)
    for (const [setting, status, code, text] of [
      ['', 502, 'exception', 'No service is set up behind this path.'],
      ['http://127.0.0.1:1', 502, 'transient', 'The service behind this path cannot be reached.'],
      [silent.url, 504, 'timeout', 'The service behind this path did not answer in time.'],
    ] as const) {
      const behind = await createTestServer({
        LATCHKEY_UPSTREAM_FHIR: setting,
        LATCHKEY_UPSTREAM_HL7: setting,
        LATCHKEY_UPSTREAM_MPPS: setting,
        LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: '1',
      })
      const { secret } = await seedSiteKey(behind)
      const answer = await readResponse(await send(surface, { 'X-API-Key': secret }, behind))
      expect(answer).toEqual(expectedXenradRefusal(surface, status, code, text))
      await behind.close()
    }
    silent.close()
  })

  test('answers an internal error in the format of the surface, and gives its cause only to the operator', async () => {
    const { path, method } = SURFACE_REQUESTS[surface]
    const told = async (error: Error) => {
      const createBrokenRoutes = (deps: SurfaceDeps) => {
        const app = createXenradRoutes({
          ...deps,
          guard: () => Promise.reject(error),
          keyRateLimit: () => ({ ok: true, value: undefined }),
          resourceMetadataUrl: 'https://latchkey.example/metadata',
          recordOAuthUse: () => undefined,
        })
        return async (c: { req: { raw: Request } }) => app.fetch(c.req.raw)
      }
      const { request, log } = createBrokenServer(createBrokenRoutes, error)
      const answer = await readResponse(
        await request(path, { method, headers: { 'X-API-Key': 'x'.repeat(43) } }),
      )
      // The route, and not what the caller wrote: a FHIR path may name a patient.
      const route = surface === 'fhir' ? '/fhir/*' : path
      expect(log.lines).toMatchObject([{ level: 'error', facts: { error, path: route } }])
      return answer
    }
    expect(await told(new Error('disk on fire'))).toEqual(
      expectedXenradRefusal(surface, 500, 'exception', 'The server failed; try again.'),
    )
    expect(await told(new StorageUnavailableError('gone'))).toEqual(
      expectedXenradRefusal(
        surface,
        503,
        'transient',
        'The server is busy. Try again in 5 seconds.',
        {
          'retry-after': '5',
        },
      ),
    )
  })
})

/** Failures that no Xenrad request causes; each has a text in case one ever reaches a surface. */
const unreadable: [SurfaceFailure, number, string, string][] = [
  [
    { reason: 'body_too_large', limitBytes: 9 },
    413,
    'too-long',
    'The body must not be longer than 9 bytes.',
  ],
  [
    { reason: 'body_unreadable', detail: 'it ended early' },
    400,
    'structure',
    'The request cannot be read: it ended early.',
  ],
  [
    { reason: 'member_repeated', member: 'status' },
    400,
    'structure',
    'The request cannot be read: status is there twice.',
  ],
  [{ reason: 'field_missing', field: 'status' }, 400, 'required', 'status is missing.'],
  [
    { reason: 'field_invalid', field: 'The path', detail: 'must have no dot segments' },
    400,
    'value',
    'The path must have no dot segments.',
  ],
  [
    { reason: 'permission_missing', keyId: 'k', detail: 'it only reads' },
    403,
    'forbidden',
    'The API key may not do that: it only reads.',
  ],
]

test.each(unreadable)(
  'failure %j has a status, code and text on every Xenrad surface',
  (failure, status, code, text) => {
    for (const surface of XENRAD_SURFACE_NAMES) {
      const reply = xenradProtocol.refuseRequest(failure, SURFACE_REQUESTS[surface].path)
      const { headers, body } = expectedXenradRefusal(surface, status, code, text)
      expect(reply).toMatchObject({ status, type: headers['content-type'], body })
    }
  },
)

test('a Xenrad path with dot segments is refused and not forwarded', async () => {
  const { secret } = await seedSiteKey(server)
  const answer = await server.call('/fhir/Patient/%2e%2e%2f%2e%2e/admin', {
    method: 'GET',
    headers: { 'X-API-Key': secret },
  })
  expect(await readResponse(answer)).toEqual(
    expectedXenradRefusal(
      'fhir',
      400,
      'value',
      'The path must have no dot segments and no control characters.',
    ),
  )
})

test('a read-only Xenrad key is refused with 403 when it sends a message', async () => {
  for (const surface of ['hl7 v2', 'hl7 v3', 'mpps'] as const) {
    const { secret } = await seedSiteKey(server, { access: 'read' })
    expect(await readResponse(await send(surface, { 'X-API-Key': secret }))).toEqual(
      expectedXenradRefusal(
        surface,
        403,
        'forbidden',
        'The API key may not do that: it only reads.',
      ),
    )
  }
})
