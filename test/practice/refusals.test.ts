import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createPracticeHandler } from '../../src/http/vendors/practice.ts'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { createBrokenServer } from '../support/composed-server.ts'
import {
  createBasicHeaders,
  type OwnerKey,
  seedEveryKeyType,
  seedOwnerKey,
} from '../support/key-seeds.ts'
import { expectedJsonResponse, readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { HOUR_MS } from '../support/time.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

const HERE = '203.0.113.7'
const PATHS = ['/practice/v1/me', '/practice/v1/patients']

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({
    LATCHKEY_UPSTREAM_PRACTICE: upstream.url,
    LATCHKEY_QUOTA_REQUESTS: '4',
    LATCHKEY_QUOTA_SECONDS: '60',
    LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
  })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const get = (path: string, headers: Record<string, string>, at = server) =>
  at.call(path, { method: 'GET', headers, address: HERE })

const expectedUnauthorized = (message: string, error = 'unauthorized') =>
  expectedJsonResponse(
    401,
    { error, message },
    { 'www-authenticate': 'Basic realm="Latchkey", charset="UTF-8"' },
  )
const expectedProblem = (
  status: number,
  error: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
) => expectedJsonResponse(status, { error, message }, headers)

const WRONG = expectedUnauthorized('The username or the key is wrong.')
const NOT_BASIC = expectedUnauthorized('Send username:key by HTTP Basic authentication.')

describe('a caller without the practice key', () => {
  async function expectSameRefusal(what: string, username: string, secret: string) {
    for (const path of PATHS) {
      const answer = await readResponse(await get(path, createBasicHeaders(username, secret)))
      expect([what, path, answer]).toEqual([what, path, WRONG])
    }
  }

  test('gets the same response for a wrong username and for a wrong key', async () => {
    const ada = await seedOwnerKey(server, 'practice')
    const bob = await seedOwnerKey(server, 'practice', { accountId: ada.accountId })
    await expectSameRefusal('nobody', 'nobody', 'nothing')
    await expectSameRefusal('nobody, with a key', 'nobody', ada.secret)
    await expectSameRefusal('a wrong key', ada.username, 'lk_wrong')
    await expectSameRefusal('a colleague’s key', ada.username, bob.secret)
    await expectSameRefusal('a mistyped key', ada.username, `${ada.secret.slice(0, -1)}!`)
    await expectSameRefusal('a longer key', ada.username, `${ada.secret}A`)
    await expectSameRefusal('no key', ada.username, '')
    await expectSameRefusal('no username', '', ada.secret)
    await expectSameRefusal('neither', '', '')
    await expectSameRefusal('the other way round', ada.secret, ada.username)
    await expectSameRefusal('in other letters', ada.username.toUpperCase(), ada.secret)
    await expectSameRefusal('by the key’s id', ada.publicId, ada.secret)
    await expectSameRefusal('NUL', `${ada.username}\0`, ada.secret)
    expect(
      (await get('/practice/v1/me', createBasicHeaders(ada.username, ada.secret))).status,
    ).toBe(200)
  })

  const brokenFixture: [string, (ownerKey: OwnerKey) => unknown][] = [
    ['is disabled', async ({ keyId }) => unwrap(await server.keys.disable(keyId))],
    ['is revoked', async ({ keyId }) => unwrap(await server.keys.revoke(keyId))],
    ['is deleted', async ({ keyId }) => unwrap(await server.keys.delete(keyId))],
    ['has expired', () => server.clock.advance(HOUR_MS)],
    [
      'is of a closed account',
      async ({ accountId }) => unwrap(await server.accounts.setStatus(accountId, 'closed')),
    ],
    [
      'is restricted to other addresses',
      async ({ accountId }) => {
        unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.1' }))
        unwrap(await server.ipAllowlist.setEnforced(accountId, true))
      },
    ],
  ]

  test.each(brokenFixture)(
    'gets the response of a wrong key also for a key that %s',
    async (_, breakFixture) => {
      const good = await seedOwnerKey(server, 'practice')
      const bad = await seedOwnerKey(server, 'practice', { expiresAt: server.clock() + HOUR_MS })
      await breakFixture(bad)
      await expectSameRefusal('a wrong key', bad.username, 'lk_wrong')
      await expectSameRefusal('another’s key', bad.username, good.secret)
      await expectSameRefusal('another’s username', good.username, bad.secret)
    },
  )

  test('gets the response of a wrong key for a key of another key type or region, and for a deleted one', async () => {
    const { keys, username } = await seedEveryKeyType(server)
    expect(keys).toHaveLength(7)
    for (const { keyType, publicId, secret } of keys) {
      await expectSameRefusal(`${keyType}: by its id`, publicId, secret)
      await expectSameRefusal(`${keyType}: in one`, username, `${publicId}.${secret}`)
      if (keyType !== 'practice') await expectSameRefusal(keyType, username, secret)
    }
    const foreign = await seedOwnerKey(server, 'practice', { region: 'eu' })
    await expectSameRefusal('of another region', foreign.username, foreign.secret)
    const gone = await seedOwnerKey(server, 'practice')
    unwrap(await server.keys.delete(gone.keyId))
    await expectSameRefusal('deleted', gone.username, gone.secret)
  })

  test('finds no secret in a response, and leaves none in the log', async () => {
    const { username, secret, keyId } = await seedOwnerKey(server, 'practice')
    unwrap(await server.keys.disable(keyId))
    for (const headers of [
      createBasicHeaders(username, secret),
      createBasicHeaders('nobody', secret),
    ]) {
      const { headers: answered, body } = await readResponse(await get('/practice/v1/me', headers))
      expect(JSON.stringify([answered, body])).not.toContain(secret)
    }
    const log = JSON.stringify(server.log.lines)
    expect(log).not.toContain(secret)
    expect(log).not.toContain(createBasicHeaders(username, secret).Authorization)
  })
})

describe('a caller with a valid practice key learns why it is refused:', () => {
  const table: [
    string,
    (ownerKey: OwnerKey) => unknown,
    ReturnType<typeof expectedJsonResponse>,
  ][] = [
    [
      'disabled',
      async ({ keyId }) => unwrap(await server.keys.disable(keyId)),
      expectedUnauthorized('This key is disabled.', 'key_disabled'),
    ],
    [
      'disabled with its owner, who was deactivated',
      async ({ accountId, ownerId }) => {
        unwrap(await server.accounts.setOffboardingPolicy(accountId, 'disable'))
        unwrap(await server.users.deactivate(ownerId))
      },
      expectedUnauthorized('This key is disabled.', 'key_disabled'),
    ],
    [
      'revoked',
      async ({ keyId }) => unwrap(await server.keys.revoke(keyId)),
      expectedUnauthorized('This key was revoked.', 'key_revoked'),
    ],
    [
      'expired',
      () => server.clock.advance(HOUR_MS),
      expectedUnauthorized('This key has expired.', 'key_expired'),
    ],
    [
      'of a closed account',
      async ({ accountId }) => unwrap(await server.accounts.setStatus(accountId, 'closed')),
      expectedProblem(403, 'account_closed', 'The account of this key is closed.'),
    ],
    [
      'for other addresses',
      async ({ accountId }) => {
        unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.1' }))
        unwrap(await server.ipAllowlist.setEnforced(accountId, true))
      },
      expectedProblem(403, 'address_refused', `This key may not be used from the address ${HERE}.`),
    ],
    [
      'used too often',
      async ({ username, secret }) => {
        for (let n = 0; n < 4; n++) {
          const answer = await get('/practice/v1/me', createBasicHeaders(username, secret))
          expect(answer.status).toBe(200)
        }
      },
      expectedProblem(429, 'too_many_requests', 'Too many requests. Try again in 60 seconds.', {
        'retry-after': '60',
      }),
    ],
  ]

  test.each(table)('%s', async (_, breakFixture, answer) => {
    const ownerKey = await seedOwnerKey(server, 'practice', { expiresAt: server.clock() + HOUR_MS })
    await breakFixture(ownerKey)
    for (const path of PATHS) {
      expect(
        await readResponse(await get(path, createBasicHeaders(ownerKey.username, ownerKey.secret))),
      ).toEqual(answer)
    }
  })

  test('read-only on a write', async () => {
    const { username, secret } = await seedOwnerKey(server, 'practice', { access: 'read' })
    const headers = createBasicHeaders(username, secret)
    expect((await get('/practice/v1/patients', headers)).status).toBe(200)
    expect(await readResponse(await server.call('/practice/v1/patients', { headers }))).toEqual(
      expectedProblem(403, 'permission_missing', 'This key may not do that: it only reads.'),
    )
  })
})

test('a practice request without a Basic credential gets a challenge for it', async () => {
  const { secret } = await seedOwnerKey(server, 'practice')
  const kinds = [undefined, '', 'Basic', 'Basic ', `Bearer ${secret}`, `ODFHIR a/${secret}`, secret]
  for (const path of PATHS) {
    for (const value of kinds) {
      const headers = value === undefined ? {} : { Authorization: value }
      expect([value, await readResponse(await get(path, headers))]).toEqual([value, NOT_BASIC])
    }
    expect(await readResponse(await get(path, { 'X-Api-Key': secret }))).toEqual(NOT_BASIC)
  }
})

test('practice answers 405 for me with another method', async () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const answer = await server.call('/practice/v1/me', { method })
    expect([method, await readResponse(answer)]).toEqual([
      method,
      expectedProblem(405, 'method_not_allowed', 'This path takes GET only.', {
        allow: 'GET, HEAD',
      }),
    ])
  }
})

