import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import {
  createAddressRateLimit,
  createFailureLimiter,
} from '../../../src/service/limits/rate-limits.ts'
import { parseTokens } from '../../support/responses.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  unwrap,
} from '../../support/server.ts'
import { createTestClock, SECOND_MS } from '../../support/time.ts'

const WINDOW = 300 * SECOND_MS

const servers: TestServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function openLimitedServer(settings: Record<string, string>) {
  const server = await createTestServer(settings)
  servers.push(server)
  return createVendorCalls(server, await seedKey(server))
}

function createVendorCalls(server: TestServer, key: Awaited<ReturnType<typeof seedKey>>) {
  let address = '203.0.113.7'
  const post = (path: string, body: object) =>
    server.call(path, { body: JSON.stringify(body), address })
  return {
    server,
    clock: server.clock,
    key,
    /** Sets the peer address of all later requests. */
    from: (other: string) => {
      address = other
    },
    authenticate: (secret = key.secret, apiKey = key.apiKey) =>
      post('/auth/authenticate', { apiKey, secret }),
    refresh: (refreshToken: string, apiKey = key.apiKey) =>
      post('/auth/refreshToken', { apiKey, refreshToken }),
    post,
  }
}

/** A proven secret is stored after the response, but before the next write: the probe. */
const waitUntilSettled = ({ server }: { server: TestServer }) => server.storage.probe()

function useDatabase<T>({ dir }: TestServer, work: (db: Database.Database) => T): T {
  const db = new Database(join(dir, 'latchkey.db'))
  try {
    return work(db)
  } finally {
    db.close()
  }
}

const collectStatuses = async (times: number, act: (n: number) => Promise<Response>) => {
  const found: number[] = []
  for (let n = 0; n < times; n++) found.push((await act(n)).status)
  return found
}

async function expectRetryAfter(answer: Response, seconds: number) {
  expect(answer.status).toBe(429)
  expect(answer.headers.get('Retry-After')).toBe(String(seconds))
  expect(answer.headers.get('Content-Type')).toBe('application/json; charset=utf-8')
  expect(await answer.json()).toEqual({ message: `Try again in ${seconds} seconds.` })
}

const createWrongSecret = (n: number) => `wrong secret number ${n}`

/** Secrets of another system: of them Latchkey cannot know how easily they are guessed. */
const IMPORTED = 'winter-2019-nightly'

