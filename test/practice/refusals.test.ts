import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { practiceApi } from '../../src/http/practice/api.ts'
import { Unavailable } from '../../src/service/ports.ts'
import { brokenServer } from '../support/broken.ts'
import { seedEveryDialect } from '../support/every-dialect.ts'
import { basic, type Holder, seedHolder } from '../support/holder.ts'
import { ownAnswer, seen } from '../support/seen.ts'
import { done, type TestServer, testServer } from '../support/server.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

const HERE = '203.0.113.7'
const HOUR = 3_600_000
const PATHS = ['/practice/v1/me', '/practice/v1/patients']

let upstream: Awaited<ReturnType<typeof openHttpUpstream>>
let server: TestServer
beforeAll(async () => {
  upstream = await openHttpUpstream()
  server = await testServer({
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

const unauthorized = (message: string, error = 'unauthorized') =>
  ownAnswer(
    401,
    { error, message },
    { 'www-authenticate': 'Basic realm="Latchkey", charset="UTF-8"' },
  )
const problem = (
  status: number,
  error: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
) => ownAnswer(status, { error, message }, headers)

const WRONG = unauthorized('The username or the key is wrong.')
const NOT_BASIC = unauthorized('Send username:key by HTTP Basic authentication.')

describe('who does not hold the key', () => {
  async function isWrong(what: string, username: string, secret: string) {
    for (const path of PATHS) {
      const answer = await seen(await get(path, basic(username, secret)))
      expect([what, path, answer]).toEqual([what, path, WRONG])
    }
  }

  test('reads one answer, whichever of the two is wrong', async () => {
    const ada = await seedHolder(server, 'practice')
    const bob = await seedHolder(server, 'practice', { accountId: ada.accountId })
    await isWrong('nobody', 'nobody', 'nothing')
    await isWrong('nobody, with a key', 'nobody', ada.secret)
    await isWrong('a wrong key', ada.username, 'lk_wrong')
    await isWrong('a colleague’s key', ada.username, bob.secret)
    await isWrong('a mistyped key', ada.username, `${ada.secret.slice(0, -1)}!`)
    await isWrong('a longer key', ada.username, `${ada.secret}A`)
    await isWrong('no key', ada.username, '')
    await isWrong('no username', '', ada.secret)
    await isWrong('neither', '', '')
    await isWrong('the other way round', ada.secret, ada.username)
    await isWrong('in other letters', ada.username.toUpperCase(), ada.secret)
    await isWrong('by the key’s id', ada.publicId, ada.secret)
    await isWrong('NUL', `${ada.username}\0`, ada.secret)
    expect((await get('/practice/v1/me', basic(ada.username, ada.secret))).status).toBe(200)
  })

  const spoilt: [string, (holder: Holder) => unknown][] = [
    ['is disabled', async ({ keyId }) => done(await server.keys.disable(keyId))],
    ['is revoked', async ({ keyId }) => done(await server.keys.revoke(keyId))],
    ['is deleted', async ({ keyId }) => done(await server.keys.remove(keyId))],
    ['has expired', () => server.clock.turn(HOUR)],
    [
      'is of a closed account',
      async ({ accountId }) => done(await server.accounts.setStatus(accountId, 'closed')),
    ],
    [
      'may be used elsewhere',
      async ({ accountId }) => {
        done(await server.places.addAddress({ accountId, network: '198.51.100.1' }))
        done(await server.places.enforceAddresses(accountId, true))
      },
    ],
  ]

  test.each(spoilt)('reads that answer also of a key that %s', async (_, spoil) => {
    const good = await seedHolder(server, 'practice')
    const bad = await seedHolder(server, 'practice', { expiresAt: server.clock() + HOUR })
    await spoil(bad)
    await isWrong('a wrong key', bad.username, 'lk_wrong')
    await isWrong('another’s key', bad.username, good.secret)
    await isWrong('another’s username', good.username, bad.secret)
  })

  test('reads it with a key of any other dialect, of another region, or deleted', async () => {
    const { keys, username } = await seedEveryDialect(server)
    expect(keys).toHaveLength(6)
    for (const { dialect, publicId, secret } of keys) {
      await isWrong(`${dialect}: by its id`, publicId, secret)
      await isWrong(`${dialect}: in one`, username, `${publicId}.${secret}`)
      if (dialect !== 'practice') await isWrong(dialect, username, secret)
    }
    const foreign = await seedHolder(server, 'practice', { region: 'eu' })
    await isWrong('of another region', foreign.username, foreign.secret)
    const gone = await seedHolder(server, 'practice')
    done(await server.keys.remove(gone.keyId))
    await isWrong('deleted', gone.username, gone.secret)
  })

  test('leaves no secret in an answer or in the log', async () => {
    const { username, secret, keyId } = await seedHolder(server, 'practice')
    done(await server.keys.disable(keyId))
    for (const headers of [basic(username, secret), basic('nobody', secret)]) {
      const { headers: answered, body } = await seen(await get('/practice/v1/me', headers))
      expect(JSON.stringify([answered, body])).not.toContain(secret)
    }
    const log = JSON.stringify(server.log.lines)
    expect(log).not.toContain(secret)
    expect(log).not.toContain(basic(username, secret).Authorization)
  })
})

describe('who holds the key is told why it opens nothing', () => {
  const table: [string, (holder: Holder) => unknown, ReturnType<typeof ownAnswer>][] = [
    [
      'disabled',
      async ({ keyId }) => done(await server.keys.disable(keyId)),
      unauthorized('This key is disabled.', 'key_disabled'),
    ],
    [
      'disabled with its owner, who has left',
      async ({ accountId, ownerId }) => {
        done(await server.accounts.setDepartedKeys(accountId, 'disable'))
        done(await server.accounts.leave(ownerId))
      },
      unauthorized('This key is disabled.', 'key_disabled'),
    ],
    [
      'revoked',
      async ({ keyId }) => done(await server.keys.revoke(keyId)),
      unauthorized('This key was revoked.', 'key_revoked'),
    ],
    [
      'expired',
      () => server.clock.turn(HOUR),
      unauthorized('This key has expired.', 'key_expired'),
    ],
    [
      'of a closed account',
      async ({ accountId }) => done(await server.accounts.setStatus(accountId, 'closed')),
      problem(403, 'account_closed', 'The account of this key is closed.'),
    ],
    [
      'for other addresses',
      async ({ accountId }) => {
        done(await server.places.addAddress({ accountId, network: '198.51.100.1' }))
        done(await server.places.enforceAddresses(accountId, true))
      },
      problem(403, 'address_refused', `This key may not be used from the address ${HERE}.`),
    ],
    [
      'used too often',
      async ({ username, secret }) => {
        for (let n = 0; n < 4; n++) {
          const answer = await get('/practice/v1/me', basic(username, secret))
          expect(answer.status).toBe(200)
        }
      },
      problem(429, 'too_many_requests', 'Too many requests. Try again in 60 seconds.', {
        'retry-after': '60',
      }),
    ],
  ]

  test.each(table)('%s', async (_, spoil, answer) => {
    const holder = await seedHolder(server, 'practice', { expiresAt: server.clock() + HOUR })
    await spoil(holder)
    for (const path of PATHS) {
      expect(await seen(await get(path, basic(holder.username, holder.secret)))).toEqual(answer)
    }
  })

  test('read-only, and made to write', async () => {
    const { username, secret } = await seedHolder(server, 'practice', { access: 'read' })
    const headers = basic(username, secret)
    expect((await get('/practice/v1/patients', headers)).status).toBe(200)
    expect(await seen(await server.call('/practice/v1/patients', { headers }))).toEqual(
      problem(403, 'permission_missing', 'This key may not do that: it only reads.'),
    )
  })
})

test('without a credential, or with one of another kind, the challenge says what to send', async () => {
  const { secret } = await seedHolder(server, 'practice')
  const kinds = [undefined, '', 'Basic', 'Basic ', `Bearer ${secret}`, `ODFHIR a/${secret}`, secret]
  for (const path of PATHS) {
    for (const value of kinds) {
      const headers = value === undefined ? {} : { Authorization: value }
      expect([value, await seen(await get(path, headers))]).toEqual([value, NOT_BASIC])
    }
    expect(await seen(await get(path, { 'X-Api-Key': secret }))).toEqual(NOT_BASIC)
  }
})

test('405 where me is asked for by another method', async () => {
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const answer = await server.call('/practice/v1/me', { method })
    expect([method, await seen(answer)]).toEqual([
      method,
      problem(405, 'method_not_allowed', 'This path takes GET only.', { allow: 'GET, HEAD' }),
    ])
  }
})

test('400 for a path that climbs', async () => {
  const { username, secret } = await seedHolder(server, 'practice')
  const answer = await get('/practice/v1/..%2fadmin', basic(username, secret))
  expect(await seen(answer)).toEqual(
    problem(
      400,
      'invalid_request',
      'The path must have no dot segments and no control characters.',
    ),
  )
})

test('429 for who has failed too often, and none for who holds the key', async () => {
  const strict = await testServer({
    LATCHKEY_FAILURES_PER_ADDRESS: '2',
    LATCHKEY_FAILURES_SECONDS: '60',
  })
  const { username, secret } = await seedHolder(strict, 'practice')
  const wrong = basic(username, 'lk_wrong')
  expect((await get('/practice/v1/me', wrong, strict)).status).toBe(401)
  expect((await get('/practice/v1/me', wrong, strict)).status).toBe(401)
  strict.clock.turn(1000)
  expect(await seen(await get('/practice/v1/me', wrong, strict))).toEqual(
    problem(429, 'too_many_failures', 'Too many failures. Try again in 59 seconds.', {
      'retry-after': '59',
    }),
  )
  expect((await get('/practice/v1/me', basic(username, secret), strict)).status).toBe(200)
  await strict.close()
})

test('502 where nothing is behind, or nothing answers there; 504 where it takes too long', async () => {
  const unavailable = problem(
    502,
    'upstream_unavailable',
    'The service behind did not answer as it should.',
  )
  const timedOut = problem(504, 'upstream_timed_out', 'The service behind did not answer in time.')
  const silent = await openHttpUpstream(() => undefined)
  for (const [settings, expected] of [
    [{}, unavailable],
    [{ LATCHKEY_UPSTREAM_PRACTICE: 'http://127.0.0.1:1' }, unavailable],
    [{ LATCHKEY_UPSTREAM_PRACTICE: silent.url, LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: '1' }, timedOut],
  ] as const) {
    const other = await testServer(settings)
    const { username, secret } = await seedHolder(other, 'practice')
    const answer = await get('/practice/v1/patients', basic(username, secret), other)
    expect(await seen(answer)).toEqual(expected)
    await other.close()
  }
  silent.close()
})

test('503 while the database is away, 500 where the server has a bug', async () => {
  const cases = [
    [
      new Unavailable('it restarts'),
      problem(503, 'busy', 'The server is busy. Try again in 5 seconds.', { 'retry-after': '5' }),
    ],
    [new Error('a bug'), problem(500, 'server_error', 'The server failed; try again.')],
  ] as const
  for (const [thrown, expected] of cases) {
    const { request } = brokenServer(practiceApi, thrown)
    for (const path of PATHS) {
      expect(await seen(await request(path, { headers: basic('ada', 'a-key') }))).toEqual(expected)
    }
  }
})
