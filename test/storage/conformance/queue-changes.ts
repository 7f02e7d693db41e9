import { describe, expect, test } from 'vitest'
import { createTestEvent, createUuid, MAX_INTEGER, type StorageFixture } from './fixtures.ts'
import { createQueueFixture, DELIVERED_ATTEMPT, FAILED_ATTEMPT } from './queue-fixture.ts'

/** The changes that users make to a queue and its messages. */
export function testQueueChanges(name: string, fixture: StorageFixture): void {
  const { addAccount, addSource, addMessage, listEvents } = fixture
  const {
    seedQueues,
    leaseQueue,
    findQueueHead,
    requireQueueHead,
    startAttempt,
    isQueueDue,
    listDeliveryStatuses,
  } = createQueueFixture(fixture)

  describe(`${name}: a change of a queue`, () => {
    /** Fills a queue with three messages: one is delivered, the second has failed once. */
    async function seedWorkedQueue() {
      const made = await seedQueues(2)
      const ids: string[] = []
      for (let n = 0; n < 3; n++) ids.push((await addMessage(made.owned, made.hops)).id)
      const [delivered = '', failing = '', waiting = ''] = ids
      await leaseQueue(made.subscriptionId, 'a')
      await fixture.storage.settleDelivered(
        await startAttempt(made.subscriptionId, 'a', DELIVERED_ATTEMPT),
        null,
      )
      await fixture.storage.settleFailed(
        await startAttempt(made.subscriptionId, 'a', FAILED_ATTEMPT),
        MAX_INTEGER,
      )
      return { ...made, delivered, failing, waiting }
    }

    test('replays a delivered message to one destination, at the end of the queue', async () => {
      const { subscriptionId, destinationId, delivered, failing, waiting } = await seedWorkedQueue()
      const event = createTestEvent(delivered)
      expect(await fixture.storage.replayMessage(delivered, destinationId, event)).toBe(1)
      expect(await listEvents(delivered)).toEqual([event])
      expect(await fixture.storage.findSubscriptionListItem(subscriptionId)).toMatchObject({
        queued: 3,
        dueAt: MAX_INTEGER,
      })
      const order: string[] = []
      await leaseQueue(subscriptionId, 'a', { now: MAX_INTEGER, until: MAX_INTEGER })
      while ((await findQueueHead(subscriptionId, 'a')) !== null) {
        const next = await startAttempt(subscriptionId, 'a', DELIVERED_ATTEMPT)
        order.push(next.messageId)
        await fixture.storage.settleDelivered(next, null)
      }
      expect(order).toEqual([failing, waiting, delivered])
    })

    test('replays no message that is queued or erased, and writes no event', async () => {
      const { delivered, waiting, hops, subscriptionId } = await seedWorkedQueue()
      for (const to of [null, createUuid()]) {
        expect(await fixture.storage.replayMessage(waiting, to, createTestEvent(waiting))).toBe(0)
      }
      expect(
        await fixture.storage.replayMessage(createUuid(), null, createTestEvent(createUuid())),
      ).toBe(0)
      expect(
        await fixture.storage.skipMessage(delivered, null, createTestEvent(createUuid())),
      ).toBe(1)
      await fixture.storage.erasePayloads(MAX_INTEGER, MAX_INTEGER)
      expect(await fixture.storage.replayMessage(delivered, null, createTestEvent(delivered))).toBe(
        0,
      )
      expect(await listEvents(waiting)).toEqual([])
      expect(await listEvents(delivered)).toEqual([])
      expect(hops[0]?.id).toBe(subscriptionId)
    })

    test('skips the first message, and the queue continues at once', async () => {
      const { subscriptionId, destinationId, failing, waiting } = await seedWorkedQueue()
      const event = createTestEvent(failing)
      expect(await fixture.storage.skipMessage(failing, destinationId, event)).toBe(1)
      expect(
        await fixture.storage.skipMessage(failing, destinationId, createTestEvent(failing)),
      ).toBe(0)
      expect(await listEvents(failing)).toEqual([event])
      expect(await listDeliveryStatuses(failing)).toEqual(['skipped', 'queued'])
      expect(await fixture.storage.findSubscriptionListItem(subscriptionId)).toMatchObject({
        attempts: 0,
        dueAt: 0,
      })
      expect(await leaseQueue(subscriptionId, 'b')).toBe(true)
      expect(await requireQueueHead(subscriptionId, 'b')).toMatchObject({
        messageId: waiting,
        failures: 0,
      })
    })

    test('skips and replays a message to all destinations', async () => {
      const { waiting } = await seedWorkedQueue()
      expect(await fixture.storage.skipMessage(waiting, null, createTestEvent(waiting))).toBe(2)
      expect(await listDeliveryStatuses(waiting)).toEqual(['skipped', 'skipped'])
      expect(await fixture.storage.replayMessage(waiting, null, createTestEvent(waiting))).toBe(2)
      expect(await listDeliveryStatuses(waiting)).toEqual(['queued', 'queued'])
    })

    test('skips a message during its attempt, whose result is kept and does not delay the queue', async () => {
      const { subscriptionId, failing, waiting, destinationId } = await seedWorkedQueue()
      await leaseQueue(subscriptionId, 'a', { now: MAX_INTEGER, until: MAX_INTEGER })
      const underway = await startAttempt(subscriptionId, 'a', FAILED_ATTEMPT)
      await fixture.storage.skipMessage(failing, destinationId, createTestEvent(failing))
      expect(await fixture.storage.settleFailed(underway, MAX_INTEGER)).toBe(false)
      expect(await listDeliveryStatuses(failing)).toEqual(['skipped', 'queued'])
      expect(await fixture.storage.listAttempts(failing, 10)).toHaveLength(2)
      expect(await requireQueueHead(subscriptionId, 'a')).toMatchObject({
        messageId: waiting,
        failures: 0,
      })
    })

    test('purges the queue of one subscription, and of no other', async () => {
      const { subscriptionId, hops, delivered, failing, waiting } = await seedWorkedQueue()
      const event = createTestEvent(subscriptionId)
      expect(await fixture.storage.purgeQueue(subscriptionId, event)).toBe(true)
      expect(await listEvents(subscriptionId)).toContainEqual(event)
      expect(await listDeliveryStatuses(delivered)).toEqual(['delivered', 'queued'])
      for (const id of [failing, waiting])
        expect(await listDeliveryStatuses(id)).toEqual(['skipped', 'queued'])
      expect(await fixture.storage.findSubscriptionListItem(subscriptionId)).toMatchObject({
        queued: 0,
        dueAt: 0,
      })
      expect(await fixture.storage.findSubscriptionListItem(hops[1]?.id ?? '')).toMatchObject({
        queued: 3,
      })
      const nobody = createUuid()
      expect(await fixture.storage.purgeQueue(nobody, createTestEvent(nobody))).toBe(false)
    })

    test('purges a long queue in parts, between which others read and write', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      const { id: first } = await addMessage(owned, hops)
      const { id: last } = await addMessage(owned, hops)
      await fixture.engine.atomic([
        {
          sql: `update deliveries set queue_position = 50000 where message_id = '${last}'`,
          values: [],
        },
      ])
      let isPurged = false
      const purge = fixture.storage
        .purgeQueue(subscriptionId, createTestEvent(subscriptionId))
        .finally(() => {
          isPurged = true
        })
      const readStatuses = async () =>
        (await Promise.all([first, last].map(listDeliveryStatuses))).flat().join()
      const seen = new Set<string>()
      while (!isPurged && !seen.has('skipped,queued')) seen.add(await readStatuses())
      const { id: later } = await addMessage(owned, hops)
      expect(await purge).toBe(true)
      expect(seen).toContain('skipped,queued')
      expect(await readStatuses()).toBe('skipped,skipped')
      expect(await listDeliveryStatuses(later)).toEqual(['queued'])
    })

    test('pauses a subscription before its next message, and it is due at once when resumed', async () => {
      const { subscriptionId } = await seedWorkedQueue()
      await leaseQueue(subscriptionId, 'a', { now: MAX_INTEGER, until: MAX_INTEGER })
      const underway = await startAttempt(subscriptionId, 'a', DELIVERED_ATTEMPT)
      await fixture.storage.setSubscriptionStatus(
        subscriptionId,
        'paused',
        createTestEvent(subscriptionId),
      )
      expect(await fixture.storage.settleDelivered(underway, null)).toBe(true)
      expect(await findQueueHead(subscriptionId, 'a')).toBeNull()
      await fixture.storage.releaseQueue(subscriptionId, 'a')
      await fixture.storage.setSubscriptionStatus(
        subscriptionId,
        'active',
        createTestEvent(subscriptionId),
      )
      expect(await isQueueDue(subscriptionId, 0)).toBe(true)
    })

    test('finds no subscription by an unknown id', async () => {
      const { id } = await addAccount()
      expect(await fixture.storage.findSubscriptionListItem((await addSource(id)).id)).toBeNull()
    })
  })
}
