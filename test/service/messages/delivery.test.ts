import { describe, expect, test } from 'vitest'
import type { WebhookClient } from '../../../src/service/ports/outbound.ts'
import { readMessageName, startDeliveryWorker } from '../../support/delivery/delivery-worker.ts'
import type { TestServices } from '../../support/services.ts'
import {
  createNames,
  destination,
  LONG,
  listDeliveryStatuses,
  listNames,
  listTakenNames,
  receiver,
  seedQueuesAt,
  seedSecondQueue,
  testServices,
  useDelivery,
} from './delivery-fixture.ts'

useDelivery()

describe('a message', () => {
  test('arrives as it was sent, with Meta filled in, and is erased after its last delivery', async () => {
    const { source, queues, send } = await seedQueuesAt('/a', '/b')
    const { id, deliveries } = await send('one')
    await startDeliveryWorker(testServices).deliverDue()
    const expected = {
      Meta: {
        DataModel: 'Device',
        EventType: 'New',
        EventDateTime: '2015-03-25T20:52:35.000Z',
        Test: false,
        Source: { ID: source.id, Name: 'Acme Source' },
        Destinations: queues.map((queue) => ({
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

  test('is kept after its delivery if the setting says so', async () => {
    const { send } = await seedQueuesAt('/a')
    const { id } = await send('one')
    await startDeliveryWorker(testServices, { erasesPayloads: false }).deliverDue()
    expect(await listDeliveryStatuses(id)).toEqual(['delivered'])
    expect(await testServices.storage.findPayload(id)).not.toBeNull()
  })

  test('that cannot be opened waits, is not logged, and delays no other subscription', async () => {
    const { queues, send } = await seedQueuesAt('/a', '/b')
    const { id } = await send('secret name', queues.slice(0, 1))
    await send('fine', queues.slice(1))
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

test('the stored excerpt of a refusal contains nothing of the message', async () => {
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
  test('receives every message of a subscription once, in order', async () => {
    const { send } = await seedQueuesAt('/a')
    for (const name of createNames(250)) await send(name)
    await startDeliveryWorker(testServices).deliverDue()
    expect(listNames('/a')).toEqual(createNames(250))
  })

  test('that refuses or resets is tried by the schedule, and no message overtakes a refused one', async () => {
    const { queues, send } = await seedQueuesAt('/a')
    const { id } = await send('first')
    await send('second')
    destination.behave = () => (receiver.requests.length % 2 === 0 ? 'refuse' : 'reset')
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
    expect(await testServices.storage.findSubscriptionListItem(queues[0]?.id ?? '')).toMatchObject({
      queued: 2,
      attempts: 12,
      leasedBy: null,
    })
    const stored = await testServices.storage.listAttempts(id, 2)
    expect(stored).toMatchObject([
      { number: 12, outcome: 'failed', httpStatus: null, detail: 'no answer' },
      { number: 11, outcome: 'refused', httpStatus: 503, detail: 'we are closed' },
    ])

    destination.behave = () => 'take'
    testServices.clock.advance(120_000)
    await process.deliverDue()
    expect(listTakenNames('/a')).toEqual(['first', 'second'])
  })

  test('that hangs delays no other', async () => {
    const { queues, send } = await seedQueuesAt('/hangs', '/works')
    destination.behave = (path) => (path === '/hangs' ? 'hang' : 'take')
    for (const name of createNames(20)) await send(name)
    const process = startDeliveryWorker(testServices)
    process.wakeQueues(queues)
    await receiver.waitForRequests(20, '/works')
    expect(listNames('/works')).toEqual(createNames(20))
    expect(listNames('/hangs')).toEqual(['message 0'])
    destination.behave = () => 'take'
    receiver.release()
    await process.finish()
    expect(listNames('/hangs')).toEqual(createNames(20))
  })

  test('that hangs delays no other, however many subscriptions it has', async () => {
    for (const how of ['wake', 'look'] as const) {
      const hangs = `/hangs-${how}`
      const works = [`/works-${how}-1`, `/works-${how}-2`, `/works-${how}-3`]
      const { source, queues, send } = await seedQueuesAt(hangs, ...works)
      const [hanging] = queues
      if (hanging === undefined) throw new Error('there is a queue')
      const crowd = [hanging]
      for (let n = 1; n < 20; n++) crowd.push(await seedSecondQueue(hanging, source.accountId))
      destination.behave = (path) => (path === hangs ? 'hang' : 'take')
      for (const queue of crowd) await send('hanging', [queue])
      for (const name of createNames(10)) await send(name, queues.slice(1))
      const process = startDeliveryWorker(testServices, { concurrency: 4, perDestination: 2 })
      if (how === 'wake') process.wakeQueues([...crowd, ...queues.slice(1)])
      else await process.startDueQueues()
      await receiver.waitForRequests(30, `/works-${how}`)
      await receiver.waitForRequests(2, hangs)
      for (const path of works) expect(listNames(path)).toEqual(createNames(10))
      expect(listNames(hangs)).toHaveLength(2)
      destination.behave = () => 'take'
      receiver.release()
      while (listNames(hangs).length < 20) await process.deliverDue()
    }
  })

  test('receives its long message at once, however many another destination delays', async () => {
    const { accountId } = await testServices.seedTenant()
    const { queues, send } = await seedQueuesAt('/hangs', '/works')
    const [slow, quick] = queues
    if (slow === undefined || quick === undefined) throw new Error('there is no queue')
    const crowd = [slow]
    while (crowd.length < 6) crowd.push(await seedSecondQueue(slow, accountId))
    destination.behave = (path) => (path === '/hangs' ? 'hang' : 'take')
    for (const queue of crowd) await send(LONG, [queue])
    const process = startDeliveryWorker(testServices)
    process.wakeQueues(crowd)
    await receiver.waitForRequests(2, '/hangs')
    await send(LONG, [quick])
    process.wakeQueues([quick])
    await receiver.waitForRequests(1, '/works')
    expect(listNames('/hangs')).toHaveLength(2)
    destination.behave = () => 'take'
    receiver.release()
    await receiver.waitForRequests(6, '/hangs')
    await process.finish()
    expect(listNames('/hangs')).toHaveLength(6)
  })

  test('takes turns with other destinations that have many long messages', async () => {
    const late = Array.from({ length: 8 }, (_, n) => `/late-${n}`)
    const { queues, send } = await seedQueuesAt('/a', '/b', '/c', '/d', ...late)
    const busy = queues.slice(0, 4)
    for (let n = 0; n < 8; n++) await send(LONG, busy)
    for (const queue of queues.slice(4)) await send(LONG, [queue])
    let linedUp = 0
    const releaseQueue: TestServices['storage']['releaseQueue'] = (id, by) => {
      linedUp++
      return testServices.storage.releaseQueue(id, by)
    }
    const process = startDeliveryWorker(testServices, {
      storage: { ...testServices.storage, releaseQueue },
    })
    destination.behave = () => 'hang'
    process.wakeQueues(busy)
    await receiver.waitForRequests(4)
    process.wakeQueues(queues.slice(4))
    await expect.poll(() => linedUp).toBe(8)
    destination.behave = () => 'take'
    receiver.release()
    await receiver.waitForRequests(40)
    await process.finish()
    const last = receiver.requests.findLastIndex(({ path }) => path.startsWith('/late'))
    expect(last).toBeLessThan(20)
  })

  test('takes turns with more subscriptions than are processed at once', async () => {
    const { send } = await seedQueuesAt('/a', '/b', '/c', '/d', '/e')
    for (const name of createNames(30)) await send(name)
    await startDeliveryWorker(testServices, { concurrency: 2 }).deliverDue()
    const process = startDeliveryWorker(testServices, { concurrency: 2 })
    while (receiver.requests.length < 150) await process.deliverDue()
    for (const path of ['/a', '/b', '/c', '/d', '/e'])
      expect(listNames(path)).toEqual(createNames(30))
  })

  test('receives nothing of a paused subscription, and everything in order when it is resumed', async () => {
    const { queues, send } = await seedQueuesAt('/a')
    const [queue] = queues
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

describe('several delivery workers', () => {
  test('share the work: nothing twice, and every subscription in order', async () => {
    const paths = Array.from({ length: 8 }, (_, n) => `/${n}`)
    const { queues, send } = await seedQueuesAt(...paths)
    const processes = Array.from({ length: 4 }, () => startDeliveryWorker(testServices))
    for (const name of createNames(40)) {
      await send(name)
      for (const process of processes) process.wakeQueues(queues)
    }
    for (const process of processes) await process.finish()
    for (const process of processes) await process.deliverDue()
    for (const path of paths) expect(listNames(path)).toEqual(createNames(40))
  })

  test('take over from one that died when its lease has ended, and not before', async () => {
    const { queues, send } = await seedQueuesAt('/a')
    const { id } = await send('one')
    const forever = { deliver: () => new Promise<never>(() => undefined) }
    const dead = startDeliveryWorker(testServices, { webhookClient: forever })
    dead.wakeQueues(queues)
    while (
      (await testServices.storage.findSubscriptionListItem(queues[0]?.id ?? ''))?.leasedBy === null
    );
    const heir = startDeliveryWorker(testServices)
    testServices.clock.advance(14_999)
    await heir.deliverDue()
    expect(receiver.requests).toEqual([])
    testServices.clock.advance(1)
    await heir.deliverDue()
    expect(await listDeliveryStatuses(id)).toEqual(['delivered'])
  })

  test('do not take over from one that is slow and renews its lease', async () => {
    const { queues, send } = await seedQueuesAt('/a')
    await send('one')
    destination.behave = () => 'hang'
    const slow = startDeliveryWorker(testServices)
    slow.wakeQueues(queues)
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
