import { describe, expect, test } from 'vitest'
import {
  type Credentials,
  createMemoryStore,
  type TokenManagerOptions,
} from '../../src/client/client.ts'
import { createTestClock, DAY_MS, HOUR_MS } from '../support/time.ts'
import { createClient } from './client-fixture.ts'
import { DOUBLE_KEY, DOUBLE_URL, VendorDouble } from './simulation/vendor-double.ts'

/* The real vendor rotates without repeating, so that a lost answer ends the refresh token. */

const SIGNER: Credentials = {
  clientId: 'client',
  keyId: 'k1',
  algorithm: 'ES384',
  sign: () => new Uint8Array(96),
}

function startVendor() {
  const clock = createTestClock()
  const double = new VendorDouble(clock)
  const call = async (path: string, { body, headers = {} }: RequestInit = {}) =>
    double.answer({
      path,
      body: String(body),
      authorization: new Headers(headers).get('authorization'),
    })
  const create = (
    credentials: Credentials = DOUBLE_KEY,
    options: Partial<TokenManagerOptions> = {},
  ) => createClient({ clock, call }, credentials, { url: DOUBLE_URL, ...options })
  return { clock, double, create }
}

const post = ({ manager }: ReturnType<ReturnType<typeof startVendor>['create']>) =>
  manager.fetch('/endpoint', { method: 'POST', body: '{}' })

describe('at a vendor that never repeats a refresh', () => {
  test('a refresh whose answer was lost ends in an authentication', async () => {
    const { clock, create } = startVendor()
    const client = create(DOUBLE_KEY, { refresh: true })
    await post(client)
    clock.advance(DAY_MS)
    client.losses.push('answer')
    expect((await post(client)).status).toBe(200)
    expect(client.paths.slice(2)).toEqual([
      '/auth/refreshToken',
      '/auth/refreshToken',
      '/auth/authenticate',
      '/endpoint',
    ])
  })

  test('two processes on one store refresh once, and both use the tokens', async () => {
    const { clock, create } = startVendor()
    const store = createMemoryStore()
    const clients = [0, 1].map(() => create(DOUBLE_KEY, { refresh: true, store }))
    for (let day = 0; day < 3; day++) {
      const answers = await Promise.all(clients.flatMap((client) => [post(client), post(client)]))
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      clock.advance(DAY_MS)
    }
    const tokenRequests = clients
      .flatMap(({ paths }) => paths)
      .filter((path) => path.startsWith('/auth/'))
    expect(tokenRequests).toEqual([
      '/auth/authenticate',
      '/auth/refreshToken',
      '/auth/refreshToken',
    ])
  })

  test('the end of all tokens at once costs one authentication', async () => {
    const { double, create } = startVendor()
    const client = create(DOUBLE_KEY, { refresh: true })
    await post(client)
    double.dropTokens()
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(client)))
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
    expect(client.paths.filter((path) => path.startsWith('/auth/'))).toEqual([
      '/auth/authenticate',
      '/auth/authenticate',
    ])
  })

  test('a process that was killed while it refreshed locks out neither the store nor the next process', async () => {
    const { clock, create } = startVendor()
    const store = createMemoryStore()
    const first = create(DOUBLE_KEY, { refresh: true, store })
    await post(first)
    clock.advance(DAY_MS)
    const killed = create(DOUBLE_KEY, {
      refresh: true,
      store,
      runtime: {
        ...first.runtime,
        fetch: () => new Promise(() => undefined),
        setTimer: () => () => undefined,
      },
    })
    void killed.manager.token()
    await new Promise(setImmediate)
    const next = create(DOUBLE_KEY, { refresh: true, store })
    expect((await post(next)).status).toBe(200)
  })
})

describe('by the rules for iat', () => {
  test.each([-HOUR_MS, -4 * 60_000, 0, 4 * 60_000, HOUR_MS])(
    'a clock that is %i ms off gets a token',
    async (skewMs) => {
      const { clock, create } = startVendor()
      const probe = create(SIGNER)
      const client = create(SIGNER, {
        runtime: { ...probe.runtime, now: () => clock() + skewMs },
      })
      for (let n = 0; n < 3; n++) {
        expect((await client.manager.fetch('/fhir/Patient')).status).toBe(200)
        clock.advance(6 * 60_000)
      }
      const tokenRequests = probe.paths.filter((path) => path === '/v2/auth/token')
      expect(tokenRequests.length).toBeLessThanOrEqual(4)
    },
  )
})

test('a clock that is set back keeps no ended token, neither its own nor one of the store', async () => {
  const { clock, create } = startVendor()
  const store = createMemoryStore()
  const { runtime, paths } = create()
  const machine = { skewMs: 0 }
  const now = () => clock() + machine.skewMs
  const client = create(SIGNER, { store, runtime: { ...runtime, now } })
  await post(client)
  clock.advance(4.9 * 60_000)
  await post(create(SIGNER, { store }))
  machine.skewMs = -HOUR_MS
  clock.advance(20 * 60_000)
  expect((await post(client)).status).toBe(200)
  // No answer 401 came between.
  expect(paths).toEqual(['/v2/auth/token', '/endpoint', '/v2/auth/token', '/endpoint'])
})
