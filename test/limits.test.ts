import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, test } from 'vitest'
import { createGuesses, createQuota } from '../src/service/guesses.ts'
import {
  deviceNew,
  done,
  seedKey,
  type TestServer,
  type TokenAnswer,
  testClock,
  testServer,
} from './support/server.ts'

const SECOND = 1000
const WINDOW = 300 * SECOND

const servers: TestServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function serverWith(settings: Record<string, string>) {
  const server = await testServer(settings)
  servers.push(server)
  return worldOf(server, await seedKey(server))
}

function worldOf(server: TestServer, key: Awaited<ReturnType<typeof seedKey>>) {
  let address = '203.0.113.7'
  const post = (path: string, body: object) =>
    server.call(path, { body: JSON.stringify(body), address })
  return {
    server,
    clock: server.clock,
    key,
    /** Where the requests after this come from. */
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

/** What was proven is written after the answer, and before whatever is written next. */
const settled = ({ server }: { server: TestServer }) => server.storage.probe()

function withDatabase<T>({ dir }: TestServer, work: (db: Database.Database) => T): T {
  const db = new Database(join(dir, 'latchkey.db'))
  try {
    return work(db)
  } finally {
    db.close()
  }
}

const statuses = async (times: number, act: (n: number) => Promise<Response>) => {
  const found: number[] = []
  for (let n = 0; n < times; n++) found.push((await act(n)).status)
  return found
}

const tokensOf = async (answer: Response) => {
  expect(answer.status).toBe(200)
  return (await answer.json()) as TokenAnswer
}

async function mustWait(answer: Response, seconds: number) {
  expect(answer.status).toBe(429)
  expect(answer.headers.get('Retry-After')).toBe(String(seconds))
  expect(answer.headers.get('Content-Type')).toBe('application/json; charset=utf-8')
  expect(await answer.json()).toEqual({ message: `Try again in ${seconds} seconds.` })
}

const wrong = (n: number) => `wrong secret number ${n}`

/** Secrets of another system: of them Latchkey cannot know how easily they are guessed. */
const IMPORTED = 'winter-2019-nightly'

describe('an owner whose key id is known to strangers', () => {
  const few = { LATCHKEY_FAILURES_PER_ADDRESS: '3' }
  const HOME = '203.0.113.7'

  /** Failures with this key from everywhere: whatever is counted of it is used up. */
  async function guessFromEverywhere({
    authenticate,
    from,
  }: Awaited<ReturnType<typeof serverWith>>) {
    for (let n = 0; n < 20; n++) {
      from(`198.51.100.${n}`)
      expect((await authenticate(wrong(n))).status).toBe(401)
    }
    from(HOME)
    expect(await statuses(5, (n) => authenticate(wrong(n)))).toEqual([401, 401, 401, 429, 429])
  }

  /** Another process on the same database: it has none of the memory. */
  async function restart(world: Awaited<ReturnType<typeof serverWith>>, settings = {}) {
    const { dir, clock } = world.server
    const server = await testServer({ ...few, ...settings }, { dir, clock })
    servers.push(server)
    return worldOf(server, world.key)
  }

  async function importedWorld(settings = {}) {
    const world = await serverWith({ ...few, ...settings })
    const { keyId } = world.key
    done(await world.server.keys.rotateSecret(keyId, { secret: IMPORTED }))
    return { ...world, authenticate: (secret = IMPORTED) => world.authenticate(secret) }
  }

  test('comes in with the secret that Latchkey made, from where strangers fail, the first time too', async () => {
    const world = await serverWith(few)
    await guessFromEverywhere(world)
    await tokensOf(await world.authenticate())
    await mustWait(await world.authenticate(wrong(1)), 300)

    const restarted = await restart(world)
    await guessFromEverywhere(restarted)
    await tokensOf(await restarted.authenticate())
  })

  test('comes in with the new secret and, in an overlap, with the one before', async () => {
    const world = await serverWith(few)
    const { server, key, clock, authenticate } = world
    const rotated = done(await server.keys.rotateSecret(key.keyId, { overlapMs: 60 * SECOND }))
    await guessFromEverywhere(world)
    await tokensOf(await authenticate())
    await tokensOf(await authenticate(rotated.secret))
    clock.turn(60 * SECOND)
    await mustWait(await authenticate(), 240)
    await tokensOf(await authenticate(rotated.secret))
    const last = done(await server.keys.rotateSecret(key.keyId, {}))
    await mustWait(await authenticate(rotated.secret), 240)
    await tokensOf(await authenticate(last.secret))
  })

  test('comes in with a secret that Latchkey made before it kept digests, once it was proven', async () => {
    const world = await serverWith(few)
    withDatabase(world.server, (db) => db.exec('UPDATE keys SET secret_digest = NULL'))
    world.from('192.0.2.1')
    await tokensOf(await world.authenticate())
    await settled(world)
    const restarted = await restart(world)
    await guessFromEverywhere(restarted)
    await tokensOf(await restarted.authenticate())
  })

  test('comes in with an imported secret from where it was proven once, although strangers fail there', async () => {
    const world = await importedWorld()
    await tokensOf(await world.authenticate())
    await settled(world)
    const restarted = await restart(world)
    const { from, post } = restarted
    const strangers = (n: number) =>
      post('/auth/authenticate', { apiKey: crypto.randomUUID(), secret: wrong(n) })
    expect(await statuses(5, strangers)).toEqual([401, 401, 401, 429, 429])
    await tokensOf(await restarted.authenticate(IMPORTED))

    // A stranger who guesses at this very key from there is counted as its owner.
    const third = await restart(restarted)
    expect(await statuses(5, (n) => third.authenticate(wrong(n)))).toEqual([
      401, 401, 401, 429, 429,
    ])
    expect((await third.post('/auth/authenticate', { apiKey: 'x', secret: 'y' })).status).toBe(401)
    from('192.0.2.1')
    await tokensOf(await restarted.authenticate(IMPORTED))
  })

  test('is known at a network, not at one address of it', async () => {
    const world = await importedWorld()
    world.from('2001:db8:0:7::1')
    await tokensOf(await world.authenticate())
    await settled(world)
    const { from, post, authenticate } = await restart(world)
    const strangers = (n: number) =>
      post('/auth/authenticate', { apiKey: crypto.randomUUID(), secret: wrong(n) })
    from('2001:db8:0:7::2')
    expect(await statuses(4, strangers)).toEqual([401, 401, 401, 429])
    from('2001:db8:0:7::3')
    await tokensOf(await authenticate(IMPORTED))
  })

  test('is remembered from each network, also while the proof is still in memory', async () => {
    const world = await importedWorld()
    await tokensOf(await world.authenticate())
    world.from('192.0.2.1')
    await tokensOf(await world.authenticate())
    await settled(world)
    const { from, post, authenticate } = await restart(world)
    from('192.0.2.1')
    const strangers = (n: number) => post('/auth/authenticate', { apiKey: 'x', secret: wrong(n) })
    expect(await statuses(4, strangers)).toEqual([401, 401, 401, 429])
    await tokensOf(await authenticate(IMPORTED))
  })

  test('comes in with an imported secret from everywhere, where the operator allows a digest of it', async () => {
    const allowed = { LATCHKEY_DIGEST_IMPORTED_KEYS: 'on' }
    const world = await importedWorld(allowed)
    const digests = () =>
      withDatabase(world.server, (db) => db.prepare('SELECT secret_digest FROM keys').pluck().all())
    expect(digests()).toEqual([null])
    world.from('192.0.2.1')
    await tokensOf(await world.authenticate())
    await settled(world)
    expect(digests()).toEqual([expect.stringMatching(/^hmac\./)])
    const restarted = await restart(world, allowed)
    await guessFromEverywhere(restarted)
    await tokensOf(await restarted.authenticate(IMPORTED))
  })

  test('leaves no digest of an imported secret where the operator does not allow one', async () => {
    const world = await importedWorld()
    await tokensOf(await world.authenticate())
    await settled(world)
    const kept = withDatabase(world.server, (db) => db.prepare('SELECT * FROM keys').get())
    expect(kept).toMatchObject({ secret_digest: null, previous_secret_digest: null })
  })

  test('whose imported secret was never proven shares its address with strangers, and no other', async () => {
    const { authenticate, from, clock } = await importedWorld()
    for (let n = 0; n < 20; n++) {
      from(`198.51.100.${n}`)
      expect((await authenticate(wrong(n))).status).toBe(401)
    }
    from(HOME)
    expect(await statuses(3, (n) => authenticate(wrong(n)))).toEqual([401, 401, 401])
    await mustWait(await authenticate(), 300)
    from('198.51.100.99')
    await tokensOf(await authenticate())
    from(HOME)
    clock.turn(300 * SECOND)
    await tokensOf(await authenticate())
  })

  test('is found in no proof of a secret that was replaced', async () => {
    const world = await importedWorld()
    await tokensOf(await world.authenticate())
    await settled(world)
    done(await world.server.keys.rotateSecret(world.key.keyId, { secret: `${IMPORTED}-2` }))
    expect(await statuses(4, (n) => world.authenticate(wrong(n)))).toEqual([401, 401, 401, 429])
    await mustWait(await world.authenticate(), 300)
    await mustWait(await world.authenticate(`${IMPORTED}-2`), 300)
  })
})

describe('failures from one address', () => {
  const few = { LATCHKEY_FAILURES_PER_ADDRESS: '3' }
  const anyKey = () => crypto.randomUUID()

  test('past the limit have to wait, whatever keys they try, until the window ends', async () => {
    const { authenticate, clock, from } = await serverWith(few)
    expect(await statuses(3, (n) => authenticate(wrong(n), anyKey()))).toEqual([401, 401, 401])
    await mustWait(await authenticate(wrong(3), anyKey()), 300)
    from('203.0.113.8')
    expect((await authenticate(wrong(3), anyKey())).status).toBe(401)
    from('203.0.113.7')
    clock.turn(WINDOW - 1)
    await mustWait(await authenticate(wrong(3), anyKey()), 1)
    clock.turn(1)
    expect((await authenticate(wrong(3), anyKey())).status).toBe(401)
  })

  test('that come all at once are judged no further than those that come one by one', async () => {
    const { authenticate } = await serverWith(few)
    const tries = Array.from({ length: 100 }, (_, n) => authenticate(wrong(n), anyKey()))
    const judged = (await Promise.all(tries)).filter(({ status }) => status === 401).length
    expect(judged).toBeGreaterThanOrEqual(3)
    expect(judged).toBeLessThan(3 + 2 * availableParallelism())
  })

  test('do not keep out a host of many vendors that all come at once', async () => {
    const { server, authenticate } = await serverWith(few)
    const keys = await Promise.all(Array.from({ length: 20 }, () => seedKey(server)))
    const crowd = [...keys, ...keys].map(({ secret, apiKey }) => authenticate(secret, apiKey))
    for (const { status } of await Promise.all(crowd)) expect(status).toBe(200)
  })

  test('are counted for an IPv6 /64, whatever addresses of it they come from', async () => {
    const { authenticate, refresh, from } = await serverWith(few)
    const within = (act: (n: number) => Promise<Response>) => (n: number) => {
      from(`2001:db8:0:7::${n}`)
      return act(n)
    }
    const guess = within((n) => authenticate(wrong(n), anyKey()))
    expect(await statuses(5, guess)).toEqual([401, 401, 401, 429, 429])
    from('2001:db8:0:8::1')
    expect((await authenticate(wrong(1), anyKey())).status).toBe(401)
    const forge = within(() => refresh('rt_forged', anyKey()))
    expect(await statuses(5, forge)).toEqual([401, 401, 401, 429, 429])
  })

  test('are counted alike for keys that do not exist, are disabled, or can be nobody’s', async () => {
    const { server, authenticate, key, from } = await serverWith(few)
    await server.keys.disable(key.keyId)
    const ids = [key.apiKey, crypto.randomUUID(), 'two words', '\0', 'x'.repeat(500)]
    for (const [n, id] of ids.entries()) {
      from(`198.51.100.${n}`)
      const found = await statuses(5, (m) => authenticate(wrong(m), id))
      expect([id, found]).toEqual([id, [401, 401, 401, 429, 429]])
      expect([id, (await authenticate(key.secret, id)).status]).toEqual([id, 429])
    }
  })

  test('are not made of requests that cannot be read', async () => {
    const { post, authenticate, key } = await serverWith(few)
    const unreadable = await statuses(5, () => post('/auth/authenticate', { apiKey: key.apiKey }))
    expect(unreadable).toEqual([400, 400, 400, 400, 400])
    expect((await authenticate(wrong(1))).status).toBe(401)
  })

  test('are not made of successes', async () => {
    const { authenticate } = await serverWith(few)
    expect(await statuses(50, () => authenticate())).toEqual(Array(50).fill(200))
    expect(await statuses(4, (n) => authenticate(wrong(n)))).toEqual([401, 401, 401, 429])
  })

  test('are those of the client, not of the proxy before it', async () => {
    const { server, key } = await serverWith({ ...few, LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8' })
    const through = (client: string) =>
      server.call('/auth/authenticate', {
        body: JSON.stringify({ apiKey: anyKey(), secret: key.secret }),
        headers: { 'X-Forwarded-For': client },
        address: '10.0.0.1',
      })
    expect(await statuses(4, () => through('198.51.100.1'))).toEqual([401, 401, 401, 429])
    expect((await through('198.51.100.2')).status).toBe(401)
    // What the client itself wrote to the left of that is not believed.
    expect((await through('192.0.2.77, 198.51.100.1')).status).toBe(429)
  })

  test('are not escaped by claiming another address where no proxy is trusted', async () => {
    const { server, key } = await serverWith(few)
    const claiming = (n: number) =>
      server.call('/auth/authenticate', {
        body: JSON.stringify({ apiKey: anyKey(), secret: key.secret }),
        headers: { 'X-Forwarded-For': `198.51.100.${n}` },
      })
    expect(await statuses(5, claiming)).toEqual([401, 401, 401, 429, 429])
  })
})

describe('a genuine refresh token', () => {
  const few = { LATCHKEY_FAILURES_PER_ADDRESS: '3' }

  test('is never refused for what others, or its own address, have tried', async () => {
    const { authenticate, refresh, from } = await serverWith(few)
    let tokens = await tokensOf(await authenticate())
    expect(await statuses(5, () => refresh('rt_forged'))).toEqual([401, 401, 401, 429, 429])
    from('198.51.100.1')
    expect(await statuses(5, () => refresh('rt_forged'))).toEqual([401, 401, 401, 429, 429])
    expect(await statuses(5, (n) => authenticate(wrong(n)))).toEqual([401, 401, 401, 429, 429])
    for (const address of ['203.0.113.7', '198.51.100.1', '192.0.2.1']) {
      from(address)
      tokens = await tokensOf(await refresh(tokens.refreshToken))
    }
  })

  test('that fails is slowed down with a JSON body and the time to wait', async () => {
    const { refresh, clock } = await serverWith(few)
    await statuses(3, () => refresh('rt_forged'))
    await mustWait(await refresh('rt_forged'), 300)
    clock.turn(WINDOW - 1)
    await mustWait(await refresh('rt_forged', crypto.randomUUID()), 1)
    clock.turn(1)
    expect((await refresh('rt_forged')).status).toBe(401)
  })

  test('that is reused convicts its family although its address must wait', async () => {
    const { server, authenticate, refresh, clock, key } = await serverWith(few)
    const first = await tokensOf(await authenticate())
    const second = await tokensOf(await refresh(first.refreshToken))
    const accepted = await server.endpoint(second.accessToken, deviceNew(key.destinationId))
    expect(accepted.status).toBe(200)
    clock.turn(61 * SECOND)
    await statuses(5, () => refresh('rt_forged'))
    expect((await refresh(first.refreshToken)).status).toBe(429)
    expect((await server.endpoint(second.accessToken, {})).status).toBe(401)
  })
})

describe('the quota', () => {
  const few = { LATCHKEY_QUOTA_REQUESTS: '5' }

  test('refuses the next request of an address, as JSON with the limit, until its window ends', async () => {
    const { server, authenticate, clock, key } = await serverWith(few)
    const { accessToken } = await tokensOf(await authenticate())
    const send = (address = '203.0.113.7', path = '/endpoint') =>
      server.call(path, {
        body: JSON.stringify(deviceNew(key.destinationId)),
        headers: { Authorization: `Bearer ${accessToken}` },
        address,
      })
    const mixed = (n: number) => send('203.0.113.7', n % 2 ? '/query' : '/endpoint')
    expect(await statuses(5, mixed)).toEqual([200, 200, 200, 200, 200])

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
    clock.turn(WINDOW - 1)
    expect((await send()).headers.get('Retry-After')).toBe('1')
    clock.turn(1)
    expect((await send()).status).toBe(200)
  })

  test('does not count the exchange of credentials, and does not slow it down', async () => {
    const { server, authenticate } = await serverWith(few)
    expect(await statuses(10, () => authenticate())).toEqual(Array(10).fill(200))
    expect(await statuses(7, () => server.endpoint('nothing', {}))).toEqual([
      401, 401, 401, 401, 401, 429, 429,
    ])
    expect((await authenticate()).status).toBe(200)
  })

  test('is 10,000 requests in 5 minutes: the 10,001st is refused', async () => {
    const { server, clock } = await serverWith({})
    for (let n = 0; n < 10_000; n++) {
      const { status } = await server.endpoint('nothing', {})
      if (status !== 401) expect([n, status]).toEqual([n, 401])
    }
    const refused = await server.endpoint('nothing', {})
    expect(refused.status).toBe(429)
    expect(refused.headers.get('X-RateLimit-Limit')).toBe('10000')
    clock.turn(WINDOW)
    expect((await server.endpoint('nothing', {})).status).toBe(401)
  })
})

describe('the memory of limits', () => {
  const COUNTED = 50_000

  test('is bounded: of more ids than are counted, those longest unseen are forgotten', () => {
    const guesses = createGuesses({ perAddress: 1, windowMs: WINDOW }, testClock())
    for (let n = 0; n <= COUNTED; n++) guesses.failed(`address ${n}`)
    expect(guesses.mayTry('address 0').ok).toBe(true)
    expect(guesses.mayTry('address 1').ok).toBe(false)
    const newest = guesses.mayTry(`address ${COUNTED}`)
    expect(newest).toEqual({ ok: false, failure: { reason: 'guessing', retryAfterSeconds: 300 } })

    const quota = createQuota(1, WINDOW, testClock())
    for (let n = 0; n <= COUNTED; n++) expect(quota(`address ${n}`).ok).toBe(true)
    expect(quota('address 1').ok).toBe(false)
    expect(quota('address 0').ok).toBe(true)
  })

  test('keeps who goes on being counted, however many others come and go', () => {
    const guesses = createGuesses({ perAddress: 3, windowMs: WINDOW }, testClock())
    for (let n = 0; n < 3; n++) guesses.failed('attacker')
    for (let n = 0; n < COUNTED * 2; n++) {
      guesses.failed(`address ${n}`)
      // Who is refused tries again.
      if (n % 1000 === 0) expect(guesses.mayTry('attacker').ok).toBe(false)
    }
  })
})
