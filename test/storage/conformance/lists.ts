import { describe, expect, test } from 'vitest'
import { createStaticKey, createTestEvent, createUuid, type StorageFixture } from './fixtures.ts'

/** The lists of the console, and the edits that are made from them. */
export function testListQueries(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addUser,
    addSite,
    addDeveloper,
    addDestination,
    addSubscription,
    addMessage,
  } = fixture

  describe(`${name}: a search for users`, () => {
    test('finds active users of one account by a part of the address or username', async () => {
      const [{ id: accountId }, other] = [await addAccount(), await addAccount()]
      const zoe = await addUser(accountId, { email: 'Zoe@acme.example' })
      const max = await addUser(accountId, {
        email: 'max@acme.example',
        username: `zoes-${createUuid()}`,
      })
      const gone = await addUser(accountId, { email: 'zoe-old@acme.example', deactivatedAt: 1 })
      await addUser(other.id, { email: 'zoe@acme.example' })
      const found = await fixture.storage.searchUsers({ accountId, text: 'zOe', limit: 9 })
      expect(new Set(found.map(({ id }) => id))).toEqual(new Set([zoe.id, max.id]))
      expect(found.map(({ id }) => id)).not.toContain(gone.id)
      expect(await fixture.storage.searchUsers({ accountId, text: '%', limit: 9 })).toEqual([])
      expect(await fixture.storage.searchUsers({ accountId, text: 'zoe', limit: 1 })).toHaveLength(
        1,
      )
    })
  })

  describe(`${name}: a list of subscriptions`, () => {
    test('has the source and destination of each, its queue, and its last attempt', async () => {
      const { storage } = fixture
      const owned = await fixture.addTenant()
      const to = await addDestination(owned.accountId, {
        url: 'https://emr.example',
        verifiedAt: 3,
      })
      const subscriptionRow = await addSubscription(owned.sourceId, to.id, { dataModel: 'Device' })
      const idle = await addSubscription(owned.sourceId, to.id)
      const first = await addMessage(owned, [subscriptionRow], { receivedAt: 70 })
      await addMessage(owned, [subscriptionRow], { receivedAt: 80 })
      const by = createUuid()
      await storage.leaseQueue({ subscriptionId: subscriptionRow.id, by, until: 1_000 }, 100)
      const attempt = { at: 100, ms: 5, outcome: 'refused', httpStatus: 503, detail: 'no' } as const
      await storage.settleFailed(
        { subscriptionId: subscriptionRow.id, by, messageId: first.id, position: 0, attempt },
        900,
      )
      const listed = await storage.searchSubscriptions({ accountId: owned.accountId, limit: 10 })
      expect(listed.map(({ id }) => id)).toEqual([subscriptionRow.id, idle.id])
      expect(listed[0]).toEqual({
        id: subscriptionRow.id,
        status: 'active',
        queued: 2,
        attempts: 1,
        dueAt: 900,
        leasedBy: null,
        leasedUntil: null,
        accountId: owned.accountId,
        dataModel: 'Device',
        source: { id: owned.sourceId, name: 'Source' },
        destination: { id: to.id, name: 'EMR', url: 'https://emr.example', verifiedAt: 3 },
        headId: first.id,
        oldestAt: 70,
        lastAttempt: { at: 100, outcome: 'refused', httpStatus: 503, detail: 'no' },
      })
      expect(listed[1]).toMatchObject({
        queued: 0,
        headId: null,
        oldestAt: null,
        lastAttempt: null,
        dataModel: null,
      })
      expect(await storage.findSubscriptionListItem(subscriptionRow.id)).toEqual(listed[0])
      expect(await storage.findSubscriptionListItem(createUuid())).toBeNull()
      const listQueueIds = async (criteria: object) =>
        (await storage.searchSubscriptions({ limit: 10, ...criteria })).map(({ id }) => id)
      expect(await listQueueIds({ accountId: owned.accountId, stuck: true })).toEqual([
        subscriptionRow.id,
      ])
      expect(await listQueueIds({ sourceId: owned.sourceId, after: subscriptionRow.id })).toEqual([
        idle.id,
      ])
      expect(await listQueueIds({ destinationId: to.id })).toEqual([subscriptionRow.id, idle.id])
      expect(await listQueueIds({ accountId: createUuid() })).toEqual([])
    })
  })

  describe(`${name}: the key of a source`, () => {
    test('is the key that is not revoked', async () => {
      const { storage } = fixture
      const { addKey: key, sourceId } = await fixture.addTenant()
      expect(await storage.findSourceKey(sourceId)).toEqual(await storage.findKeySummary(key.id))
      await storage.revokeKey(key.id, createTestEvent(key.id))
      expect(await storage.findSourceKey(sourceId)).toBeNull()
      expect(await storage.findSourceKey(createUuid())).toBeNull()
    })
  })

  describe(`${name}: a message that a user sends`, () => {
    test('is stored with its event, which belongs to the sending account', async () => {
      const { storage } = fixture
      const owned = await fixture.addTenant()
      const sent = await fixture.addMessage(owned, [])
      expect(await storage.listEvents({ subject: sent.id, limit: 9 })).toEqual([])
      const event = { ...createTestEvent(createUuid()), action: 'message.test_sent' }
      const row = { ...sent, id: event.subject, deliveries: [] }
      await storage.addMessage(row, event)
      const describedEvent = { ...event, accountId: owned.accountId }
      expect(await storage.listEvents({ subject: row.id, limit: 9 })).toEqual([describedEvent])
      const secondEvent = { ...event, id: createUuid() }
      await expect(storage.addMessage(row, secondEvent)).rejects.toThrow()
      expect(await storage.listEvents({ subject: row.id, limit: 9 })).toEqual([describedEvent])
    })
  })

  describe(`${name}: the details of a list`, () => {
    test('count the keys of owners, sites and developers that are not revoked', async () => {
      const { id: accountId } = await addAccount()
      const [owner, other] = [await addUser(accountId), await addUser(accountId)]
      const [siteRow, maker] = [await addSite(accountId), await addDeveloper(accountId)]
      const belonging = { siteId: siteRow.id, developerId: maker.id }
      await fixture.addKey(createStaticKey(owner, 'opendental', belonging))
      await fixture.addKey(createStaticKey(owner, 'opendental', belonging))
      const revoked = await fixture.addKey(createStaticKey(owner, 'opendental', belonging))
      await fixture.storage.revokeKey(revoked.id, createTestEvent(revoked.id))
      const two = (id: string) => [{ id, keys: 2 }]
      const { countKeysByHolder } = fixture.storage
      expect(await countKeysByHolder({ holder: 'owner', ids: [owner.id, other.id] })).toEqual(
        two(owner.id),
      )
      expect(await countKeysByHolder({ holder: 'site', ids: [siteRow.id], accountId })).toEqual(
        two(siteRow.id),
      )
      expect(await countKeysByHolder({ holder: 'developer', ids: [maker.id] })).toEqual(
        two(maker.id),
      )
      expect(
        await countKeysByHolder({ holder: 'developer', ids: [maker.id], accountId: createUuid() }),
      ).toEqual([])
      expect(await countKeysByHolder({ holder: 'site', ids: [] })).toEqual([])
    })

    test('show how each user signs in, and the time of their last use', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const [a, b] = [await addUser(accountId), await addUser(accountId)]
      const never = { hasPassword: false, hasSecondFactor: false, sessions: 0, seenAt: null }
      expect(await storage.listSignInStatus({ userIds: [a.id], now: 5, accountId })).toEqual([
        { userId: a.id, ...never, invitedUntil: null },
      ])
      const another = { userIds: [a.id], now: 5, accountId: createUuid() }
      expect(await storage.listSignInStatus(another)).toEqual([])
      const invitation = {
        id: createUuid(),
        userId: b.id,
        createdAt: 1,
        expiresAt: 50,
        digest: createUuid(),
      }
      await storage.addInvitation(invitation, createTestEvent(b.id))
      const passwordInput = { hash: '$argon2id$', invitationId: null, but: null }
      await storage.setPassword(a.id, passwordInput, createTestEvent(a.id))
      await storage.setSecondFactor(
        a.id,
        { sealed: 's', recoveryDigests: [] },
        createTestEvent(a.id),
      )
      const began = createTestEvent(a.id, { action: 'session.started', at: 7 })
      const session = {
        id: createUuid(),
        userId: a.id,
        kind: 'browser' as const,
        name: 'Firefox',
        digest: createUuid(),
        createdAt: 7,
        seenAt: 9,
        expiresAt: 20,
      }
      await storage.addSession(session, began)
      const both = await storage.listSignInStatus({ userIds: [a.id, b.id], now: 10 })
      const known = { hasPassword: true, hasSecondFactor: true, invitedUntil: null }
      expect(new Set(both)).toEqual(
        new Set([
          { userId: a.id, ...known, sessions: 1, seenAt: 9 },
          { userId: b.id, ...never, invitedUntil: 50 },
        ]),
      )
      await storage.deleteSession(session.id, createTestEvent(a.id))
      expect(await storage.listSignInStatus({ userIds: [a.id], now: 50 })).toEqual([
        { userId: a.id, ...known, sessions: 0, seenAt: 7 },
      ])
      expect(
        (await storage.listSignInStatus({ userIds: [b.id], now: 50 }))[0]?.invitedUntil,
      ).toBeNull()
    })
  })

  describe(`${name}: renaming and readdressing`, () => {
    test('renames a resource with its event, and none that does not exist', async () => {
      const { storage } = fixture
      const { accountId, sourceId } = await fixture.addTenant()
      const rows = [
        ['account', accountId, () => storage.findAccount(accountId)],
        ['source', sourceId, () => storage.findSource(sourceId)],
      ] as const
      for (const [what, id, findQueue] of rows) {
        const event = createTestEvent(id)
        expect(await storage.rename(what, id, '🏥 new', event)).toBe(true)
        expect((await findQueue())?.name).toBe('🏥 new')
        expect((await fixture.listEvents(id))[0]).toEqual(event)
      }
      const siteRow = await addSite(accountId)
      const maker = await addDeveloper(accountId)
      const to = await addDestination(accountId)
      await storage.rename('site', siteRow.id, 'S', createTestEvent(siteRow.id))
      await storage.rename('developer', maker.id, 'D', createTestEvent(maker.id))
      await storage.rename('destination', to.id, 'E', createTestEvent(to.id))
      expect((await storage.findSite(siteRow.id))?.name).toBe('S')
      expect((await storage.findDeveloper(maker.id))?.name).toBe('D')
      expect((await storage.findDestination(to.id))?.name).toBe('E')
      const nobody = createUuid()
      await fixture.expectRefused((e) => storage.rename('site', nobody, 'x', e), nobody)
    })

    test('gives a user an address that no other user of the account has', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const [a, b] = [await addUser(accountId), await addUser(accountId)]
      await fixture.expectRefused(
        (e) => storage.setUserEmail(a.id, b.email, e),
        a.id,
        () => storage.findUser(a.id),
      )
      expect(await storage.setUserEmail(a.id, 'new@acme.example', createTestEvent(a.id))).toBe(true)
      expect((await storage.findUser(a.id))?.email).toBe('new@acme.example')
    })
  })
}
