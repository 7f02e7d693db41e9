import { availableParallelism } from 'node:os'
import { describe, expect, test } from 'vitest'
import { parseTokens } from '../../support/responses.ts'
import { createDeviceNewMessage, seedKey } from '../../support/server.ts'
import { SECOND_MS } from '../../support/time.ts'
import {
  collectStatuses,
  createWrongSecret,
  expectRetryAfter,
  openLimitedServer,
  useLimitedServers,
  WINDOW,
} from './fixture.ts'

useLimitedServers()

describe('failures from one address', () => {
  const LOW_LIMITS = { LATCHKEY_FAILURES_PER_ADDRESS: '3' }
  const createUnknownKeyId = () => crypto.randomUUID()

  test('beyond the limit are refused for all keys until the window ends', async () => {
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

  test('are limited alike if they are concurrent or one after another', async () => {
    const { authenticate } = await openLimitedServer(LOW_LIMITS)
    const attempts = Array.from({ length: 100 }, (_, n) =>
      authenticate(createWrongSecret(n), createUnknownKeyId()),
    )
    const judged = (await Promise.all(attempts)).filter(({ status }) => status === 401).length
    expect(judged).toBeGreaterThanOrEqual(3)
    expect(judged).toBeLessThan(3 + 2 * availableParallelism())
  })

  test('do not refuse a host of many vendors whose requests are concurrent', async () => {
    const { server, authenticate } = await openLimitedServer(LOW_LIMITS)
    const keys = await Promise.all(Array.from({ length: 20 }, () => seedKey(server)))
    const crowd = [...keys, ...keys].map(({ secret, apiKey }) => authenticate(secret, apiKey))
    for (const { status } of await Promise.all(crowd)) expect(status).toBe(200)
  })

  test('are counted together for all addresses of an IPv6 /64', async () => {
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

  test('are counted alike for unknown, disabled and impossible key ids', async () => {
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

  test('do not include requests that cannot be read', async () => {
    const { post, authenticate, key } = await openLimitedServer(LOW_LIMITS)
    const unreadable = await collectStatuses(5, () =>
      post('/auth/authenticate', { apiKey: key.apiKey }),
    )
    expect(unreadable).toEqual([400, 400, 400, 400, 400])
    expect((await authenticate(createWrongSecret(1))).status).toBe(401)
  })

  test('do not include successes', async () => {
    const { authenticate } = await openLimitedServer(LOW_LIMITS)
    expect(await collectStatuses(50, () => authenticate())).toEqual(Array(50).fill(200))
    expect(await collectStatuses(4, (n) => authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429,
    ])
  })

  test('are counted for the client, not for the trusted proxy', async () => {
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

  test('are counted for the peer where no proxy is trusted, whatever address it claims', async () => {
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

  test('is never refused for failures of others, or of its own address', async () => {
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

  test('that fails too often is refused with a JSON body and the time to wait', async () => {
    const { refresh, clock } = await openLimitedServer(LOW_LIMITS)
    await collectStatuses(3, () => refresh('rt_forged'))
    await expectRetryAfter(await refresh('rt_forged'), 300)
    clock.advance(WINDOW - 1)
    await expectRetryAfter(await refresh('rt_forged', crypto.randomUUID()), 1)
    clock.advance(1)
    expect((await refresh('rt_forged')).status).toBe(401)
  })

  test('that is reused revokes its grant although its address must wait', async () => {
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
