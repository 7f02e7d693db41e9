import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { change } from './support/moving.ts'
import {
  deviceNew,
  seedKey,
  type TestServer,
  type TokenAnswer,
  testServer,
} from './support/server.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR

let server: TestServer
let key: Awaited<ReturnType<typeof seedKey>>
beforeEach(async () => {
  server = await testServer()
  key = await seedKey(server)
})
afterEach(() => server.close())

async function issue(at = server, of = key): Promise<TokenAnswer> {
  const answer = await at.authenticate(of.apiKey, of.secret)
  expect(answer.status).toBe(200)
  return (await answer.json()) as TokenAnswer
}

/** The body of a refresh that succeeds, as it stands. */
async function refreshed(refreshToken: string, at = server, of = key): Promise<string> {
  const answer = await at.refresh(of.apiKey, refreshToken)
  const body = await answer.text()
  expect([answer.status, body]).toEqual([200, body])
  return body
}
const refresh = async (refreshToken: string, at = server) =>
  JSON.parse(await refreshed(refreshToken, at)) as TokenAnswer

async function refuses(refreshToken: string, at = server, of = key) {
  const answer = await at.refresh(of.apiKey, refreshToken)
  expect([answer.status, await answer.text()]).toEqual([401, 'Invalid request'])
}

/** The status of the endpoint; 200 acknowledges the token. */
const use = async ({ accessToken }: TokenAnswer, at = server, of = key) =>
  (await at.endpoint(accessToken, deviceNew(of.destinationId, { Source: { ID: of.sourceId } })))
    .status

const claimsOf = ({ accessToken }: TokenAnswer) =>
  decodeJwt<{ sid: string; gen: number }>(accessToken)
const rowOf = async (tokens: TokenAnswer, at = server) => at.storage.findGrant(claimsOf(tokens).sid)
const events = async (subject: string) =>
  (await server.storage.listEvents({ subject, limit: 100 })).map(({ action }) => action)

const issuedAt = ({ expires }: TokenAnswer) => Date.parse(expires) - DAY
const crowd = <T>(act: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: 20 }, (_, n) => act(n)))

describe('refreshes side by side', () => {
  test('20 of one token are one rotation and 20 identical answers', async () => {
    let tokens = await issue()
    expect(await rowOf(tokens)).toBeNull()
    for (const generation of [1, 2, 3]) {
      const bodies = await crowd(() => refreshed(tokens.refreshToken))
      expect(new Set(bodies).size).toBe(1)
      tokens = JSON.parse(bodies[0] ?? '') as TokenAnswer
      expect(await rowOf(tokens)).toMatchObject({ generation, acknowledgedAt: null })
      server.clock.turn(HOUR)
    }
    expect(await use(tokens)).toBe(200)
  })

  test('20 of one token in two processes are one rotation and 20 identical answers', async () => {
    const other = await testServer({}, { dir: server.dir, clock: server.clock })
    let tokens = await issue()
    for (const generation of [1, 2, 3]) {
      const bodies = await crowd((n) => refreshed(tokens.refreshToken, n % 2 ? server : other))
      expect(new Set(bodies).size).toBe(1)
      tokens = JSON.parse(bodies[0] ?? '') as TokenAnswer
      expect(await rowOf(tokens, other)).toMatchObject({ generation })
      expect(await use(tokens, other)).toBe(200)
    }
    await other.storage.close()
  })

  test('20 that ask again for a lost answer get the same answer, and nothing is written', async () => {
    const tokens = await issue()
    const lost = await refreshed(tokens.refreshToken)
    const row = await rowOf(tokens)
    server.clock.turn(6 * HOUR)
    const bodies = await crowd(() => refreshed(tokens.refreshToken))
    expect(new Set([lost, ...bodies]).size).toBe(1)
    expect(await rowOf(tokens)).toEqual(row)
  })

  test('of a token while its access token is used never convict each other', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    const [statuses, bodies] = await Promise.all([
      crowd(() => use(second)),
      crowd(() => refreshed(first.refreshToken)),
    ])
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(new Set(bodies)).toEqual(new Set([JSON.stringify(second)]))
    expect(await rowOf(first)).toMatchObject({ generation: 1, revokedAt: null })
  })

  test('of several families of one key do not touch each other', async () => {
    const families = await crowd(() => issue())
    const bodies = await Promise.all(families.map(({ refreshToken }) => refreshed(refreshToken)))
    expect(new Set(bodies).size).toBe(20)
    for (const family of families) expect(await rowOf(family)).toMatchObject({ generation: 1 })
  })
})

