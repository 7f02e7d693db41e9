import { describe, expect, test } from 'vitest'
import { runConcurrently } from '../storage/conformance/fixtures.ts'
import { createTestServer, seedKey, type TestServer } from '../support/server.ts'
import { SECOND_MS } from '../support/time.ts'
import { decodeAccessToken } from '../support/tokens.ts'
import {
  expectRefused,
  findGrantRow,
  issueTokens,
  key,
  listActions,
  refresh,
  refreshForBody,
  sendMessageWith,
  server,
  toIssuedAt,
  useRotationServer,
} from './fixture.ts'

useRotationServer()

describe('the leeway', () => {
  /** A token that its owner has replaced and used what it got for it. */
  async function seedReplacedPair(at: TestServer, of: typeof key) {
    const first = await issueTokens(at, of)
    const body = await refreshForBody(first.refreshToken, at, of)
    expect(await sendMessageWith(JSON.parse(body), at, of)).toBe(200)
    return { first, body, rotatedAt: toIssuedAt(JSON.parse(body)) }
  }

  test('of 60 seconds repeats the answer to the previous token until its last millisecond', async () => {
    const { first, body, rotatedAt } = await seedReplacedPair(server, key)
    server.clock.set(rotatedAt + 60 * SECOND_MS - 1)
    expect(await refreshForBody(first.refreshToken)).toBe(body)
    server.clock.set(rotatedAt + 60 * SECOND_MS)
    await expectRefused(first.refreshToken)
    expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
  })

  test('of 0 seconds repeats answers that were not acknowledged, and no others', async () => {
    const strict = await createTestServer({ LATCHKEY_REFRESH_LEEWAY_SECONDS: '0' })
    const of = await seedKey(strict)
    const lost = await issueTokens(strict, of)
    const body = await refreshForBody(lost.refreshToken, strict, of)
    expect(await refreshForBody(lost.refreshToken, strict, of)).toBe(body)

    const { first } = await seedReplacedPair(strict, of)
    await expectRefused(first.refreshToken, strict, of)
    expect((await findGrantRow(first, strict))?.revokedAt).toBe(strict.clock())
    await strict.close()
  })

  test('covers the previous token before the rotation too, because the clocks of servers differ', async () => {
    const { first, body, rotatedAt } = await seedReplacedPair(server, key)
    server.clock.set(rotatedAt - 60 * SECOND_MS + 1)
    expect(await refreshForBody(first.refreshToken)).toBe(body)
    server.clock.set(rotatedAt - 60 * SECOND_MS)
    await expectRefused(first.refreshToken)
    expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
  })

  test('refuses a token that is two generations old, revokes nothing, and audits the generation', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    const third = await refresh(second.refreshToken)
    for (const tokens of [second, third]) expect(await sendMessageWith(tokens)).toBe(200)
    const { grantId } = decodeAccessToken(first)
    const rotatedAt = toIssuedAt(third)

    for (const at of [rotatedAt - 60 * SECOND_MS + 1, rotatedAt, rotatedAt + 60 * SECOND_MS - 1]) {
      server.clock.set(at)
      await expectRefused(first.refreshToken)
      expect(await findGrantRow(first)).toMatchObject({ generation: 2, revokedAt: null })
    }
    expect(await listActions(grantId)).toEqual([])
    await server.flushAuditEvents()
    const [event] = await server.storage.listEvents({ subject: key.keyId, limit: 1 })
    expect(event).toMatchObject({
      action: 'key.refused',
      facts: { surface: 'refresh', reason: 'refresh_outdated', grantId, generation: 0 },
    })

    server.clock.set(rotatedAt + 60 * SECOND_MS)
    await expectRefused(first.refreshToken)
    expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
  })

  test.each([60 * SECOND_MS, -60 * SECOND_MS])(
    'does not cover a token that is two generations old %d ms from the rotation',
    async (ms) => {
      const first = await issueTokens()
      const second = await refresh(first.refreshToken)
      const third = await refresh(second.refreshToken)
      server.clock.set(toIssuedAt(third) + ms)
      await expectRefused(first.refreshToken)
      expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
    },
  )
})

