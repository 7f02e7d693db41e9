import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runConcurrently } from '../storage/conformance/fixtures.ts'
import { executeSql } from '../support/database/data-folder.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
} from '../support/server.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../support/time.ts'
import { decodeAccessToken } from '../support/tokens.ts'

let server: TestServer
let key: Awaited<ReturnType<typeof seedKey>>
beforeEach(async () => {
  server = await createTestServer()
  key = await seedKey(server)
})
afterEach(() => server.close())

async function issueTokens(at = server, of = key): Promise<TokenResponse> {
  const answer = await at.authenticate(of.apiKey, of.secret)
  expect(answer.status).toBe(200)
  return (await answer.json()) as TokenResponse
}

/** The body of a refresh that succeeds, as it stands. */
async function refreshForBody(refreshToken: string, at = server, of = key): Promise<string> {
  const answer = await at.refresh(of.apiKey, refreshToken)
  const body = await answer.text()
  expect([answer.status, body]).toEqual([200, body])
  return body
}
const refresh = async (refreshToken: string, at = server) =>
  JSON.parse(await refreshForBody(refreshToken, at)) as TokenResponse

async function expectRefused(refreshToken: string, at = server, of = key) {
  const answer = await at.refresh(of.apiKey, refreshToken)
  expect([answer.status, await answer.text()]).toEqual([401, 'Invalid request'])
}

/** The status of the endpoint; 200 acknowledges the token. */
const sendMessageWith = async ({ accessToken }: TokenResponse, at = server, of = key) =>
  (
    await at.endpoint(
      accessToken,
      createDeviceNewMessage(of.destinationId, { Source: { ID: of.sourceId } }),
    )
  ).status

const findGrantRow = async (tokens: TokenResponse, at = server) =>
  at.storage.findGrant(decodeAccessToken(tokens).grantId)
const listActions = async (subject: string) =>
  (await server.storage.listEvents({ subject, limit: 100 })).map(({ action }) => action)

const toIssuedAt = ({ expires }: TokenResponse) => Date.parse(expires) - DAY_MS