describe('a lost answer', () => {
  test('is repeated to the byte however often, as long as its access token lives', async () => {
    const { refreshToken } = await issue()
    const lost = await refreshed(refreshToken)
    const last = issuedAt(JSON.parse(lost)) + DAY - 1
    for (const wait of [1, SECOND, 61 * SECOND, HOUR, 12 * HOUR]) {
      server.clock.turn(wait)
      expect(await refreshed(refreshToken)).toBe(lost)
    }
    server.clock.set(last)
    expect(await refreshed(refreshToken)).toBe(lost)
  })

  test('that is asked for after 25 hours is renewed: its access token works for a day', async () => {
    const first = await issue()
    const lost = await refresh(first.refreshToken)
    server.clock.turn(25 * HOUR)
    const renewed = await refresh(first.refreshToken)
    expect(renewed).not.toEqual(lost)
    expect(claimsOf(renewed)).toMatchObject({ sid: claimsOf(lost).sid, gen: 1 })
    expect(Date.parse(renewed.expires)).toBeGreaterThan(server.clock() + DAY - SECOND)
    expect(await rowOf(first)).toMatchObject({ generation: 1 })
    expect(await use(lost)).toBe(401)
    expect(await use(renewed)).toBe(200)
    expect((await refresh(renewed.refreshToken)).expires).toBe(renewed.expires)
    await refuses(first.refreshToken)
  })

  test('is renewed from the very millisecond at which its access token ends', async () => {
    const { refreshToken } = await issue()
    const lost = await refresh(refreshToken)
    server.clock.set(Date.parse(lost.expires))
    const renewed = await refresh(refreshToken)
    expect(issuedAt(renewed)).toBe(server.clock())
  })

  test('may be lost again after it was renewed, for as long as the held token lives', async () => {
    const { refreshToken } = await issue()
    for (let day = 0; day < 6; day++) {
      const answer = await refresh(refreshToken)
      expect(claimsOf(answer).gen).toBe(1)
      server.clock.turn(DAY + 1)
    }
    const answer = await refresh(refreshToken)
    expect(await use(answer)).toBe(200)
    await refresh(answer.refreshToken)
  })

  test('can be asked for after the key was disabled and enabled again', async () => {
    const { refreshToken } = await issue()
    const lost = await refreshed(refreshToken)
    await server.keys.disable(key.keyId)
    await refuses(refreshToken)
    await server.keys.enable(key.keyId)
    expect(await refreshed(refreshToken)).toBe(lost)
  })

  test.each([
    ['the first pair', async () => issue()],
    ['a later pair', async () => refresh((await issue()).refreshToken)],
  ])(
    'is repeated although the access token before it is used: %s does not acknowledge the next',
    async (_, begin) => {
      const held = await begin()
      expect(await use(held)).toBe(200)
      const lost = await refreshed(held.refreshToken)
      expect(await use(held)).toBe(200)
      expect(await rowOf(held)).toMatchObject({ acknowledgedAt: null })
      server.clock.turn(HOUR)
      expect(await refreshed(held.refreshToken)).toBe(lost)
    },
  )

  test('is repeated after a use of its access token that could not be written: it is refused', async () => {
    const held = await issue()
    const lost = await refresh(held.refreshToken)
    const path = join(server.dir, 'latchkey.db')
    change(
      path,
      `CREATE TRIGGER full BEFORE UPDATE OF acknowledged_at ON grants
        BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`,
    )
    expect(await use(lost)).toBeGreaterThanOrEqual(500)
    server.clock.turn(HOUR)
    expect(await refresh(held.refreshToken)).toEqual(lost)
    change(path, 'DROP TRIGGER full')
    expect(await use(lost)).toBe(200)
    await refuses(held.refreshToken)
  })

  test('is not what an acknowledged one is: by its own refresh, too, a token is done with', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    await refresh(second.refreshToken)
    server.clock.turn(61 * SECOND)
    await refuses(first.refreshToken)
    await refuses(second.refreshToken)
  })
})

