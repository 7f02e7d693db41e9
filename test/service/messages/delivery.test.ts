import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WebhookClient } from '../../../src/service/ports/outbound.ts'
import {
  readMessageName,
  seedQueues,
  startDeliveryWorker,
} from '../../support/delivery/delivery-worker.ts'
import { type DestinationBehavior, startDestination } from '../../support/delivery/destinations.ts'
import { unwrap } from '../../support/server.ts'
import { countStorageCalls, openTestServices, type TestServices } from '../../support/services.ts'

let testServices: TestServices
let receiver: Awaited<ReturnType<typeof startDestination>>
let chooseBehavior: (path: string, body: string) => DestinationBehavior
beforeEach(async () => {
  testServices = await openTestServices()
  chooseBehavior = () => 'take'
  receiver = await startDestination((path, body) => chooseBehavior(path, body))
})
afterEach(async () => {
  await receiver.close()
  await testServices.close()
})

const seedQueuesAt = (...paths: string[]) =>
  seedQueues(
    testServices,
    paths.map((path) => receiver.url + path),
  )
/** From another source. */
async function seedSecondQueue<Feed extends { destinationId: string }>(
  queue: Feed,
  accountId: string,
) {
  const source = unwrap(await testServices.sources.add({ accountId, name: 'Another Source' }))
  const ids = { sourceId: source.id, destinationId: queue.destinationId }
  return { ...queue, id: unwrap(await testServices.subscriptions.create(ids)).id }
}
const listNames = (path: string) =>
  receiver.requests.filter((one) => one.path === path).map(({ body }) => readMessageName(body))
const listTakenNames = (path: string) =>
  receiver.requests
    .filter((one) => one.path === path && one.behavior === 'take')
    .map(({ body }) => readMessageName(body))
const listDeliveryStatuses = async (id: string) =>
  (await testServices.storage.findMessage(id))?.deliveries.map(({ status }) => status)
/** Long enough to wait for a place. */
const LONG = 'long '.repeat(400_000)
const createNames = (count: number) => Array.from({ length: count }, (_, n) => `message ${n}`)

describe('a message', () => {
  test('arrives as it came in, its Meta filled in, and is erased with its last delivery', async () => {
    const { source, queues: feeds, send } = await seedQueuesAt('/a', '/b')
    const { id, deliveries } = await send('one')
    await startDeliveryWorker(testServices).deliverDue()
    const expected = {
      Meta: {
        DataModel: 'Device',
        EventType: 'New',
        EventDateTime: '2015-03-25T20:52:35.000Z',
        Test: false,
        Source: { ID: source.id, Name: 'Acme Source' },
        Destinations: feeds.map((queue) => ({
          ID: queue.destinationId,
          Name: `EMR at ${new URL(queue.url).pathname}`,
        })),
        Logs: deliveries.map((one) => ({ ID: one.id, AttemptID: one.attemptId })),
        Message: { ID: (await testServices.storage.findMessage(id))?.serial },
      },
      Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
      name: 'one',
    }
    const bodies = receiver.requests.map(({ body }) => JSON.parse(body))
    expect(bodies).toEqual([expected, expected])
    expect(await listDeliveryStatuses(id)).toEqual(['delivered', 'delivered'])
    expect(await testServices.storage.findPayload(id)).toBeNull()
  })

  test('that is to be kept is kept', async () => {
    const { send } = await seedQueuesAt('/a')
    const { id } = await send('one')
    await startDeliveryWorker(testServices, { erasesPayloads: false }).deliverDue()
    expect(await listDeliveryStatuses(id)).toEqual(['delivered'])
    expect(await testServices.storage.findPayload(id)).not.toBeNull()
  })

  test('that cannot be opened waits, tells the log nothing of itself, and hinders no other feed', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a', '/b')
    const { id } = await send('secret name', feeds.slice(0, 1))
    await send('fine', feeds.slice(1))
    const sealer = {
      ...testServices.sealer,
      open: (sealed: string, context: string) => {
        if (context === id) throw new Error('secret name')
        return testServices.sealer.open(sealed, context)
      },
    }
    await startDeliveryWorker(testServices, { sealer }).deliverDue()
    expect(receiver.requests.map(({ body }) => readMessageName(body))).toEqual(['fine'])
    expect(await listDeliveryStatuses(id)).toEqual(['queued'])
    expect(JSON.stringify(testServices.log.lines)).not.toContain('secret name')
  })
})

