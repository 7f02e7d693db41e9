import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { xdentApi } from '../../src/http/xdent/api.ts'
import { Unavailable } from '../../src/service/ports.ts'
import { brokenServer } from '../support/broken.ts'
import { apiKey, type Holder, seedHolder } from '../support/holder.ts'
import { ownAnswer, seen } from '../support/seen.ts'
import { done, type TestServer, testServer } from '../support/server.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

const HERE = '203.0.113.7'
const WINDOW_SECONDS = 300

let upstream: Awaited<ReturnType<typeof openHttpUpstream>>
/** One request a key and window, so that the next is one too many. */
let server: TestServer
beforeAll(async () => {
  upstream = await openHttpUpstream()
  server = await testServer({
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

const enforce = async ({ accountId }: Holder) => {
  done(await server.places.addAddress({ accountId, network: '198.51.100.0/24' }))
  done(await server.places.enforceAddresses(accountId, true))
}

/** A request that is as it should be, until something is made wrong with it or with its key. */
interface Attempt {
  readonly holder: Holder
  send: boolean
  keyId: string
  secret: string | null
  end: string
}

const attempt = async (): Promise<Attempt> => {
  const holder = await seedHolder(server, 'xdent', { expiresAt: server.clock() + 3_600_000 })
  return { holder, send: true, keyId: holder.publicId, secret: holder.secret, end: '' }
}
const make = ({ send, keyId, secret, end }: Attempt, path?: string) =>
  get(send ? { 'X-Api-Key': keyId + (secret === null ? '' : `.${secret}`) + end } : {}, path)

const error = (Code: string, Message: string) => ({ Code, Message })
const INVALID = error(
  'INVALID_API_KEY',
  'The key does not exist or is invalid (expected KeyId.Secret).',
)
const WRONG_SECRET = 'lk_not-the-secret-of-this-key'

const tooMany = ownAnswer(
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
  answer: ReturnType<typeof ownAnswer>,
]

/** The eight codes in the documented order, each by one fault. */
const faults: Fault[] = [
  [
    'the header is missing',
    (a) => {
      a.send = false
    },
    ownAnswer(400, error('MISSING_API_KEY', 'The X-Api-Key header is missing.')),
  ],
  [
    'the header is malformed',
    (a) => {
      a.end = ' and more'
    },
    ownAnswer(401, INVALID),
  ],
  [
    'the KeyId is unknown',
    (a) => {
      a.keyId = crypto.randomUUID()
    },
    ownAnswer(401, INVALID),
  ],
  [
    'the secret is wrong',
    (a) => {
      a.secret = WRONG_SECRET
    },
    ownAnswer(401, error('INVALID_SECRET', 'The secret part is invalid.')),
  ],
  [
    'the company is closed',
    ({ holder }) => server.accounts.setStatus(holder.accountId, 'closed').then(done),
    ownAnswer(401, error('COMPANY_API_DISABLED', 'API access is disabled for your company.')),
  ],
  [
    'the key is disabled',
    ({ holder }) => server.keys.disable(holder.keyId).then(done),
    ownAnswer(401, error('API_KEY_DISABLED', 'This key is disabled.')),
  ],
  [
    'the address is not in the list',
    ({ holder }) => enforce(holder),
    ownAnswer(403, error('IP_NOT_AUTHORIZED', `The IP address ${HERE} is not authorized.`)),
  ],
  [
    'the rate is exceeded',
    async ({ holder }) => {
      expect((await get(apiKey(holder.publicId, holder.secret))).status).toBe(200)
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
    ownAnswer(400, error('MISSING_API_KEY', 'The X-Api-Key header is missing.')),
  ],
  [
    'the secret is missing',
    (a) => {
      a.secret = null
    },
    ownAnswer(401, error('SECRET_REQUIRED', 'The secret part is missing (expected KeyId.Secret).')),
  ],
  [
    'the secret is empty',
    (a) => {
      a.secret = ''
    },
    ownAnswer(401, error('SECRET_REQUIRED', 'The secret part is missing (expected KeyId.Secret).')),
  ],
  [
    'KeyId and secret are both of nobody',
    (a) => {
      a.keyId = 'nobody'
      a.secret = null
    },
    ownAnswer(401, INVALID),
  ],
  [
    'the key is revoked',
    ({ holder }) => server.keys.revoke(holder.keyId).then(done),
    ownAnswer(401, error('API_KEY_DISABLED', 'This key was revoked.')),
  ],
  [
    'the key has expired',
    async () => server.clock.turn(3_600_000),
    ownAnswer(401, error('API_KEY_DISABLED', 'This key has expired.')),
  ],
  [
    'the key is deleted',
    ({ holder }) => server.keys.remove(holder.keyId).then(done),
    ownAnswer(401, INVALID),
  ],
  [
    'the key only reads, and is made to write',
    async (a) => {
      const { accountId } = a.holder
      const reader = await seedHolder(server, 'xdent', { accountId, access: 'read' })
      a.keyId = reader.publicId
      a.secret = reader.secret
    },
    ownAnswer(403, error('PERMISSION_DENIED', 'This key may not do that: it only reads.')),
  ],
]

describe.each(['/api/v1/Patients', '/api/v1/Identity'])('at %s', (path) => {
  test.each([...faults, ...others.slice(0, -1)])(
    'where %s, the answer is the documented one, to the byte',
    async (_, spoil, answer) => {
      const spoilt = await attempt()
      await spoil(spoilt)
      expect(await seen(await make(spoilt, path))).toEqual(answer)
    },
  )
})

test.each(others.slice(-1))('where %s, it is refused', async (_, spoil, answer) => {
  const spoilt = await attempt()
  await spoil(spoilt)
  const { keyId, secret } = spoilt
  const headers = apiKey(keyId, `${secret}`)
  expect(await seen(await server.call('/api/v1/Patients', { headers, body: '{}' }))).toEqual(answer)
})

/** Every choice of these, the empty one too. */
const choices = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((_, n) => bits & (2 ** n)))

test('of any two faults at once, and of any more, the documented order decides which is told', async () => {
  for (const chosen of choices(faults)) {
    const spoilt = await attempt()
    // The rate is exceeded while all else is well: the last fault first.
    for (const [, spoil] of chosen.toReversed()) await spoil(spoilt)
    const names = chosen.map(([what]) => what)
    const expected = chosen[0]?.[2]
    const found = await seen(await make(spoilt))
    if (expected === undefined) expect(found.status).toBe(200)
    else expect([names, found]).toEqual([names, expected])
  }
})

test('a key without its secret is told of nothing else that is wrong', async () => {
  for (const chosen of choices(faults.slice(4))) {
    const spoilt = await attempt()
    for (const [, spoil] of chosen.toReversed()) await spoil(spoilt)
    spoilt.secret = null
    expect(await seen(await make(spoilt))).toEqual(
      ownAnswer(
        401,
        error('SECRET_REQUIRED', 'The secret part is missing (expected KeyId.Secret).'),
      ),
    )
  }
})

describe('codes of our own', () => {
  test('405 where Identity is asked for by another method', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await server.call('/api/v1/Identity', { method })
      expect([method, await seen(answer)]).toEqual([
        method,
        ownAnswer(405, error('METHOD_NOT_ALLOWED', 'This path takes GET only.'), {
          allow: 'GET, HEAD',
        }),
      ])
    }
  })

  test('400 for a path that climbs', async () => {
    const { publicId, secret } = await seedHolder(server, 'xdent')
    const answer = await get(apiKey(publicId, secret), '/api/v1/..%2fadmin')
    expect(await seen(answer)).toEqual(
      ownAnswer(
        400,
        error('INVALID_REQUEST', 'The path must have no dot segments and no control characters.'),
      ),
    )
  })

  test('429 for who has failed too often, and none for who holds the secret', async () => {
    const strict = await testServer({
      LATCHKEY_UPSTREAM_XDENT: upstream.url,
      LATCHKEY_FAILURES_PER_ADDRESS: '2',
      LATCHKEY_FAILURES_SECONDS: '60',
    })
    const { publicId, secret } = await seedHolder(strict, 'xdent')
    const ask = (headers: Record<string, string>) =>
      strict.call('/api/v1/Identity', { method: 'GET', headers })
    const wrong = apiKey(publicId, WRONG_SECRET)
    expect((await ask(wrong)).status).toBe(401)
    expect((await ask(wrong)).status).toBe(401)
    strict.clock.turn(1000)
    expect(await seen(await ask(wrong))).toEqual(
      ownAnswer(
        429,
        {
          Code: 'RATE_LIMIT_EXCEEDED',
          Message: 'Too many failures. Please try again later.',
          RetryAfterSeconds: 59,
        },
        { 'retry-after': '59' },
      ),
    )
    expect((await ask(apiKey(publicId, secret))).status).toBe(200)
    await strict.close()
  })

  test('502 where nothing is behind, or nothing answers there; 504 where it takes too long', async () => {
    const unavailable = ownAnswer(
      502,
      error('UPSTREAM_UNAVAILABLE', 'The service behind this API did not answer as it should.'),
    )
    const timedOut = ownAnswer(
      504,
      error('UPSTREAM_TIMEOUT', 'The service behind this API did not answer in time.'),
    )
    const silent = await openHttpUpstream(() => undefined)
    for (const [settings, expected] of [
      [{}, unavailable],
      [{ LATCHKEY_UPSTREAM_XDENT: 'http://127.0.0.1:1' }, unavailable],
      [{ LATCHKEY_UPSTREAM_XDENT: silent.url, LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: '1' }, timedOut],
    ] as const) {
      const other = await testServer(settings)
      const { publicId, secret } = await seedHolder(other, 'xdent')
      const headers = apiKey(publicId, secret)
      const answer = await other.call('/api/v1/Patients', { method: 'GET', headers })
      expect(await seen(answer)).toEqual(expected)
      await other.close()
    }
    silent.close()
  })

  test('503 while the database is away, 500 where the server has a bug', async () => {
    const cases = [
      [
        new Unavailable('it restarts'),
        ownAnswer(
          503,
          error('SERVICE_UNAVAILABLE', 'The server is busy. Please try again later.'),
          { 'retry-after': '5' },
        ),
      ],
      [
        new Error('a bug'),
        ownAnswer(500, error('INTERNAL_ERROR', 'The server failed. Please try again later.')),
      ],
    ] as const
    for (const [thrown, expected] of cases) {
      const { request, log } = brokenServer(xdentApi, thrown)
      const headers = apiKey('some-key', 'a-secret-that-is-never-compared')
      for (const path of ['/api/v1/Identity', '/api/v1/Patients']) {
        expect(await seen(await request(path, { headers }))).toEqual(expected)
      }
      expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
        ['error', 'a request failed'],
        ['error', 'a request failed'],
      ])
    }
  })
})