describe('the leeway', () => {
  /** A token that its owner has replaced and used what it got for it. */
  async function replaced(at: TestServer, of: typeof key) {
    const first = await issue(at, of)
    const body = await refreshed(first.refreshToken, at, of)
    expect(await use(JSON.parse(body), at, of)).toBe(200)
    return { first, body, rotatedAt: issuedAt(JSON.parse(body)) }
  }

  test('of 60 seconds answers the token before until its last millisecond, and not at its end', async () => {
    const { first, body, rotatedAt } = await replaced(server, key)
    server.clock.set(rotatedAt + 60 * SECOND - 1)
    expect(await refreshed(first.refreshToken)).toBe(body)
    server.clock.set(rotatedAt + 60 * SECOND)
    await refuses(first.refreshToken)
    expect((await rowOf(first))?.revokedAt).toBe(server.clock())
  })

  test('of 0 answers nothing that was acknowledged, and everything that was not', async () => {
    const strict = await testServer({ LATCHKEY_REFRESH_LEEWAY_SECONDS: '0' })
    const of = await seedKey(strict)
    const lost = await issue(strict, of)
    const body = await refreshed(lost.refreshToken, strict, of)
    expect(await refreshed(lost.refreshToken, strict, of)).toBe(body)

    const { first } = await replaced(strict, of)
    await refuses(first.refreshToken, strict, of)
    expect((await rowOf(first, strict))?.revokedAt).toBe(strict.clock())
    await strict.close()
  })

  test('covers the token before on either side of the rotation: clocks of servers differ', async () => {
    const { first, body, rotatedAt } = await replaced(server, key)
    server.clock.set(rotatedAt - 60 * SECOND + 1)
    expect(await refreshed(first.refreshToken)).toBe(body)
    server.clock.set(rotatedAt - 60 * SECOND)
    await refuses(first.refreshToken)
    expect((await rowOf(first))?.revokedAt).toBe(server.clock())
  })

  test('refuses a token two generations old, revokes nothing, and audits its generation', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    const third = await refresh(second.refreshToken)
    for (const tokens of [second, third]) expect(await use(tokens)).toBe(200)
    const { sid } = claimsOf(first)
    const rotatedAt = issuedAt(third)

    for (const at of [rotatedAt - 60 * SECOND + 1, rotatedAt, rotatedAt + 60 * SECOND - 1]) {
      server.clock.set(at)
      await refuses(first.refreshToken)
      expect(await rowOf(first)).toMatchObject({ generation: 2, revokedAt: null })
    }
    expect(await events(sid)).toEqual([])
    await server.record()
    const [event] = await server.storage.listEvents({ subject: key.keyId, limit: 1 })
    expect(event).toMatchObject({
      action: 'key.refused',
      facts: { surface: 'refresh', reason: 'refresh_outdated', grantId: sid, generation: 0 },
    })

    server.clock.set(rotatedAt + 60 * SECOND)
    await refuses(first.refreshToken)
    expect((await rowOf(first))?.revokedAt).toBe(server.clock())
  })

  test.each([60 * SECOND, -60 * SECOND])(
    'never covers a token two generations old %d ms from the rotation',
    async (ms) => {
      const first = await issue()
      const second = await refresh(first.refreshToken)
      const third = await refresh(second.refreshToken)
      server.clock.set(issuedAt(third) + ms)
      await refuses(first.refreshToken)
      expect((await rowOf(first))?.revokedAt).toBe(server.clock())
    },
  )
})

describe('one vendor whose requests overtake each other', () => {
  test('goes on when a refresh that was abandoned in flight is judged last', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    expect(await use(second)).toBe(200)
    // Sent, abandoned, and sent again: the copy is answered, and so is the next refresh.
    const third = await refresh(second.refreshToken)
    const fourth = await refresh(third.refreshToken)
    expect(await use(fourth)).toBe(200)
    server.clock.turn(1500)
    await refuses(second.refreshToken)
    const fifth = await refresh(fourth.refreshToken)
    expect(await use(fifth)).toBe(200)
  })

  test('goes on when three workers refresh in turn with whatever each has read last', async () => {
    const shared = await issue()
    let newest = await refresh(shared.refreshToken)
    newest = await refresh(newest.refreshToken)
    for (let worker = 0; worker < 3; worker++) {
      await server.refresh(key.apiKey, shared.refreshToken)
      newest = await refresh(newest.refreshToken)
      expect(await use(newest)).toBe(200)
      server.clock.turn(SECOND)
    }
    expect(await rowOf(shared)).toMatchObject({ revokedAt: null })
  })

  test('hands a thief of an older token no pair, within the leeway or after it', async () => {
    const stolen = await issue()
    const second = await refresh(stolen.refreshToken)
    await refresh(second.refreshToken)
    for (const wait of [0, SECOND, 58 * SECOND]) {
      server.clock.turn(wait)
      await refuses(stolen.refreshToken)
    }
  })
})

