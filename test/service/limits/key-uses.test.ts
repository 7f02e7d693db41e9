import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKeyUseCounter } from '../../../src/service/limits/usage-counters.ts'
import type { DailyKeyUse } from '../../../src/service/ports/keys.ts'
import { startServerProcess } from '../../support/process.ts'
import { createTestLog, createTestServer, unwrap } from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'
import { createTestClock, DAY_MS } from '../../support/time.ts'

let testServices: TestServices
let keyId: string
beforeEach(async () => {
  testServices = await openTestServices()
  const { ownerId } = await testServices.seedTenant()
  keyId = unwrap(await testServices.keys.create({ keyType: 'xdent', ownerId, name: 'key' })).key.id
})
afterEach(() => testServices.close())

const createKeyRef = (id: string) => ({ id, accountId: 'account', keyType: 'xdent' as const })

/** Counts no traffic. */
const noTraffic = { countAdmitted: () => undefined }

/** Counts on the real database, and keeps each write in sight. */
function createUsesFixture(fails = false) {
  const clock = createTestClock(DAY_MS * 20_000)
  const log = createTestLog()
  const writes: (readonly DailyKeyUse[])[] = []
  const pendingWork: Promise<unknown>[] = []
  const storage = {
    addKeyUses(uses: readonly DailyKeyUse[]) {
      writes.push(uses)
      return fails ? Promise.reject(new Error('disk full')) : testServices.storage.addKeyUses(uses)
    },
  }
  const uses = createKeyUseCounter({
    storage,
    clock,
    log,
    keepAlive: (work) => pendingWork.push(work),
    traffic: noTraffic,
  })
  return { uses, clock, log, writes, settle: () => Promise.all(pendingWork.splice(0)) }
}

describe('the uses of a key', () => {
  test('are one write a minute, however often it is used', async () => {
    const { uses, clock, writes, settle } = createUsesFixture()
    for (let second = 0; second < 180; second++) {
      for (let n = 0; n < 100; n++) uses.count(createKeyRef(keyId))
      clock.advance(1000)
    }
    await settle()
    expect(writes.map((write) => write.map((use) => use.uses))).toEqual([[6001], [6000]])
    await uses.flush()
    expect(writes).toHaveLength(3)
    expect(await testServices.storage.listKeyUses(keyId, 0)).toEqual([
      { day: 20_000, uses: 18_000 },
    ])
    expect((await testServices.storage.findKeySummary(keyId))?.lastUsedAt).toBe(clock() - 1000)
  })

  test('are counted by day, in UTC', async () => {
    const { uses, clock, settle } = createUsesFixture()
    clock.set(DAY_MS * 20_001 - 1)
    uses.count(createKeyRef(keyId))
    clock.advance(1)
    uses.count(createKeyRef(keyId))
    uses.count(createKeyRef(keyId))
    await settle()
    await uses.flush()
    expect(await testServices.storage.listKeyUses(keyId, 0)).toEqual([
      { day: 20_000, uses: 1 },
      { day: 20_001, uses: 2 },
    ])
  })

  test('are not written where there are none', async () => {
    const { uses, writes } = createUsesFixture()
    await uses.flush()
    expect(writes).toEqual([])
  })

  test('are not lost if the key is used while they are written', async () => {
    const { uses, clock } = createUsesFixture()
    for (let round = 0; round < 20; round++) {
      uses.count(createKeyRef(keyId))
      const writing = uses.flush()
      uses.count(createKeyRef(keyId))
      clock.advance(1)
      await writing
    }
    await uses.flush()
    expect(await testServices.storage.listKeyUses(keyId, 0)).toEqual([{ day: 20_000, uses: 40 }])
  })

  test('of very many keys are written early, so that what is held stays small', async () => {
    const { uses, writes, settle } = createUsesFixture()
    for (let n = 0; n < 60_000; n++) uses.count(createKeyRef(`key-${n}`))
    await settle()
    const keys = writes.flatMap((write) => write.map((use) => use.keyId))
    expect(new Set(keys).size).toBe(50_000)
    // Few at a time, so that no request waits long for them.
    expect(writes.map((write) => write.length)).toEqual(Array(100).fill(500))
  })
})

describe('a database that takes no write', () => {
  test('fails no request, grows no memory, and is logged', async () => {
    const { uses, clock, log, writes, settle } = createUsesFixture(true)
    for (let minute = 0; minute < 5; minute++) {
      for (let n = 0; n < 10; n++) uses.count(createKeyRef(`key-${n}`))
      clock.advance(60_000)
    }
    await settle()
    // Counts that could not be written are dropped, not added to the next minute.
    const sums = writes.map((write) => write.reduce((sum, use) => sum + use.uses, 0))
    expect(Math.max(...sums)).toBeLessThanOrEqual(11)
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual(
      writes.map(() => ['error', 'the last-used times of keys could not be written']),
    )
    await expect(uses.flush()).resolves.toBeUndefined()
  })

  test('is asked once for what was counted, not once for each part of it', async () => {
    const { uses, log, writes } = createUsesFixture(true)
    for (let n = 0; n < 2000; n++) uses.count(createKeyRef(`key-${n}`))
    await uses.flush()
    expect(writes).toHaveLength(1)
    expect(log.lines).toMatchObject([{ facts: { keys: 2000 } }])
  })

  test('that throws at once is as one that fails later', async () => {
    const log = createTestLog()
    const storage = {
      addKeyUses(): Promise<void> {
        throw new Error('closed')
      },
    }
    const uses = createKeyUseCounter({
      storage,
      clock: Date.now,
      log,
      keepAlive: () => undefined,
      traffic: noTraffic,
    })
    uses.count(createKeyRef(keyId))
    await expect(uses.flush()).resolves.toBeUndefined()
    expect(log.lines).toHaveLength(1)
  })
})

test('nothing that was counted is lost when a server is stopped', async () => {
  const before = await createTestServer()
  const { dir } = before
  const { accounts, users, sources, keys } = before
  const { id: accountId } = unwrap(await accounts.create({ name: 'Acme' }))
  const email = 'engineer@acme.example'
  const owner = unwrap(await users.add({ accountId, email, role: 'engineer' }))
  const source = unwrap(await sources.add({ accountId, name: 'Source' }))
  const input = { keyType: 'redox', ownerId: owner.id, sourceId: source.id, name: 'key' } as const
  const { key, secret } = unwrap(await keys.create(input))
  await before.storage.close()

  const server = await startServerProcess(dir)
  const body = JSON.stringify({ apiKey: key.publicId, secret })
  for (let n = 0; n < 5; n++) {
    const answer = await fetch(`${server.url}/auth/authenticate`, { method: 'POST', body })
    expect(answer.status).toBe(200)
  }
  expect(await server.stop()).toBe(0)

  const after = await createTestServer({}, { dir })
  const uses = await after.storage.listKeyUses(key.id, 0)
  expect(uses.reduce((sum, day) => sum + day.uses, 0)).toBe(5)
  expect((await after.storage.findKeySummary(key.id))?.lastUsedAt).toBeGreaterThan(
    Date.now() - 60_000,
  )
  await after.close()
})