test('what is kept of a refusal repeats nothing of the message', async () => {
  const { send } = await seedQueuesAt('/a')
  const { id } = await send('Bixby')
  const webhookClient: Pick<WebhookClient, 'deliver'> = {
    deliver: async (_, body) => ({
      outcome: 'refused',
      status: 422,
      excerpt: `nobody is called ${readMessageName(body)}`,
    }),
  }
  await startDeliveryWorker(testServices, { webhookClient }).deliverDue()
  expect(await testServices.storage.listAttempts(id, 1)).toMatchObject([
    { httpStatus: 422, detail: 'nobody is called …' },
  ])
})

describe('a destination', () => {
  test('gets every message of a feed once, in order', async () => {
    const { send } = await seedQueuesAt('/a')
    for (const name of createNames(250)) await send(name)
    await startDeliveryWorker(testServices).deliverDue()
    expect(listNames('/a')).toEqual(createNames(250))
  })

  test('that refuses or resets is tried by the schedule, and nothing overtakes what it refused', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a')
    const { id } = await send('first')
    await send('second')
    chooseBehavior = () => (receiver.requests.length % 2 === 0 ? 'refuse' : 'reset')
    const process = startDeliveryWorker(testServices)
    const began = testServices.clock()
    const tries: number[] = []
    while (tries.length < 12) {
      const before = receiver.requests.length
      await process.deliverDue()
      const made = receiver.requests.length - before
      for (let n = 0; n < made; n++) tries.push((testServices.clock() - began) / 1000)
      testServices.clock.advance(1000)
    }
    const schedule = [0, 0, 10, 20, 40, 70, 120, 200, 320, 440, 560, 680]
    expect(tries).toEqual(schedule)
    expect(new Set(listNames('/a'))).toEqual(new Set(['first']))
    expect(await testServices.storage.findSubscriptionListItem(feeds[0]?.id ?? '')).toMatchObject({
      queued: 2,
      attempts: 12,
      leasedBy: null,
    })
    const stored = await testServices.storage.listAttempts(id, 2)
    expect(stored).toMatchObject([
      { number: 12, outcome: 'failed', httpStatus: null, detail: 'no answer' },
      { number: 11, outcome: 'refused', httpStatus: 503, detail: 'we are closed' },
    ])

    chooseBehavior = () => 'take'
    testServices.clock.advance(120_000)
    await process.deliverDue()
    expect(listTakenNames('/a')).toEqual(['first', 'second'])
  })

  test('that hangs delays no other', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/hangs', '/works')
    chooseBehavior = (path) => (path === '/hangs' ? 'hang' : 'take')
    for (const name of createNames(20)) await send(name)
    const process = startDeliveryWorker(testServices)
    process.wakeQueues(feeds)
    await receiver.waitForRequests(20, '/works')
    expect(listNames('/works')).toEqual(createNames(20))
    expect(listNames('/hangs')).toEqual(['message 0'])
    chooseBehavior = () => 'take'
    receiver.release()
    await process.finish()
    expect(listNames('/hangs')).toEqual(createNames(20))
  })

  test('that hangs delays no other, however many feeds it has and whoever finds them', async () => {
    for (const how of ['wake', 'look'] as const) {
      const hangs = `/hangs-${how}`
      const works = [`/works-${how}-1`, `/works-${how}-2`, `/works-${how}-3`]
      const { source, queues: feeds, send } = await seedQueuesAt(hangs, ...works)
      const [hanging] = feeds
      if (hanging === undefined) throw new Error('there is a feed')
      const crowd = [hanging]
      for (let n = 1; n < 20; n++) crowd.push(await seedSecondQueue(hanging, source.accountId))
      chooseBehavior = (path) => (path === hangs ? 'hang' : 'take')
      for (const queue of crowd) await send('hanging', [queue])
      for (const name of createNames(10)) await send(name, feeds.slice(1))
      const process = startDeliveryWorker(testServices, { concurrency: 4, perDestination: 2 })
      if (how === 'wake') process.wakeQueues([...crowd, ...feeds.slice(1)])
      else await process.startDueQueues()
      await receiver.waitForRequests(30, `/works-${how}`)
      await receiver.waitForRequests(2, hangs)
      for (const path of works) expect(listNames(path)).toEqual(createNames(10))
      expect(listNames(hangs)).toHaveLength(2)
      chooseBehavior = () => 'take'
      receiver.release()
      while (listNames(hangs).length < 20) await process.deliverDue()
    }
  })

  test('has its long message at once, however many another one holds', async () => {
    const { accountId } = await testServices.seedTenant()
    const { queues: feeds, send } = await seedQueuesAt('/hangs', '/works')
    const [slow, quick] = feeds
    if (slow === undefined || quick === undefined) throw new Error('there is no feed')
    const crowd = [slow]
    while (crowd.length < 6) crowd.push(await seedSecondQueue(slow, accountId))
    chooseBehavior = (path) => (path === '/hangs' ? 'hang' : 'take')
    for (const queue of crowd) await send(LONG, [queue])
    const process = startDeliveryWorker(testServices)
    process.wakeQueues(crowd)
    await receiver.waitForRequests(2, '/hangs')
    await send(LONG, [quick])
    process.wakeQueues([quick])
    await receiver.waitForRequests(1, '/works')
    expect(listNames('/hangs')).toHaveLength(2)
    chooseBehavior = () => 'take'
    receiver.release()
    await receiver.waitForRequests(6, '/hangs')
    await process.finish()
    expect(listNames('/hangs')).toHaveLength(6)
  })

  test('has its turn with long messages too, however many others still have', async () => {
    const late = Array.from({ length: 8 }, (_, n) => `/late-${n}`)
    const { queues: feeds, send } = await seedQueuesAt('/a', '/b', '/c', '/d', ...late)
    const busy = feeds.slice(0, 4)
    for (let n = 0; n < 8; n++) await send(LONG, busy)
    for (const queue of feeds.slice(4)) await send(LONG, [queue])
    let linedUp = 0
    const releaseQueue: TestServices['storage']['releaseQueue'] = (id, by) => {
      linedUp++
      return testServices.storage.releaseQueue(id, by)
    }
    const process = startDeliveryWorker(testServices, {
      storage: { ...testServices.storage, releaseQueue },
    })
    chooseBehavior = () => 'hang'
    process.wakeQueues(busy)
    await receiver.waitForRequests(4)
    process.wakeQueues(feeds.slice(4))
    await expect.poll(() => linedUp).toBe(8)
    chooseBehavior = () => 'take'
    receiver.release()
    await receiver.waitForRequests(40)
    await process.finish()
    const last = receiver.requests.findLastIndex(({ path }) => path.startsWith('/late'))
    expect(last).toBeLessThan(20)
  })

  test('has its turn although more feeds wait than are worked at once', async () => {
    const { send } = await seedQueuesAt('/a', '/b', '/c', '/d', '/e')
    for (const name of createNames(30)) await send(name)
    await startDeliveryWorker(testServices, { concurrency: 2 }).deliverDue()
    const process = startDeliveryWorker(testServices, { concurrency: 2 })
    while (receiver.requests.length < 150) await process.deliverDue()
    for (const path of ['/a', '/b', '/c', '/d', '/e'])
      expect(listNames(path)).toEqual(createNames(30))
  })

  test('gets nothing of a feed that is paused, and all of it in order when it is resumed', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a')
    const [queue] = feeds
    await testServices.subscriptions.setStatus(queue?.id ?? '', 'paused')
    for (const name of createNames(3)) await send(name)
    const process = startDeliveryWorker(testServices)
    await process.deliverDue()
    expect(receiver.requests).toEqual([])
    await testServices.subscriptions.setStatus(queue?.id ?? '', 'active')
    await process.deliverDue()
    expect(listNames('/a')).toEqual(createNames(3))
  })
})

