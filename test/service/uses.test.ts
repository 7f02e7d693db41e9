import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KeyUse } from '../../src/service/ports.ts'
import { createUses } from '../../src/service/uses.ts'
import { type Core, openCore } from '../support/core.ts'
import { startServer } from '../support/process.ts'
import { done, testClock, testLog, testServer } from '../support/server.ts'

const DAY = 86_400_000

let core: Core
let keyId: string
beforeEach(async () => {
  core = await openCore()
  const { ownerId } = await core.seedTenant()
  keyId = done(await core.keys.create({ dialect: 'xdent', ownerId, name: 'key' })).key.id
})
afterEach(() => core.close())

const keyOf = (id: string) => ({ id, accountId: 'account', dialect: 'xdent' as const })

/** Nobody who counts traffic. */
const nobody = { admitted: () => undefined }

/** Counts on the real database, and keeps each write in sight. */
function watched(fails = false) {
  const clock = testClock(DAY * 20_000)
  const log = testLog()
  const writes: (readonly KeyUse[])[] = []
  const kept: Promise<unknown>[] = []
  const storage = {
    addKeyUses(uses: readonly KeyUse[]) {
      writes.push(uses)
      return fails ? Promise.reject(new Error('disk full')) : core.storage.addKeyUses(uses)
    },
  }
  const uses = createUses(storage, clock, log, (work) => kept.push(work), nobody)
  return { uses, clock, log, writes, settle: () => Promise.all(kept.splice(0)) }
}

describe('the uses of a key', () => {
  test('are one write a minute, however often it is used', async () => {
    const { uses, clock, writes, settle } = watched()
    for (let second = 0; second < 180; second++) {
      for (let n = 0; n < 100; n++) uses.count(keyOf(keyId))
      clock.turn(1000)
    }
    await settle()
    expect(writes.map((write) => write.map((use) => use.uses))).toEqual([[6001], [6000]])
    await uses.flush()
    expect(writes).toHaveLength(3)
    expect(await core.storage.listKeyUses(keyId, 0)).toEqual([{ day: 20_000, uses: 18_000 }])
    expect((await core.storage.findKeySummary(keyId))?.lastUsedAt).toBe(clock() - 1000)
  })

  test('are told apart by day, in UTC', async () => {
    const { uses, clock, settle } = watched()
    clock.set(DAY * 20_001 - 1)
    uses.count(keyOf(keyId))
    clock.turn(1)
    uses.count(keyOf(keyId))
    uses.count(keyOf(keyId))
    await settle()
    await uses.flush()
    expect(await core.storage.listKeyUses(keyId, 0)).toEqual([
      { day: 20_000, uses: 1 },
      { day: 20_001, uses: 2 },
    ])
  })

  test('are not written where there are none', async () => {
    const { uses, writes } = watched()
    await uses.flush()
    expect(writes).toEqual([])
  })

  test('are lost to nobody who uses it while they are written', async () => {
    const { uses, clock } = watched()
    for (let round = 0; round < 20; round++) {
      uses.count(keyOf(keyId))
      const writing = uses.flush()
      uses.count(keyOf(keyId))
      clock.turn(1)
      await writing
    }
    await uses.flush()
    expect(await core.storage.listKeyUses(keyId, 0)).toEqual([{ day: 20_000, uses: 40 }])
  })

  test('of very many keys are written early, so that what is held stays small', async () => {
    const { uses, writes, settle } = watched()
    for (let n = 0; n < 25_000; n++) uses.count(keyOf(`key-${n}`))
    await settle()
    const keys = writes.flatMap((write) => write.map((use) => use.keyId))
    expect(new Set(keys).size).toBe(20_000)
    // Few at a time, so that no request waits long for them.
    expect(writes.map((write) => write.length)).toEqual(Array(40).fill(500))
  })
})

describe('a database that takes no write', () => {
  test('fails no request, grows no memory, and is told to the operator', async () => {
    const { uses, clock, log, writes, settle } = watched(true)
    for (let minute = 0; minute < 5; minute++) {
      for (let n = 0; n < 10; n++) uses.count(keyOf(`key-${n}`))
      clock.turn(60_000)
    }
    await settle()
    // What could not be written is not carried on: each minute’s count is its own.
    const sums = writes.map((write) => write.reduce((sum, use) => sum + use.uses, 0))
    expect(Math.max(...sums)).toBeLessThanOrEqual(11)
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual(
      writes.map(() => ['error', 'the uses of keys were not written']),
    )
    await expect(uses.flush()).resolves.toBeUndefined()
  })

  test('is asked once for what was counted, not once for each part of it', async () => {
    const { uses, log, writes } = watched(true)
    for (let n = 0; n < 2000; n++) uses.count(keyOf(`key-${n}`))
    await uses.flush()
    expect(writes).toHaveLength(1)
    expect(log.lines).toMatchObject([{ facts: { keys: 2000 } }])
  })

  test('that throws at once is as one that fails later', async () => {
    const log = testLog()
    const storage = {
      addKeyUses(): Promise<void> {
        throw new Error('closed')
      },
    }
    const uses = createUses(storage, Date.now, log, () => undefined, nobody)
    uses.count(keyOf(keyId))
    await expect(uses.flush()).resolves.toBeUndefined()
    expect(log.lines).toHaveLength(1)
  })
})

test('nothing that was counted is lost when a server is stopped', async () => {
  const before = await testServer()
  const { dir } = before
  const { accounts, routes, keys } = before
  const { id: accountId } = done(await accounts.create({ name: 'Acme' }))
  const email = 'engineer@acme.example'
  const owner = done(await accounts.addUser({ accountId, email, role: 'engineer' }))
  const source = done(await routes.addSource({ accountId, name: 'Source' }))
  const wish = { dialect: 'redox', ownerId: owner.id, sourceId: source.id, name: 'key' } as const
  const { key, secret } = done(await keys.create(wish))
  await before.storage.close()

  const server = await startServer(dir)
  const body = JSON.stringify({ apiKey: key.publicId, secret })
  for (let n = 0; n < 5; n++) {
    const answer = await fetch(`${server.url}/auth/authenticate`, { method: 'POST', body })
    expect(answer.status).toBe(200)
  }
  expect(await server.stop()).toBe(0)

  const after = await testServer({}, { dir })
  const uses = await after.storage.listKeyUses(key.id, 0)
  expect(uses.reduce((sum, day) => sum + day.uses, 0)).toBe(5)
  expect((await after.storage.findKeySummary(key.id))?.lastUsedAt).toBeGreaterThan(
    Date.now() - 60_000,
  )
  await after.close()
})
