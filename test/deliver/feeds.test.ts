import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Courier } from '../../src/service/ports.ts'
import { type Core, counting, openCore } from '../support/core.ts'
import { nameIn, processOn, seedFeeds } from '../support/feeds.ts'
import { type Conduct, startReceiver } from '../support/receiver.ts'
import { done } from '../support/server.ts'

let core: Core
let receiver: Awaited<ReturnType<typeof startReceiver>>
let conduct: (path: string, body: string) => Conduct
beforeEach(async () => {
  core = await openCore()
  conduct = () => 'take'
  receiver = await startReceiver((path, body) => conduct(path, body))
})
afterEach(async () => {
  await receiver.close()
  await core.close()
})

const at = (...paths: string[]) =>
  seedFeeds(
    core,
    paths.map((path) => receiver.url + path),
  )
/** From another source. */
async function anotherFeedTo<Feed extends { destinationId: string }>(
  feed: Feed,
  accountId: string,
) {
  const source = done(await core.routes.addSource({ accountId, name: 'Another Source' }))
  const ids = { sourceId: source.id, destinationId: feed.destinationId }
  return { ...feed, id: done(await core.routes.subscribe(ids)).id }
}
const namesAt = (path: string) =>
  receiver.arrived.filter((one) => one.path === path).map(({ body }) => nameIn(body))
const takenAt = (path: string) =>
  receiver.arrived
    .filter((one) => one.path === path && one.conduct === 'take')
    .map(({ body }) => nameIn(body))
const statusesOf = async (id: string) =>
  (await core.storage.findMessage(id))?.deliveries.map(({ status }) => status)
/** Long enough to wait for a place. */
const LONG = 'long '.repeat(400_000)
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `message ${n}`)

describe('a message', () => {
  test('arrives as it came in, its Meta filled in, and is erased with its last delivery', async () => {
    const { source, feeds, send } = await at('/a', '/b')
    const { id, deliveries } = await send('one')
    await processOn(core).work()
    const expected = {
      Meta: {
        DataModel: 'Device',
        EventType: 'New',
        EventDateTime: '2015-03-25T20:52:35.000Z',
        Test: false,
        Source: { ID: source.id, Name: 'Acme Source' },
        Destinations: feeds.map((feed) => ({
          ID: feed.destinationId,
          Name: `EMR at ${new URL(feed.url).pathname}`,
        })),
        Logs: deliveries.map((one) => ({ ID: one.id, AttemptID: one.attemptId })),
        Message: { ID: (await core.storage.findMessage(id))?.serial },
      },
      Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
      name: 'one',
    }
    const bodies = receiver.arrived.map(({ body }) => JSON.parse(body))
    expect(bodies).toEqual([expected, expected])
    expect(await statusesOf(id)).toEqual(['delivered', 'delivered'])
    expect(await core.storage.findPayload(id)).toBeNull()
  })

  test('that is to be kept is kept', async () => {
    const { send } = await at('/a')
    const { id } = await send('one')
    await processOn(core, { erase: false }).work()
    expect(await statusesOf(id)).toEqual(['delivered'])
    expect(await core.storage.findPayload(id)).not.toBeNull()
  })

  test('that cannot be opened waits, tells the log nothing of itself, and hinders no other feed', async () => {
    const { feeds, send } = await at('/a', '/b')
    const { id } = await send('secret name', feeds.slice(0, 1))
    await send('fine', feeds.slice(1))
    const sealer = {
      ...core.sealer,
      open: (sealed: string, context: string) => {
        if (context === id) throw new Error('secret name')
        return core.sealer.open(sealed, context)
      },
    }
    await processOn(core, { sealer }).work()
    expect(receiver.arrived.map(({ body }) => nameIn(body))).toEqual(['fine'])
    expect(await statusesOf(id)).toEqual(['queued'])
    expect(JSON.stringify(core.log.lines)).not.toContain('secret name')
  })
})

test('what is kept of a refusal repeats nothing of the message', async () => {
  const { send } = await at('/a')
  const { id } = await send('Bixby')
  const courier: Pick<Courier, 'deliver'> = {
    deliver: async (_, body) => ({
      outcome: 'refused',
      status: 422,
      excerpt: `nobody is called ${nameIn(body)}`,
    }),
  }
  await processOn(core, { courier }).work()
  expect(await core.storage.listAttempts(id, 1)).toMatchObject([
    { httpStatus: 422, detail: 'nobody is called …' },
  ])
})