describe('refreshes side by side', () => {
  test('20 of one token are one rotation and 20 identical answers', async () => {
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

  test('20 of one token in two processes are one rotation and 20 identical answers', async () => {
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

  test('20 that ask again for a lost answer get the same answer, and nothing is written', async () => {
    const tokens = await issueTokens()
    const lost = await refreshForBody(tokens.refreshToken)
    const row = await findGrantRow(tokens)
    server.clock.advance(6 * HOUR_MS)
    const bodies = await runConcurrently(() => refreshForBody(tokens.refreshToken))
    expect(new Set([lost, ...bodies]).size).toBe(1)
    expect(await findGrantRow(tokens)).toEqual(row)
  })

  test('of a token while its access token is used never convict each other', async () => {
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

  test('of several families of one key do not touch each other', async () => {
    const families = await runConcurrently(() => issueTokens())
    const bodies = await Promise.all(
      families.map(({ refreshToken }) => refreshForBody(refreshToken)),
    )
    expect(new Set(bodies).size).toBe(20)
    for (const family of families)
      expect(await findGrantRow(family)).toMatchObject({ generation: 1 })
  })
})

describe('a lost answer', () => {
  test('is repeated to the byte however often, as long as its access token lives', async () => {
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

  test('that is asked for after 25 hours is renewed: its access token works for a day', async () => {
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

  test('is renewed from the very millisecond at which its access token ends', async () => {
    const { refreshToken } = await issueTokens()
    const lost = await refresh(refreshToken)
    server.clock.set(Date.parse(lost.expires))
    const renewed = await refresh(refreshToken)
    expect(toIssuedAt(renewed)).toBe(server.clock())
  })

  test('may be lost again after it was renewed, for as long as the held token lives', async () => {
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

  test('can be asked for after the key was disabled and enabled again', async () => {
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
    'is repeated although the access token before it is used: %s does not acknowledge the next',
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

  test('is repeated after a use of its access token that could not be written: it is refused', async () => {
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

  test('is not what an acknowledged one is: by its own refresh, too, a token is done with', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    await refresh(second.refreshToken)
    server.clock.advance(61 * SECOND_MS)
    await expectRefused(first.refreshToken)
    await expectRefused(second.refreshToken)
  })
})

describe('the leeway', () => {
  /** A token that its owner has replaced and used what it got for it. */
  async function seedReplacedPair(at: TestServer, of: typeof key) {
    const first = await issueTokens(at, of)
    const body = await refreshForBody(first.refreshToken, at, of)
    expect(await sendMessageWith(JSON.parse(body), at, of)).toBe(200)
    return { first, body, rotatedAt: toIssuedAt(JSON.parse(body)) }
  }

  test('of 60 seconds answers the token before until its last millisecond, and not at its end', async () => {
    const { first, body, rotatedAt } = await seedReplacedPair(server, key)
    server.clock.set(rotatedAt + 60 * SECOND_MS - 1)
    expect(await refreshForBody(first.refreshToken)).toBe(body)
    server.clock.set(rotatedAt + 60 * SECOND_MS)
    await expectRefused(first.refreshToken)
    expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
  })

  test('of 0 answers nothing that was acknowledged, and everything that was not', async () => {
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

  test('covers the token before on either side of the rotation: clocks of servers differ', async () => {
    const { first, body, rotatedAt } = await seedReplacedPair(server, key)
    server.clock.set(rotatedAt - 60 * SECOND_MS + 1)
    expect(await refreshForBody(first.refreshToken)).toBe(body)
    server.clock.set(rotatedAt - 60 * SECOND_MS)
    await expectRefused(first.refreshToken)
    expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
  })

  test('refuses a token two generations old, revokes nothing, and audits its generation', async () => {
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
    'never covers a token two generations old %d ms from the rotation',
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

describe('one vendor whose requests overtake each other', () => {
  test('goes on when a refresh that was abandoned in flight is judged last', async () => {
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

  test('goes on when three workers refresh in turn with whatever each has read last', async () => {
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

  test('hands a thief of an older token no pair, within the leeway or after it', async () => {
    const stolen = await issueTokens()
    const second = await refresh(stolen.refreshToken)
    await refresh(second.refreshToken)
    for (const wait of [0, SECOND_MS, 58 * SECOND_MS]) {
      server.clock.advance(wait)
      await expectRefused(stolen.refreshToken)
    }
  })
})

describe('a clock that was wrong', () => {
  const YEAR = 400 * DAY_MS

  test('ahead: the refresh token that it issued rotates, its access token is refused', async () => {
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

  test('ahead: an answer that was lost is asked for again and works at once', async () => {
    const right = server.clock()
    server.clock.advance(YEAR)
    const first = await issueTokens()
    await refresh(first.refreshToken)
    server.clock.set(right)
    const renewed = await refresh(first.refreshToken)
    expect(decodeAccessToken(renewed).generation).toBe(1)
    expect(await sendMessageWith(renewed)).toBe(200)
  })

  test('by seconds: an access token of a server whose clock is a minute ahead is taken', async () => {
    const first = await issueTokens()
    server.clock.set(toIssuedAt(first) - 60 * SECOND_MS)
    expect(await sendMessageWith(first)).toBe(200)
    server.clock.advance(-1)
    expect(await sendMessageWith(first)).toBe(401)
  })

  test.each([-HOUR_MS, -DAY_MS, -YEAR])(
    'set back by %d ms: a token that was replaced and acknowledged is reuse',
    async (ms) => {
      const first = await issueTokens()
      const second = await refresh(first.refreshToken)
      expect(await sendMessageWith(second)).toBe(200)
      server.clock.advance(ms)
      await expectRefused(first.refreshToken)
      expect((await findGrantRow(first))?.revokedAt).toBe(server.clock())
    },
  )

  test('revokes no family whose client holds the newest tokens, whichever way it steps', async () => {
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

  test('by hours: the sweep leaves families that the right time still has tokens of', async () => {
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
  test('works one millisecond before it is 7 days old, and is refused when it is', async () => {
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

  test('that expired is refused, not convicted: the family it came from lives', async () => {
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

  test('ends with every other token when the secret is replaced at once', async () => {
    const [unused, rotated] = [await issueTokens(), await issueTokens()]
    const second = await refresh(rotated.refreshToken)
    await server.keys.rotateSecret(key.keyId, {})
    for (const tokens of [unused, rotated, second]) {
      await expectRefused(tokens.refreshToken)
      expect(await sendMessageWith(tokens)).toBe(401)
    }
    expect(await findGrantRow(rotated)).toMatchObject({ generation: 1, revokedAt: null })
  })

  test('lives on when the secret is replaced with an overlap', async () => {
    const first = await issueTokens()
    const lost = await refreshForBody(first.refreshToken)
    await server.keys.rotateSecret(key.keyId, { overlapMs: HOUR_MS })
    expect(await refreshForBody(first.refreshToken)).toBe(lost)
    expect(await sendMessageWith(first)).toBe(200)
  })

  test.each(['disable', 'revoke'] as const)('is refused from the moment of: %s', async (act) => {
    const tokens = await issueTokens()
    expect(await sendMessageWith(tokens)).toBe(200)
    await server.keys[act](key.keyId)
    await expectRefused(tokens.refreshToken)
    expect(await sendMessageWith(tokens)).toBe(401)
    expect(await findGrantRow(tokens)).toBeNull()
  })
})

describe('an access token', () => {
  test('works one millisecond before the instant that `expires` names, and is refused at it', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    server.clock.set(Date.parse(first.expires) - 1)
    for (const tokens of [first, second]) expect(await sendMessageWith(tokens)).toBe(200)
    server.clock.set(Date.parse(first.expires))
    for (const tokens of [first, second]) expect(await sendMessageWith(tokens)).toBe(401)
  })

  test('lives on to its own end when its refresh token is used: jobs under way are not cut off', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    expect(await sendMessageWith(second)).toBe(200)
    await refresh(second.refreshToken)
    server.clock.advance(23 * HOUR_MS)
    for (const tokens of [first, second]) expect(await sendMessageWith(tokens)).toBe(200)
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

  test('revokes the family, ends its access tokens at their next use, and is audited', async () => {
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

  test('is audited once, however often and however many at once try it', async () => {
    const [first, second] = await stolen()
    server.clock.advance(61 * SECOND_MS)
    await runConcurrently((n) => expectRefused(n % 2 ? first.refreshToken : second.refreshToken))
    await expectRefused(first.refreshToken)
    expect(await listActions(decodeAccessToken(first).grantId)).toEqual(['grant.reused'])
  })

  test('in one process is in force in another at once', async () => {
    const other = await createTestServer({}, { dir: server.dir, clock: server.clock })
    const [first, , third] = await stolen()
    expect(await sendMessageWith(third, other)).toBe(200)
    server.clock.advance(61 * SECOND_MS)
    await expectRefused(first.refreshToken)
    expect(await sendMessageWith(third, other)).toBe(401)
    await expectRefused(third.refreshToken, other)
    await other.storage.close()
  })

  test('while the owner refreshes ends the family, whoever comes first', async () => {
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

describe('when an older backup is restored', () => {
  const file = () => join(server.dir, 'latchkey.db')
  const getAsidePath = () => join(server.dir, 'aside.db')

  async function backUpDatabase() {
    const db = new Database(file())
    await db.backup(getAsidePath())
    db.close()
  }
  async function restore() {
    const { dir, clock } = server
    await server.storage.close()
    for (const end of ['', '-wal', '-shm']) rmSync(file() + end, { force: true })
    copyFileSync(getAsidePath(), file())
    server = await createTestServer({}, { dir, clock })
  }

  test('a token of a generation that the backup does not know is honoured', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    await backUpDatabase()
    let newest = second
    for (let n = 0; n < 4; n++) {
      newest = await refresh(newest.refreshToken)
      expect(await sendMessageWith(newest)).toBe(200)
      server.clock.advance(HOUR_MS)
    }
    await restore()
    expect(await findGrantRow(first)).toMatchObject({ generation: 1 })
    expect(await sendMessageWith(newest)).toBe(200)
    const bodies = await runConcurrently(() => refreshForBody(newest.refreshToken))
    expect(new Set(bodies).size).toBe(1)
    expect(await findGrantRow(first)).toMatchObject({ generation: 6 })
    expect(await sendMessageWith(JSON.parse(bodies[0] ?? ''))).toBe(200)
  })

  test('a family that the backup does not know goes on, and still tells reuse', async () => {
    await backUpDatabase()
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    const third = await refresh(second.refreshToken)
    await restore()
    expect(await findGrantRow(third)).toBeNull()
    const fourth = await refresh(third.refreshToken)
    expect(await sendMessageWith(fourth)).toBe(200)
    server.clock.advance(61 * SECOND_MS)
    await expectRefused(second.refreshToken)
    await expectRefused(fourth.refreshToken)
  })
})

describe('the sweep', () => {
  test('keeps a row as long as any token that it was made for lives', async () => {
    const first = await issueTokens()
    const lost = await refresh(first.refreshToken)
    // The longest that a family can go without a write: the answer is asked for at the last moment.
    server.clock.set(toIssuedAt(first) + 7 * DAY_MS - 1)
    await server.deleteExpiredData()
    const renewed = await refresh(first.refreshToken)
    expect(decodeAccessToken(renewed).generation).toBe(1)
    server.clock.set(toIssuedAt(renewed) + 7 * DAY_MS - 1)
    await server.deleteExpiredData()
    expect(await findGrantRow(lost)).toMatchObject({ generation: 1 })
    expect(decodeAccessToken(await refresh(renewed.refreshToken)).generation).toBe(2)
  })

  test('never makes a token good again: when the row is gone, so are all its tokens', async () => {
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

  test('deletes the row in the end', async () => {
    const first = await issueTokens()
    await refresh(first.refreshToken)
    server.clock.advance(15 * DAY_MS)
    await server.deleteExpiredData()
    expect(await findGrantRow(first)).toBeNull()
    expect(server.log.lines.at(-1)?.facts).toEqual({ purged: 1 })
  })
})
