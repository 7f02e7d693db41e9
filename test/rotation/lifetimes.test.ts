import { describe, expect, test } from 'vitest'
import { seedKey } from '../support/server.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../support/time.ts'
import { decodeAccessToken } from '../support/tokens.ts'
import {
  expectRefused,
  findGrantRow,
  issueTokens,
  key,
  refresh,
  refreshForBody,
  sendMessageWith,
  server,
  toIssuedAt,
  useRotationServer,
} from './fixture.ts'

useRotationServer()

describe('tokens of a server with a wrong clock', () => {
  const YEAR = 400 * DAY_MS

  test('issued in the future: the refresh token rotates, and the access token is refused', async () => {
    const right = server.clock()
    server.clock.advance(YEAR)
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    expect(await sendMessageWith(second)).toBe(200)
    server.clock.set(right)
    for (const tokens of [first, second]) expect(await sendMessageWith(tokens)).toBe(401)
    const third = await refresh(second.refreshToken)
    expect(toIssuedAt(third)).toBe(right - (right % SECOND_MS))
    expect(await sendMessageWith(third)).toBe(200)
    const [refusal] = server.log.lines.filter(({ message }) => message === 'message refused')
    expect(refusal?.facts).toMatchObject({ reason: 'token_from_future', keyId: key.keyId })
  })

  test('issued in the future: a lost answer is issued again, and works at once', async () => {
    const right = server.clock()
    server.clock.advance(YEAR)
    const first = await issueTokens()
    await refresh(first.refreshToken)
    server.clock.set(right)
    const renewed = await refresh(first.refreshToken)
    expect(decodeAccessToken(renewed).generation).toBe(1)
    expect(await sendMessageWith(renewed)).toBe(200)
  })

  test('an access token is accepted from a server whose clock is up to a minute ahead', async () => {
    const first = await issueTokens()
    server.clock.set(toIssuedAt(first) - 60 * SECOND_MS)
    expect(await sendMessageWith(first)).toBe(200)
    server.clock.advance(-1)
    expect(await sendMessageWith(first)).toBe(401)
  })

  test.each([-HOUR_MS, -DAY_MS, -YEAR])(
    'clock set back by %d ms: a refresh token whose successor was acknowledged is reuse',
    async (ms) => {
      const first = await issueTokens()
      const second = await refresh(first.refreshToken)
      expect(await sendMessageWith(second)).toBe(200)
      server.clock.advance(ms)
      await expectRefused(first.refreshToken)
      expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
    },
  )

  test('steps of the clock revoke no grant whose client has the newest tokens', async () => {
    let held = await issueTokens()
    for (const ms of [
      HOUR_MS,
      -2 * HOUR_MS,
      30 * SECOND_MS,
      -45 * SECOND_MS,
      3 * DAY_MS,
      -6 * DAY_MS,
    ]) {
      server.clock.advance(ms)
      held = await refresh(held.refreshToken)
      expect(await sendMessageWith(held)).toBe(200)
      // Lost once, asked for again.
      await refresh(held.refreshToken)
      held = await refresh(held.refreshToken)
    }
  })

  test('clock hours ahead: the cleanup keeps grants that have valid tokens at the right time', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    expect(await sendMessageWith(second)).toBe(200)
    const right = server.clock()
    server.clock.set(toIssuedAt(second) + 14 * DAY_MS + 14 * HOUR_MS)
    await server.deleteExpiredData()
    server.clock.set(right + HOUR_MS)
    await expectRefused(first.refreshToken)
  })
})