describe('a destination', () => {
  test('gets every message of a feed once, in order', async () => {
    const { send } = await at('/a')
    for (const name of numbered(250)) await send(name)
    await processOn(core).work()
    expect(namesAt('/a')).toEqual(numbered(250))
  })

  test('that refuses or resets is tried by the schedule, and nothing overtakes what it refused', async () => {
    const { feeds, send } = await at('/a')
    const { id } = await send('first')
    await send('second')
    conduct = () => (receiver.arrived.length % 2 === 0 ? 'refuse' : 'reset')
    const process = processOn(core)
    const began = core.clock()
    const tries: number[] = []
    while (tries.length < 12) {
      const before = receiver.arrived.length
      await process.work()
      const made = receiver.arrived.length - before
      for (let n = 0; n < made; n++) tries.push((core.clock() - began) / 1000)
      core.clock.turn(1000)
    }
    const schedule = [0, 0, 10, 20, 40, 70, 120, 200, 320, 440, 560, 680]
    expect(tries).toEqual(schedule)
    expect(new Set(namesAt('/a'))).toEqual(new Set(['first']))
    expect(await core.storage.findFeed(feeds[0]?.id ?? '')).toMatchObject({
      queued: 2,
      attempts: 12,
      leasedBy: null,
    })
    const kept = await core.storage.listAttempts(id, 2)
    expect(kept).toMatchObject([
      { number: 12, outcome: 'failed', httpStatus: null, detail: 'no answer' },
      { number: 11, outcome: 'refused', httpStatus: 503, detail: 'we are closed' },
    ])

    conduct = () => 'take'
    core.clock.turn(120_000)
    await process.work()
    expect(takenAt('/a')).toEqual(['first', 'second'])
  })

  test('that hangs delays no other', async () => {
    const { feeds, send } = await at('/hangs', '/works')
    conduct = (path) => (path === '/hangs' ? 'hang' : 'take')
    for (const name of numbered(20)) await send(name)
    const process = processOn(core)
    process.wake(feeds)
    await receiver.until(20, '/works')
    expect(namesAt('/works')).toEqual(numbered(20))
    expect(namesAt('/hangs')).toEqual(['message 0'])
    conduct = () => 'take'
    receiver.release()
    await process.finish()
    expect(namesAt('/hangs')).toEqual(numbered(20))
  })

  test('that hangs delays no other, however many feeds it has and whoever finds them', async () => {
    for (const how of ['wake', 'look'] as const) {
      const hangs = `/hangs-${how}`
      const works = [`/works-${how}-1`, `/works-${how}-2`, `/works-${how}-3`]
      const { source, feeds, send } = await at(hangs, ...works)
      const [hanging] = feeds
      if (hanging === undefined) throw new Error('there is a feed')
      const crowd = [hanging]
      for (let n = 1; n < 20; n++) crowd.push(await anotherFeedTo(hanging, source.accountId))
      conduct = (path) => (path === hangs ? 'hang' : 'take')
      for (const feed of crowd) await send('hanging', [feed])
      for (const name of numbered(10)) await send(name, feeds.slice(1))
      const process = processOn(core, { width: 4, share: 2 })
      if (how === 'wake') process.wake([...crowd, ...feeds.slice(1)])
      else await process.look()
      await receiver.until(30, `/works-${how}`)
      await receiver.until(2, hangs)
      for (const path of works) expect(namesAt(path)).toEqual(numbered(10))
      expect(namesAt(hangs)).toHaveLength(2)
      conduct = () => 'take'
      receiver.release()
      while (namesAt(hangs).length < 20) await process.work()
    }
  })

  test('has its long message at once, however many another one holds', async () => {
    const { accountId } = await core.seedTenant()
    const { feeds, send } = await at('/hangs', '/works')
    const [slow, quick] = feeds
    if (slow === undefined || quick === undefined) throw new Error('there is no feed')
    const crowd = [slow]
    while (crowd.length < 6) crowd.push(await anotherFeedTo(slow, accountId))
    conduct = (path) => (path === '/hangs' ? 'hang' : 'take')
    for (const feed of crowd) await send(LONG, [feed])
    const process = processOn(core)
    process.wake(crowd)
    await receiver.until(2, '/hangs')
    await send(LONG, [quick])
    process.wake([quick])
    await receiver.until(1, '/works')
    expect(namesAt('/hangs')).toHaveLength(2)
    conduct = () => 'take'
    receiver.release()
    await receiver.until(6, '/hangs')
    await process.finish()
    expect(namesAt('/hangs')).toHaveLength(6)
  })

  test('has its turn with long messages too, however many others still have', async () => {
    const late = Array.from({ length: 8 }, (_, n) => `/late-${n}`)
    const { feeds, send } = await at('/a', '/b', '/c', '/d', ...late)
    const busy = feeds.slice(0, 4)
    for (let n = 0; n < 8; n++) await send(LONG, busy)
    for (const feed of feeds.slice(4)) await send(LONG, [feed])
    let linedUp = 0
    const releaseFeed: Core['storage']['releaseFeed'] = (id, by) => {
      linedUp++
      return core.storage.releaseFeed(id, by)
    }
    const process = processOn(core, { storage: { ...core.storage, releaseFeed } })
    conduct = () => 'hang'
    process.wake(busy)
    await receiver.until(4)
    process.wake(feeds.slice(4))
    await expect.poll(() => linedUp).toBe(8)
    conduct = () => 'take'
    receiver.release()
    await receiver.until(40)
    await process.finish()
    const last = receiver.arrived.findLastIndex(({ path }) => path.startsWith('/late'))
    expect(last).toBeLessThan(20)
  })

  test('has its turn although more feeds wait than are worked at once', async () => {
    const { send } = await at('/a', '/b', '/c', '/d', '/e')
    for (const name of numbered(30)) await send(name)
    await processOn(core, { width: 2 }).work()
    const process = processOn(core, { width: 2 })
    while (receiver.arrived.length < 150) await process.work()
    for (const path of ['/a', '/b', '/c', '/d', '/e']) expect(namesAt(path)).toEqual(numbered(30))
  })

  test('gets nothing of a feed that is paused, and all of it in order when it is resumed', async () => {
    const { feeds, send } = await at('/a')
    const [feed] = feeds
    await core.routes.setSubscriptionStatus(feed?.id ?? '', 'paused')
    for (const name of numbered(3)) await send(name)
    const process = processOn(core)
    await process.work()
    expect(receiver.arrived).toEqual([])
    await core.routes.setSubscriptionStatus(feed?.id ?? '', 'active')
    await process.work()
    expect(namesAt('/a')).toEqual(numbered(3))
  })
})

