import { describe, expect, test } from 'vitest'
import type { AuditEvent } from '../../../src/service/ports.ts'
import { eventOf, type Given, MOST, presentedKeyOf, v7 } from './given.ts'

/** Whose an event is, and how events are found. */
export function eventsConform(name: string, given: Given): void {
  const { account, user, source, site, developer, destination, subscription, rule, message } = given
  const accountsOf = async (subject: string) =>
    (await given.storage.listEvents({ subject, limit: 100 })).map(({ accountId }) => accountId)
  const idsOf = async (filter: Parameters<Given['storage']['listEvents']>[0]) =>
    (await given.storage.listEvents(filter)).map(({ id }) => id)

  /** A row of everything that events are about. */
  async function everything() {
    const owned = await given.tenant()
    const { accountId, owner, sourceId } = owned
    const to = await destination(accountId)
    const feed = await subscription(sourceId, to.id)
    const grantId = v7()
    const family = { grantId, keyId: owned.key.id, to: 1, rotatedAt: 1, expiresAt: MOST }
    await given.storage.rotateGrant(family)
    const subjects = [
      accountId,
      owner.id,
      sourceId,
      owned.key.id,
      to.id,
      feed.id,
      grantId,
      (await site(accountId)).id,
      (await developer(accountId)).id,
      (await rule(accountId, '192.0.2.0/24')).id,
      (await message(owned, [feed])).id,
    ]
    return { ...owned, grantId, feed, subjects }
  }

  describe(`${name}: the events of an account`, () => {
    test('are those of whatever is its own, told with a change or recorded later', async () => {
      const { storage } = given
      const { accountId, subjects } = await everything()
      for (const subject of subjects) {
        const [told, recorded] = [eventOf(subject), eventOf(subject)]
        await storage.addEvent(told)
        await storage.addEvents([recorded])
        const accounts = await accountsOf(subject)
        expect(accounts.length).toBeGreaterThanOrEqual(2)
        expect(new Set(accounts)).toEqual(new Set([accountId]))
        const listed = await idsOf({ accountId, subject, limit: 2 })
        expect(listed).toEqual([recorded.id, told.id])
      }
    })

    test('are those of its changes', async () => {
      const { storage } = given
      const { accountId, owner, key, grantId, feed, subjects } = await everything()
      const changes: [string, (event: AuditEvent) => Promise<unknown>][] = [
        [grantId, (e) => storage.revokeGrant(grantId, 1, e)],
        [feed.id, (e) => storage.purgeFeed(feed.id, e)],
        [subjects.at(-1) ?? '', (e) => storage.replayMessage(subjects.at(-1) ?? '', null, e)],
        [owner.id, (e) => storage.setUserRole(owner.id, 'administrator', e)],
        [key.id, (e) => storage.revokeKey(key.id, e)],
        [accountId, (e) => storage.setAccountStatus(accountId, 'closed', e)],
      ]
      for (const [subject, change] of changes) {
        const event = eventOf(subject)
        await change(event)
        expect(await idsOf({ accountId, subject, limit: 1 })).toEqual([event.id])
      }
    })

    test('are no other account’s, and nobody’s event is no account’s', async () => {
      const { storage } = given
      const [a, b] = [await everything(), await everything()]
      const nobodys = eventOf('nobody')
      await storage.addEvents([nobodys])
      for (const [own, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const listed = await storage.listEvents({ accountId: own.accountId, limit: 1000 })
        expect(listed.length).toBeGreaterThanOrEqual(own.subjects.length - 2)
        for (const { subject, accountId } of listed) {
          expect(accountId).toBe(own.accountId)
          expect(own.subjects).toContain(subject)
          expect(other.subjects).not.toContain(subject)
        }
        for (const subject of other.subjects) {
          expect(await idsOf({ accountId: own.accountId, subject, limit: 9 })).toEqual([])
        }
      }
      expect(await accountsOf('nobody')).toContain(null)
      expect(await idsOf({ accountId: '', limit: 9 })).toEqual([])
      expect(await idsOf({ accountId: v7(), limit: 9 })).toEqual([])
    })

    test('stay its own after what they are about is gone', async () => {
      const { storage } = given
      const { id: accountId } = await account()
      const key = await given.key(presentedKeyOf(await user(accountId)))
      const network = await rule(accountId, '198.51.100.0/24')
      await storage.removeKey(key.id, eventOf(key.id))
      await storage.removeAddressRule(network.id, eventOf(network.id))
      expect(await accountsOf(key.id)).toEqual([accountId, accountId])
      expect(await accountsOf(network.id)).toEqual([accountId, accountId])
      // What comes of a request that outlived the key is nobody's: better unseen than another's.
      await storage.addEvents([eventOf(key.id)])
      expect(await accountsOf(key.id)).toEqual([null, accountId, accountId])
    })

    test('are its own in what is known of a request', async () => {
      const { storage } = given
      const [a, b] = [await given.tenant(), await given.tenant()]
      const requestId = v7()
      const events = [a.key.id, b.key.id, 'nobody'].map((subject) =>
        eventOf(subject, { requestId }),
      )
      await storage.addEvents(events)
      const known = await storage.listEventsOfRequest(requestId)
      expect(known.map(({ accountId }) => accountId)).toEqual([a.accountId, b.accountId, null])
    })
  })

  describe(`${name}: a list of events`, () => {
    test('is the newest first by their time, and goes on after any of them', async () => {
      const { storage } = given
      const subject = (await source((await account()).id)).id
      const [late, early, middle, twin] = [3_000, 2_000, 2_500, 2_500].map((at) =>
        eventOf(subject, { at }),
      ) as [AuditEvent, AuditEvent, AuditEvent, AuditEvent]
      await storage.addEvents([late, early, middle, twin])
      const order = [late.id, twin.id, middle.id, early.id]
      expect((await idsOf({ subject, limit: 9 })).slice(0, 4)).toEqual(order)
      for (const [n, after] of order.entries()) {
        const rest = await idsOf({ subject, since: 2_000, after, limit: 9 })
        expect(rest).toEqual(order.slice(n + 1))
      }
      expect(await idsOf({ subject, after: v7(), limit: 9 })).toEqual([])
    })

    test('is of all actions that begin alike, to the letter', async () => {
      const { storage } = given
      const subject = (await source((await account()).id)).id
      const wanted = ['key.made', 'key.', 'key.ü'].map((action) => eventOf(subject, { action }))
      const others = ['Key.made', 'keymade', 'a key.', '%', 'ke'].map((action) =>
        eventOf(subject, { action }),
      )
      await storage.addEvents([...wanted, ...others])
      const found = await idsOf({ subject, actionPrefix: 'key.', limit: 20 })
      expect(found.toReversed()).toEqual(wanted.map(({ id }) => id))
      expect(await idsOf({ subject, actionPrefix: '%', limit: 20 })).toHaveLength(1)
      expect(await idsOf({ subject, actionPrefix: 'k_y', limit: 20 })).toEqual([])
    })
  })
}