describe('several processes', () => {
  test('share the work: nothing twice, and every feed in order', async () => {
    const paths = Array.from({ length: 8 }, (_, n) => `/${n}`)
    const { queues: feeds, send } = await seedQueuesAt(...paths)
    const processes = Array.from({ length: 4 }, () => startDeliveryWorker(testServices))
    for (const name of createNames(40)) {
      await send(name)
      for (const process of processes) process.wakeQueues(feeds)
    }
    for (const process of processes) await process.finish()
    for (const process of processes) await process.deliverDue()
    for (const path of paths) expect(listNames(path)).toEqual(createNames(40))
  })

  test('one takes over from another that died, when its lease has ended and not before', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a')
    const { id } = await send('one')
    const forever = { deliver: () => new Promise<never>(() => undefined) }
    const dead = startDeliveryWorker(testServices, { webhookClient: forever })
    dead.wakeQueues(feeds)
    while (
      (await testServices.storage.findSubscriptionListItem(feeds[0]?.id ?? ''))?.leasedBy === null
    );
    const heir = startDeliveryWorker(testServices)
    testServices.clock.advance(14_999)
    await heir.deliverDue()
    expect(receiver.requests).toEqual([])
    testServices.clock.advance(1)
    await heir.deliverDue()
    expect(await listDeliveryStatuses(id)).toEqual(['delivered'])
  })

  test('none takes over from another that is slow and renews its lease', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a')
    await send('one')
    chooseBehavior = () => 'hang'
    const slow = startDeliveryWorker(testServices)
    slow.wakeQueues(feeds)
    await receiver.waitForRequests(1)
    const other = startDeliveryWorker(testServices)
    for (let n = 0; n < 10; n++) {
      testServices.clock.advance(5000)
      await slow.renewLeases()
      await other.deliverDue()
    }
    receiver.release()
    await slow.finish()
    await other.deliverDue()
    expect(receiver.requests).toHaveLength(1)
  })
})