describe('an owner whose key id is known to strangers', () => {
  const LOW_LIMITS = { LATCHKEY_FAILURES_PER_ADDRESS: '3' }
  const HOME = '203.0.113.7'

  /** Failures with this key from everywhere: whatever is counted of it is used up. */
  async function sendGuessesFromEverywhere({
    authenticate,
    from,
  }: Awaited<ReturnType<typeof openLimitedServer>>) {
    for (let n = 0; n < 20; n++) {
      from(`198.51.100.${n}`)
      expect((await authenticate(createWrongSecret(n))).status).toBe(401)
    }
    from(HOME)
    expect(await collectStatuses(5, (n) => authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429, 429,
    ])
  }

  /** Another process on the same database: it has none of the memory. */
  async function restartServer(
    vendor: Awaited<ReturnType<typeof openLimitedServer>>,
    settings = {},
  ) {
    const { dir, clock } = vendor.server
    const server = await createTestServer({ ...LOW_LIMITS, ...settings }, { dir, clock })
    servers.push(server)
    return createVendorCalls(server, vendor.key)
  }

  async function openImportedKeyServer(settings = {}) {
    const vendor = await openLimitedServer({ ...LOW_LIMITS, ...settings })
    const { keyId } = vendor.key
    unwrap(await vendor.server.keys.rotateSecret(keyId, { secret: IMPORTED }))
    return { ...vendor, authenticate: (secret = IMPORTED) => vendor.authenticate(secret) }
  }

  test('comes in with the secret that Latchkey made, from where strangers fail, the first time too', async () => {
    const vendor = await openLimitedServer(LOW_LIMITS)
    await sendGuessesFromEverywhere(vendor)
    await parseTokens(await vendor.authenticate())
    await expectRetryAfter(await vendor.authenticate(createWrongSecret(1)), 300)

    const restarted = await restartServer(vendor)
    await sendGuessesFromEverywhere(restarted)
    await parseTokens(await restarted.authenticate())
  })

  test('comes in with the new secret and, in an overlap, with the one before', async () => {
    const vendor = await openLimitedServer(LOW_LIMITS)
    const { server, key, clock, authenticate } = vendor
    const rotated = unwrap(await server.keys.rotateSecret(key.keyId, { overlapMs: 60 * SECOND_MS }))
    await sendGuessesFromEverywhere(vendor)
    await parseTokens(await authenticate())
    await parseTokens(await authenticate(rotated.secret))
    clock.advance(60 * SECOND_MS)
    await expectRetryAfter(await authenticate(), 240)
    await parseTokens(await authenticate(rotated.secret))
    const last = unwrap(await server.keys.rotateSecret(key.keyId, {}))
    await expectRetryAfter(await authenticate(rotated.secret), 240)
    await parseTokens(await authenticate(last.secret))
  })

  test('comes in with a secret that Latchkey made before it kept digests, once it was proven', async () => {
    const vendor = await openLimitedServer(LOW_LIMITS)
    useDatabase(vendor.server, (db) => db.exec('UPDATE keys SET secret_digest = NULL'))
    vendor.from('192.0.2.1')
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const restarted = await restartServer(vendor)
    await sendGuessesFromEverywhere(restarted)
    await parseTokens(await restarted.authenticate())
  })

  test('comes in with an imported secret from where it was proven once, although strangers fail there', async () => {
    const vendor = await openImportedKeyServer()
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const restarted = await restartServer(vendor)
    const { from, post } = restarted
    const sendStrangerRequest = (n: number) =>
      post('/auth/authenticate', { apiKey: crypto.randomUUID(), secret: createWrongSecret(n) })
    expect(await collectStatuses(5, sendStrangerRequest)).toEqual([401, 401, 401, 429, 429])
    await parseTokens(await restarted.authenticate(IMPORTED))

    // A stranger who guesses at this very key from there is counted as its owner.
    const third = await restartServer(restarted)
    expect(await collectStatuses(5, (n) => third.authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429, 429,
    ])
    expect((await third.post('/auth/authenticate', { apiKey: 'x', secret: 'y' })).status).toBe(401)
    from('192.0.2.1')
    await parseTokens(await restarted.authenticate(IMPORTED))
  })

  test('is known at a network, not at one address of it', async () => {
    const vendor = await openImportedKeyServer()
    vendor.from('2001:db8:0:7::1')
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const { from, post, authenticate } = await restartServer(vendor)
    const sendStrangerRequest = (n: number) =>
      post('/auth/authenticate', { apiKey: crypto.randomUUID(), secret: createWrongSecret(n) })
    from('2001:db8:0:7::2')
    expect(await collectStatuses(4, sendStrangerRequest)).toEqual([401, 401, 401, 429])
    from('2001:db8:0:7::3')
    await parseTokens(await authenticate(IMPORTED))
  })

  test('is remembered from each network, also while the proof is still in memory', async () => {
    const vendor = await openImportedKeyServer()
    await parseTokens(await vendor.authenticate())
    vendor.from('192.0.2.1')
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const { from, post, authenticate } = await restartServer(vendor)
    from('192.0.2.1')
    const sendStrangerRequest = (n: number) =>
      post('/auth/authenticate', { apiKey: 'x', secret: createWrongSecret(n) })
    expect(await collectStatuses(4, sendStrangerRequest)).toEqual([401, 401, 401, 429])
    await parseTokens(await authenticate(IMPORTED))
  })

  test('comes in with an imported secret from everywhere, where the operator allows a digest of it', async () => {
    const allowed = { LATCHKEY_DIGEST_IMPORTED_KEYS: 'on' }
    const vendor = await openImportedKeyServer(allowed)
    const listDigests = () =>
      useDatabase(vendor.server, (db) => db.prepare('SELECT secret_digest FROM keys').pluck().all())
    expect(listDigests()).toEqual([null])
    vendor.from('192.0.2.1')
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    expect(listDigests()).toEqual([expect.stringMatching(/^hmac\./)])
    const restarted = await restartServer(vendor, allowed)
    await sendGuessesFromEverywhere(restarted)
    await parseTokens(await restarted.authenticate(IMPORTED))
  })

  test('leaves no digest of an imported secret where the operator does not allow one', async () => {
    const vendor = await openImportedKeyServer()
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const storedKey = useDatabase(vendor.server, (db) => db.prepare('SELECT * FROM keys').get())
    expect(storedKey).toMatchObject({ secret_digest: null, previous_secret_digest: null })
  })

  test('whose imported secret was never proven shares its address with strangers, and no other', async () => {
    const { authenticate, from, clock } = await openImportedKeyServer()
    for (let n = 0; n < 20; n++) {
      from(`198.51.100.${n}`)
      expect((await authenticate(createWrongSecret(n))).status).toBe(401)
    }
    from(HOME)
    expect(await collectStatuses(3, (n) => authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401,
    ])
    await expectRetryAfter(await authenticate(), 300)
    from('198.51.100.99')
    await parseTokens(await authenticate())
    from(HOME)
    clock.advance(300 * SECOND_MS)
    await parseTokens(await authenticate())
  })

  test('is found in no proof of a secret that was replaced', async () => {
    const vendor = await openImportedKeyServer()
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    unwrap(await vendor.server.keys.rotateSecret(vendor.key.keyId, { secret: `${IMPORTED}-2` }))
    expect(await collectStatuses(4, (n) => vendor.authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429,
    ])
    await expectRetryAfter(await vendor.authenticate(), 300)
    await expectRetryAfter(await vendor.authenticate(`${IMPORTED}-2`), 300)
  })
})

