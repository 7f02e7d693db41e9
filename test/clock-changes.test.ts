import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../src/node/sqlite/engine.ts'
import type { Storage } from '../src/service/ports/storage.ts'
import { listFutureInstants } from '../src/storage/diagnostics.ts'
import {
  readMessageName,
  seedQueues,
  startDeliveryWorker,
} from './support/delivery/delivery-worker.ts'
import { type DestinationBehavior, startDestination } from './support/delivery/destinations.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from './support/server.ts'
import { openTestServices, type TestServices } from './support/services.ts'
import { DAY_MS, MINUTE_MS } from './support/time.ts'
import {
  createSignInInput,
  createTestCaller,
  enrollTotpApp,
  findSignedInUser,
  generateTotpCode,
  PASSWORD,
  seedUser,
  signInUser,
} from './support/users.ts'

/** How far ahead a clock was, once. */
const AHEAD_MS = 400 * DAY_MS

describe('after a clock that was 400 days ahead is right again', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await createTestServer()
  })
  afterEach(() => server.close())

  const runAhead = async <T>(work: () => Promise<T>): Promise<T> => {
    server.clock.advance(AHEAD_MS)
    const result = await work()
    server.clock.advance(-AHEAD_MS)
    return result
  }
  const signInStatus = async (testUser: { username: string }, password = PASSWORD) => {
    const answer = await server.signInServices.signIn(
      createSignInInput({ ...testUser, password }),
      createTestCaller(),
    )
    return answer.ok ? 'in' : answer.failure.reason
  }

  test('users whose sign-in was locked meanwhile can sign in', async () => {
    const testUser = await seedUser(server)
    await runAhead(async () => {
      for (let n = 0; n < 6; n++) await signInStatus(testUser, 'quite another sentence')
      expect(await signInStatus(testUser)).toBe('locked')
    })
    expect(await signInStatus(testUser)).toBe('in')
  })

  test('failures are counted from the first, and lock as they always do', async () => {
    const testUser = await seedUser(server)
    await runAhead(async () => {
      for (let n = 0; n < 6; n++) await signInStatus(testUser, 'quite another sentence')
    })
    const results = []
    for (let n = 0; n < 6; n++) results.push(await signInStatus(testUser, 'quite another sentence'))
    expect(results).toEqual([...Array(5).fill('wrong'), 'locked'])
  })

  test('a code of the second factor is taken, and once', async () => {
    const testUser = await seedUser(server)
    const { secret } = await enrollTotpApp(server, (await signInUser(server, testUser)).signedIn)
    const signInWithTotp = async () => {
      const code = generateTotpCode(secret, server.clock())
      const answer = await server.signInServices.signIn(
        { ...createSignInInput(testUser), code },
        createTestCaller(),
      )
      return answer.ok ? 'in' : answer.failure.reason
    }
    expect(await runAhead(signInWithTotp)).toBe('in')
    server.clock.advance(MINUTE_MS)
    expect(await signInWithTotp()).toBe('in')
    expect(await signInWithTotp()).toBe('code_wrong')
  })

  test('a session that began meanwhile has ended, and an earlier one continues', async () => {
    const testUser = await seedUser(server)
    const before = await signInUser(server, testUser)
    const then = await runAhead(() => signInUser(server, testUser))
    expect(await server.signInServices.sessions.find(then.secret, 'browser')).toBeNull()
    expect((await findSignedInUser(server, before.secret)).user.id).toBe(testUser.user.id)
  })

  test('the secret before the one that was set then is refused, however long its overlap', async () => {
    const key = await seedKey(server)
    await runAhead(async () => {
      unwrap(await server.keys.rotateSecret(key.keyId, { overlapMs: 30 * DAY_MS }))
      expect((await server.authenticate(key.apiKey, key.secret)).status).toBe(200)
    })
    expect((await server.authenticate(key.apiKey, key.secret)).status).toBe(401)
  })

  test('an address that was limited then is limited no longer', async () => {
    await server.close()
    server = await createTestServer({ LATCHKEY_QUOTA_REQUESTS: '2' })
    const status = async () => (await server.endpoint('x', {})).status
    const statuses = async () => [await status(), await status(), await status()]
    expect(await runAhead(statuses)).toEqual([401, 401, 429])
    expect(await statuses()).toEqual([401, 401, 429])
  })
})