describe('a process that stops', () => {
  test('ends what is under way, and begins nothing more', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a')
    for (const name of createNames(3)) await send(name)
    chooseBehavior = () => 'hang'
    const process = startDeliveryWorker(testServices)
    process.wakeQueues(feeds)
    await receiver.waitForRequests(1)
    const stopped = process.stop(5_000)
    receiver.release()
    await stopped
    expect(listNames('/a')).toEqual(['message 0'])
    const queue = await testServices.storage.findSubscriptionListItem(feeds[0]?.id ?? '')
    expect(queue).toMatchObject({ queued: 2, attempts: 0, leasedBy: null })
  })

  test('breaks off who hangs, and the next process begins with that at once', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a')
    await send('one')
    chooseBehavior = () => 'hang'
    const process = startDeliveryWorker(testServices)
    process.wakeQueues(feeds)
    await receiver.waitForRequests(1)
    await process.stop(1)
    chooseBehavior = () => 'take'
    await startDeliveryWorker(testServices).deliverDue()
    expect(listTakenNames('/a')).toEqual(['one'])
  })
})

test('an attempt is broken off before its lease ends where that cannot be renewed, and another process begins it', async () => {
  const { queues: feeds, send } = await seedQueuesAt('/a')
  await send('one')
  let isAway = false
  const storage = {
    ...testServices.storage,
    renewLeases: async (...args: Parameters<typeof testServices.storage.renewLeases>) => {
      if (isAway) throw new Error('the disk is full')
      return testServices.storage.renewLeases(...args)
    },
  }
  const begun = Promise.withResolvers<AbortSignal>()
  const webhookClient: Pick<WebhookClient, 'deliver'> = {
    deliver: (_address, _body, signal) => {
      begun.resolve(signal)
      return new Promise((resolve) => {
        const end = () => resolve({ outcome: 'failed', detail: 'no answer' })
        signal.addEventListener('abort', end)
      })
    },
  }
  const leaseMs = 15_000
  const process = startDeliveryWorker(testServices, { storage, webhookClient, leaseMs })
  process.wakeQueues(feeds)
  const signal = await begun.promise
  const renewAfter = async (ms: number) => {
    testServices.clock.advance(ms)
    await process.renewLeases()
    return signal.aborted
  }

  expect(await renewAfter(leaseMs - 1)).toBe(false)
  isAway = true
  expect(await renewAfter((leaseMs * 2) / 3 - 1)).toBe(false)
  expect(await renewAfter(1)).toBe(true)
  await process.finish()
  await startDeliveryWorker(testServices).deliverDue()
  expect(listNames('/a')).toEqual(['one'])
})