describe('a clock that was wrong', () => {
  const YEAR = 400 * DAY

  test('ahead: the refresh token that it issued rotates, its access token is refused', async () => {
    const right = server.clock()
    server.clock.turn(YEAR)
    const first = await issue()
    const second = await refresh(first.refreshToken)
    expect(await use(second)).toBe(200)
    server.clock.set(right)
    for (const tokens of [first, second]) expect(await use(tokens)).toBe(401)
    const third = await refresh(second.refreshToken)
    expect(issuedAt(third)).toBe(right - (right % SECOND))
    expect(await use(third)).toBe(200)
    const [refusal] = server.log.lines.filter(({ message }) => message === 'message refused')
    expect(refusal?.facts).toMatchObject({ reason: 'token_from_future', keyId: key.keyId })
  })

  test('ahead: an answer that was lost is asked for again and works at once', async () => {
    const right = server.clock()
    server.clock.turn(YEAR)
    const first = await issue()
    await refresh(first.refreshToken)
    server.clock.set(right)
    const renewed = await refresh(first.refreshToken)
    expect(claimsOf(renewed).gen).toBe(1)
    expect(await use(renewed)).toBe(200)
  })

  test('by seconds: an access token of a server whose clock is a minute ahead is taken', async () => {
    const first = await issue()
    server.clock.set(issuedAt(first) - 60 * SECOND)
    expect(await use(first)).toBe(200)
    server.clock.turn(-1)
    expect(await use(first)).toBe(401)
  })

  test.each([-HOUR, -DAY, -YEAR])(
    'set back by %d ms: a token that was replaced and acknowledged is reuse',
    async (ms) => {
      const first = await issue()
      const second = await refresh(first.refreshToken)
      expect(await use(second)).toBe(200)
      server.clock.turn(ms)
      await refuses(first.refreshToken)
      expect((await rowOf(first))?.revokedAt).toBe(server.clock())
    },
  )

  test('revokes no family whose client holds the newest tokens, whichever way it steps', async () => {
    let held = await issue()
    for (const ms of [HOUR, -2 * HOUR, 30 * SECOND, -45 * SECOND, 3 * DAY, -6 * DAY]) {
      server.clock.turn(ms)
      held = await refresh(held.refreshToken)
      expect(await use(held)).toBe(200)
      // Lost once, asked for again.
      await refresh(held.refreshToken)
      held = await refresh(held.refreshToken)
    }
  })

  test('by hours: the sweep leaves families that the right time still has tokens of', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    expect(await use(second)).toBe(200)
    const right = server.clock()
    server.clock.set(issuedAt(second) + 14 * DAY + 14 * HOUR)
    await server.sweep()
    server.clock.set(right + HOUR)
    await refuses(first.refreshToken)
  })
})