test('practice answers 400 for a path with dot segments', async () => {
  const { username, secret } = await seedOwnerKey(server, 'practice')
  const answer = await get('/practice/v1/..%2fadmin', createBasicHeaders(username, secret))
  expect(await readResponse(answer)).toEqual(
    expectedProblem(
      400,
      'invalid_request',
      'The path must have no dot segments and no control characters.',
    ),
  )
})

test('practice answers 429 to an address with too many failures, but never to a valid key', async () => {
  const strict = await createTestServer({
    LATCHKEY_FAILURES_PER_ADDRESS: '2',
    LATCHKEY_FAILURES_SECONDS: '60',
  })
  const { username, secret } = await seedOwnerKey(strict, 'practice')
  const wrong = createBasicHeaders(username, 'lk_wrong')
  expect((await get('/practice/v1/me', wrong, strict)).status).toBe(401)
  expect((await get('/practice/v1/me', wrong, strict)).status).toBe(401)
  strict.clock.advance(1000)
  expect(await readResponse(await get('/practice/v1/me', wrong, strict))).toEqual(
    expectedProblem(429, 'too_many_failures', 'Too many failures. Try again in 59 seconds.', {
      'retry-after': '59',
    }),
  )
  expect((await get('/practice/v1/me', createBasicHeaders(username, secret), strict)).status).toBe(
    200,
  )
  await strict.close()
})

