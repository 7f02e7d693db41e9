import { describe, expect, test } from 'vitest'
import type { Head, KeptAttempt, Tried } from '../../../src/service/ports.ts'
import { crowd, eventOf, type Given, howMany, MOST, v7 } from './given.ts'

const DELIVERED: KeptAttempt = {
  at: 1_000,
  ms: 12,
  outcome: 'delivered',
  httpStatus: 204,
  detail: '',
}
const REFUSED: KeptAttempt = {
  at: 1_000,
  ms: 34,
  outcome: 'refused',
  httpStatus: 500,
  detail: '🏥 "it\'s" broken',
}
const FAILED: KeptAttempt = {
  at: 2_000,
  ms: 60_000,
  outcome: 'failed',
  httpStatus: null,
  detail: 'no answer',
}

const numberOf = ({ number }: { number: number }) => number

/** The queue of a subscription: who works at it, what goes next, and what people do about it. */
export function feedsConform(name: string, given: Given): void {
  const { account, source, destination, subscription, tenant, message, eventsOf } = given

  /** A source with feeds to so many destinations. */
  async function feeds(count = 1) {
    const owned = await tenant()
    const hops = []
    for (let n = 0; n < count; n++) {
      const to = await destination(owned.accountId, { name: `EMR ${n}`, url: `https://emr/${n}` })
      hops.push(await subscription(owned.sourceId, to.id))
    }
    const [first] = hops
    if (first === undefined) throw new Error('a feed is wanted')
    return { owned, hops, feedId: first.id, destinationId: first.destinationId }
  }

  const lease = (feedId: string, by: string, { now = 100, until = 200 } = {}) =>
    given.storage.leaseFeed({ feedId, by, until }, now)
  const head = (feedId: string, by: string) => given.storage.findHead(feedId, by)
  const headOf = async (feedId: string, by: string): Promise<Head> => {
    const found = await head(feedId, by)
    if (found === null) throw new Error('the feed has nothing to send')
    return found
  }
  /** An attempt at what stands at the feed's head. */
  const tried = async (feedId: string, by: string, attempt: KeptAttempt): Promise<Tried> => {
    const { messageId, position } = await headOf(feedId, by)
    return { feedId, by, messageId, position, attempt }
  }
  const dueFeeds = async (now: number, most = { all: 10_000, ofOne: 10_000 }) =>
    (await given.storage.listDueFeeds(now, most)).map(({ id }) => id)
  const isDue = async (feedId: string, now: number) => (await dueFeeds(now)).includes(feedId)
  const statuses = async (messageId: string) =>
    (await given.storage.findMessage(messageId))?.deliveries.map(({ status }) => status)

  describe(`${name}: a feed`, () => {
    test('is due when something is queued, for as many as are asked for', async () => {
      const { owned, hops, feedId } = await feeds(3)
      expect(await isDue(feedId, MOST)).toBe(false)
      await message(owned, hops)
      await message(owned, hops)
      const due = await dueFeeds(0)
      for (const { id } of hops) expect(due.filter((found) => found === id)).toEqual([id])
      expect(await dueFeeds(0, { all: 2, ofOne: 10_000 })).toHaveLength(2)
    })

    test('is found with its destination, of which no more are found than are wanted', async () => {
      const { owned, hops, destinationId } = await feeds(2)
      for (const dataModel of ['Order', 'Results', 'Scheduling']) {
        const other = await source(owned.accountId)
        hops.push(await subscription(other.id, destinationId, { dataModel }))
      }
      await message(owned, hops)
      const found = async (ofOne: number) =>
        (await given.storage.listDueFeeds(0, { all: 10_000, ofOne })).filter(({ id }) =>
          hops.some((hop) => hop.id === id),
        )
      const refs = hops.map((hop) => ({ id: hop.id, destinationId: hop.destinationId }))
      expect(new Set(await found(4))).toEqual(new Set(refs))
      expect(await found(1)).toHaveLength(2)
      expect((await found(3)).filter((one) => one.destinationId === destinationId)).toHaveLength(3)
    })

    test('tells when it may be tried, unless there is nothing that could be', async () => {
      const { owned, hops, feedId } = await feeds()
      const dueAt = (now: number) => given.storage.findDueAt(feedId, now)
      expect(await dueAt(100)).toBeNull()
      await message(owned, hops)
      expect(await dueAt(100)).toBe(0)
      await lease(feedId, 'a', { now: 100, until: 200 })
      expect(await dueAt(199)).toBeNull()
      expect(await dueAt(200)).toBe(0)
      await given.storage.settleFailed(await tried(feedId, 'a', FAILED), 120_000)
      expect(await dueAt(100)).toBe(120_000)
      await given.storage.setSubscriptionStatus(feedId, 'paused', eventOf(feedId))
      expect(await dueAt(100)).toBeNull()
      expect(await given.storage.findDueAt(v7(), MOST)).toBeNull()
    })

    test('that has nothing queued, is paused or is nobody’s cannot be leased', async () => {
      const { owned, hops, feedId } = await feeds()
      expect(await lease(feedId, 'a')).toBe(false)
      await message(owned, hops)
      await given.storage.setSubscriptionStatus(feedId, 'paused', eventOf(feedId))
      expect(await isDue(feedId, MOST)).toBe(false)
      expect(await lease(feedId, 'a')).toBe(false)
      expect(await lease(v7(), 'a')).toBe(false)
      await given.storage.setSubscriptionStatus(feedId, 'active', eventOf(feedId))
      expect(await lease(feedId, 'a')).toBe(true)
    })

    test('is due at once where its next attempt lies further ahead than any wait is long', async () => {
      const { owned, hops, feedId } = await feeds()
      await message(owned, hops)
      const now = 1_000_000
      const longest = now + 132_000 + 60_000
      for (const [dueAt, isPast] of [
        [longest, false],
        [longest + 1, true],
        [now + 400 * 86_400_000, true],
      ] as const) {
        expect(await lease(feedId, 'a', { now: MOST, until: MOST })).toBe(true)
        await given.storage.settleFailed(await tried(feedId, 'a', FAILED), dueAt)
        expect(await isDue(feedId, now)).toBe(isPast)
        expect(await given.storage.findDueAt(feedId, now)).toBe(isPast ? 0 : dueAt)
        expect(await lease(feedId, 'b', { now, until: now + 15_000 })).toBe(isPast)
        await given.storage.releaseFeed(feedId, 'b')
      }
    })

    test('is free where its lease ends later than any lease is long', async () => {
      const { owned, hops, feedId } = await feeds()
      await message(owned, hops)
      const now = 1_000_000
      const longest = now + 120_000 + 60_000
      for (const [until, isFree] of [
        [longest, false],
        [longest + 1, true],
        [now + 400 * 86_400_000, true],
      ] as const) {
        expect(await lease(feedId, 'a', { now: MOST, until })).toBe(true)
        expect(await isDue(feedId, now)).toBe(isFree)
        expect(await given.storage.findDueAt(feedId, now)).toBe(isFree ? 0 : null)
        expect(await lease(feedId, 'b', { now, until: now + 15_000 })).toBe(isFree)
        for (const by of ['a', 'b']) await given.storage.releaseFeed(feedId, by)
      }
    })

    test('is leased by exactly one of 20 that want it', async () => {
      const { owned, hops, feedId } = await feeds()
      await message(owned, hops)
      expect(howMany(await crowd((n) => lease(feedId, `process ${n}`)))).toBe(1)
      expect(await isDue(feedId, 100)).toBe(false)
    })

    test('is taken over by exactly one of 20 when its lease has ended, and not before', async () => {
      const { owned, hops, feedId } = await feeds()
      await message(owned, hops)
      expect(await lease(feedId, 'dead', { now: 100, until: 200 })).toBe(true)
      expect(await lease(feedId, 'late', { now: 199, until: 300 })).toBe(false)
      const taken = await crowd((n) => lease(feedId, `process ${n}`, { now: 200, until: 300 }))
      expect(howMany(taken)).toBe(1)
      expect(await head(feedId, 'dead')).toBeNull()
    })

    test('stays with who renews its lease, and with nobody else', async () => {
      const { owned, hops, feedId } = await feeds(2)
      const by = v7()
      await message(owned, hops)
      for (const hop of hops) await lease(hop.id, by)
      expect(await given.storage.renewLeases(by, 500)).toBe(2)
      expect(await given.storage.renewLeases(v7(), 900)).toBe(0)
      expect(await lease(feedId, 'b', { now: 499 })).toBe(false)
      expect((await given.storage.findFeed(feedId))?.leasedUntil).toBe(500)
    })

    test('is released by who has it alone', async () => {
      const { owned, hops, feedId } = await feeds()
      await message(owned, hops)
      await lease(feedId, 'a')
      expect(await given.storage.releaseFeed(feedId, 'b')).toBe(false)
      expect(await given.storage.releaseFeed(feedId, 'a')).toBe(true)
      expect(await given.storage.releaseFeed(feedId, 'a')).toBe(false)
      expect(await lease(feedId, 'b')).toBe(true)
    })

    test('shows its head whole, to who leased it', async () => {
      const { owned, hops, feedId, destinationId } = await feeds(2)
      const sent = await message(owned, hops, { test: true, serial: MOST, receivedAt: MOST })
      expect(await head(feedId, 'a')).toBeNull()
      await lease(feedId, 'a')
      expect(await head(feedId, 'b')).toBeNull()
      expect(await head(feedId, 'a')).toEqual({
        messageId: sent.id,
        position: 0,
        failures: 0,
        serial: MOST,
        dataModel: 'Device',
        eventType: 'New',
        test: true,
        receivedAt: MOST,
        sealedPayload: 'sealed',
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
      const { owned, hops, feedId } = await feeds()
      const ids = [v7(), v7(), v7()]
      for (const id of ids.toReversed()) await message(owned, hops, { id })
      await lease(feedId, 'a')
      const sent: string[] = []
      for (let n = 0; n < 3; n++) {
        const next = await tried(feedId, 'a', DELIVERED)
        sent.push(next.messageId)
        expect(await given.storage.settleDelivered(next, false)).toBe(true)
      }
      expect(sent).toEqual(ids.toReversed())
      expect(await head(feedId, 'a')).toBeNull()
      expect(await isDue(feedId, MOST)).toBe(false)
    })

    test('waits after an attempt in vain, leased by nobody, with the same message', async () => {
      const { owned, hops, feedId } = await feeds()
      const { id } = await message(owned, hops)
      await message(owned, hops)
      await lease(feedId, 'a')
      expect(await given.storage.settleFailed(await tried(feedId, 'a', REFUSED), 5_000)).toBe(true)
      expect(await given.storage.findFeed(feedId)).toEqual({
        id: feedId,
        status: 'active',
        queued: 2,
        attempts: 1,
        dueAt: 5_000,
        leasedBy: null,
        leasedUntil: null,
      })
      expect(await isDue(feedId, 4_999)).toBe(false)
      expect(await lease(feedId, 'b', { now: 4_999, until: 9_000 })).toBe(false)
      expect(await lease(feedId, 'b', { now: 5_000, until: 9_000 })).toBe(true)
      expect(await headOf(feedId, 'b')).toMatchObject({ messageId: id, failures: 1 })
      expect(await given.storage.settleDelivered(await tried(feedId, 'b', DELIVERED), false)).toBe(
        true,
      )
      expect(await headOf(feedId, 'b')).toMatchObject({ failures: 0 })
    })

    test('keeps what came of each attempt, the newest first', async () => {
      const { owned, hops, feedId, destinationId } = await feeds(2)
      const { id } = await message(owned, hops)
      for (const attempt of [REFUSED, FAILED]) {
        await lease(feedId, 'a')
        await given.storage.settleFailed(await tried(feedId, 'a', attempt), 0)
      }
      await lease(feedId, 'a')
      const last = { ...DELIVERED, at: MOST - 12 }
      await given.storage.settleDelivered(await tried(feedId, 'a', last), false)
      const kept = [last, FAILED, REFUSED].map((attempt, n) => ({
        ...attempt,
        destinationId,
        number: 3 - n,
      }))
      expect(await given.storage.listAttempts(id, 10)).toEqual(kept)
      expect(await given.storage.listAttempts(id, 1)).toEqual(kept.slice(0, 1))
      expect((await given.storage.findMessage(id))?.deliveries).toMatchObject([
        { status: 'delivered', attempts: 3, settledAt: MOST },
        { status: 'queued', attempts: 0, settledAt: null },
      ])
    })

    test('keeps the newest hundred attempts in vain of each delivery, and counts all', async () => {
      const { owned, hops, feedId, destinationId } = await feeds(2)
      const { id } = await message(owned, hops)
      for (const hop of hops) {
        for (let n = 1; n <= (hop.id === feedId ? 103 : 2); n++) {
          await lease(hop.id, 'a')
          const attempt = { ...REFUSED, at: n }
          await given.storage.settleFailed(await tried(hop.id, 'a', attempt), 0)
        }
      }
      const kept = await given.storage.listAttempts(id, 1000)
      const numbers = kept.filter((one) => one.destinationId === destinationId).map(numberOf)
      expect(numbers).toEqual(Array.from({ length: 100 }, (_, n) => 103 - n))
      expect(kept).toHaveLength(102)
      const counted = (await given.storage.findMessage(id))?.deliveries
      expect(counted?.map(({ attempts }) => attempts)).toEqual([103, 2])
    })

    test('takes nothing from who has lost its lease', async () => {
      const { owned, hops, feedId } = await feeds()
      const { id } = await message(owned, hops)
      await lease(feedId, 'slow', { now: 100, until: 200 })
      const late = await tried(feedId, 'slow', DELIVERED)
      await lease(feedId, 'next', { now: 200, until: 300 })
      const before = await given.storage.findFeed(feedId)
      expect(await given.storage.settleDelivered(late, true)).toBe(false)
      expect(await given.storage.settleFailed({ ...late, attempt: FAILED }, MOST)).toBe(false)
      expect(await given.storage.findFeed(feedId)).toEqual(before)
      expect(await given.storage.listAttempts(id, 10)).toEqual([])
      expect(await given.storage.findPayload(id)).toBe('sealed')
    })

    test('gets on by exactly one of 20 that settle the same message', async () => {
      const { owned, hops, feedId } = await feeds()
      const { id } = await message(owned, hops)
      await lease(feedId, 'a')
      const settled = await tried(feedId, 'a', DELIVERED)
      const answers = await crowd(() => given.storage.settleDelivered(settled, false))
      expect(howMany(answers)).toBe(1)
      expect(await statuses(id)).toEqual(['delivered'])
    })

    test('never has a message left behind that comes while it is worked off', async () => {
      const { owned, hops, feedId } = await feeds()
      for (let round = 0; round < 5; round++) {
        await Promise.all([
          message(owned, hops),
          message(owned, hops),
          (async () => {
            await lease(feedId, 'a')
            const found = await head(feedId, 'a')
            if (found === null) return
            const { messageId, position } = found
            const settled = { feedId, by: 'a', messageId, position, attempt: DELIVERED }
            await given.storage.settleDelivered(settled, false)
          })(),
        ])
        await given.storage.releaseFeed(feedId, 'a')
      }
      for (let left = (await given.storage.findFeed(feedId))?.queued ?? 0; left > 0; left--) {
        expect(await isDue(feedId, 100)).toBe(true)
        await lease(feedId, 'a')
        await given.storage.settleDelivered(await tried(feedId, 'a', DELIVERED), false)
        await given.storage.releaseFeed(feedId, 'a')
      }
      expect(await isDue(feedId, 100)).toBe(false)
    })
  })

  describe(`${name}: a payload`, () => {
    /** Each feed delivers its head, all at once. */
    const deliverAll = async (hops: readonly { id: string }[], erase: boolean) => {
      for (const { id } of hops) await lease(id, 'a')
      const all = await Promise.all(hops.map(({ id }) => tried(id, 'a', DELIVERED)))
      return Promise.all(all.map((one) => given.storage.settleDelivered(one, erase)))
    }

    test('is erased with the last of its deliveries, however many end at once', async () => {
      for (let round = 0; round < 5; round++) {
        const { owned, hops } = await feeds(4)
        const { id } = await message(owned, hops)
        expect(await deliverAll(hops.slice(1), true)).toEqual([true, true, true])
        expect(await given.storage.findPayload(id)).toBe('sealed')
        await deliverAll(hops.slice(0, 1), true)
        expect(await given.storage.findPayload(id)).toBeNull()
        const other = await message(owned, hops)
        await deliverAll(hops, true)
        expect(await given.storage.findPayload(other.id)).toBeNull()
      }
    })

    test('is kept until the sweep where that is wanted, and while it is queued', async () => {
      const { owned, hops } = await feeds(2)
      const { id } = await message(owned, hops, { receivedAt: 500 })
      await deliverAll(hops.slice(0, 1), false)
      await given.storage.erasePayloads(1_012, 9_000)
      expect(await given.storage.findPayload(id)).toBe('sealed')
      await deliverAll(hops.slice(1), false)
      await given.storage.erasePayloads(1_011, 9_000)
      expect(await given.storage.findPayload(id)).toBe('sealed')
      expect(await given.storage.erasePayloads(1_012, 9_000)).toBeGreaterThan(0)
      expect(await given.storage.findPayload(id)).toBeNull()
      expect(await statuses(id)).toEqual(['delivered', 'delivered'])
    })
  })

  describe(`${name}: an operator`, () => {
    /** A feed of three messages, the first of which is delivered and the second in vain. */
    async function worked() {
      const made = await feeds(2)
      const ids: string[] = []
      for (let n = 0; n < 3; n++) ids.push((await message(made.owned, made.hops)).id)
      const [delivered = '', failing = '', waiting = ''] = ids
      await lease(made.feedId, 'a')
      await given.storage.settleDelivered(await tried(made.feedId, 'a', DELIVERED), false)
      await given.storage.settleFailed(await tried(made.feedId, 'a', FAILED), MOST)
      return { ...made, delivered, failing, waiting }
    }

    test('replays to one destination what is queued no more, at the end', async () => {
      const { feedId, destinationId, delivered, failing, waiting } = await worked()
      const event = eventOf(delivered)
      expect(await given.storage.replayMessage(delivered, destinationId, event)).toBe(1)
      expect(await eventsOf(delivered)).toEqual([event])
      expect(await given.storage.findFeed(feedId)).toMatchObject({ queued: 3, dueAt: MOST })
      const order: string[] = []
      await lease(feedId, 'a', { now: MOST, until: MOST })
      while ((await head(feedId, 'a')) !== null) {
        const next = await tried(feedId, 'a', DELIVERED)
        order.push(next.messageId)
        await given.storage.settleDelivered(next, false)
      }
      expect(order).toEqual([failing, waiting, delivered])
    })

    test('replays neither what is queued nor what is erased, and leaves no event then', async () => {
      const { delivered, waiting, hops, feedId } = await worked()
      for (const to of [null, v7()]) {
        expect(await given.storage.replayMessage(waiting, to, eventOf(waiting))).toBe(0)
      }
      expect(await given.storage.replayMessage(v7(), null, eventOf(v7()))).toBe(0)
      expect(await given.storage.skipMessage(delivered, null, eventOf(v7()))).toBe(1)
      await given.storage.erasePayloads(MOST, MOST)
      expect(await given.storage.replayMessage(delivered, null, eventOf(delivered))).toBe(0)
      expect(await eventsOf(waiting)).toEqual([])
      expect(await eventsOf(delivered)).toEqual([])
      expect(hops[0]?.id).toBe(feedId)
    })

    test('skips what hinders a feed, which then goes on at once', async () => {
      const { feedId, destinationId, failing, waiting } = await worked()
      const event = eventOf(failing)
      expect(await given.storage.skipMessage(failing, destinationId, event)).toBe(1)
      expect(await given.storage.skipMessage(failing, destinationId, eventOf(failing))).toBe(0)
      expect(await eventsOf(failing)).toEqual([event])
      expect(await statuses(failing)).toEqual(['skipped', 'queued'])
      expect(await given.storage.findFeed(feedId)).toMatchObject({ attempts: 0, dueAt: 0 })
      expect(await lease(feedId, 'b')).toBe(true)
      expect(await headOf(feedId, 'b')).toMatchObject({ messageId: waiting, failures: 0 })
    })

    test('skips to all destinations, and replays to all', async () => {
      const { waiting } = await worked()
      expect(await given.storage.skipMessage(waiting, null, eventOf(waiting))).toBe(2)
      expect(await statuses(waiting)).toEqual(['skipped', 'skipped'])
      expect(await given.storage.replayMessage(waiting, null, eventOf(waiting))).toBe(2)
      expect(await statuses(waiting)).toEqual(['queued', 'queued'])
    })

    test('skips under way: the attempt is kept, and the feed does not wait for it', async () => {
      const { feedId, failing, waiting, destinationId } = await worked()
      await lease(feedId, 'a', { now: MOST, until: MOST })
      const underway = await tried(feedId, 'a', FAILED)
      await given.storage.skipMessage(failing, destinationId, eventOf(failing))
      expect(await given.storage.settleFailed(underway, MOST)).toBe(false)
      expect(await statuses(failing)).toEqual(['skipped', 'queued'])
      expect(await given.storage.listAttempts(failing, 10)).toHaveLength(2)
      expect(await headOf(feedId, 'a')).toMatchObject({ messageId: waiting, failures: 0 })
    })

    test('purges a feed, and no other', async () => {
      const { feedId, hops, delivered, failing, waiting } = await worked()
      const event = eventOf(feedId)
      expect(await given.storage.purgeFeed(feedId, event)).toBe(true)
      expect(await eventsOf(feedId)).toContainEqual(event)
      expect(await statuses(delivered)).toEqual(['delivered', 'queued'])
      for (const id of [failing, waiting]) expect(await statuses(id)).toEqual(['skipped', 'queued'])
      expect(await given.storage.findFeed(feedId)).toMatchObject({ queued: 0, dueAt: 0 })
      expect(await given.storage.findFeed(hops[1]?.id ?? '')).toMatchObject({ queued: 3 })
      const nobody = v7()
      expect(await given.storage.purgeFeed(nobody, eventOf(nobody))).toBe(false)
    })

    test('who pauses a feed under way stops it before the next message; resumed, it is due at once', async () => {
      const { feedId } = await worked()
      await lease(feedId, 'a', { now: MOST, until: MOST })
      const underway = await tried(feedId, 'a', DELIVERED)
      await given.storage.setSubscriptionStatus(feedId, 'paused', eventOf(feedId))
      expect(await given.storage.settleDelivered(underway, false)).toBe(true)
      expect(await head(feedId, 'a')).toBeNull()
      await given.storage.releaseFeed(feedId, 'a')
      await given.storage.setSubscriptionStatus(feedId, 'active', eventOf(feedId))
      expect(await isDue(feedId, 0)).toBe(true)
    })

    test('finds no feed under an id that is nobody’s', async () => {
      const { id } = await account()
      expect(await given.storage.findFeed((await source(id)).id)).toBeNull()
    })
  })
}
