import { describe, expect, test } from 'vitest'
import {
  countTrue,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'
import {
  createQueueFixture,
  DELIVERED_ATTEMPT,
  FAILED_ATTEMPT,
  REFUSED_ATTEMPT,
} from './queue-fixture.ts'

const getNumber = ({ number }: { number: number }) => number

/** The queue of a subscription: its lease, its order and its attempts. */
export function testQueueStorage(name: string, fixture: StorageFixture): void {
  const { addSource, addSubscription, addMessage } = fixture
  const {
    seedQueues,
    leaseQueue,
    findQueueHead,
    requireQueueHead,
    startAttempt,
    listDueQueueIds,
    isQueueDue,
    listDeliveryStatuses,
  } = createQueueFixture(fixture)

  describe(`${name}: the queue of a subscription`, () => {
    test('is due if it has a message, within the limit of the list', async () => {
      const { owned, hops, subscriptionId } = await seedQueues(3)
      expect(await isQueueDue(subscriptionId, MAX_INTEGER)).toBe(false)
      await addMessage(owned, hops)
      await addMessage(owned, hops)
      const due = await listDueQueueIds(0)
      for (const { id } of hops) expect(due.filter((found) => found === id)).toEqual([id])
      expect(await listDueQueueIds(0, { all: 2, perDestination: 10_000 })).toHaveLength(2)
    })

    test('is listed with its destination, within the limit for each destination', async () => {
      const { owned, hops, destinationId } = await seedQueues(2)
      for (const dataModel of ['Order', 'Results', 'Scheduling']) {
        const other = await addSource(owned.accountId)
        hops.push(await addSubscription(other.id, destinationId, { dataModel }))
      }
      await addMessage(owned, hops)
      const found = async (perDestination: number) =>
        (await fixture.storage.listDueQueues(0, { all: 10_000, perDestination })).filter(({ id }) =>
          hops.some((hop) => hop.id === id),
        )
      const refs = hops.map((hop) => ({ id: hop.id, destinationId: hop.destinationId }))
      expect(new Set(await found(4))).toEqual(new Set(refs))
      expect(await found(1)).toHaveLength(2)
      expect((await found(3)).filter((one) => one.destinationId === destinationId)).toHaveLength(3)
    })

    test('has the time of its next attempt, unless it is empty or paused', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      const dueAt = (now: number) => fixture.storage.findDueAt(subscriptionId, now)
      expect(await dueAt(100)).toBeNull()
      await addMessage(owned, hops)
      expect(await dueAt(100)).toBe(0)
      await leaseQueue(subscriptionId, 'a', { now: 100, until: 200 })
      expect(await dueAt(199)).toBeNull()
      expect(await dueAt(200)).toBe(0)
      await fixture.storage.settleFailed(
        await startAttempt(subscriptionId, 'a', FAILED_ATTEMPT),
        120_000,
      )
      expect(await dueAt(100)).toBe(120_000)
      await fixture.storage.setSubscriptionStatus(
        subscriptionId,
        'paused',
        createTestEvent(subscriptionId),
      )
      expect(await dueAt(100)).toBeNull()
      expect(await fixture.storage.findDueAt(createUuid(), MAX_INTEGER)).toBeNull()
    })

    test('cannot be leased if it is empty, paused or unknown', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      expect(await leaseQueue(subscriptionId, 'a')).toBe(false)
      await addMessage(owned, hops)
      await fixture.storage.setSubscriptionStatus(
        subscriptionId,
        'paused',
        createTestEvent(subscriptionId),
      )
      expect(await isQueueDue(subscriptionId, MAX_INTEGER)).toBe(false)
      expect(await leaseQueue(subscriptionId, 'a')).toBe(false)
      expect(await leaseQueue(createUuid(), 'a')).toBe(false)
      await fixture.storage.setSubscriptionStatus(
        subscriptionId,
        'active',
        createTestEvent(subscriptionId),
      )
      expect(await leaseQueue(subscriptionId, 'a')).toBe(true)
    })

    test('is due at once if its next attempt is further in the future than the longest wait', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      await addMessage(owned, hops)
      const now = 1_000_000
      const longest = now + 132_000 + 60_000
      for (const [dueAt, isPast] of [
        [longest, false],
        [longest + 1, true],
        [now + 400 * 86_400_000, true],
      ] as const) {
        expect(
          await leaseQueue(subscriptionId, 'a', { now: MAX_INTEGER, until: MAX_INTEGER }),
        ).toBe(true)
        await fixture.storage.settleFailed(
          await startAttempt(subscriptionId, 'a', FAILED_ATTEMPT),
          dueAt,
        )
        expect(await isQueueDue(subscriptionId, now)).toBe(isPast)
        expect(await fixture.storage.findDueAt(subscriptionId, now)).toBe(isPast ? 0 : dueAt)
        expect(await leaseQueue(subscriptionId, 'b', { now, until: now + 15_000 })).toBe(isPast)
        await fixture.storage.releaseQueue(subscriptionId, 'b')
      }
    })

    test('can be leased if its lease ends later than the longest lease', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      await addMessage(owned, hops)
      const now = 1_000_000
      const longest = now + 120_000 + 60_000
      for (const [until, isFree] of [
        [longest, false],
        [longest + 1, true],
        [now + 400 * 86_400_000, true],
      ] as const) {
        expect(await leaseQueue(subscriptionId, 'a', { now: MAX_INTEGER, until })).toBe(true)
        expect(await isQueueDue(subscriptionId, now)).toBe(isFree)
        expect(await fixture.storage.findDueAt(subscriptionId, now)).toBe(isFree ? 0 : null)
        expect(await leaseQueue(subscriptionId, 'b', { now, until: now + 15_000 })).toBe(isFree)
        for (const by of ['a', 'b']) await fixture.storage.releaseQueue(subscriptionId, by)
      }
    })

    test('is leased by exactly one of 20 concurrent processes', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      await addMessage(owned, hops)
      expect(
        countTrue(await runConcurrently((n) => leaseQueue(subscriptionId, `process ${n}`))),
      ).toBe(1)
      expect(await isQueueDue(subscriptionId, 100)).toBe(false)
    })

    test('is taken over by exactly one of 20 processes when its lease has ended, and not before', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      await addMessage(owned, hops)
      expect(await leaseQueue(subscriptionId, 'dead', { now: 100, until: 200 })).toBe(true)
      expect(await leaseQueue(subscriptionId, 'late', { now: 199, until: 300 })).toBe(false)
      const leases = await runConcurrently((n) =>
        leaseQueue(subscriptionId, `process ${n}`, { now: 200, until: 300 }),
      )
      expect(countTrue(leases)).toBe(1)
      expect(await findQueueHead(subscriptionId, 'dead')).toBeNull()
    })

    test('stays leased by the process that renews its lease', async () => {
      const { owned, hops, subscriptionId } = await seedQueues(2)
      const by = createUuid()
      await addMessage(owned, hops)
      for (const hop of hops) await leaseQueue(hop.id, by)
      expect(await fixture.storage.renewLeases(by, 500)).toBe(2)
      expect(await fixture.storage.renewLeases(createUuid(), 900)).toBe(0)
      expect(await leaseQueue(subscriptionId, 'b', { now: 499 })).toBe(false)
      expect((await fixture.storage.findSubscriptionListItem(subscriptionId))?.leasedUntil).toBe(
        500,
      )
    })

    test('is released only by the process that has leased it', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      await addMessage(owned, hops)
      await leaseQueue(subscriptionId, 'a')
      expect(await fixture.storage.releaseQueue(subscriptionId, 'b')).toBe(false)
      expect(await fixture.storage.releaseQueue(subscriptionId, 'a')).toBe(true)
      expect(await fixture.storage.releaseQueue(subscriptionId, 'a')).toBe(false)
      expect(await leaseQueue(subscriptionId, 'b')).toBe(true)
    })

    test('returns its complete first message to the process that has leased it', async () => {
      const { owned, hops, subscriptionId, destinationId } = await seedQueues(2)
      const sent = await addMessage(owned, hops, {
        test: true,
        serial: MAX_INTEGER,
        receivedAt: MAX_INTEGER,
      })
      expect(await findQueueHead(subscriptionId, 'a')).toBeNull()
      await leaseQueue(subscriptionId, 'a')
      expect(await findQueueHead(subscriptionId, 'b')).toBeNull()
      expect(await findQueueHead(subscriptionId, 'a')).toEqual({
        messageId: sent.id,
        position: 0,
        failures: 0,
        serial: MAX_INTEGER,
        dataModel: 'Device',
        eventType: 'New',
        test: true,
        receivedAt: MAX_INTEGER,
        sealedPayload: 'sealed',
        payloadPartCount: 0,
        source: { id: owned.sourceId, name: 'Source' },
        destination: {
          id: destinationId,
          url: 'https://emr/0',
          development: false,
          sealedToken: null,
          method: 'POST',
        },
        hops: sent.deliveries.map((delivery, n) => ({
          logId: delivery.id,
          attemptId: delivery.attemptId,
          destinationId: delivery.destinationId,
          destinationName: `EMR ${n}`,
        })),
      })
    })

    test('continues in the order in which messages arrived, whatever their ids', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      const ids = [createUuid(), createUuid(), createUuid()]
      for (const id of ids.toReversed()) await addMessage(owned, hops, { id })
      await leaseQueue(subscriptionId, 'a')
      const sent: string[] = []
      for (let n = 0; n < 3; n++) {
        const next = await startAttempt(subscriptionId, 'a', DELIVERED_ATTEMPT)
        sent.push(next.messageId)
        expect(await fixture.storage.settleDelivered(next, null)).toBe(true)
      }
      expect(sent).toEqual(ids.toReversed())
      expect(await findQueueHead(subscriptionId, 'a')).toBeNull()
      expect(await isQueueDue(subscriptionId, MAX_INTEGER)).toBe(false)
    })

    test('waits without a lease after a failed attempt, with the same message first', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      const { id } = await addMessage(owned, hops)
      await addMessage(owned, hops)
      await leaseQueue(subscriptionId, 'a')
      expect(
        await fixture.storage.settleFailed(
          await startAttempt(subscriptionId, 'a', REFUSED_ATTEMPT),
          5_000,
        ),
      ).toBe(true)
      expect(await fixture.storage.findSubscriptionListItem(subscriptionId)).toMatchObject({
        id: subscriptionId,
        status: 'active',
        queued: 2,
        attempts: 1,
        dueAt: 5_000,
        leasedBy: null,
        leasedUntil: null,
      })
      expect(await isQueueDue(subscriptionId, 4_999)).toBe(false)
      expect(await leaseQueue(subscriptionId, 'b', { now: 4_999, until: 9_000 })).toBe(false)
      expect(await leaseQueue(subscriptionId, 'b', { now: 5_000, until: 9_000 })).toBe(true)
      expect(await requireQueueHead(subscriptionId, 'b')).toMatchObject({
        messageId: id,
        failures: 1,
      })
      expect(
        await fixture.storage.settleDelivered(
          await startAttempt(subscriptionId, 'b', DELIVERED_ATTEMPT),
          null,
        ),
      ).toBe(true)
      expect(await requireQueueHead(subscriptionId, 'b')).toMatchObject({ failures: 0 })
    })

    test('keeps the result of each attempt, the newest first', async () => {
      const { owned, hops, subscriptionId, destinationId } = await seedQueues(2)
      const { id } = await addMessage(owned, hops)
      for (const attempt of [REFUSED_ATTEMPT, FAILED_ATTEMPT]) {
        await leaseQueue(subscriptionId, 'a')
        await fixture.storage.settleFailed(await startAttempt(subscriptionId, 'a', attempt), 0)
      }
      await leaseQueue(subscriptionId, 'a')
      const last = { ...DELIVERED_ATTEMPT, at: MAX_INTEGER - 12 }
      await fixture.storage.settleDelivered(await startAttempt(subscriptionId, 'a', last), null)
      const storedAttempts = [last, FAILED_ATTEMPT, REFUSED_ATTEMPT].map((attempt, n) => ({
        ...attempt,
        destinationId,
        number: 3 - n,
      }))
      expect(await fixture.storage.listAttempts(id, 10)).toEqual(storedAttempts)
      expect(await fixture.storage.listAttempts(id, 1)).toEqual(storedAttempts.slice(0, 1))
      expect((await fixture.storage.findMessage(id))?.deliveries).toMatchObject([
        { status: 'delivered', attempts: 3, settledAt: MAX_INTEGER },
        { status: 'queued', attempts: 0, settledAt: null },
      ])
    })

    test('keeps the newest hundred failed attempts of each delivery, and counts all', async () => {
      const { owned, hops, subscriptionId, destinationId } = await seedQueues(2)
      const { id } = await addMessage(owned, hops)
      for (const hop of hops) {
        for (let n = 1; n <= (hop.id === subscriptionId ? 103 : 2); n++) {
          await leaseQueue(hop.id, 'a')
          const attempt = { ...REFUSED_ATTEMPT, at: n }
          await fixture.storage.settleFailed(await startAttempt(hop.id, 'a', attempt), 0)
        }
      }
      const storedAttempts = await fixture.storage.listAttempts(id, 1000)
      const numbers = storedAttempts
        .filter((one) => one.destinationId === destinationId)
        .map(getNumber)
      expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => 103 - n))
      expect(storedAttempts).toHaveLength(102)
      const counted = (await fixture.storage.findMessage(id))?.deliveries
      expect(counted?.map(({ attempts }) => attempts)).toEqual([103, 2])
    })

    test('accepts no result of a process that has lost its lease', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      const { id } = await addMessage(owned, hops)
      await leaseQueue(subscriptionId, 'slow', { now: 100, until: 200 })
      const late = await startAttempt(subscriptionId, 'slow', DELIVERED_ATTEMPT)
      await leaseQueue(subscriptionId, 'next', { now: 200, until: 300 })
      const before = await fixture.storage.findSubscriptionListItem(subscriptionId)
      expect(await fixture.storage.settleDelivered(late, { isShared: false })).toBe(false)
      expect(
        await fixture.storage.settleFailed({ ...late, attempt: FAILED_ATTEMPT }, MAX_INTEGER),
      ).toBe(false)
      expect(await fixture.storage.findSubscriptionListItem(subscriptionId)).toEqual(before)
      expect(await fixture.storage.listAttempts(id, 10)).toEqual([])
      expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: 'sealed' })
    })

    test('is advanced by exactly one of 20 processes that settle the same message', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      const { id } = await addMessage(owned, hops)
      await leaseQueue(subscriptionId, 'a')
      const settled = await startAttempt(subscriptionId, 'a', DELIVERED_ATTEMPT)
      const answers = await runConcurrently(() => fixture.storage.settleDelivered(settled, null))
      expect(countTrue(answers)).toBe(1)
      expect(await listDeliveryStatuses(id)).toEqual(['delivered'])
    })

    test('never omits a message that arrives while it is processed', async () => {
      const { owned, hops, subscriptionId } = await seedQueues()
      for (let round = 0; round < 5; round++) {
        await Promise.all([
          addMessage(owned, hops),
          addMessage(owned, hops),
          (async () => {
            await leaseQueue(subscriptionId, 'a')
            const found = await findQueueHead(subscriptionId, 'a')
            if (found === null) return
            const { messageId, position } = found
            const settled = {
              subscriptionId: subscriptionId,
              by: 'a',
              messageId,
              position,
              attempt: DELIVERED_ATTEMPT,
            }
            await fixture.storage.settleDelivered(settled, null)
          })(),
        ])
        await fixture.storage.releaseQueue(subscriptionId, 'a')
      }
      for (
        let left = (await fixture.storage.findSubscriptionListItem(subscriptionId))?.queued ?? 0;
        left > 0;
        left--
      ) {
        expect(await isQueueDue(subscriptionId, 100)).toBe(true)
        await leaseQueue(subscriptionId, 'a')
        await fixture.storage.settleDelivered(
          await startAttempt(subscriptionId, 'a', DELIVERED_ATTEMPT),
          null,
        )
        await fixture.storage.releaseQueue(subscriptionId, 'a')
      }
      expect(await isQueueDue(subscriptionId, 100)).toBe(false)
    })
  })
}