describe('several processes', () => {
  test('share the work: nothing twice, and every feed in order', async () => {
    const paths = Array.from({ length: 8 }, (_, n) => `/${n}`)
    const { feeds, send } = await at(...paths)
    const processes = Array.from({ length: 4 }, () => processOn(core))
    for (const name of numbered(40)) {
      await send(name)
      for (const process of processes) process.wake(feeds)
    }
    for (const process of processes) await process.finish()
    for (const process of processes) await process.work()
    for (const path of paths) expect(namesAt(path)).toEqual(numbered(40))
  })

  test('one takes over from another that died, when its lease has ended and not before', async () => {
    const { feeds, send } = await at('/a')
    const { id } = await send('one')
    const forever = { deliver: () => new Promise<never>(() => undefined) }
    const dead = processOn(core, { courier: forever })
    dead.wake(feeds)
    while ((await core.storage.findFeed(feeds[0]?.id ?? ''))?.leasedBy === null);
    const heir = processOn(core)
    core.clock.turn(14_999)
    await heir.work()
    expect(receiver.arrived).toEqual([])
    core.clock.turn(1)
    await heir.work()
    expect(await statusesOf(id)).toEqual(['delivered'])
  })

  test('none takes over from another that is slow and renews its lease', async () => {
    const { feeds, send } = await at('/a')
    await send('one')
    conduct = () => 'hang'
    const slow = processOn(core)
    slow.wake(feeds)
    await receiver.until(1)
    const other = processOn(core)
    for (let n = 0; n < 10; n++) {
      core.clock.turn(5000)
      await slow.renew()
      await other.work()
    }
    receiver.release()
    await slow.finish()
    await other.work()
    expect(receiver.arrived).toHaveLength(1)
  })
})

describe('a process that stops', () => {
  test('ends what is under way, and begins nothing more', async () => {
    const { feeds, send } = await at('/a')
    for (const name of numbered(3)) await send(name)
    conduct = () => 'hang'
    const process = processOn(core)
    process.wake(feeds)
    await receiver.until(1)
    const stopped = process.stop(5_000)
    receiver.release()
    await stopped
    expect(namesAt('/a')).toEqual(['message 0'])
    const feed = await core.storage.findFeed(feeds[0]?.id ?? '')
    expect(feed).toMatchObject({ queued: 2, attempts: 0, leasedBy: null })
  })

  test('breaks off who hangs, and the next process begins with that at once', async () => {
    const { feeds, send } = await at('/a')
    await send('one')
    conduct = () => 'hang'
    const process = processOn(core)
    process.wake(feeds)
    await receiver.until(1)
    await process.stop(1)
    conduct = () => 'take'
    await processOn(core).work()
    expect(takenAt('/a')).toEqual(['one'])
  })
})

