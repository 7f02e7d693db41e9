import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../src/node/sqlite.ts'
import type { Storage } from '../src/service/ports.ts'
import { listFutureInstants } from '../src/storage/future-instants.ts'
import { type Core, openCore } from './support/core.ts'
import { nameIn, processOn, seedFeeds } from './support/feeds.ts'
import {
  codeAt,
  from,
  PASSWORD,
  seedPerson,
  seen,
  setUpApp,
  signIn,
  typed,
} from './support/people.ts'
import { type Conduct, startReceiver } from './support/receiver.ts'
import { done, seedKey, type TestServer, testServer } from './support/server.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
/** How far ahead a clock was, once. */
const AHEAD_MS = 400 * DAY

describe('after a clock that was 400 days ahead is right again', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await testServer()
  })
  afterEach(() => server.close())

  const whileAhead = async <T>(work: () => Promise<T>): Promise<T> => {
    server.clock.turn(AHEAD_MS)
    const result = await work()
    server.clock.turn(-AHEAD_MS)
    return result
  }
  const signsIn = async (person: { username: string }, password = PASSWORD) => {
    const answer = await server.access.signIn(typed({ ...person, password }), from())
    return answer.ok ? 'in' : answer.failure.reason
  }

  test('people whose sign-in was locked then sign in', async () => {
    const person = await seedPerson(server)
    await whileAhead(async () => {
      for (let n = 0; n < 6; n++) await signsIn(person, 'quite another sentence')
      expect(await signsIn(person)).toBe('locked')
    })
    expect(await signsIn(person)).toBe('in')
  })

  test('failures are counted from the first, and lock as they always do', async () => {
    const person = await seedPerson(server)
    await whileAhead(async () => {
      for (let n = 0; n < 6; n++) await signsIn(person, 'quite another sentence')
    })
    const told = []
    for (let n = 0; n < 6; n++) told.push(await signsIn(person, 'quite another sentence'))
    expect(told).toEqual([...Array(5).fill('wrong'), 'locked'])
  })

  test('a code of the second factor is taken, and once', async () => {
    const person = await seedPerson(server)
    const { secret } = await setUpApp(server, (await signIn(server, person)).signedIn)
    const withCode = async () => {
      const code = codeAt(secret, server.clock())
      const answer = await server.access.signIn({ ...typed(person), code }, from())
      return answer.ok ? 'in' : answer.failure.reason
    }
    expect(await whileAhead(withCode)).toBe('in')
    server.clock.turn(MINUTE)
    expect(await withCode()).toBe('in')
    expect(await withCode()).toBe('code_wrong')
  })

  test('a session that was begun then is over, one from before goes on', async () => {
    const person = await seedPerson(server)
    const before = await signIn(server, person)
    const then = await whileAhead(() => signIn(server, person))
    expect(await server.access.sessions.find(then.secret, 'browser')).toBeNull()
    expect((await seen(server, before.secret)).user.id).toBe(person.user.id)
  })

  test('the secret before the one that was set then is refused, however long its overlap', async () => {
    const key = await seedKey(server)
    await whileAhead(async () => {
      done(await server.keys.rotateSecret(key.keyId, { overlapMs: 30 * DAY }))
      expect((await server.authenticate(key.apiKey, key.secret)).status).toBe(200)
    })
    expect((await server.authenticate(key.apiKey, key.secret)).status).toBe(401)
  })

  test('an address that was limited then is limited no longer', async () => {
    await server.close()
    server = await testServer({ LATCHKEY_QUOTA_REQUESTS: '2' })
    const status = async () => (await server.endpoint('x', {})).status
    const statuses = async () => [await status(), await status(), await status()]
    expect(await whileAhead(statuses)).toEqual([401, 401, 429])
    expect(await statuses()).toEqual([401, 401, 429])
  })
})

describe('a feed', () => {
  let core: Core
  let receiver: Awaited<ReturnType<typeof startReceiver>>
  let conduct: Conduct
  beforeEach(async () => {
    core = await openCore()
    conduct = 'take'
    receiver = await startReceiver(() => conduct)
  })
  afterEach(async () => {
    await receiver.close()
    await core.close()
  })
  const arrived = () => receiver.arrived.map(({ body }) => nameIn(body))

  test('that was tried in vain while the clock was ahead is tried at once when it is right', async () => {
    const { send } = await seedFeeds(core, [`${receiver.url}/a`])
    await send('one')
    core.clock.turn(AHEAD_MS)
    conduct = 'refuse'
    const before = processOn(core)
    for (let n = 0; n < 3; n++) {
      await before.work()
      core.clock.turn(15_000)
    }
    core.clock.turn(-AHEAD_MS)
    conduct = 'take'
    receiver.arrived.length = 0
    // The same process, and another one after a start.
    await before.work()
    await processOn(core).work()
    expect(arrived()).toEqual(['one'])
  })

  test('that a dead process has leased while the clock was ahead is taken over', async () => {
    const { send, feeds } = await seedFeeds(core, [`${receiver.url}/a`])
    await send('one')
    core.clock.turn(AHEAD_MS)
    const feedId = feeds[0]?.id ?? ''
    const lease = { feedId, by: 'a process that died', until: core.clock() + 15_000 }
    expect(await core.storage.leaseFeed(lease, core.clock())).toBe(true)
    core.clock.turn(-AHEAD_MS)
    await processOn(core).work()
    expect(arrived()).toEqual(['one'])
  })

  test('that was left alone for a while by a process whose clock then goes back is worked at again', async () => {
    const { send } = await seedFeeds(core, [`${receiver.url}/a`])
    await send('one')
    let fails = true
    const storage: Storage = {
      ...core.storage,
      leaseFeed: (...wish) =>
        fails ? Promise.reject(new Error('no disk')) : core.storage.leaseFeed(...wish),
    }
    core.clock.turn(AHEAD_MS)
    const process = processOn(core, { storage })
    await process.work()
    expect(arrived()).toEqual([])
    fails = false
    core.clock.turn(-AHEAD_MS)
    await process.work()
    expect(arrived()).toEqual(['one'])
  })
})

test('what a clock ahead has written is named by its place, and nothing that a right clock writes', async () => {
  const server = await testServer()
  const engine = openSqlite(`${server.dir}/latchkey.db`)
  const places = async () =>
    (await listFutureInstants(engine, server.clock())).map(({ place }) => place)
  const person = await seedPerson(server)
  const key = await seedKey(server)
  const work = async () => {
    await signIn(server, person)
    await server.access.signIn(typed({ ...person, password: 'quite another one' }), from())
    await server.people.invite(person.user.id)
    done(await server.keys.rotateSecret(key.keyId, { overlapMs: DAY }))
    const { refreshToken } = await (await server.authenticate(key.apiKey, key.secret)).json()
    expect((await server.refresh(key.apiKey, refreshToken)).status).toBe(200)
    await server.flush()
    await server.record()
    await server.seal()
  }
  await work()
  expect(await places()).toEqual([])
  key.secret = done(await server.keys.rotateSecret(key.keyId, {})).secret
  server.clock.turn(AHEAD_MS)
  await work()
  server.clock.turn(-AHEAD_MS)
  expect(await places()).toEqual([
    'audit_events.at',
    'audit_checkpoints.at',
    'grants.rotated_at',
    'invitations.created_at',
    'key_uses.day',
    'keys.last_used_at',
    'keys.secret_replaced_at',
    'sessions.created_at',
    'sessions.seen_at',
    'sign_in_failures.last_at',
    'traffic.hour',
  ])
  await engine.close()
  await server.close()
})