describe('a client whose requests overtake each other', () => {
  test('is not locked out if an abandoned refresh arrives last', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    expect(await sendMessageWith(second)).toBe(200)
    // Sent, abandoned, and sent again: the copy is answered, and so is the next refresh.
    const third = await refresh(second.refreshToken)
    const fourth = await refresh(third.refreshToken)
    expect(await sendMessageWith(fourth)).toBe(200)
    server.clock.advance(1500)
    await expectRefused(second.refreshToken)
    const fifth = await refresh(fourth.refreshToken)
    expect(await sendMessageWith(fifth)).toBe(200)
  })

  test('is not locked out if three workers refresh in turn with tokens of different age', async () => {
    const shared = await issueTokens()
    let newest = await refresh(shared.refreshToken)
    newest = await refresh(newest.refreshToken)
    for (let worker = 0; worker < 3; worker++) {
      await server.refresh(key.apiKey, shared.refreshToken)
      newest = await refresh(newest.refreshToken)
      expect(await sendMessageWith(newest)).toBe(200)
      server.clock.advance(SECOND_MS)
    }
    expect(await findGrantRow(shared)).toMatchObject({ revokedAt: null })
  })

  test('gives a thief of an older token no tokens, within the leeway or after it', async () => {
    const stolen = await issueTokens()
    const second = await refresh(stolen.refreshToken)
    await refresh(second.refreshToken)
    for (const wait of [0, SECOND_MS, 58 * SECOND_MS]) {
      server.clock.advance(wait)
      await expectRefused(stolen.refreshToken)
    }
  })
})

describe('reuse', () => {
  /** Three generations, all used; the first refresh token is in other hands. */
  async function stolen() {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    const third = await refresh(second.refreshToken)
    for (const tokens of [first, second, third]) expect(await sendMessageWith(tokens)).toBe(200)
    return [first, second, third] as const
  }

  test('revokes the grant, ends its access tokens at their next use, and is audited', async () => {
    const [first, second, third] = await stolen()
    const bystander = await issueTokens()
    const { grantId } = decodeAccessToken(first)
    server.clock.advance(61 * SECOND_MS)

    await expectRefused(first.refreshToken)
    expect(await findGrantRow(first)).toMatchObject({ generation: 2, revokedAt: server.clock() })
    const [event] = await server.storage.listEvents({ subject: grantId, limit: 10 })
    expect(event).toEqual({
      id: event?.id,
      at: server.clock(),
      actor: key.keyId,
      action: 'grant.reused',
      subject: grantId,
      accountId: key.accountId,
      facts: {
        keyId: key.keyId,
        generation: 0,
        address: '203.0.113.7',
        path: '/auth/refreshToken',
      },
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
    for (const tokens of [first, second, third]) {
      expect(await sendMessageWith(tokens)).toBe(401)
      await expectRefused(tokens.refreshToken)
    }
    expect(await sendMessageWith(bystander)).toBe(200)
    await refresh(bystander.refreshToken)
    expect(await sendMessageWith(await issueTokens())).toBe(200)
  })

  test('is audited once for concurrent and repeated attempts', async () => {
    const [first, second] = await stolen()
    server.clock.advance(61 * SECOND_MS)
    await runConcurrently((n) => expectRefused(n % 2 ? first.refreshToken : second.refreshToken))
    await expectRefused(first.refreshToken)
    expect(await listActions(decodeAccessToken(first).grantId)).toEqual(['grant.reused'])
  })

  test('at one process is in force at another at once', async () => {
    const other = await createTestServer({}, { dir: server.dir, clock: server.clock })
    const [first, , third] = await stolen()
    expect(await sendMessageWith(third, other)).toBe(200)
    server.clock.advance(61 * SECOND_MS)
    await expectRefused(first.refreshToken)
    expect(await sendMessageWith(third, other)).toBe(401)
    await expectRefused(third.refreshToken, other)
    await other.storage.close()
  })

  test('at the same moment as a refresh of the owner revokes the grant in either order', async () => {
    for (let round = 0; round < 4; round++) {
      const [first, , third] = await stolen()
      server.clock.advance(61 * SECOND_MS)
      const tries = [first.refreshToken, third.refreshToken]
      if (round % 2 === 1) tries.reverse()
      await Promise.all(tries.map((token) => server.refresh(key.apiKey, token)))
      expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
      await expectRefused(third.refreshToken)
    }
  })
})