test('an attempt is broken off before its lease ends where that cannot be renewed, and another process begins it', async () => {
  const { feeds, send } = await at('/a')
  await send('one')
  let isAway = false
  const storage = {
    ...core.storage,
    renewLeases: async (...args: Parameters<typeof core.storage.renewLeases>) => {
      if (isAway) throw new Error('the disk is full')
      return core.storage.renewLeases(...args)
    },
  }
  const begun = Promise.withResolvers<AbortSignal>()
  const courier: Pick<Courier, 'deliver'> = {
    deliver: (_address, _body, signal) => {
      begun.resolve(signal)
      return new Promise((resolve) => {
        const end = () => resolve({ outcome: 'failed', detail: 'no answer' })
        signal.addEventListener('abort', end)
      })
    },
  }
  const leaseMs = 15_000
  const process = processOn(core, { storage, courier, leaseMs })
  process.wake(feeds)
  const signal = await begun.promise
  const renewAfter = async (ms: number) => {
    core.clock.turn(ms)
    await process.renew()
    return signal.aborted
  }

  expect(await renewAfter(leaseMs - 1)).toBe(false)
  isAway = true
  expect(await renewAfter((leaseMs * 2) / 3 - 1)).toBe(false)
  expect(await renewAfter(1)).toBe(true)
  await process.finish()
  await processOn(core).work()
  expect(namesAt('/a')).toEqual(['one'])
})

test('a feed that a broken database left in the midst is worked at again once it answers', async () => {
  const { send } = await at('/a')
  const { id } = await send('one')
  let broken = true
  const storage = {
    ...core.storage,
    settleDelivered: async (...args: Parameters<typeof core.storage.settleDelivered>) => {
      if (broken) throw new Error('the disk is full')
      return core.storage.settleDelivered(...args)
    },
  }
  const process = processOn(core, { storage })
  await process.work()
  expect(await statusesOf(id)).toEqual(['queued'])
  broken = false
  await process.renew()
  await process.work()
  expect(await statusesOf(id)).toEqual(['delivered'])
  expect(namesAt('/a')).toEqual(['one', 'one'])
})

describe('a feed that waits', () => {
  test('is asked for once a second, however many messages are queued in it', async () => {
    const { feeds, send } = await at('/a')
    conduct = () => 'refuse'
    const { storage, calls } = counting(core.storage)
    const process = processOn(core, { storage })
    await send('first')
    process.wake(feeds)
    await process.finish()
    const leased = () => calls.splice(0).filter((verb) => verb === 'leaseFeed').length
    expect(leased()).toBe(2)
    for (let second = 1; second <= 3; second++) {
      for (let n = 0; n < 50; n++) {
        process.wake(feeds)
        await process.finish()
      }
      expect(leased()).toBe(second === 1 ? 0 : 1)
      core.clock.turn(1000)
    }
    expect(namesAt('/a')).toEqual(['first', 'first'])
  })

  test('goes on as soon as it is looked for, when somebody has skipped what hinders it', async () => {
    const { feeds, send } = await at('/a')
    conduct = () => 'refuse'
    const process = processOn(core)
    const { id } = await send('first')
    await send('second')
    process.wake(feeds)
    await process.finish()
    conduct = () => 'take'
    await core.storage.skipMessage(id, null, {
      id: core.random.uuid(),
      at: 0,
      actor: 'operator',
      action: 'message.skipped',
      subject: id,
      facts: {},
      requestId: null,
    })
    await process.work()
    expect(takenAt('/a')).toEqual(['second'])
  })
})

describe('a database that is away', () => {
  const away = async () => {
    throw new Error('the disk is full')
  }

  test('is left alone, and fills no log', async () => {
    const paths = Array.from({ length: 20 }, (_, n) => `/${n}`)
    const { feeds, send } = await at(...paths)
    await send('one')
    const { storage, calls } = counting({ ...core.storage, leaseFeed: away })
    const process = processOn(core, { storage })
    for (let second = 0; second < 60; second++) {
      await process.work()
      process.wake(feeds)
      await process.finish()
      core.clock.turn(1000)
    }
    expect(calls.filter((verb) => verb === 'leaseFeed')).toHaveLength(20 * 12)
    expect(core.log.lines.length).toBeLessThanOrEqual(12)
    expect(receiver.arrived).toEqual([])
  })

  test('is not looked at either', async () => {
    const { storage, calls } = counting({ ...core.storage, listDueFeeds: away })
    const process = processOn(core, { storage })
    let complaints = 0
    for (let second = 0; second < 60; second++) {
      await process.look().catch(() => complaints++)
      core.clock.turn(1000)
    }
    expect([complaints, calls.filter((verb) => verb === 'listDueFeeds').length]).toEqual([12, 12])
  })
})