describe('failures from one address', () => {
  const LOW_LIMITS = { LATCHKEY_FAILURES_PER_ADDRESS: '3' }
  const createUnknownKeyId = () => crypto.randomUUID()

  test('past the limit have to wait, whatever keys they try, until the window ends', async () => {
    const { authenticate, clock, from } = await openLimitedServer(LOW_LIMITS)
    expect(
      await collectStatuses(3, (n) => authenticate(createWrongSecret(n), createUnknownKeyId())),
    ).toEqual([401, 401, 401])
    await expectRetryAfter(await authenticate(createWrongSecret(3), createUnknownKeyId()), 300)
    from('203.0.113.8')
    expect((await authenticate(createWrongSecret(3), createUnknownKeyId())).status).toBe(401)
    from('203.0.113.7')
    clock.advance(WINDOW - 1)
    await expectRetryAfter(await authenticate(createWrongSecret(3), createUnknownKeyId()), 1)
    clock.advance(1)
    expect((await authenticate(createWrongSecret(3), createUnknownKeyId())).status).toBe(401)
  })

  test('that come all at once are judged no further than those that come one by one', async () => {
    const { authenticate } = await openLimitedServer(LOW_LIMITS)
    const attempts = Array.from({ length: 100 }, (_, n) =>
      authenticate(createWrongSecret(n), createUnknownKeyId()),
    )
    const judged = (await Promise.all(attempts)).filter(({ status }) => status === 401).length
    expect(judged).toBeGreaterThanOrEqual(3)
    expect(judged).toBeLessThan(3 + 2 * availableParallelism())
  })

  test('do not keep out a host of many vendors that all come at once', async () => {
    const { server, authenticate } = await openLimitedServer(LOW_LIMITS)
    const keys = await Promise.all(Array.from({ length: 20 }, () => seedKey(server)))
    const crowd = [...keys, ...keys].map(({ secret, apiKey }) => authenticate(secret, apiKey))
    for (const { status } of await Promise.all(crowd)) expect(status).toBe(200)
  })

  test('are counted for an IPv6 /64, whatever addresses of it they come from', async () => {
    const { authenticate, refresh, from } = await openLimitedServer(LOW_LIMITS)
    const fromNetwork = (act: (n: number) => Promise<Response>) => (n: number) => {
      from(`2001:db8:0:7::${n}`)
      return act(n)
    }
    const sendGuess = fromNetwork((n) => authenticate(createWrongSecret(n), createUnknownKeyId()))
    expect(await collectStatuses(5, sendGuess)).toEqual([401, 401, 401, 429, 429])
    from('2001:db8:0:8::1')
    expect((await authenticate(createWrongSecret(1), createUnknownKeyId())).status).toBe(401)
    const forge = fromNetwork(() => refresh('rt_forged', createUnknownKeyId()))
    expect(await collectStatuses(5, forge)).toEqual([401, 401, 401, 429, 429])
  })

  test('are counted alike for keys that do not exist, are disabled, or can be nobody’s', async () => {
    const { server, authenticate, key, from } = await openLimitedServer(LOW_LIMITS)
    await server.keys.disable(key.keyId)
    const ids = [key.apiKey, crypto.randomUUID(), 'two words', '\0', 'x'.repeat(500)]
    for (const [n, id] of ids.entries()) {
      from(`198.51.100.${n}`)
      const found = await collectStatuses(5, (m) => authenticate(createWrongSecret(m), id))
      expect([id, found]).toEqual([id, [401, 401, 401, 429, 429]])
      expect([id, (await authenticate(key.secret, id)).status]).toEqual([id, 429])
    }
  })

  test('are not made of requests that cannot be read', async () => {
    const { post, authenticate, key } = await openLimitedServer(LOW_LIMITS)
    const unreadable = await collectStatuses(5, () =>
      post('/auth/authenticate', { apiKey: key.apiKey }),
    )
    expect(unreadable).toEqual([400, 400, 400, 400, 400])
    expect((await authenticate(createWrongSecret(1))).status).toBe(401)
  })

  test('are not made of successes', async () => {
    const { authenticate } = await openLimitedServer(LOW_LIMITS)
    expect(await collectStatuses(50, () => authenticate())).toEqual(Array(50).fill(200))
    expect(await collectStatuses(4, (n) => authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429,
    ])
  })

  test('are those of the client, not of the proxy before it', async () => {
    const { server, key } = await openLimitedServer({
      ...LOW_LIMITS,
      LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8',
    })
    const sendThroughProxies = (client: string) =>
      server.call('/auth/authenticate', {
        body: JSON.stringify({ apiKey: createUnknownKeyId(), secret: key.secret }),
        headers: { 'X-Forwarded-For': client },
        address: '10.0.0.1',
      })
    expect(await collectStatuses(4, () => sendThroughProxies('198.51.100.1'))).toEqual([
      401, 401, 401, 429,
    ])
    expect((await sendThroughProxies('198.51.100.2')).status).toBe(401)
    // Entries that the client wrote to the left of it are ignored.
    expect((await sendThroughProxies('192.0.2.77, 198.51.100.1')).status).toBe(429)
  })

  test('are not escaped by claiming another address where no proxy is trusted', async () => {
    const { server, key } = await openLimitedServer(LOW_LIMITS)
    const sendWithClaimedAddress = (n: number) =>
      server.call('/auth/authenticate', {
        body: JSON.stringify({ apiKey: createUnknownKeyId(), secret: key.secret }),
        headers: { 'X-Forwarded-For': `198.51.100.${n}` },
      })
    expect(await collectStatuses(5, sendWithClaimedAddress)).toEqual([401, 401, 401, 429, 429])
  })
})