describe('a subscription', () => {
  let testServices: TestServices
  let receiver: Awaited<ReturnType<typeof startDestination>>
  let behavior: DestinationBehavior
  beforeEach(async () => {
    testServices = await openTestServices()
    behavior = 'take'
    receiver = await startDestination(() => behavior)
  })
  afterEach(async () => {
    await receiver.close()
    await testServices.close()
  })
  const listArrivedNames = () => receiver.requests.map(({ body }) => readMessageName(body))

  test('whose attempt failed while the clock was ahead is tried at once when it is right', async () => {
    const { send } = await seedQueues(testServices, [`${receiver.url}/a`])
    await send('one')
    testServices.clock.advance(AHEAD_MS)
    behavior = 'refuse'
    const before = startDeliveryWorker(testServices)
    for (let n = 0; n < 3; n++) {
      await before.deliverDue()
      testServices.clock.advance(15_000)
    }
    testServices.clock.advance(-AHEAD_MS)
    behavior = 'take'
    receiver.requests.length = 0
    // The same process, and another one after a start.
    await before.deliverDue()
    await startDeliveryWorker(testServices).deliverDue()
    expect(listArrivedNames()).toEqual(['one'])
  })

  test('that a dead process has leased while the clock was ahead is taken over', async () => {
    const { send, queues } = await seedQueues(testServices, [`${receiver.url}/a`])
    await send('one')
    testServices.clock.advance(AHEAD_MS)
    const subscriptionId = queues[0]?.id ?? ''
    const lease = {
      subscriptionId,
      by: 'a process that died',
      until: testServices.clock() + 15_000,
    }
    expect(await testServices.storage.leaseQueue(lease, testServices.clock())).toBe(true)
    testServices.clock.advance(-AHEAD_MS)
    await startDeliveryWorker(testServices).deliverDue()
    expect(listArrivedNames()).toEqual(['one'])
  })

  test('that a process paused before its clock went back is processed again', async () => {
    const { send } = await seedQueues(testServices, [`${receiver.url}/a`])
    await send('one')
    let fails = true
    const storage: Storage = {
      ...testServices.storage,
      leaseQueue: (...args) =>
        fails ? Promise.reject(new Error('no disk')) : testServices.storage.leaseQueue(...args),
    }
    testServices.clock.advance(AHEAD_MS)
    const process = startDeliveryWorker(testServices, { storage })
    await process.deliverDue()
    expect(listArrivedNames()).toEqual([])
    fails = false
    testServices.clock.advance(-AHEAD_MS)
    await process.deliverDue()
    expect(listArrivedNames()).toEqual(['one'])
  })
})

test('rows that a fast clock wrote are listed by table and column, and no others', async () => {
  const server = await createTestServer()
  const engine = openSqlite(`${server.dir}/latchkey.db`)
  const listAffectedColumns = async () =>
    (await listFutureInstants(engine, server.clock())).map(({ column }) => column)
  const testUser = await seedUser(server)
  const key = await seedKey(server)
  const work = async () => {
    await signInUser(server, testUser)
    await server.signInServices.signIn(
      createSignInInput({ ...testUser, password: 'quite another one' }),
      createTestCaller(),
    )
    await server.users.invite(testUser.user.id)
    unwrap(await server.keys.rotateSecret(key.keyId, { overlapMs: DAY_MS }))
    const { refreshToken } = await (await server.authenticate(key.apiKey, key.secret)).json()
    expect((await server.refresh(key.apiKey, refreshToken)).status).toBe(200)
    await server.flushCounters()
    await server.flushAuditEvents()
    await server.sealAudit()
  }
  await work()
  expect(await listAffectedColumns()).toEqual([])
  key.secret = unwrap(await server.keys.rotateSecret(key.keyId, {})).secret
  server.clock.advance(AHEAD_MS)
  await work()
  server.clock.advance(-AHEAD_MS)
  expect(await listAffectedColumns()).toEqual([
    'audit_events.at',
    'audit_checkpoints.at',
    'grants.rotated_at',
    'invitations.created_at',
    'key_uses.day',
    'keys.last_used_at',
    'keys.secret_rotated_at',
    'sessions.created_at',
    'sessions.seen_at',
    'sign_in_failures.last_at',
    'traffic.hour',
  ])
  await engine.close()
  await server.close()
})
