import { describe, expect, test } from 'vitest'
import type { AuditEvent, EventFilter } from '../../../src/service/ports/audit.ts'
import {
  createGrantRevocation,
  createStaticKey,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  type StorageFixture,
} from './fixtures.ts'

/** The account of an event, and the searches for events. */
export function testEventStorage(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addUser,
    addSource,
    addSite,
    addDeveloper,
    addDestination,
    addSubscription,
    addAllowlistEntry,
    addMessage,
  } = fixture
  const listEventAccounts = async (subject: string) =>
    (await fixture.storage.listEvents({ subject, limit: 100 })).map(({ accountId }) => accountId)
  const listEventIds = async (filter: Parameters<StorageFixture['storage']['listEvents']>[0]) =>
    (await fixture.storage.listEvents(filter)).map(({ id }) => id)

  /** A row of everything that events are about. */
  async function seedEverything() {
    const owned = await fixture.addTenant()
    const { accountId, owner, sourceId } = owned
    const to = await addDestination(accountId)
    const subscriptionRow = await addSubscription(sourceId, to.id)
    const grantId = createUuid()
    const family = { grantId, keyId: owned.addKey.id, to: 1, rotatedAt: 1, expiresAt: MAX_INTEGER }
    await fixture.storage.rotateGrant(family)
    const subjects = [
      accountId,
      owner.id,
      sourceId,
      owned.addKey.id,
      to.id,
      subscriptionRow.id,
      grantId,
      (await addSite(accountId)).id,
      (await addDeveloper(accountId)).id,
      (await addAllowlistEntry(accountId, '192.0.2.0/24')).id,
      (await addMessage(owned, [subscriptionRow])).id,
    ]
    return { ...owned, grantId, subscriptionRow, subjects }
  }

  test(`${name}: an event of an older version is read with the fact names of today`, async () => {
    const subject = createUuid()
    const facts = { dialect: 'xdent', departedKeys: 'keep', reason: 'guessing', name: 'Desk' }
    await fixture.storage.addEvents([{ ...createTestEvent(subject), facts }])
    const [event] = await fixture.storage.listEvents({ subject, limit: 1 })
    expect(event?.facts).toEqual({
      keyType: 'xdent',
      offboardingPolicy: 'keep',
      reason: 'failures_exceeded',
      name: 'Desk',
    })
  })

  test(`${name}: an event of an older version is found and read by the action of today`, async () => {
    const subject = createUuid()
    const events = ['address.added', 'ip_allowlist_entry.added', 'address.seen'].map((action) =>
      createTestEvent(subject, { action }),
    )
    await fixture.storage.addEvents(events)
    const listActions = async (filter: EventFilter) =>
      (await fixture.storage.listEvents({ subject, ...filter, limit: 9 })).map(
        ({ action }) => action,
      )
    const added = 'ip_allowlist_entry.added'
    expect(await listActions({})).toEqual(['address.seen', added, added])
    expect(await listActions({ action: added })).toEqual([added, added])
    expect(await listActions({ actionPrefix: 'ip_allowlist_entry.' })).toEqual([added, added])
    expect(await listActions({ action: 'address.seen' })).toEqual(['address.seen'])
  })

  describe(`${name}: the events of an account`, () => {
    test('are those of all its resources, written with a change or later', async () => {
      const { storage } = fixture
      const { accountId, subjects } = await seedEverything()
      for (const subject of subjects) {
        const [describedEvent, recorded] = [createTestEvent(subject), createTestEvent(subject)]
        await storage.addEvent(describedEvent)
        await storage.addEvents([recorded])
        const accounts = await listEventAccounts(subject)
        expect(accounts.length).toBeGreaterThanOrEqual(2)
        expect(new Set(accounts)).toEqual(new Set([accountId]))
        const listed = await listEventIds({ accountId, subject, limit: 2 })
        expect(listed).toEqual([recorded.id, describedEvent.id])
      }
    })

    test('include those of its own changes', async () => {
      const { storage } = fixture
      const {
        accountId,
        owner,
        addKey: key,
        grantId,
        subscriptionRow,
        subjects,
      } = await seedEverything()
      const changes: [string, (event: AuditEvent) => Promise<unknown>][] = [
        [grantId, (e) => storage.revokeGrant(createGrantRevocation(grantId, 1), e)],
        [subscriptionRow.id, (e) => storage.purgeQueue(subscriptionRow.id, e)],
        [subjects.at(-1) ?? '', (e) => storage.replayMessage(subjects.at(-1) ?? '', null, e)],
        [owner.id, (e) => storage.setUserRole(owner.id, 'administrator', e)],
        [key.id, (e) => storage.revokeKey(key.id, e)],
        [accountId, (e) => storage.setAccountStatus(accountId, 'closed', e)],
      ]
      for (const [subject, change] of changes) {
        const event = createTestEvent(subject)
        await change(event)
        expect(await listEventIds({ accountId, subject, limit: 1 })).toEqual([event.id])
      }
    })

    test('belong to no other account, and events without an account belong to none', async () => {
      const { storage } = fixture
      const [a, b] = [await seedEverything(), await seedEverything()]
      const nobodys = createTestEvent('nobody')
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
          expect(await listEventIds({ accountId: own.accountId, subject, limit: 9 })).toEqual([])
        }
      }
      expect(await listEventAccounts('nobody')).toContain(null)
      expect(await listEventIds({ accountId: '', limit: 9 })).toEqual([])
      expect(await listEventIds({ accountId: createUuid(), limit: 9 })).toEqual([])
    })

    test('still belong to it after their subject is deleted', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const key = await fixture.addKey(createStaticKey(await addUser(accountId)))
      const network = await addAllowlistEntry(accountId, '198.51.100.0/24')
      await storage.deleteKey(key.id, createTestEvent(key.id))
      await storage.deleteAllowlistEntry(network.id, createTestEvent(network.id))
      expect(await listEventAccounts(key.id)).toEqual([accountId, accountId])
      expect(await listEventAccounts(network.id)).toEqual([accountId, accountId])
      // An event of a deleted key has no account: hidden from all rather than shown to the wrong one.
      await storage.addEvents([createTestEvent(key.id)])
      expect(await listEventAccounts(key.id)).toEqual([null, accountId, accountId])
    })

    test('are those of a request that belong to the account', async () => {
      const { storage } = fixture
      const [a, b] = [await fixture.addTenant(), await fixture.addTenant()]
      const requestId = createUuid()
      const events = [a.addKey.id, b.addKey.id, 'nobody'].map((subject) =>
        createTestEvent(subject, { requestId }),
      )
      await storage.addEvents(events)
      const known = await storage.listRequestEvents({ requestId })
      expect(known.map(({ accountId }) => accountId)).toEqual([a.accountId, b.accountId, null])
      const own = await storage.listRequestEvents({ requestId, accountId: b.accountId })
      expect(own.map(({ subject }) => subject)).toEqual([b.addKey.id])
    })
  })

  describe(`${name}: a list of events`, () => {
    test('has the newest first, and continues after any event', async () => {
      const { storage } = fixture
      const subject = (await addSource((await addAccount()).id)).id
      const [late, early, middle, twin] = [3_000, 2_000, 2_500, 2_500].map((at) =>
        createTestEvent(subject, { at }),
      ) as [AuditEvent, AuditEvent, AuditEvent, AuditEvent]
      await storage.addEvents([late, early, middle, twin])
      const order = [late.id, twin.id, middle.id, early.id]
      expect((await listEventIds({ subject, limit: 9 })).slice(0, 4)).toEqual(order)
      for (const [n, after] of order.entries()) {
        const rest = await listEventIds({ subject, since: 2_000, after, limit: 9 })
        expect(rest).toEqual(order.slice(n + 1))
      }
      expect(await listEventIds({ subject, after: createUuid(), limit: 9 })).toEqual([])
    })

    test('is filtered by a prefix of the action, in which no character is special', async () => {
      const { storage } = fixture
      const subject = (await addSource((await addAccount()).id)).id
      const wanted = ['key.made', 'key.', 'key.ü'].map((action) =>
        createTestEvent(subject, { action }),
      )
      const others = ['Key.made', 'keymade', 'a key.', '%', 'ke'].map((action) =>
        createTestEvent(subject, { action }),
      )
      await storage.addEvents([...wanted, ...others])
      const found = await listEventIds({ subject, actionPrefix: 'key.', limit: 20 })
      expect(found.toReversed()).toEqual(wanted.map(({ id }) => id))
      expect(await listEventIds({ subject, actionPrefix: '%', limit: 20 })).toHaveLength(1)
      expect(await listEventIds({ subject, actionPrefix: 'k_y', limit: 20 })).toEqual([])
    })
  })
}
