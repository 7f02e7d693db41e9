import { describe, expect, test } from 'vitest'
import {
  createAddressRateLimit,
  createFailureLimiter,
} from '../../../src/service/limits/rate-limits.ts'
import { parseTokens } from '../../support/responses.ts'
import { createDeviceNewMessage } from '../../support/server.ts'
import { createTestClock } from '../../support/time.ts'
import { collectStatuses, openLimitedServer, useLimitedServers, WINDOW } from './fixture.ts'

useLimitedServers()

describe('the quota', () => {
  const LOW_LIMITS = { LATCHKEY_QUOTA_REQUESTS: '5' }

  test('refuses further requests of an address as JSON with the limit until its window ends', async () => {
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

  test('is bounded: the ids that were not seen for longest are forgotten', () => {
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

  test('keeps an address that continues to fail, however many others are counted', () => {
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