describe('a genuine refresh token', () => {
  const LOW_LIMITS = { LATCHKEY_FAILURES_PER_ADDRESS: '3' }

  test('is never refused for what others, or its own address, have tried', async () => {
    const { authenticate, refresh, from } = await openLimitedServer(LOW_LIMITS)
    let tokens = await parseTokens(await authenticate())
    expect(await collectStatuses(5, () => refresh('rt_forged'))).toEqual([401, 401, 401, 429, 429])
    from('198.51.100.1')
    expect(await collectStatuses(5, () => refresh('rt_forged'))).toEqual([401, 401, 401, 429, 429])
    expect(await collectStatuses(5, (n) => authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429, 429,
    ])
    for (const address of ['203.0.113.7', '198.51.100.1', '192.0.2.1']) {
      from(address)
      tokens = await parseTokens(await refresh(tokens.refreshToken))
    }
  })

  test('that fails is slowed down with a JSON body and the time to wait', async () => {
    const { refresh, clock } = await openLimitedServer(LOW_LIMITS)
    await collectStatuses(3, () => refresh('rt_forged'))
    await expectRetryAfter(await refresh('rt_forged'), 300)
    clock.advance(WINDOW - 1)
    await expectRetryAfter(await refresh('rt_forged', crypto.randomUUID()), 1)
    clock.advance(1)
    expect((await refresh('rt_forged')).status).toBe(401)
  })

  test('that is reused convicts its family although its address must wait', async () => {
    const { server, authenticate, refresh, clock, key } = await openLimitedServer(LOW_LIMITS)
    const first = await parseTokens(await authenticate())
    const second = await parseTokens(await refresh(first.refreshToken))
    const accepted = await server.endpoint(
      second.accessToken,
      createDeviceNewMessage(key.destinationId),
    )
    expect(accepted.status).toBe(200)
    clock.advance(61 * SECOND_MS)
    await collectStatuses(5, () => refresh('rt_forged'))
    expect((await refresh(first.refreshToken)).status).toBe(429)
    expect((await server.endpoint(second.accessToken, {})).status).toBe(401)
  })
})

