import { describe, expect, test } from 'vitest'
import type { WebhookClient } from '../../../src/service/ports/outbound.ts'
import { startDeliveryWorker } from '../../support/delivery/delivery-worker.ts'
import { countStorageCalls } from '../../support/services.ts'
import {
  createNames,
  destination,
  listDeliveryStatuses,
  listNames,
  listTakenNames,
  receiver,
  seedQueuesAt,
  testServices,
  useDelivery,
} from './delivery-fixture.ts'

useDelivery()

describe('a delivery worker that stops', () => {
  test('finishes its attempts, and starts no more', async () => {
    const { queues, send } = await seedQueuesAt('/a')
    for (const name of createNames(3)) await send(name)
    destination.behave = () => 'hang'
    const process = startDeliveryWorker(testServices)
    process.wakeQueues(queues)
    await receiver.waitForRequests(1)
    const stopped = process.stop(5_000)
    receiver.release()
    await stopped
    expect(listNames('/a')).toEqual(['message 0'])
    const queue = await testServices.storage.findSubscriptionListItem(queues[0]?.id ?? '')
    expect(queue).toMatchObject({ queued: 2, attempts: 0, leasedBy: null })
  })

  test('aborts attempts that hang, which the next process starts at once', async () => {
    const { queues, send } = await seedQueuesAt('/a')
    await send('one')
    destination.behave = () => 'hang'
    const process = startDeliveryWorker(testServices)
    process.wakeQueues(queues)
    await receiver.waitForRequests(1)
    await process.stop(1)
    destination.behave = () => 'take'
    await startDeliveryWorker(testServices).deliverDue()
    expect(listTakenNames('/a')).toEqual(['one'])
  })
})

test('an attempt is aborted before a lease that cannot be renewed ends, and another process takes over', async () => {
  const { queues, send } = await seedQueuesAt('/a')
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
  process.wakeQueues(queues)
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

test('a subscription is processed again when the database answers again', async () => {
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

describe('a subscription that waits for its next attempt', () => {
  test('is read once a second, however many messages are queued', async () => {
    const { queues, send } = await seedQueuesAt('/a')
    destination.behave = () => 'refuse'
    const { storage, calls } = countStorageCalls(testServices.storage)
    const process = startDeliveryWorker(testServices, { storage })
    await send('first')
    process.wakeQueues(queues)
    await process.finish()
    const countLeases = () => calls.splice(0).filter((verb) => verb === 'leaseQueue').length
    expect(countLeases()).toBe(2)
    for (let second = 1; second <= 3; second++) {
      for (let n = 0; n < 50; n++) {
        process.wakeQueues(queues)
        await process.finish()
      }
      expect(countLeases()).toBe(second === 1 ? 0 : 1)
      testServices.clock.advance(1000)
    }
    expect(listNames('/a')).toEqual(['first', 'first'])
  })

  test('continues at the next read after its first message was skipped', async () => {
    const { queues, send } = await seedQueuesAt('/a')
    destination.behave = () => 'refuse'
    const process = startDeliveryWorker(testServices)
    const { id } = await send('first')
    await send('second')
    process.wakeQueues(queues)
    await process.finish()
    destination.behave = () => 'take'
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

describe('a database that cannot be reached', () => {
  const failStorage = async () => {
    throw new Error('the disk is full')
  }

  test('is not asked again at once, and fills no log', async () => {
    const paths = Array.from({ length: 20 }, (_, n) => `/${n}`)
    const { queues, send } = await seedQueuesAt(...paths)
    await send('one')
    const { storage, calls } = countStorageCalls({
      ...testServices.storage,
      leaseQueue: failStorage,
    })
    const process = startDeliveryWorker(testServices, { storage })
    for (let second = 0; second < 60; second++) {
      await process.deliverDue()
      process.wakeQueues(queues)
      await process.finish()
      testServices.clock.advance(1000)
    }
    expect(calls.filter((verb) => verb === 'leaseQueue')).toHaveLength(20 * 12)
    expect(testServices.log.lines.length).toBeLessThanOrEqual(12)
    expect(receiver.requests).toEqual([])
  })

  test('is not asked for leases either', async () => {
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