test('a feed that a broken database left in the midst is worked at again once it answers', async () => {
  const { send } = await seedQueuesAt('/a')
  const { id } = await send('one')
  let broken = true
  const storage = {
    ...testServices.storage,
    settleDelivered: async (...args: Parameters<typeof testServices.storage.settleDelivered>) => {
      if (broken) throw new Error('the disk is full')
      return testServices.storage.settleDelivered(...args)
    },
  }
  const process = startDeliveryWorker(testServices, { storage })
  await process.deliverDue()
  expect(await listDeliveryStatuses(id)).toEqual(['queued'])
  broken = false
  await process.renewLeases()
  await process.deliverDue()
  expect(await listDeliveryStatuses(id)).toEqual(['delivered'])
  expect(listNames('/a')).toEqual(['one', 'one'])
})

describe('a feed that waits', () => {
  test('is asked for once a second, however many messages are queued in it', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a')
    chooseBehavior = () => 'refuse'
    const { storage, calls } = countStorageCalls(testServices.storage)
    const process = startDeliveryWorker(testServices, { storage })
    await send('first')
    process.wakeQueues(feeds)
    await process.finish()
    const countLeases = () => calls.splice(0).filter((verb) => verb === 'leaseQueue').length
    expect(countLeases()).toBe(2)
    for (let second = 1; second <= 3; second++) {
      for (let n = 0; n < 50; n++) {
        process.wakeQueues(feeds)
        await process.finish()
      }
      expect(countLeases()).toBe(second === 1 ? 0 : 1)
      testServices.clock.advance(1000)
    }
    expect(listNames('/a')).toEqual(['first', 'first'])
  })

  test('goes on as soon as it is looked for, when somebody has skipped what hinders it', async () => {
    const { queues: feeds, send } = await seedQueuesAt('/a')
    chooseBehavior = () => 'refuse'
    const process = startDeliveryWorker(testServices)
    const { id } = await send('first')
    await send('second')
    process.wakeQueues(feeds)
    await process.finish()
    chooseBehavior = () => 'take'
    await testServices.storage.skipMessage(id, null, {
      id: testServices.random.uuid(),
      at: 0,
      actor: 'operator',
      action: 'message.skipped',
      subject: id,
      facts: {},
      requestId: null,
    })
    await process.deliverDue()
    expect(listTakenNames('/a')).toEqual(['second'])
  })
})

describe('a database that is away', () => {
  const failStorage = async () => {
    throw new Error('the disk is full')
  }

  test('is left alone, and fills no log', async () => {
    const paths = Array.from({ length: 20 }, (_, n) => `/${n}`)
    const { queues: feeds, send } = await seedQueuesAt(...paths)
    await send('one')
    const { storage, calls } = countStorageCalls({
      ...testServices.storage,
      leaseQueue: failStorage,
    })
    const process = startDeliveryWorker(testServices, { storage })
    for (let second = 0; second < 60; second++) {
      await process.deliverDue()
      process.wakeQueues(feeds)
      await process.finish()
      testServices.clock.advance(1000)
    }
    expect(calls.filter((verb) => verb === 'leaseQueue')).toHaveLength(20 * 12)
    expect(testServices.log.lines.length).toBeLessThanOrEqual(12)
    expect(receiver.requests).toEqual([])
  })

  test('is not looked at either', async () => {
    const { storage, calls } = countStorageCalls({
      ...testServices.storage,
      listDueQueues: failStorage,
    })
    const process = startDeliveryWorker(testServices, { storage })
    let complaints = 0
    for (let second = 0; second < 60; second++) {
      await process.startDueQueues().catch(() => complaints++)
      testServices.clock.advance(1000)
    }
    expect([complaints, calls.filter((verb) => verb === 'listDueQueues').length]).toEqual([12, 12])
  })
})