describe('the quota', () => {
  const LOW_LIMITS = { LATCHKEY_QUOTA_REQUESTS: '5' }

  test('refuses the next request of an address, as JSON with the limit, until its window ends', async () => {
    const { server, authenticate, clock, key } = await openLimitedServer(LOW_LIMITS)
    const { accessToken } = await parseTokens(await authenticate())
    const send = (address = '203.0.113.7', path = '/endpoint') =>
      server.call(path, {
        body: JSON.stringify(createDeviceNewMessage(key.destinationId)),
        headers: { Authorization: `Bearer ${accessToken}` },
        address,
      })
    const sendMixed = (n: number) => send('203.0.113.7', n % 2 ? '/query' : '/endpoint')
    expect(await collectStatuses(5, sendMixed)).toEqual([200, 200, 200, 200, 200])

    const refused = await send()
    expect(refused.status).toBe(429)
    expect(refused.headers.get('X-RateLimit-Limit')).toBe('5')
    expect(refused.headers.get('Retry-After')).toBe('300')
    expect(refused.headers.get('Content-Type')).toBe('application/json; charset=utf-8')
    const { Meta } = (await refused.json()) as { Meta: { Errors: { ID: number }[] } }
    expect(Meta).toEqual({
      Errors: [
        {
          ID: Meta.Errors[0]?.ID,
          Text: 'Too many requests. Try again in 300 seconds.',
          Type: 'message',
          Module: 'Send',
        },
      ],
    })
    expect(Meta.Errors[0]?.ID).toSatisfy(Number.isSafeInteger)

    expect((await send('203.0.113.8')).status).toBe(200)
    clock.advance(WINDOW - 1)
    expect((await send()).headers.get('Retry-After')).toBe('1')
    clock.advance(1)
    expect((await send()).status).toBe(200)
  })

  test('does not count the exchange of credentials, and does not slow it down', async () => {
    const { server, authenticate } = await openLimitedServer(LOW_LIMITS)
    expect(await collectStatuses(10, () => authenticate())).toEqual(Array(10).fill(200))
    expect(await collectStatuses(7, () => server.endpoint('nothing', {}))).toEqual([
      401, 401, 401, 401, 401, 429, 429,
    ])
    expect((await authenticate()).status).toBe(200)
  })

  test('is 10,000 requests in 5 minutes: the 10,001st is refused', async () => {
    const { server, clock } = await openLimitedServer({})
    for (let n = 0; n < 10_000; n++) {
      const { status } = await server.endpoint('nothing', {})
      if (status !== 401) expect([n, status]).toEqual([n, 401])
    }
    const refused = await server.endpoint('nothing', {})
    expect(refused.status).toBe(429)
    expect(refused.headers.get('X-RateLimit-Limit')).toBe('10000')
    clock.advance(WINDOW)
    expect((await server.endpoint('nothing', {})).status).toBe(401)
  })
})

describe('the memory of limits', () => {
  const MAX_COUNTED_ADDRESSES = 50_000

  test('is bounded: of more ids than are counted, those longest unseen are forgotten', () => {
    const failureLimiter = createFailureLimiter(
      { perAddress: 1, windowMs: WINDOW },
      createTestClock(),
    )
    for (let n = 0; n <= MAX_COUNTED_ADDRESSES; n++) failureLimiter.countFailure(`address ${n}`)
    expect(failureLimiter.checkAllowed('address 0').ok).toBe(true)
    expect(failureLimiter.checkAllowed('address 1').ok).toBe(false)
    const newest = failureLimiter.checkAllowed(`address ${MAX_COUNTED_ADDRESSES}`)
    expect(newest).toEqual({
      ok: false,
      failure: { reason: 'failures_exceeded', retryAfterSeconds: 300 },
    })

    const quota = createAddressRateLimit(1, WINDOW, createTestClock())
    for (let n = 0; n <= MAX_COUNTED_ADDRESSES; n++) expect(quota(`address ${n}`).ok).toBe(true)
    expect(quota('address 1').ok).toBe(false)
    expect(quota('address 0').ok).toBe(true)
  })

  test('keeps who goes on being counted, however many others come and go', () => {
    const failureLimiter = createFailureLimiter(
      { perAddress: 3, windowMs: WINDOW },
      createTestClock(),
    )
    for (let n = 0; n < 3; n++) failureLimiter.countFailure('attacker')
    for (let n = 0; n < MAX_COUNTED_ADDRESSES * 2; n++) {
      failureLimiter.countFailure(`address ${n}`)
      // A refused caller that retries must not fall out of the table.
      if (n % 1000 === 0) expect(failureLimiter.checkAllowed('attacker').ok).toBe(false)
    }
  })
})
