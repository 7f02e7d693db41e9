import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createXdentHandler } from '../../src/http/vendors/xdent.ts'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { createBrokenServer } from '../support/composed-server.ts'
import { createXdentHeaders, type OwnerKey, seedOwnerKey } from '../support/key-seeds.ts'
import { expectedJsonResponse, readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

const HERE = '203.0.113.7'
const WINDOW_SECONDS = 300

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
/** One request a key and window, so that the next is one too many. */
let server: TestServer
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({
    LATCHKEY_UPSTREAM_XDENT: upstream.url,
    LATCHKEY_QUOTA_REQUESTS: '1',
    LATCHKEY_QUOTA_SECONDS: String(WINDOW_SECONDS),
    LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
  })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const get = (headers: Record<string, string>, path = '/api/v1/Patients') =>
  server.call(path, { method: 'GET', headers, address: HERE })

const enforceAllowlist = async ({ accountId }: OwnerKey) => {
  unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.0/24' }))
  unwrap(await server.ipAllowlist.setEnforced(accountId, true))
}

/** A request that is as it should be, until something is made wrong with it or with its key. */
interface Attempt {
  readonly ownerKey: OwnerKey
  send: boolean
  keyId: string
  secret: string | null
  end: string
}

const createAttempt = async (): Promise<Attempt> => {
  const ownerKey = await seedOwnerKey(server, 'xdent', { expiresAt: server.clock() + 3_600_000 })
  return { ownerKey, send: true, keyId: ownerKey.publicId, secret: ownerKey.secret, end: '' }
}
const createKey = ({ send, keyId, secret, end }: Attempt, path?: string) =>
  get(send ? { 'X-Api-Key': keyId + (secret === null ? '' : `.${secret}`) + end } : {}, path)

const expectedError = (Code: string, Message: string) => ({ Code, Message })
const INVALID = expectedError(
  'INVALID_API_KEY',
  'The key does not exist or is invalid (expected KeyId.Secret).',
)
const WRONG_SECRET = 'lk_not-the-secret-of-this-key'

const tooMany = expectedJsonResponse(
  429,
  {
    Code: 'RATE_LIMIT_EXCEEDED',
    Message: 'Too many requests. Please try again later.',
    RetryAfterSeconds: WINDOW_SECONDS,
  },
  { 'retry-after': String(WINDOW_SECONDS) },
)

type Fault = [
  what: string,
  spoil: (attempt: Attempt) => unknown,
  answer: ReturnType<typeof expectedJsonResponse>,
]

/** The eight codes in the documented order, each by one fault. */
const faults: Fault[] = [
  [
    'the header is missing',
    (a) => {
      a.send = false
    },
    expectedJsonResponse(400, expectedError('MISSING_API_KEY', 'The X-Api-Key header is missing.')),
  ],
  [
    'the header is malformed',
    (a) => {
      a.end = ' and more'
    },
    expectedJsonResponse(401, INVALID),
  ],
  [
    'the KeyId is unknown',
    (a) => {
      a.keyId = crypto.randomUUID()
    },
    expectedJsonResponse(401, INVALID),
  ],
  [
    'the secret is wrong',
    (a) => {
      a.secret = WRONG_SECRET
    },
    expectedJsonResponse(401, expectedError('INVALID_SECRET', 'The secret part is invalid.')),
  ],
  [
    'the company is closed',
    ({ ownerKey }) => server.accounts.setStatus(ownerKey.accountId, 'closed').then(unwrap),
    expectedJsonResponse(
      401,
      expectedError('COMPANY_API_DISABLED', 'API access is disabled for your company.'),
    ),
  ],
  [
    'the key is disabled',
    ({ ownerKey }) => server.keys.disable(ownerKey.keyId).then(unwrap),
    expectedJsonResponse(401, expectedError('API_KEY_DISABLED', 'This key is disabled.')),
  ],
  [
    'the address is not in the list',
    ({ ownerKey }) => enforceAllowlist(ownerKey),
    expectedJsonResponse(
      403,
      expectedError('IP_NOT_AUTHORIZED', `The IP address ${HERE} is not authorized.`),
    ),
  ],
  [
    'the rate is exceeded',
    async ({ ownerKey }) => {
      expect((await get(createXdentHeaders(ownerKey.publicId, ownerKey.secret))).status).toBe(200)
    },
    tooMany,
  ],
]

const others: Fault[] = [
  [
    'the header is empty',
    (a) => {
      a.keyId = ''
      a.secret = null
    },
    expectedJsonResponse(400, expectedError('MISSING_API_KEY', 'The X-Api-Key header is missing.')),
  ],
  [
    'the secret is missing',
    (a) => {
      a.secret = null
    },
    expectedJsonResponse(
      401,
      expectedError('SECRET_REQUIRED', 'The secret part is missing (expected KeyId.Secret).'),
    ),
  ],
  [
    'the secret is empty',
    (a) => {
      a.secret = ''
    },
    expectedJsonResponse(
      401,
      expectedError('SECRET_REQUIRED', 'The secret part is missing (expected KeyId.Secret).'),
    ),
  ],
  [
    'neither the KeyId nor the secret exists',
    (a) => {
      a.keyId = 'nobody'
      a.secret = null
    },
    expectedJsonResponse(401, INVALID),
  ],
  [
    'the key is revoked',
    ({ ownerKey }) => server.keys.revoke(ownerKey.keyId).then(unwrap),
    expectedJsonResponse(401, expectedError('API_KEY_DISABLED', 'This key was revoked.')),
  ],
  [
    'the key has expired',
    async () => server.clock.advance(3_600_000),
    expectedJsonResponse(401, expectedError('API_KEY_DISABLED', 'This key has expired.')),
  ],
  [
    'the key is deleted',
    ({ ownerKey }) => server.keys.delete(ownerKey.keyId).then(unwrap),
    expectedJsonResponse(401, INVALID),
  ],
  [
    'a read-only key writes',
    async (a) => {
      const { accountId } = a.ownerKey
      const reader = await seedOwnerKey(server, 'xdent', { accountId, access: 'read' })
      a.keyId = reader.publicId
      a.secret = reader.secret
    },
    expectedJsonResponse(
      403,
      expectedError('PERMISSION_DENIED', 'This key may not do that: it only reads.'),
    ),
  ],
]

describe.each(['/api/v1/Patients', '/api/v1/Identity'])('XDENT at %s', (path) => {
  test.each([...faults, ...others.slice(0, -1)])(
    'answers as documented, to the byte, when %s',
    async (_, breakAttempt, answer) => {
      const brokenAttempt = await createAttempt()
      await breakAttempt(brokenAttempt)
      expect(await readResponse(await createKey(brokenAttempt, path))).toEqual(answer)
    },
  )
})

test.each(others.slice(-1))(
  'an XDENT request is refused when %s',
  async (_, breakAttempt, answer) => {
    const brokenAttempt = await createAttempt()
    await breakAttempt(brokenAttempt)
    const { keyId, secret } = brokenAttempt
    const headers = createXdentHeaders(keyId, `${secret}`)
    expect(
      await readResponse(await server.call('/api/v1/Patients', { headers, body: '{}' })),
    ).toEqual(answer)
  },
)

/** Every choice of these, the empty one too. */
const chooseRefusals = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((_, n) => bits & (2 ** n)))

