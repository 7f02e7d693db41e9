import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runConcurrently } from '../storage/conformance/fixtures.ts'
import { executeSql } from '../support/database/data-folder.ts'
import { createTestServer, type TokenResponse } from '../support/server.ts'
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

describe('concurrent refreshes', () => {
  test('with one token cause one rotation and get 20 equal answers', async () => {
    let tokens = await issueTokens()
    expect(await findGrantRow(tokens)).toBeNull()
    for (const generation of [1, 2, 3]) {
      const bodies = await runConcurrently(() => refreshForBody(tokens.refreshToken))
      expect(new Set(bodies).size).toBe(1)
      tokens = JSON.parse(bodies[0] ?? '') as TokenResponse
      expect(await findGrantRow(tokens)).toMatchObject({ generation, acknowledgedAt: null })
      server.clock.advance(HOUR_MS)
    }
    expect(await sendMessageWith(tokens)).toBe(200)
  })

  test('with one token at two processes cause one rotation and get 20 equal answers', async () => {
    const other = await createTestServer({}, { dir: server.dir, clock: server.clock })
    let tokens = await issueTokens()
    for (const generation of [1, 2, 3]) {
      const bodies = await runConcurrently((n) =>
        refreshForBody(tokens.refreshToken, n % 2 ? server : other),
      )
      expect(new Set(bodies).size).toBe(1)
      tokens = JSON.parse(bodies[0] ?? '') as TokenResponse
      expect(await findGrantRow(tokens, other)).toMatchObject({ generation })
      expect(await sendMessageWith(tokens, other)).toBe(200)
    }
    await other.storage.close()
  })

  test('that repeat a lost answer get the same answer, and write nothing', async () => {
    const tokens = await issueTokens()
    const lost = await refreshForBody(tokens.refreshToken)
    const row = await findGrantRow(tokens)
    server.clock.advance(6 * HOUR_MS)
    const bodies = await runConcurrently(() => refreshForBody(tokens.refreshToken))
    expect(new Set([lost, ...bodies]).size).toBe(1)
    expect(await findGrantRow(tokens)).toEqual(row)
  })

  test('with a token whose access token is used meanwhile revoke nothing', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    const [statuses, bodies] = await Promise.all([
      runConcurrently(() => sendMessageWith(second)),
      runConcurrently(() => refreshForBody(first.refreshToken)),
    ])
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(new Set(bodies)).toEqual(new Set([JSON.stringify(second)]))
    expect(await findGrantRow(first)).toMatchObject({ generation: 1, revokedAt: null })
  })

  test('of several grants of one key do not affect each other', async () => {
    const grants = await runConcurrently(() => issueTokens())
    const bodies = await Promise.all(grants.map(({ refreshToken }) => refreshForBody(refreshToken)))
    expect(new Set(bodies).size).toBe(20)
    for (const grant of grants) expect(await findGrantRow(grant)).toMatchObject({ generation: 1 })
  })
})

describe('a lost answer', () => {
  test('is repeated to the byte until its access token expires', async () => {
    const { refreshToken } = await issueTokens()
    const lost = await refreshForBody(refreshToken)
    const last = toIssuedAt(JSON.parse(lost)) + DAY_MS - 1
    for (const wait of [1, SECOND_MS, 61 * SECOND_MS, HOUR_MS, 12 * HOUR_MS]) {
      server.clock.advance(wait)
      expect(await refreshForBody(refreshToken)).toBe(lost)
    }
    server.clock.set(last)
    expect(await refreshForBody(refreshToken)).toBe(lost)
  })

  test('is issued anew after 25 hours, with an access token for a day', async () => {
    const first = await issueTokens()
    const lost = await refresh(first.refreshToken)
    server.clock.advance(25 * HOUR_MS)
    const renewed = await refresh(first.refreshToken)
    expect(renewed).not.toEqual(lost)
    expect(decodeAccessToken(renewed)).toMatchObject({
      grantId: decodeAccessToken(lost).grantId,
      generation: 1,
    })
    expect(Date.parse(renewed.expires)).toBeGreaterThan(server.clock() + DAY_MS - SECOND_MS)
    expect(await findGrantRow(first)).toMatchObject({ generation: 1 })
    expect(await sendMessageWith(lost)).toBe(401)
    expect(await sendMessageWith(renewed)).toBe(200)
    expect((await refresh(renewed.refreshToken)).expires).toBe(renewed.expires)
    await expectRefused(first.refreshToken)
  })

  test('is issued anew from the millisecond at which its access token expires', async () => {
    const { refreshToken } = await issueTokens()
    const lost = await refresh(refreshToken)
    server.clock.set(Date.parse(lost.expires))
    const renewed = await refresh(refreshToken)
    expect(toIssuedAt(renewed)).toBe(server.clock())
  })

  test('is issued anew as often as it is lost, until the presented token expires', async () => {
    const { refreshToken } = await issueTokens()
    for (let day = 0; day < 6; day++) {
      const answer = await refresh(refreshToken)
      expect(decodeAccessToken(answer).generation).toBe(1)
      server.clock.advance(DAY_MS + 1)
    }
    const answer = await refresh(refreshToken)
    expect(await sendMessageWith(answer)).toBe(200)
    await refresh(answer.refreshToken)
  })

  test('is repeated after the key was disabled and enabled again', async () => {
    const { refreshToken } = await issueTokens()
    const lost = await refreshForBody(refreshToken)
    await server.keys.disable(key.keyId)
    await expectRefused(refreshToken)
    await server.keys.enable(key.keyId)
    expect(await refreshForBody(refreshToken)).toBe(lost)
  })

  test.each([
    ['the first pair', async () => issueTokens()],
    ['a later pair', async () => refresh((await issueTokens()).refreshToken)],
  ])(
    'is repeated although the earlier access token was used: %s does not acknowledge the next',
    async (_, begin) => {
      const held = await begin()
      expect(await sendMessageWith(held)).toBe(200)
      const lost = await refreshForBody(held.refreshToken)
      expect(await sendMessageWith(held)).toBe(200)
      expect(await findGrantRow(held)).toMatchObject({ acknowledgedAt: null })
      server.clock.advance(HOUR_MS)
      expect(await refreshForBody(held.refreshToken)).toBe(lost)
    },
  )

  test('is repeated if the acknowledgement could not be written, because the access token was refused', async () => {
    const held = await issueTokens()
    const lost = await refresh(held.refreshToken)
    const path = join(server.dir, 'latchkey.db')
    executeSql(
      path,
      `CREATE TRIGGER full BEFORE UPDATE OF acknowledged_at ON grants
        BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`,
    )
    expect(await sendMessageWith(lost)).toBeGreaterThanOrEqual(500)
    server.clock.advance(HOUR_MS)
    expect(await refresh(held.refreshToken)).toEqual(lost)
    executeSql(path, 'DROP TRIGGER full')
    expect(await sendMessageWith(lost)).toBe(200)
    await expectRefused(held.refreshToken)
  })

  test('is not repeated after its own refresh, which acknowledges it', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    await refresh(second.refreshToken)
    server.clock.advance(61 * SECOND_MS)
    await expectRefused(first.refreshToken)
    await expectRefused(second.refreshToken)
  })
})
