import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Page } from '../../../src/service/ports/lists.ts'
import {
  readMessageName,
  seedQueues,
  startDeliveryWorker,
} from '../../support/delivery/delivery-worker.ts'
import { type DestinationBehavior, startDestination } from '../../support/delivery/destinations.ts'
import { createTestWebhookClient } from '../../support/delivery/webhook-client.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'

/*
 * A destination that is away for long, and what it costs the others: nothing.
 */

let testServices: TestServices
let receiver: Awaited<ReturnType<typeof startDestination>>
let behavior: DestinationBehavior
beforeEach(async () => {
  testServices = await openTestServices()
  behavior = 'take'
  receiver = await startDestination((path) => (path === '/dead' ? behavior : 'take'))
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
const webhookClient = createTestWebhookClient()
const createNames = (count: number) => Array.from({ length: count }, (_, n) => `message ${n}`)
const listTakenNames = (path: string) =>
  receiver.requests
    .filter((one) => one.path === path && one.behavior === 'take')
    .map(({ body }) => readMessageName(body))

test('an hour of 500: it is tried by the schedule, others hear nothing of it, and then all arrives in order', async () => {
  const { queues, send } = await seedQueuesAt('/dead', '/works')
  const [dead, works] = queues
  if (dead === undefined || works === undefined) throw new Error('there are two queues')
  const process = startDeliveryWorker(testServices, { webhookClient })
  behavior = 'refuse'
  for (let second = 0; second < 3600; second++) {
    if (second % 60 === 0) {
      await send(`minute ${second / 60}`, [dead])
      await send(`minute ${second / 60}`, [works])
    }
    await process.deliverDue()
    testServices.clock.advance(1000)
  }
  const minutes = Array.from({ length: 60 }, (_, n) => `minute ${n}`)
  expect(listTakenNames('/works')).toEqual(minutes)
  // At once, twice; after 10, 10, 20, 30, 50, 80 s; then each 120 s.
  const tries = 2 + 6 + Math.floor((3599 - 200) / 120)
  const failedRequests = receiver.requests.filter(({ path }) => path === '/dead')
  expect(failedRequests.map(({ body }) => readMessageName(body))).toEqual(
    Array(tries).fill('minute 0'),
  )
  expect(await testServices.storage.findSubscriptionListItem(dead.id)).toMatchObject({
    queued: 60,
    attempts: tries,
  })

  behavior = 'take'
  testServices.clock.advance(120_000)
  await process.deliverDue()
  expect(listTakenNames('/dead')).toEqual(minutes)
})

test('10,000 messages for a dead destination are kept in order, hinder no other, and can be paged through', async () => {
  const { queues, send } = await seedQueuesAt('/dead', '/works')
  const [dead, works] = queues
  if (dead === undefined || works === undefined) throw new Error('there are two queues')
  behavior = 'reset'
  const sent: string[] = []
  for (let n = 0; n < 10_000; n += 500) {
    const some = createNames(n + 500).slice(n)
    const added = await Promise.all(some.map((name) => send(name, [dead])))
    sent.push(...added.map(({ id }) => id))
  }
  const process = startDeliveryWorker(testServices, { webhookClient })
  for (const name of createNames(100)) {
    await send(name, [works])
    process.wakeQueues([dead, works])
    testServices.clock.advance(500)
    await process.deliverDue()
  }
  expect(listTakenNames('/works')).toEqual(createNames(100))
  expect(await testServices.storage.findSubscriptionListItem(dead.id)).toMatchObject({
    queued: 10_000,
  })

  const listed: { id: string; status: string | undefined }[] = []
  for (let page: Page = { limit: 1000 }; ; page = { limit: 1000, after: listed.at(-1)?.id }) {
    const messages = await testServices.storage.listMessages(page)
    if (messages.length === 0) break
    listed.push(...messages.map(({ id, deliveries }) => ({ id, status: deliveries[0]?.status })))
  }
  const queued = listed.filter(({ status }) => status === 'queued').map(({ id }) => id)
  expect(queued).toEqual(sent.toReversed())
  expect(listed).toHaveLength(10_100)

  behavior = 'take'
  testServices.clock.advance(132_000)
  await testServices.subscriptions.setStatus(dead.id, 'active')
  process.wakeQueues([dead])
  await receiver.waitForRequests(200, '/dead')
  const stopped = process.stop(10_000)
  await stopped
  const taken = listTakenNames('/dead')
  expect(taken).toEqual(createNames(taken.length))
  expect(await testServices.storage.findSubscriptionListItem(dead.id)).toMatchObject({
    queued: 10_000 - taken.length,
  })
})