test('practice answers 502 without a reachable upstream, and 504 when the upstream does not answer in time', async () => {
  const unavailable = expectedProblem(
    502,
    'upstream_unavailable',
    'The service behind did not answer as it should.',
  )
  const timedOut = expectedProblem(
    504,
    'upstream_timed_out',
    'The service behind did not answer in time.',
  )
  const silent = await startHttpUpstream(() => undefined)
  for (const [settings, expected] of [
    [{}, unavailable],
    [{ LATCHKEY_UPSTREAM_PRACTICE: 'http://127.0.0.1:1' }, unavailable],
    [{ LATCHKEY_UPSTREAM_PRACTICE: silent.url, LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: '1' }, timedOut],
  ] as const) {
    const other = await createTestServer(settings)
    const { username, secret } = await seedOwnerKey(other, 'practice')
    const answer = await get('/practice/v1/patients', createBasicHeaders(username, secret), other)
    expect(await readResponse(answer)).toEqual(expected)
    await other.close()
  }
  silent.close()
})

test('practice answers 503 while the database is unavailable, and 500 for a bug of the server', async () => {
  const cases = [
    [
      new StorageUnavailableError('it restarts'),
      expectedProblem(503, 'busy', 'The server is busy. Try again in 5 seconds.', {
        'retry-after': '5',
      }),
    ],
    [new Error('a bug'), expectedProblem(500, 'server_error', 'The server failed; try again.')],
  ] as const
  for (const [thrown, expected] of cases) {
    const { request } = createBrokenServer(createPracticeHandler, thrown)
    for (const path of PATHS) {
      expect(
        await readResponse(await request(path, { headers: createBasicHeaders('ada', 'a-key') })),
      ).toEqual(expected)
    }
  }
})