describe('a refresh token', () => {
  test('works one millisecond before it is 7 days old, and is refused when it is', async () => {
    const [lives, dies] = [await issue(), await issue()]
    const end = issuedAt(lives) + 7 * DAY
    server.clock.set(end - 1)
    const next = await refresh(lives.refreshToken)
    expect(await use(next)).toBe(200)
    server.clock.set(end)
    await refuses(dies.refreshToken)
    expect(await rowOf(dies)).toBeNull()
    // Each refresh begins 7 new days.
    server.clock.set(issuedAt(next) + 7 * DAY - 1)
    await refresh(next.refreshToken)
  })

  test('that expired is refused, not convicted: the family it came from lives', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    server.clock.turn(6 * DAY)
    const third = await refresh(second.refreshToken)
    server.clock.turn(2 * DAY)
    await refuses(first.refreshToken)
    await refresh(third.refreshToken)
  })

  test('of another key is refused, and nothing is written', async () => {
    const other = await seedKey(server, { accountId: key.accountId })
    const tokens = await issue()
    const second = await refresh(tokens.refreshToken)
    expect(await use(second)).toBe(200)
    server.clock.turn(HOUR)
    const before = [await rowOf(tokens), await server.storage.listEvents({ limit: 1000 })]
    for (const { refreshToken } of [tokens, second]) {
      await refuses(refreshToken, server, other)
      await refuses(refreshToken, server, { ...other, apiKey: crypto.randomUUID() })
    }
    expect([await rowOf(tokens), await server.storage.listEvents({ limit: 1000 })]).toEqual(before)
    await refresh(second.refreshToken)
  })

  test('ends with every other token when the secret is replaced at once', async () => {
    const [unused, rotated] = [await issue(), await issue()]
    const second = await refresh(rotated.refreshToken)
    await server.keys.rotateSecret(key.keyId, {})
    for (const tokens of [unused, rotated, second]) {
      await refuses(tokens.refreshToken)
      expect(await use(tokens)).toBe(401)
    }
    expect(await rowOf(rotated)).toMatchObject({ generation: 1, revokedAt: null })
  })

  test('lives on when the secret is replaced with an overlap', async () => {
    const first = await issue()
    const lost = await refreshed(first.refreshToken)
    await server.keys.rotateSecret(key.keyId, { overlapMs: HOUR })
    expect(await refreshed(first.refreshToken)).toBe(lost)
    expect(await use(first)).toBe(200)
  })

  test.each(['disable', 'revoke'] as const)('is refused from the moment of: %s', async (act) => {
    const tokens = await issue()
    expect(await use(tokens)).toBe(200)
    await server.keys[act](key.keyId)
    await refuses(tokens.refreshToken)
    expect(await use(tokens)).toBe(401)
    expect(await rowOf(tokens)).toBeNull()
  })
})

describe('an access token', () => {
  test('works one millisecond before the instant that `expires` names, and is refused at it', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    server.clock.set(Date.parse(first.expires) - 1)
    for (const tokens of [first, second]) expect(await use(tokens)).toBe(200)
    server.clock.set(Date.parse(first.expires))
    for (const tokens of [first, second]) expect(await use(tokens)).toBe(401)
  })

  test('lives on to its own end when its refresh token is used: jobs under way are not cut off', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    expect(await use(second)).toBe(200)
    await refresh(second.refreshToken)
    server.clock.turn(23 * HOUR)
    for (const tokens of [first, second]) expect(await use(tokens)).toBe(200)
  })
})

