import { describe, expect, test } from 'vitest'
import type { AttemptRecord } from '../../../src/service/ports/messages.ts'
import type { LeasedAttempt, QueueHead } from '../../../src/service/ports/routing.ts'
import {
  countTrue,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'

const DELIVERED_ATTEMPT: AttemptRecord = {
  at: 1_000,
  ms: 12,
  outcome: 'delivered',
  httpStatus: 204,
  detail: '',
}
const REFUSED_ATTEMPT: AttemptRecord = {
  at: 1_000,
  ms: 34,
  outcome: 'refused',
  httpStatus: 500,
  detail: '🏥 "it\'s" broken',
}
const FAILED_ATTEMPT: AttemptRecord = {
  at: 2_000,
  ms: 60_000,
  outcome: 'failed',
  httpStatus: null,
  detail: 'no answer',
}

const getNumber = ({ number }: { number: number }) => number

/** The queue of a subscription: its lease, its order, and the actions of users on it. */
export function testQueueStorage(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addSource,
    addDestination,
    addSubscription,
    addTenant,
    addMessage,
    listEvents,
  } = fixture

  /** A source with feeds to so many destinations. */
  async function seedQueues(count = 1) {
    const owned = await addTenant()
    const hops = []
    for (let n = 0; n < count; n++) {
      const to = await addDestination(owned.accountId, {
        name: `EMR ${n}`,
        url: `https://emr/${n}`,
      })
      hops.push(await addSubscription(owned.sourceId, to.id))
    }
    const [first] = hops
    if (first === undefined) throw new Error('a feed is wanted')
    return { owned, hops, feedId: first.id, destinationId: first.destinationId }
  }

  const leaseQueue = (subscriptionId: string, by: string, { now = 100, until = 200 } = {}) =>
    fixture.storage.leaseQueue({ subscriptionId, by, until }, now)
  const findQueueHead = (feedId: string, by: string) => fixture.storage.findQueueHead(feedId, by)
  const requireQueueHead = async (feedId: string, by: string): Promise<QueueHead> => {
    const found = await findQueueHead(feedId, by)
    if (found === null) throw new Error('the feed has nothing to send')
    return found
  }
  /** Starts an attempt at the message at the head of the queue. */
  const startAttempt = async (
    subscriptionId: string,
    by: string,
    attempt: AttemptRecord,
  ): Promise<LeasedAttempt> => {
    const { messageId, position } = await requireQueueHead(subscriptionId, by)
    return { subscriptionId, by, messageId, position, attempt }
  }
  const listDueQueueIds = async (now: number, most = { all: 10_000, perDestination: 10_000 }) =>
    (await fixture.storage.listDueQueues(now, most)).map(({ id }) => id)
  const isQueueDue = async (feedId: string, now: number) =>
    (await listDueQueueIds(now)).includes(feedId)
  const listDeliveryStatuses = async (messageId: string) =>
    (await fixture.storage.findMessage(messageId))?.deliveries.map(({ status }) => status)

  describe(`${name}: a feed`, () => {
    test('is due when something is queued, for as many as are asked for', async () => {
      const { owned, hops, feedId } = await seedQueues(3)
      expect(await isQueueDue(feedId, MAX_INTEGER)).toBe(false)
      await addMessage(owned, hops)
      await addMessage(owned, hops)
      const due = await listDueQueueIds(0)
      for (const { id } of hops) expect(due.filter((found) => found === id)).toEqual([id])
      expect(await listDueQueueIds(0, { all: 2, perDestination: 10_000 })).toHaveLength(2)
    })

    test('is found with its destination, of which no more are found than are wanted', async () => {
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

    test('tells when it may be tried, unless there is nothing that could be', async () => {
      const { owned, hops, feedId } = await seedQueues()
      const dueAt = (now: number) => fixture.storage.findDueAt(feedId, now)
      expect(await dueAt(100)).toBeNull()
      await addMessage(owned, hops)
      expect(await dueAt(100)).toBe(0)
      await leaseQueue(feedId, 'a', { now: 100, until: 200 })
      expect(await dueAt(199)).toBeNull()
      expect(await dueAt(200)).toBe(0)
      await fixture.storage.settleFailed(await startAttempt(feedId, 'a', FAILED_ATTEMPT), 120_000)
      expect(await dueAt(100)).toBe(120_000)
      await fixture.storage.setSubscriptionStatus(feedId, 'paused', createTestEvent(feedId))
      expect(await dueAt(100)).toBeNull()
      expect(await fixture.storage.findDueAt(createUuid(), MAX_INTEGER)).toBeNull()
    })

    test('that has nothing queued, is paused or is nobody’s cannot be leased', async () => {
      const { owned, hops, feedId } = await seedQueues()
      expect(await leaseQueue(feedId, 'a')).toBe(false)
      await addMessage(owned, hops)
      await fixture.storage.setSubscriptionStatus(feedId, 'paused', createTestEvent(feedId))
      expect(await isQueueDue(feedId, MAX_INTEGER)).toBe(false)
      expect(await leaseQueue(feedId, 'a')).toBe(false)
      expect(await leaseQueue(createUuid(), 'a')).toBe(false)
      await fixture.storage.setSubscriptionStatus(feedId, 'active', createTestEvent(feedId))
      expect(await leaseQueue(feedId, 'a')).toBe(true)
    })

    test('is due at once where its next attempt lies further ahead than any wait is long', async () => {
      const { owned, hops, feedId } = await seedQueues()
      await addMessage(owned, hops)
      const now = 1_000_000
      const longest = now + 132_000 + 60_000
      for (const [dueAt, isPast] of [
        [longest, false],
        [longest + 1, true],
        [now + 400 * 86_400_000, true],
      ] as const) {
        expect(await leaseQueue(feedId, 'a', { now: MAX_INTEGER, until: MAX_INTEGER })).toBe(true)
        await fixture.storage.settleFailed(await startAttempt(feedId, 'a', FAILED_ATTEMPT), dueAt)
        expect(await isQueueDue(feedId, now)).toBe(isPast)
        expect(await fixture.storage.findDueAt(feedId, now)).toBe(isPast ? 0 : dueAt)
        expect(await leaseQueue(feedId, 'b', { now, until: now + 15_000 })).toBe(isPast)
        await fixture.storage.releaseQueue(feedId, 'b')
      }
    })

    test('is free where its lease ends later than any lease is long', async () => {
      const { owned, hops, feedId } = await seedQueues()
      await addMessage(owned, hops)
      const now = 1_000_000
      const longest = now + 120_000 + 60_000
      for (const [until, isFree] of [
        [longest, false],
        [longest + 1, true],
        [now + 400 * 86_400_000, true],
      ] as const) {
        expect(await leaseQueue(feedId, 'a', { now: MAX_INTEGER, until })).toBe(true)
        expect(await isQueueDue(feedId, now)).toBe(isFree)
        expect(await fixture.storage.findDueAt(feedId, now)).toBe(isFree ? 0 : null)
        expect(await leaseQueue(feedId, 'b', { now, until: now + 15_000 })).toBe(isFree)
        for (const by of ['a', 'b']) await fixture.storage.releaseQueue(feedId, by)
      }
    })

    test('is leased by exactly one of 20 that want it', async () => {
      const { owned, hops, feedId } = await seedQueues()
      await addMessage(owned, hops)
      expect(countTrue(await runConcurrently((n) => leaseQueue(feedId, `process ${n}`)))).toBe(1)
      expect(await isQueueDue(feedId, 100)).toBe(false)
    })

    test('is taken over by exactly one of 20 when its lease has ended, and not before', async () => {
      const { owned, hops, feedId } = await seedQueues()
      await addMessage(owned, hops)
      expect(await leaseQueue(feedId, 'dead', { now: 100, until: 200 })).toBe(true)
      expect(await leaseQueue(feedId, 'late', { now: 199, until: 300 })).toBe(false)
      const leases = await runConcurrently((n) =>
        leaseQueue(feedId, `process ${n}`, { now: 200, until: 300 }),
      )
      expect(countTrue(leases)).toBe(1)
      expect(await findQueueHead(feedId, 'dead')).toBeNull()
    })

    test('stays with who renews its lease, and with nobody else', async () => {
      const { owned, hops, feedId } = await seedQueues(2)
      const by = createUuid()
      await addMessage(owned, hops)
      for (const hop of hops) await leaseQueue(hop.id, by)
      expect(await fixture.storage.renewLeases(by, 500)).toBe(2)
      expect(await fixture.storage.renewLeases(createUuid(), 900)).toBe(0)
      expect(await leaseQueue(feedId, 'b', { now: 499 })).toBe(false)
      expect((await fixture.storage.findSubscriptionListItem(feedId))?.leasedUntil).toBe(500)
    })

    test('is released by who has it alone', async () => {
      const { owned, hops, feedId } = await seedQueues()
      await addMessage(owned, hops)
      await leaseQueue(feedId, 'a')
      expect(await fixture.storage.releaseQueue(feedId, 'b')).toBe(false)
      expect(await fixture.storage.releaseQueue(feedId, 'a')).toBe(true)
      expect(await fixture.storage.releaseQueue(feedId, 'a')).toBe(false)
      expect(await leaseQueue(feedId, 'b')).toBe(true)
    })

    test('shows its head whole, to who leased it', async () => {
      const { owned, hops, feedId, destinationId } = await seedQueues(2)
      const sent = await addMessage(owned, hops, {
        test: true,
        serial: MAX_INTEGER,
        receivedAt: MAX_INTEGER,
      })
      expect(await findQueueHead(feedId, 'a')).toBeNull()
      await leaseQueue(feedId, 'a')
      expect(await findQueueHead(feedId, 'b')).toBeNull()
      expect(await findQueueHead(feedId, 'a')).toEqual({
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

    test('goes on in the order in which messages came, whatever their ids', async () => {
      const { owned, hops, feedId } = await seedQueues()
      const ids = [createUuid(), createUuid(), createUuid()]
      for (const id of ids.toReversed()) await addMessage(owned, hops, { id })
      await leaseQueue(feedId, 'a')
      const sent: string[] = []
      for (let n = 0; n < 3; n++) {
        const next = await startAttempt(feedId, 'a', DELIVERED_ATTEMPT)
        sent.push(next.messageId)
        expect(await fixture.storage.settleDelivered(next, null)).toBe(true)
      }
      expect(sent).toEqual(ids.toReversed())
      expect(await findQueueHead(feedId, 'a')).toBeNull()
      expect(await isQueueDue(feedId, MAX_INTEGER)).toBe(false)
    })

    test('waits after an attempt in vain, leased by nobody, with the same message', async () => {
      const { owned, hops, feedId } = await seedQueues()
      const { id } = await addMessage(owned, hops)
      await addMessage(owned, hops)
      await leaseQueue(feedId, 'a')
      expect(
        await fixture.storage.settleFailed(await startAttempt(feedId, 'a', REFUSED_ATTEMPT), 5_000),
      ).toBe(true)
      expect(await fixture.storage.findSubscriptionListItem(feedId)).toMatchObject({
        id: feedId,
        status: 'active',
        queued: 2,
        attempts: 1,
        dueAt: 5_000,
        leasedBy: null,
        leasedUntil: null,
      })
      expect(await isQueueDue(feedId, 4_999)).toBe(false)
      expect(await leaseQueue(feedId, 'b', { now: 4_999, until: 9_000 })).toBe(false)
      expect(await leaseQueue(feedId, 'b', { now: 5_000, until: 9_000 })).toBe(true)
      expect(await requireQueueHead(feedId, 'b')).toMatchObject({ messageId: id, failures: 1 })
      expect(
        await fixture.storage.settleDelivered(
          await startAttempt(feedId, 'b', DELIVERED_ATTEMPT),
          null,
        ),
      ).toBe(true)
      expect(await requireQueueHead(feedId, 'b')).toMatchObject({ failures: 0 })
    })

    test('keeps what came of each attempt, the newest first', async () => {
      const { owned, hops, feedId, destinationId } = await seedQueues(2)
      const { id } = await addMessage(owned, hops)
      for (const attempt of [REFUSED_ATTEMPT, FAILED_ATTEMPT]) {
        await leaseQueue(feedId, 'a')
        await fixture.storage.settleFailed(await startAttempt(feedId, 'a', attempt), 0)
      }
      await leaseQueue(feedId, 'a')
      const last = { ...DELIVERED_ATTEMPT, at: MAX_INTEGER - 12 }
      await fixture.storage.settleDelivered(await startAttempt(feedId, 'a', last), null)
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

    test('keeps the newest hundred attempts in vain of each delivery, and counts all', async () => {
      const { owned, hops, feedId, destinationId } = await seedQueues(2)
      const { id } = await addMessage(owned, hops)
      for (const hop of hops) {
        for (let n = 1; n <= (hop.id === feedId ? 103 : 2); n++) {
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

    test('takes nothing from who has lost its lease', async () => {
      const { owned, hops, feedId } = await seedQueues()
      const { id } = await addMessage(owned, hops)
      await leaseQueue(feedId, 'slow', { now: 100, until: 200 })
      const late = await startAttempt(feedId, 'slow', DELIVERED_ATTEMPT)
      await leaseQueue(feedId, 'next', { now: 200, until: 300 })
      const before = await fixture.storage.findSubscriptionListItem(feedId)
      expect(await fixture.storage.settleDelivered(late, { isShared: false })).toBe(false)
      expect(
        await fixture.storage.settleFailed({ ...late, attempt: FAILED_ATTEMPT }, MAX_INTEGER),
      ).toBe(false)
      expect(await fixture.storage.findSubscriptionListItem(feedId)).toEqual(before)
      expect(await fixture.storage.listAttempts(id, 10)).toEqual([])
      expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: 'sealed' })
    })

    test('gets on by exactly one of 20 that settle the same message', async () => {
      const { owned, hops, feedId } = await seedQueues()
      const { id } = await addMessage(owned, hops)
      await leaseQueue(feedId, 'a')
      const settled = await startAttempt(feedId, 'a', DELIVERED_ATTEMPT)
      const answers = await runConcurrently(() => fixture.storage.settleDelivered(settled, null))
      expect(countTrue(answers)).toBe(1)
      expect(await listDeliveryStatuses(id)).toEqual(['delivered'])
    })

    test('never has a message left behind that comes while it is worked off', async () => {
      const { owned, hops, feedId } = await seedQueues()
      for (let round = 0; round < 5; round++) {
        await Promise.all([
          addMessage(owned, hops),
          addMessage(owned, hops),
          (async () => {
            await leaseQueue(feedId, 'a')
            const found = await findQueueHead(feedId, 'a')
            if (found === null) return
            const { messageId, position } = found
            const settled = {
              subscriptionId: feedId,
              by: 'a',
              messageId,
              position,
              attempt: DELIVERED_ATTEMPT,
            }
            await fixture.storage.settleDelivered(settled, null)
          })(),
        ])
        await fixture.storage.releaseQueue(feedId, 'a')
      }
      for (
        let left = (await fixture.storage.findSubscriptionListItem(feedId))?.queued ?? 0;
        left > 0;
        left--
      ) {
        expect(await isQueueDue(feedId, 100)).toBe(true)
        await leaseQueue(feedId, 'a')
        await fixture.storage.settleDelivered(
          await startAttempt(feedId, 'a', DELIVERED_ATTEMPT),
          null,
        )
        await fixture.storage.releaseQueue(feedId, 'a')
      }
      expect(await isQueueDue(feedId, 100)).toBe(false)
    })
  })

  describe(`${name}: a payload`, () => {
    /** Each feed delivers its head, all at once. */
    const deliverAllMessages = async (hops: readonly { id: string }[], erase: boolean) => {
      const erasure = erase ? { isShared: hops.length > 1 } : null
      for (const { id } of hops) await leaseQueue(id, 'a')
      const all = await Promise.all(hops.map(({ id }) => startAttempt(id, 'a', DELIVERED_ATTEMPT)))
      return Promise.all(all.map((one) => fixture.storage.settleDelivered(one, erasure)))
    }

    test('is erased with the last of its deliveries, however many end at once', async () => {
      for (let round = 0; round < 5; round++) {
        const { owned, hops } = await seedQueues(4)
        const { id } = await addMessage(owned, hops)
        expect(await deliverAllMessages(hops.slice(1), true)).toEqual([true, true, true])
        expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: 'sealed' })
        await deliverAllMessages(hops.slice(0, 1), true)
        expect(await fixture.storage.findPayload(id)).toBeNull()
        const other = await addMessage(owned, hops)
        await deliverAllMessages(hops, true)
        expect(await fixture.storage.findPayload(other.id)).toBeNull()
      }
    })

    test('in parts is read part by part, and belongs to its message', async () => {
      const { owned, hops } = await seedQueues(1)
      const id = createUuid()
      for (const part of [0, 1, 2])
        await fixture.storage.addPayloadPart(id, part, `part ${part}`, 1)
      await addMessage(owned, hops, { id, sealedPayload: '', payloadPartCount: 3 })
      const stored = { sealedPayload: '', payloadPartCount: 3 }
      expect(await fixture.storage.findPayload(id)).toEqual(stored)
      await leaseQueue(hops[0]?.id ?? '', 'a')
      expect(await findQueueHead(hops[0]?.id ?? '', 'a')).toMatchObject(stored)
      expect(await fixture.storage.findPayloadPart(id, 2)).toBe('part 2')
      expect(await fixture.storage.findPayloadPart(id, 3)).toBeNull()
    })

    test('that lacks a part is refused, with its message', async () => {
      const { owned, hops } = await seedQueues(1)
      const id = createUuid()
      for (const part of [0, 2]) await fixture.storage.addPayloadPart(id, part, `part ${part}`, 1)
      const stored = { id, sealedPayload: '', payloadPartCount: 3 }
      await expect(addMessage(owned, hops, stored)).rejects.toThrow()
      expect(await fixture.storage.findMessage(id)).toBeNull()
      await fixture.storage.addPayloadPart(id, 1, 'part 1', 1)
      await addMessage(owned, hops, stored)
      expect(await listDeliveryStatuses(id)).toEqual(['queued'])
    })

    test('leaves no part behind when it is erased, or when its message was never added', async () => {
      const { owned, hops } = await seedQueues(1)
      const [erased, queued, abandoned, arriving] = [
        createUuid(),
        createUuid(),
        createUuid(),
        createUuid(),
      ]
      const ids = [erased, queued, abandoned, arriving]
      for (const id of ids) {
        for (let part = 0; part < 9; part++) {
          await fixture.storage.addPayloadPart(id, part, 'sealed', id === arriving ? 2_000 : 1_000)
        }
      }
      const inParts = { sealedPayload: '', payloadPartCount: 9 }
      await addMessage(owned, hops, { id: erased, ...inParts })
      await deliverAllMessages(hops, true)
      await addMessage(owned, hops, { id: queued, ...inParts })

      expect(await fixture.storage.deletePayloadParts(queued)).toBe(0)
      const unneeded = await fixture.storage.listUnneededPayloads(2_000, 1000)
      expect(ids.filter((id) => unneeded.includes(id))).toEqual([erased, abandoned])
      for (const id of unneeded) {
        while ((await fixture.storage.deletePayloadParts(id)) > 0);
      }
      const found = await Promise.all(ids.map((id) => fixture.storage.findPayloadPart(id, 8)))
      expect(found).toEqual([null, 'sealed', null, 'sealed'])
    })

    test('is kept until the sweep where that is wanted, and while it is queued', async () => {
      const { owned, hops } = await seedQueues(2)
      const { id } = await addMessage(owned, hops, { receivedAt: 500 })
      await deliverAllMessages(hops.slice(0, 1), false)
      await fixture.storage.erasePayloads(1_012, 9_000)
      expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: 'sealed' })
      await deliverAllMessages(hops.slice(1), false)
      await fixture.storage.erasePayloads(1_011, 9_000)
      expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: 'sealed' })
      expect(await fixture.storage.erasePayloads(1_012, 9_000)).toBeGreaterThan(0)
      expect(await fixture.storage.findPayload(id)).toBeNull()
      expect(await listDeliveryStatuses(id)).toEqual(['delivered', 'delivered'])
    })
  })

  describe(`${name}: an operator`, () => {
    /** A feed of three messages, the first of which is delivered and the second in vain. */
    async function seedWorkedQueue() {
      const made = await seedQueues(2)
      const ids: string[] = []
      for (let n = 0; n < 3; n++) ids.push((await addMessage(made.owned, made.hops)).id)
      const [delivered = '', failing = '', waiting = ''] = ids
      await leaseQueue(made.feedId, 'a')
      await fixture.storage.settleDelivered(
        await startAttempt(made.feedId, 'a', DELIVERED_ATTEMPT),
        null,
      )
      await fixture.storage.settleFailed(
        await startAttempt(made.feedId, 'a', FAILED_ATTEMPT),
        MAX_INTEGER,
      )
      return { ...made, delivered, failing, waiting }
    }

    test('replays to one destination what is queued no more, at the end', async () => {
      const { feedId, destinationId, delivered, failing, waiting } = await seedWorkedQueue()
      const event = createTestEvent(delivered)
      expect(await fixture.storage.replayMessage(delivered, destinationId, event)).toBe(1)
      expect(await listEvents(delivered)).toEqual([event])
      expect(await fixture.storage.findSubscriptionListItem(feedId)).toMatchObject({
        queued: 3,
        dueAt: MAX_INTEGER,
      })
      const order: string[] = []
      await leaseQueue(feedId, 'a', { now: MAX_INTEGER, until: MAX_INTEGER })
      while ((await findQueueHead(feedId, 'a')) !== null) {
        const next = await startAttempt(feedId, 'a', DELIVERED_ATTEMPT)
        order.push(next.messageId)
        await fixture.storage.settleDelivered(next, null)
      }
      expect(order).toEqual([failing, waiting, delivered])
    })

    test('replays neither what is queued nor what is erased, and leaves no event then', async () => {
      const { delivered, waiting, hops, feedId } = await seedWorkedQueue()
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
      expect(hops[0]?.id).toBe(feedId)
    })

    test('skips what hinders a feed, which then goes on at once', async () => {
      const { feedId, destinationId, failing, waiting } = await seedWorkedQueue()
      const event = createTestEvent(failing)
      expect(await fixture.storage.skipMessage(failing, destinationId, event)).toBe(1)
      expect(
        await fixture.storage.skipMessage(failing, destinationId, createTestEvent(failing)),
      ).toBe(0)
      expect(await listEvents(failing)).toEqual([event])
      expect(await listDeliveryStatuses(failing)).toEqual(['skipped', 'queued'])
      expect(await fixture.storage.findSubscriptionListItem(feedId)).toMatchObject({
        attempts: 0,
        dueAt: 0,
      })
      expect(await leaseQueue(feedId, 'b')).toBe(true)
      expect(await requireQueueHead(feedId, 'b')).toMatchObject({ messageId: waiting, failures: 0 })
    })

    test('skips to all destinations, and replays to all', async () => {
      const { waiting } = await seedWorkedQueue()
      expect(await fixture.storage.skipMessage(waiting, null, createTestEvent(waiting))).toBe(2)
      expect(await listDeliveryStatuses(waiting)).toEqual(['skipped', 'skipped'])
      expect(await fixture.storage.replayMessage(waiting, null, createTestEvent(waiting))).toBe(2)
      expect(await listDeliveryStatuses(waiting)).toEqual(['queued', 'queued'])
    })

    test('skips under way: the attempt is kept, and the feed does not wait for it', async () => {
      const { feedId, failing, waiting, destinationId } = await seedWorkedQueue()
      await leaseQueue(feedId, 'a', { now: MAX_INTEGER, until: MAX_INTEGER })
      const underway = await startAttempt(feedId, 'a', FAILED_ATTEMPT)
      await fixture.storage.skipMessage(failing, destinationId, createTestEvent(failing))
      expect(await fixture.storage.settleFailed(underway, MAX_INTEGER)).toBe(false)
      expect(await listDeliveryStatuses(failing)).toEqual(['skipped', 'queued'])
      expect(await fixture.storage.listAttempts(failing, 10)).toHaveLength(2)
      expect(await requireQueueHead(feedId, 'a')).toMatchObject({ messageId: waiting, failures: 0 })
    })

    test('purges a feed, and no other', async () => {
      const { feedId, hops, delivered, failing, waiting } = await seedWorkedQueue()
      const event = createTestEvent(feedId)
      expect(await fixture.storage.purgeQueue(feedId, event)).toBe(true)
      expect(await listEvents(feedId)).toContainEqual(event)
      expect(await listDeliveryStatuses(delivered)).toEqual(['delivered', 'queued'])
      for (const id of [failing, waiting])
        expect(await listDeliveryStatuses(id)).toEqual(['skipped', 'queued'])
      expect(await fixture.storage.findSubscriptionListItem(feedId)).toMatchObject({
        queued: 0,
        dueAt: 0,
      })
      expect(await fixture.storage.findSubscriptionListItem(hops[1]?.id ?? '')).toMatchObject({
        queued: 3,
      })
      const nobody = createUuid()
      expect(await fixture.storage.purgeQueue(nobody, createTestEvent(nobody))).toBe(false)
    })

    test('purges a long feed in parts, beside which others read and write', async () => {
      const { owned, hops, feedId } = await seedQueues()
      const { id: first } = await addMessage(owned, hops)
      const { id: last } = await addMessage(owned, hops)
      await fixture.engine.atomic([
        {
          sql: `update deliveries set queue_position = 50000 where message_id = '${last}'`,
          values: [],
        },
      ])
      let isPurged = false
      const purge = fixture.storage.purgeQueue(feedId, createTestEvent(feedId)).finally(() => {
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

    test('who pauses a feed under way stops it before the next message; resumed, it is due at once', async () => {
      const { feedId } = await seedWorkedQueue()
      await leaseQueue(feedId, 'a', { now: MAX_INTEGER, until: MAX_INTEGER })
      const underway = await startAttempt(feedId, 'a', DELIVERED_ATTEMPT)
      await fixture.storage.setSubscriptionStatus(feedId, 'paused', createTestEvent(feedId))
      expect(await fixture.storage.settleDelivered(underway, null)).toBe(true)
      expect(await findQueueHead(feedId, 'a')).toBeNull()
      await fixture.storage.releaseQueue(feedId, 'a')
      await fixture.storage.setSubscriptionStatus(feedId, 'active', createTestEvent(feedId))
      expect(await isQueueDue(feedId, 0)).toBe(true)
    })

    test('finds no feed under an id that is nobody’s', async () => {
      const { id } = await addAccount()
      expect(await fixture.storage.findSubscriptionListItem((await addSource(id)).id)).toBeNull()
    })
  })
}
