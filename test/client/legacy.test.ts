import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMemoryStore, TokenManager } from '../../src/client/client.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  unwrap,
} from '../support/server.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../support/time.ts'
import { createClient } from './client-fixture.ts'

const AUTHENTICATE = '/auth/authenticate'
const REFRESH = '/auth/refreshToken'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
})
afterAll(() => server.close())

async function seedClient(options: Parameters<typeof createClient>[2] = {}) {
  const { apiKey, secret, keyId, destinationId } = await seedKey(server)
  const client = createClient(server, { apiKey, secret }, options)
  const post = () =>
    client.manager.fetch('/endpoint', {
      method: 'POST',
      body: JSON.stringify(createDeviceNewMessage(destinationId)),
    })
  return { ...client, post, keyId, apiKey, secret }
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 100))

describe('a TokenManager with a legacy key', () => {
  test('authenticates once for fifty callers, whose messages are all accepted', async () => {
    const { post, paths } = await seedClient()
    const responses = await Promise.all(Array.from({ length: 50 }, post))
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(200))
    expect(paths.filter((path) => path === AUTHENTICATE)).toHaveLength(1)
  })

  test('requests a new token before the old one expires, and no caller waits for it', async () => {
    const { manager, paths } = await seedClient()
    const first = await manager.token()
    server.clock.advance(19 * HOUR_MS)
    expect(await manager.token()).toBe(first)
    await settle()
    expect(paths).toEqual([AUTHENTICATE])
    server.clock.advance(2 * HOUR_MS)
    expect(await manager.token()).toBe(first)
    await expect.poll(() => manager.token()).not.toBe(first)
    expect(paths).toEqual([AUTHENTICATE, AUTHENTICATE])
  })

  test('keeps a token that still lives while the server is unreachable', async () => {
    const { manager, losses, events } = await seedClient()
    const first = await manager.token()
    server.clock.advance(22 * HOUR_MS)
    losses.push('request')
    expect(await manager.token()).toBe(first)
    await expect.poll(() => events.map(({ type }) => type)).toContain('failed')
    expect(await manager.token()).toBe(first)
  })

  test('names the reason of an unreachable server, and sends the reader to the URL', async () => {
    const credentials = { apiKey: 'a', secret: 'b' }
    const options = { url: 'http://127.0.0.1:1', credentials, maxWaitMs: 0 }
    const cause = Object.assign(new Error('bang'), { code: 'ECONNREFUSED' })
    const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }))
    await expect(new TokenManager({ ...options, runtime: { fetch } }).token()).rejects.toThrow(
      'http://127.0.0.1:1 cannot be reached (ECONNREFUSED). Check url and the network, or try again later.',
    )
  })

  test('waits for the server to recover if there is no token', async () => {
    const { manager, losses, paths } = await seedClient()
    losses.push('request', 'answer', 'request')
    await manager.token()
    expect(paths).toEqual(Array(4).fill(AUTHENTICATE))
  })

  test('sends a message again with a new token when the old one is rejected, by the secret of that moment', async () => {
    const { apiKey, secret, keyId, destinationId } = await seedKey(server)
    const vault = { secret }
    const { manager, paths } = createClient(server, { apiKey, secret: async () => vault.secret })
    await manager.token()
    // Ends the tokens of the key.
    vault.secret = unwrap(await server.keys.rotateSecret(keyId, {})).secret
    const body = JSON.stringify(createDeviceNewMessage(destinationId))
    expect((await manager.fetch('/endpoint', { method: 'POST', body })).status).toBe(200)
    expect(paths).toEqual([AUTHENTICATE, '/endpoint', AUTHENTICATE, '/endpoint'])
  })

  test('reports that a disabled key is refused and what to do, and works again once it is enabled', async () => {
    const { manager, post, keyId, paths } = await seedClient()
    await manager.token()
    unwrap(await server.keys.disable(keyId))
    const refusal = {
      name: 'TokenError',
      code: 'refused',
      status: 401,
      advice: expect.stringContaining('Check the id and the secret'),
    }
    await expect(post()).rejects.toMatchObject(refusal)
    const { length } = paths
    await expect(manager.token()).rejects.toMatchObject(refusal)
    expect(paths).toHaveLength(length)
    unwrap(await server.keys.enable(keyId))
    server.clock.advance(MINUTE_MS)
    expect((await post()).status).toBe(200)
  })
})

describe('a TokenManager with refresh: true', () => {
  test('refreshes instead of authenticating', async () => {
    const { manager, post, paths } = await seedClient({ refresh: true })
    for (let day = 0; day < 5; day++) {
      await manager.token()
      expect((await post()).status).toBe(200)
      server.clock.advance(DAY_MS)
    }
    expect(paths.filter((path) => path !== '/endpoint')).toEqual([
      AUTHENTICATE,
      ...Array(4).fill(REFRESH),
    ])
  })

  test('repeats a refresh whose answer was lost, and continues with the repeated tokens', async () => {
    const { manager, post, paths, losses, events } = await seedClient({ refresh: true })
    await post()
    server.clock.advance(DAY_MS)
    losses.push('answer')
    expect((await post()).status).toBe(200)
    expect(paths.slice(2)).toEqual([REFRESH, REFRESH, '/endpoint'])
    expect(events.map(({ type }) => type)).not.toContain('refresh_refused')
    server.clock.advance(DAY_MS)
    await manager.token()
    expect(paths.at(-1)).toBe(REFRESH)
  })

  test('authenticates if the refresh is refused', async () => {
    const { post, paths, events } = await seedClient({ refresh: true })
    await post()
    server.clock.advance(8 * DAY_MS)
    expect((await post()).status).toBe(200)
    expect(paths).toEqual([AUTHENTICATE, '/endpoint', REFRESH, AUTHENTICATE, '/endpoint'])
    expect(events).toContainEqual(
      expect.objectContaining({
        type: 'refresh_refused',
        error: expect.objectContaining({ status: 401 }),
      }),
    )
  })

  test('never sends a refused refresh token again, though the authentication after it fails', async () => {
    const store = createMemoryStore()
    const { manager, paths, losses } = await seedClient({ refresh: true, store })
    await manager.token()
    server.clock.advance(8 * DAY_MS)
    losses.push(undefined, 'request')
    await manager.token()
    expect(paths).toEqual([AUTHENTICATE, REFRESH, AUTHENTICATE, AUTHENTICATE])
  })

  test('authenticates if the refresh fails again and again', async () => {
    const { manager, paths, losses } = await seedClient({ refresh: true })
    await manager.token()
    server.clock.advance(DAY_MS)
    losses.push('request', 'request')
    await manager.token()
    expect(paths).toEqual([AUTHENTICATE, REFRESH, REFRESH, AUTHENTICATE])
  })

  test('continues after a restart with the stored tokens', async () => {
    const store = createMemoryStore()
    const { manager, apiKey, secret } = await seedClient({ refresh: true, store })
    const first = await manager.token()
    const restarted = createClient(server, { apiKey, secret }, { refresh: true, store })
    expect(await restarted.manager.token()).toBe(first)
    expect(restarted.paths).toEqual([])
    server.clock.advance(DAY_MS)
    await restarted.manager.token()
    expect(restarted.paths).toEqual([REFRESH])
  })
})