describe('reuse', () => {
  /** Three generations, all used; the first refresh token is in other hands. */
  async function stolen() {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    const third = await refresh(second.refreshToken)
    for (const tokens of [first, second, third]) expect(await use(tokens)).toBe(200)
    return [first, second, third] as const
  }

  test('revokes the family, ends its access tokens at their next use, and is audited', async () => {
    const [first, second, third] = await stolen()
    const bystander = await issue()
    const { sid } = claimsOf(first)
    server.clock.turn(61 * SECOND)

    await refuses(first.refreshToken)
    expect(await rowOf(first)).toMatchObject({ generation: 2, revokedAt: server.clock() })
    const [event] = await server.storage.listEvents({ subject: sid, limit: 10 })
    expect(event).toEqual({
      id: event?.id,
      at: server.clock(),
      actor: key.keyId,
      action: 'grant.reused',
      subject: sid,
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
      expect(await use(tokens)).toBe(401)
      await refuses(tokens.refreshToken)
    }
    expect(await use(bystander)).toBe(200)
    await refresh(bystander.refreshToken)
    expect(await use(await issue())).toBe(200)
  })

  test('is audited once, however often and however many at once try it', async () => {
    const [first, second] = await stolen()
    server.clock.turn(61 * SECOND)
    await crowd((n) => refuses(n % 2 ? first.refreshToken : second.refreshToken))
    await refuses(first.refreshToken)
    expect(await events(claimsOf(first).sid)).toEqual(['grant.reused'])
  })

  test('in one process is in force in another at once', async () => {
    const other = await testServer({}, { dir: server.dir, clock: server.clock })
    const [first, , third] = await stolen()
    expect(await use(third, other)).toBe(200)
    server.clock.turn(61 * SECOND)
    await refuses(first.refreshToken)
    expect(await use(third, other)).toBe(401)
    await refuses(third.refreshToken, other)
    await other.storage.close()
  })

  test('while the owner refreshes ends the family, whoever comes first', async () => {
    for (let round = 0; round < 4; round++) {
      const [first, , third] = await stolen()
      server.clock.turn(61 * SECOND)
      const tries = [first.refreshToken, third.refreshToken]
      if (round % 2 === 1) tries.reverse()
      await Promise.all(tries.map((token) => server.refresh(key.apiKey, token)))
      expect((await rowOf(first))?.revokedAt).toBe(server.clock())
      await refuses(third.refreshToken)
    }
  })
})

describe('when an older backup is restored', () => {
  const file = () => join(server.dir, 'latchkey.db')
  const aside = () => join(server.dir, 'aside.db')

  async function backup() {
    const db = new Database(file())
    await db.backup(aside())
    db.close()
  }
  async function restore() {
    const { dir, clock } = server
    await server.storage.close()
    for (const end of ['', '-wal', '-shm']) rmSync(file() + end, { force: true })
    copyFileSync(aside(), file())
    server = await testServer({}, { dir, clock })
  }

  test('a token of a generation that the backup does not know is honoured', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    await backup()
    let newest = second
    for (let n = 0; n < 4; n++) {
      newest = await refresh(newest.refreshToken)
      expect(await use(newest)).toBe(200)
      server.clock.turn(HOUR)
    }
    await restore()
    expect(await rowOf(first)).toMatchObject({ generation: 1 })
    expect(await use(newest)).toBe(200)
    const bodies = await crowd(() => refreshed(newest.refreshToken))
    expect(new Set(bodies).size).toBe(1)
    expect(await rowOf(first)).toMatchObject({ generation: 6 })
    expect(await use(JSON.parse(bodies[0] ?? ''))).toBe(200)
  })

  test('a family that the backup does not know goes on, and still tells reuse', async () => {
    await backup()
    const first = await issue()
    const second = await refresh(first.refreshToken)
    const third = await refresh(second.refreshToken)
    await restore()
    expect(await rowOf(third)).toBeNull()
    const fourth = await refresh(third.refreshToken)
    expect(await use(fourth)).toBe(200)
    server.clock.turn(61 * SECOND)
    await refuses(second.refreshToken)
    await refuses(fourth.refreshToken)
  })
})

describe('the sweep', () => {
  test('keeps a row as long as any token that it was made for lives', async () => {
    const first = await issue()
    const lost = await refresh(first.refreshToken)
    // The longest that a family can go without a write: the answer is asked for at the last moment.
    server.clock.set(issuedAt(first) + 7 * DAY - 1)
    await server.sweep()
    const renewed = await refresh(first.refreshToken)
    expect(claimsOf(renewed).gen).toBe(1)
    server.clock.set(issuedAt(renewed) + 7 * DAY - 1)
    await server.sweep()
    expect(await rowOf(lost)).toMatchObject({ generation: 1 })
    expect(claimsOf(await refresh(renewed.refreshToken)).gen).toBe(2)
  })

  test('never makes a token good again: when the row is gone, so are all its tokens', async () => {
    const first = await issue()
    const second = await refresh(first.refreshToken)
    expect(await use(second)).toBe(200)
    server.clock.turn(61 * SECOND)
    await refuses(first.refreshToken)
    while ((await rowOf(first)) !== null) {
      for (const tokens of [first, second]) {
        await refuses(tokens.refreshToken)
        expect(await use(tokens)).toBe(401)
      }
      server.clock.turn(HOUR)
      await server.sweep()
    }
    for (const tokens of [first, second]) {
      await refuses(tokens.refreshToken)
      expect(await use(tokens)).toBe(401)
    }
    expect(await rowOf(first)).toBeNull()
  })

  test('deletes the row in the end', async () => {
    const first = await issue()
    await refresh(first.refreshToken)
    server.clock.turn(15 * DAY)
    await server.sweep()
    expect(await rowOf(first)).toBeNull()
    expect(server.log.lines.at(-1)?.facts).toEqual({ purged: 1 })
  })
})