describe('a refresh token', () => {
  test('is accepted until one millisecond before it is 7 days old', async () => {
    const [lives, dies] = [await issueTokens(), await issueTokens()]
    const end = toIssuedAt(lives) + 7 * DAY_MS
    server.clock.set(end - 1)
    const next = await refresh(lives.refreshToken)
    expect(await sendMessageWith(next)).toBe(200)
    server.clock.set(end)
    await expectRefused(dies.refreshToken)
    expect(await findGrantRow(dies)).toBeNull()
    // Each refresh begins 7 new days.
    server.clock.set(toIssuedAt(next) + 7 * DAY_MS - 1)
    await refresh(next.refreshToken)
  })

  test('that has expired is refused, and its grant is not revoked', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    server.clock.advance(6 * DAY_MS)
    const third = await refresh(second.refreshToken)
    server.clock.advance(2 * DAY_MS)
    await expectRefused(first.refreshToken)
    await refresh(third.refreshToken)
  })

  test('of another key is refused, and nothing is written', async () => {
    const other = await seedKey(server, { accountId: key.accountId })
    const tokens = await issueTokens()
    const second = await refresh(tokens.refreshToken)
    expect(await sendMessageWith(second)).toBe(200)
    server.clock.advance(HOUR_MS)
    const before = [await findGrantRow(tokens), await server.storage.listEvents({ limit: 1000 })]
    for (const { refreshToken } of [tokens, second]) {
      await expectRefused(refreshToken, server, other)
      await expectRefused(refreshToken, server, { ...other, apiKey: crypto.randomUUID() })
    }
    expect([await findGrantRow(tokens), await server.storage.listEvents({ limit: 1000 })]).toEqual(
      before,
    )
    await refresh(second.refreshToken)
  })

  test('is refused, as every other token, after a rotation of the secret without an overlap', async () => {
    const [unused, rotated] = [await issueTokens(), await issueTokens()]
    const second = await refresh(rotated.refreshToken)
    await server.keys.rotateSecret(key.keyId, {})
    for (const tokens of [unused, rotated, second]) {
      await expectRefused(tokens.refreshToken)
      expect(await sendMessageWith(tokens)).toBe(401)
    }
    expect(await findGrantRow(rotated)).toMatchObject({ generation: 1, revokedAt: null })
  })

  test('is accepted after a rotation of the secret with an overlap', async () => {
    const first = await issueTokens()
    const lost = await refreshForBody(first.refreshToken)
    await server.keys.rotateSecret(key.keyId, { overlapMs: HOUR_MS })
    expect(await refreshForBody(first.refreshToken)).toBe(lost)
    expect(await sendMessageWith(first)).toBe(200)
  })

  test.each(['disable', 'revoke'] as const)(
    'is refused at the next request after: %s',
    async (act) => {
      const tokens = await issueTokens()
      expect(await sendMessageWith(tokens)).toBe(200)
      await server.keys[act](key.keyId)
      await expectRefused(tokens.refreshToken)
      expect(await sendMessageWith(tokens)).toBe(401)
      expect(await findGrantRow(tokens)).toBeNull()
    },
  )
})

describe('an access token', () => {
  test('is accepted until one millisecond before its `expires`', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    server.clock.set(Date.parse(first.expires) - 1)
    for (const tokens of [first, second]) expect(await sendMessageWith(tokens)).toBe(200)
    server.clock.set(Date.parse(first.expires))
    for (const tokens of [first, second]) expect(await sendMessageWith(tokens)).toBe(401)
  })

  test('is accepted until it expires, although its refresh token was used', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    expect(await sendMessageWith(second)).toBe(200)
    await refresh(second.refreshToken)
    server.clock.advance(23 * HOUR_MS)
    for (const tokens of [first, second]) expect(await sendMessageWith(tokens)).toBe(200)
  })
})

describe('the cleanup of grants', () => {
  test('keeps a row while one of its tokens is valid', async () => {
    const first = await issueTokens()
    const lost = await refresh(first.refreshToken)
    // The longest time that a grant can be without a write: the answer is repeated at the last moment.
    server.clock.set(toIssuedAt(first) + 7 * DAY_MS - 1)
    await server.deleteExpiredData()
    const renewed = await refresh(first.refreshToken)
    expect(decodeAccessToken(renewed).generation).toBe(1)
    server.clock.set(toIssuedAt(renewed) + 7 * DAY_MS - 1)
    await server.deleteExpiredData()
    expect(await findGrantRow(lost)).toMatchObject({ generation: 1 })
    expect(decodeAccessToken(await refresh(renewed.refreshToken)).generation).toBe(2)
  })

  test('never makes a revoked token valid: all tokens have expired when their row is deleted', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    expect(await sendMessageWith(second)).toBe(200)
    server.clock.advance(61 * SECOND_MS)
    await expectRefused(first.refreshToken)
    while ((await findGrantRow(first)) !== null) {
      for (const tokens of [first, second]) {
        await expectRefused(tokens.refreshToken)
        expect(await sendMessageWith(tokens)).toBe(401)
      }
      server.clock.advance(HOUR_MS)
      await server.deleteExpiredData()
    }
    for (const tokens of [first, second]) {
      await expectRefused(tokens.refreshToken)
      expect(await sendMessageWith(tokens)).toBe(401)
    }
    expect(await findGrantRow(first)).toBeNull()
  })

  test('deletes the row after all tokens have expired', async () => {
    const first = await issueTokens()
    await refresh(first.refreshToken)
    server.clock.advance(15 * DAY_MS)
    await server.deleteExpiredData()
    expect(await findGrantRow(first)).toBeNull()
    expect(server.log.lines.at(-1)?.facts).toEqual({ purged: 1 })
  })
})