test('the documented order decides which XDENT error is reported when several apply', async () => {
  for (const chosen of chooseRefusals(faults)) {
    const brokenAttempt = await createAttempt()
    // The rate is exceeded while all else is well: the last fault first.
    for (const [, breakAttempt] of chosen.toReversed()) await breakAttempt(brokenAttempt)
    const names = chosen.map(([what]) => what)
    const expected = chosen[0]?.[2]
    const found = await readResponse(await createKey(brokenAttempt))
    if (expected === undefined) expect(found.status).toBe(200)
    else expect([names, found]).toEqual([names, expected])
  }
})

test('an XDENT key without its secret gets only the error SECRET_REQUIRED', async () => {
  for (const chosen of chooseRefusals(faults.slice(4))) {
    const brokenAttempt = await createAttempt()
    for (const [, breakAttempt] of chosen.toReversed()) await breakAttempt(brokenAttempt)
    brokenAttempt.secret = null
    expect(await readResponse(await createKey(brokenAttempt))).toEqual(
      expectedJsonResponse(
        401,
        expectedError('SECRET_REQUIRED', 'The secret part is missing (expected KeyId.Secret).'),
      ),
    )
  }
})

describe('XDENT error codes that the vendor does not document', () => {
  test('405 for Identity with another method', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await server.call('/api/v1/Identity', { method })
      expect([method, await readResponse(answer)]).toEqual([
        method,
        expectedJsonResponse(
          405,
          expectedError('METHOD_NOT_ALLOWED', 'This path takes GET only.'),
          {
            allow: 'GET, HEAD',
          },
        ),
      ])
    }
  })

  test('400 for a path with dot segments', async () => {
    const { publicId, secret } = await seedOwnerKey(server, 'xdent')
    const answer = await get(createXdentHeaders(publicId, secret), '/api/v1/..%2fadmin')
    expect(await readResponse(answer)).toEqual(
      expectedJsonResponse(
        400,
        expectedError(
          'INVALID_REQUEST',
          'The path must have no dot segments and no control characters.',
        ),
      ),
    )
  })

  test('429 for an address with too many failures, but never for a valid secret', async () => {
    const strict = await createTestServer({
      LATCHKEY_UPSTREAM_XDENT: upstream.url,
      LATCHKEY_FAILURES_PER_ADDRESS: '2',
      LATCHKEY_FAILURES_SECONDS: '60',
    })
    const { publicId, secret } = await seedOwnerKey(strict, 'xdent')
    const requestIdentity = (headers: Record<string, string>) =>
      strict.call('/api/v1/Identity', { method: 'GET', headers })
    const wrong = createXdentHeaders(publicId, WRONG_SECRET)
    expect((await requestIdentity(wrong)).status).toBe(401)
    expect((await requestIdentity(wrong)).status).toBe(401)
    strict.clock.advance(1000)
    expect(await readResponse(await requestIdentity(wrong))).toEqual(
      expectedJsonResponse(
        429,
        {
          Code: 'RATE_LIMIT_EXCEEDED',
          Message: 'Too many failures. Please try again later.',
          RetryAfterSeconds: 59,
        },
        { 'retry-after': '59' },
      ),
    )
    expect((await requestIdentity(createXdentHeaders(publicId, secret))).status).toBe(200)
    await strict.close()
  })

  test('502 without a reachable upstream, and 504 when the upstream does not answer in time', async () => {
    const unavailable = expectedJsonResponse(
      502,
      expectedError(
        'UPSTREAM_UNAVAILABLE',
        'The service behind this API did not answer as it should.',
      ),
    )
    const timedOut = expectedJsonResponse(
      504,
      expectedError('UPSTREAM_TIMEOUT', 'The service behind this API did not answer in time.'),
    )
    const silent = await startHttpUpstream(() => undefined)
    for (const [settings, expected] of [
      [{}, unavailable],
      [{ LATCHKEY_UPSTREAM_XDENT: 'http://127.0.0.1:1' }, unavailable],
      [{ LATCHKEY_UPSTREAM_XDENT: silent.url, LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: '1' }, timedOut],
    ] as const) {
      const other = await createTestServer(settings)
      const { publicId, secret } = await seedOwnerKey(other, 'xdent')
      const headers = createXdentHeaders(publicId, secret)
      const answer = await other.call('/api/v1/Patients', { method: 'GET', headers })
      expect(await readResponse(answer)).toEqual(expected)
      await other.close()
    }
    silent.close()
  })

  test('503 while the database is unavailable, and 500 for a bug of the server', async () => {
    const cases = [
      [
        new StorageUnavailableError('it restarts'),
        expectedJsonResponse(
          503,
          expectedError('SERVICE_UNAVAILABLE', 'The server is busy. Please try again later.'),
          { 'retry-after': '5' },
        ),
      ],
      [
        new Error('a bug'),
        expectedJsonResponse(
          500,
          expectedError('INTERNAL_ERROR', 'The server failed. Please try again later.'),
        ),
      ],
    ] as const
    for (const [thrown, expected] of cases) {
      const { request, log } = createBrokenServer(createXdentHandler, thrown)
      const headers = createXdentHeaders('some-key', 'a-secret-that-is-never-compared')
      for (const path of ['/api/v1/Identity', '/api/v1/Patients']) {
        expect(await readResponse(await request(path, { headers }))).toEqual(expected)
      }
      expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
        ['error', 'a request failed'],
        ['error', 'a request failed'],
      ])
    }
  })
})
