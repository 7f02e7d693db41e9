import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HOUR_MS } from '../../../src/domain/instant.ts'
import {
  createKeyUseCounter,
  createTrafficCounter,
} from '../../../src/service/limits/usage-counters.ts'
import type { HourlyTraffic } from '../../../src/service/ports/dashboard.ts'
import { startServerProcess } from '../../support/process.ts'
import {
  createDeviceNewMessage,
  createTestLog,
  createTestServer,
  seedKey,
  unwrap,
} from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'
import { createTestClock } from '../../support/time.ts'

const HOUR = 500_000
let testServices: TestServices
beforeEach(async () => {
  testServices = await openTestServices()
})
afterEach(() => testServices.close())

/** Counts on the real database, and keeps each write in sight. */
function createTrafficFixture(fails = false) {
  const clock = createTestClock(HOUR * HOUR_MS)
  const log = createTestLog()
  const writes: (readonly HourlyTraffic[])[] = []
  const pendingWork: Promise<unknown>[] = []
  const keepAlive = (work: Promise<unknown>) => void pendingWork.push(work)
  const storage = {
    ...testServices.storage,
    addTraffic(rows: readonly HourlyTraffic[]) {
      writes.push(rows)
      return fails ? Promise.reject(new Error('disk full')) : testServices.storage.addTraffic(rows)
    },
  }
  const traffic = createTrafficCounter({ storage, clock, log, keepAlive })
  const uses = createKeyUseCounter({
    storage: testServices.storage,
    clock,
    log,
    keepAlive,
    traffic,
  })
  return { traffic, uses, clock, log, writes, settle: () => Promise.all(pendingWork.splice(0)) }
}

async function seedXdentKey() {
  const { accountId, ownerId } = await testServices.seedTenant()
  const { key } = unwrap(await testServices.keys.create({ keyType: 'xdent', ownerId, name: 'key' }))
  return { id: key.id, accountId, keyType: 'xdent' as const }
}

describe('traffic', () => {
  test('is counted by hour, account, key type and outcome', async () => {
    const { traffic, uses, clock, settle } = createTrafficFixture()
    const [one, two] = [await seedXdentKey(), await seedXdentKey()]
    for (let n = 0; n < 100; n++) uses.count(one)
    uses.count(two)
    for (let n = 0; n < 3; n++) traffic.countRefused('xdent', 'key_unknown')
    traffic.countRefused('xdent', 'key_disabled', one.id)
    traffic.countRefused('xdent', 'key_disabled', one.id)
    traffic.countRefused('forward-auth', 'credential_missing')
    traffic.countRefused('exchange', 'key_unknown')
    await uses.flush()
    await traffic.flush()
    clock.advance(HOUR_MS)
    uses.count(one)
    await uses.flush()
    await traffic.flush()
    await settle()

    const sumHours = (accountId?: string) =>
      testServices.storage.sumTraffic({ fromHour: HOUR, hours: 1, accountId })
    const admitted = { span: 0, keyType: 'xdent', outcome: 'admitted' }
    const refused = { ...admitted, outcome: 'key_disabled', requests: 2 }
    const later = { ...admitted, span: 1, requests: 1 }
    expect(await sumHours(one.accountId)).toEqual([{ ...admitted, requests: 100 }, refused, later])
    expect(await sumHours(two.accountId)).toEqual([{ ...admitted, requests: 1 }])
    expect(await sumHours()).toEqual([
      { span: 0, keyType: null, outcome: 'credential_missing', requests: 1 },
      { span: 0, keyType: 'redox', outcome: 'key_unknown', requests: 1 },
      { ...admitted, requests: 101 },
      refused,
      { ...refused, outcome: 'key_unknown', requests: 3 },
      later,
    ])
  })

  test('of two keys of one account is one count, and that of a deleted key belongs to no account', async () => {
    const { traffic, writes } = createTrafficFixture()
    const { accountId, ownerId } = await testServices.seedTenant()
    for (const name of ['one', 'two']) {
      const { key } = unwrap(await testServices.keys.create({ keyType: 'practice', ownerId, name }))
      traffic.countRefused('practice', 'secret_wrong', key.id)
    }
    traffic.countRefused('practice', 'secret_wrong', testServices.random.uuid())
    await traffic.flush()
    const common = { hour: HOUR, keyType: 'practice', outcome: 'secret_wrong' }
    expect(writes).toEqual([
      [
        { ...common, accountId, requests: 2 },
        { ...common, accountId: null, requests: 1 },
      ],
    ])
  })

  test('is one write a minute, and none without requests', async () => {
    const { traffic, clock, writes, settle } = createTrafficFixture()
    await traffic.flush()
    expect(writes).toEqual([])
    for (let second = 0; second < 180; second++) {
      for (let n = 0; n < 100; n++) traffic.countRefused('xenrad', 'key_unknown')
      clock.advance(1000)
    }
    await settle()
    expect(writes.map((rows) => rows.map(({ requests }) => requests))).toEqual([[6001], [6000]])
  })

  test('of very many keys is written early, so that what is held stays small', async () => {
    const { uses, traffic, writes, settle } = createTrafficFixture()
    for (let n = 0; n < 12_000; n++) {
      traffic.countAdmitted({ accountId: `account-${n}`, keyType: 'redox' }, HOUR, 1)
    }
    await settle()
    expect(writes.map((rows) => rows.length)).toEqual(Array(20).fill(500))
    await uses.flush()
  })

  test('fails no request if the database accepts no write, and logs that', async () => {
    const { traffic, log } = createTrafficFixture(true)
    traffic.countRefused('xenrad', 'key_unknown')
    await traffic.flush()
    expect(log.lines).toMatchObject([
      { level: 'error', message: 'the request counts could not be written' },
    ])
    await traffic.flush()
    expect(log.lines).toHaveLength(1)
  })
})

test('what a server admits and refuses is counted once each, and none is lost when it stops', async () => {
  const before = await createTestServer()
  const { dir } = before
  const key = await seedKey(before)
  await before.storage.close()
  const server = await startServerProcess(dir)
  const post = (path: string, body: object, headers = {}) =>
    fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  const { apiKey, secret } = key
  const answer = await post('/auth/authenticate', { apiKey, secret })
  const { accessToken } = (await answer.json()) as { accessToken: string }
  const bearer = { Authorization: `Bearer ${accessToken}` }
  await post('/endpoint', createDeviceNewMessage(key.destinationId), bearer)
  await post('/endpoint', createDeviceNewMessage('nowhere'), bearer)
  await post('/auth/authenticate', { apiKey, secret: 'wrong secret, quite long' })
  await post('/auth/authenticate', { apiKey: 'nobody', secret: 'wrong secret, quite long' })
  await server.stop()

  const after = await createTestServer({}, { dir })
  const countRequests = async (accountId?: string) => {
    const sums = await after.storage.sumTraffic({ fromHour: 0, hours: 1_000_000, accountId })
    return sums.map(({ keyType, outcome, requests }) => [keyType, outcome, requests])
  }
  const ofAccount = [
    ['redox', 'admitted', 3],
    ['redox', 'destination_not_subscribed', 1],
    ['redox', 'secret_wrong', 1],
  ]
  expect(await countRequests(key.accountId)).toEqual(ofAccount)
  expect(await countRequests()).toEqual([
    ...ofAccount.slice(0, 2),
    ['redox', 'key_unknown', 1],
    ...ofAccount.slice(2),
  ])
  // And is gone after 400 days.
  after.clock.set(Date.now() + 401 * 24 * HOUR_MS)
  await after.deleteExpiredData()
  expect(await countRequests()).toEqual([])
  await after.close()
})
