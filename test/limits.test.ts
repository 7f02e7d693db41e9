import { availableParallelism } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { createGuesses, createQuota } from '../src/service/guesses.ts'
import {
  deviceNew,
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
  const key = await seedKey(server)
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

describe('failures with one key', () => {
  const few = { LATCHKEY_FAILURES_PER_KEY: '3', LATCHKEY_FAILURES_PER_ADDRESS: '1000' }

  test('past the limit have to wait, wherever they come from, until the window ends', async () => {
    const { authenticate, clock, from } = await serverWith(few)
    const spread = (n: number) => {
      from(`203.0.113.${n}`)
      return authenticate(wrong(n))
    }
    expect(await statuses(3, spread)).toEqual([401, 401, 401])
    await mustWait(await authenticate(wrong(3)), 300)
    // The right secret, too, as long as nobody has proven it before.
    await mustWait(await authenticate(), 300)
    clock.turn(100 * SECOND + 1)
    await mustWait(await authenticate(), 200)
    clock.turn(200 * SECOND - 2)
    await mustWait(await authenticate(), 1)
    clock.turn(1)
    expect((await authenticate()).status).toBe(200)
    expect(await statuses(4, spread)).toEqual([401, 401, 401, 429])
  })

  test('that come all at once are judged no further than those that come one by one', async () => {
    const { authenticate, from } = await serverWith(few)
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => {
        from(`203.0.113.${n}`)
        return authenticate(wrong(n))
      }),
    )
    const judged = answers.filter(({ status }) => status === 401).length
    expect(judged).toBeGreaterThanOrEqual(3)
    // Those under way, and those whose turn comes as these end: so many on each core.
    expect(judged).toBeLessThan(3 + 2 * availableParallelism())
    for (const answer of answers) if (answer.status !== 401) await mustWait(answer, 300)
    await mustWait(await authenticate(), 300)
  })

  test('do not keep out a secret that was proven before', async () => {
    const { authenticate, from } = await serverWith(few)
    await tokensOf(await authenticate())
    from('198.51.100.1')
    expect(await statuses(10, (n) => authenticate(wrong(n)))).toEqual([
      401, 401, 401, 429, 429, 429, 429, 429, 429, 429,
    ])
    from('203.0.113.7')
    await tokensOf(await authenticate())
    await tokensOf(await authenticate())
    await mustWait(await authenticate(wrong(11)), 300)
  })

  test('do not count for another key', async () => {
    const { server, authenticate } = await serverWith(few)
    const other = await seedKey(server)
    expect(await statuses(4, (n) => authenticate(wrong(n)))).toEqual([401, 401, 401, 429])
    expect((await authenticate(other.secret, other.apiKey)).status).toBe(200)
  })

  test('are counted alike for keys that do not exist, are disabled, or can be nobody’s', async () => {
    const { server, authenticate, key } = await serverWith(few)
    await server.keys.disable(key.keyId)
    for (const id of [key.apiKey, crypto.randomUUID(), 'two words', '\0', 'x'.repeat(500)]) {
      const found = await statuses(5, (n) => authenticate(wrong(n), id))
      expect([id, found]).toEqual([id, [401, 401, 401, 429, 429]])
    }
  })

  test('are not made of successes', async () => {
    const { authenticate, clock } = await serverWith(few)
    for (let hour = 0; hour < 4; hour++) {
      // Each hour the proof is forgotten and the secret is proven anew.
      expect(await statuses(10, () => authenticate())).toEqual(Array(10).fill(200))
      clock.turn(3600 * SECOND)
    }
    const crowd = await Promise.all(Array.from({ length: 30 }, () => authenticate()))
    expect(crowd.map(({ status }) => status)).toEqual(Array(30).fill(200))
    expect(await statuses(4, (n) => authenticate(wrong(n)))).toEqual([401, 401, 401, 429])
  })

  test('are not made of requests that cannot be read', async () => {
    const { post, authenticate, key } = await serverWith(few)
    const unreadable = await statuses(5, () => post('/auth/authenticate', { apiKey: key.apiKey }))
    expect(unreadable).toEqual([400, 400, 400, 400, 400])
    expect((await authenticate()).status).toBe(200)
  })
})

describe('failures from one address', () => {
  const few = { LATCHKEY_FAILURES_PER_KEY: '1000', LATCHKEY_FAILURES_PER_ADDRESS: '3' }
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

  test('past the limit have to wait even with a secret that was proven before', async () => {
    const { authenticate, from } = await serverWith(few)
    await tokensOf(await authenticate())
    await statuses(3, (n) => authenticate(wrong(n), anyKey()))
    await mustWait(await authenticate(), 300)
    from('203.0.113.8')
    await tokensOf(await authenticate())
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
  const few = { LATCHKEY_FAILURES_PER_KEY: '2', LATCHKEY_FAILURES_PER_ADDRESS: '3' }

  test('is never refused for what others, or its own address, have tried', async () => {
    const { authenticate, refresh, from } = await serverWith(few)
    let tokens = await tokensOf(await authenticate())
    expect(await statuses(5, () => refresh('rt_forged'))).toEqual([401, 401, 401, 429, 429])
    from('198.51.100.1')
    expect(await statuses(5, () => refresh('rt_forged'))).toEqual([401, 401, 401, 429, 429])
    expect(await statuses(5, (n) => authenticate(wrong(n)))).toEqual([401, 401, 429, 429, 429])
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
    const limits = { perKey: 1, perAddress: 1, windowMs: WINDOW }
    const guesses = createGuesses(limits, testClock())
    for (let n = 0; n <= COUNTED; n++) guesses.failed(`address ${n}`, `key ${n}`)
    expect([guesses.mayTry('address 0').ok, guesses.mayTryKey('key 0').ok]).toEqual([true, true])
    expect([guesses.mayTry('address 1').ok, guesses.mayTryKey('key 1').ok]).toEqual([false, false])
    const newest = guesses.mayTryKey(`key ${COUNTED}`)
    expect(newest).toEqual({ ok: false, failure: { reason: 'guessing', retryAfterSeconds: 300 } })

    const quota = createQuota(1, WINDOW, testClock())
    for (let n = 0; n <= COUNTED; n++) expect(quota(`address ${n}`).ok).toBe(true)
    expect(quota('address 1').ok).toBe(false)
    expect(quota('address 0').ok).toBe(true)
  })

  test('keeps who goes on being counted, however many others come and go', () => {
    const guesses = createGuesses({ perKey: 3, perAddress: 3, windowMs: WINDOW }, testClock())
    for (let n = 0; n < 3; n++) guesses.failed('attacker', 'key')
    for (let n = 0; n < COUNTED * 2; n++) {
      guesses.failed(`address ${n}`, `key ${n}`)
      // Who is refused tries again.
      if (n % 1000 === 0) expect(guesses.mayTry('attacker').ok).toBe(false)
    }
  })
})
