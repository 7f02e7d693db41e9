import { describe, expect, test } from 'vitest'
import type { DeletableKind, RowKind } from '../../../src/service/ports/accounts.ts'
import { createStaticKey, createTestEvent, createTestKey, type StorageFixture } from './fixtures.ts'

/** The deletion of rows that nothing belongs to. */
export function testDeletions(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addUser,
    addSource,
    addSite,
    addDeveloper,
    addDestination,
    addSubscription,
    addMessage,
  } = fixture
  const deleteRow = (kind: DeletableKind, id: string) =>
    fixture.storage.deleteRow(kind, id, createTestEvent(id))
  const expectKept = (kind: DeletableKind, id: string, findRow: () => Promise<unknown>) =>
    fixture.expectRefused((event) => fixture.storage.deleteRow(kind, id, event), id, findRow)

  test(`${name}: the account of a row is found by its kind and its id alone`, async () => {
    const { findRowAccountId } = fixture.storage
    const tenant = await fixture.addTenant()
    const { accountId, owner, sourceId, addKey: key } = tenant
    const destination = await addDestination(accountId)
    const subscription = await addSubscription(sourceId, destination.id)
    const rows: Record<RowKind, string> = {
      account: accountId,
      user: owner.id,
      site: (await addSite(accountId)).id,
      developer: (await addDeveloper(accountId)).id,
      source: sourceId,
      destination: destination.id,
      subscription: subscription.id,
      key: key.id,
      message: (await addMessage(tenant, [subscription])).id,
      allowlistEntry: (await fixture.addAllowlistEntry(accountId, '10.0.0.0/8')).id,
      sunset: (await fixture.addSunset(accountId)).id,
      import: (await fixture.addImport(accountId, { status: 'finished' })).id,
    }
    const kinds = Object.keys(rows) as RowKind[]
    for (const [kind, id] of Object.entries(rows)) {
      for (const other of kinds) {
        expect(await findRowAccountId(other, id), other).toBe(kind === other ? accountId : null)
      }
    }
    expect(await findRowAccountId('key', key.publicId)).toBeNull()
    expect(await findRowAccountId('user', '\0')).toBeNull()
  })

  describe(`${name}: deletion`, () => {
    test('deletes a source without subscriptions and keys', async () => {
      const { storage } = fixture
      const { accountId, owner } = await fixture.addTenant()
      const [source, destination] = [await addSource(accountId), await addDestination(accountId)]
      const findRow = () => storage.findSource(source.id)
      const subscription = await addSubscription(source.id, destination.id)
      await expectKept('source', source.id, findRow)
      expect(await deleteRow('subscription', subscription.id)).toBe(true)
      expect(await deleteRow('source', source.id)).toBe(true)
      expect(await findRow()).toBeNull()
      expect(await fixture.listEvents(source.id)).toHaveLength(2)

      const withKey = await addSource(accountId)
      const key = await fixture.addKey(createTestKey(owner, withKey.id))
      await storage.revokeKey(key.id, createTestEvent(key.id))
      await expectKept('source', withKey.id, () => storage.findSource(withKey.id))
    })

    test('deletes a destination without subscriptions and deliveries', async () => {
      const { storage } = fixture
      const tenant = await fixture.addTenant()
      const [used, unused] = [
        await addDestination(tenant.accountId),
        await addDestination(tenant.accountId),
      ]
      const findRow = () => storage.findDestination(used.id)
      const subscription = await addSubscription(tenant.sourceId, used.id)
      await expectKept('destination', used.id, findRow)
      await addMessage(tenant, [subscription])
      await storage.purgeQueue(subscription.id, createTestEvent(subscription.id))
      expect(await deleteRow('subscription', subscription.id)).toBe(true)
      await expectKept('destination', used.id, findRow)
      expect(await deleteRow('destination', unused.id)).toBe(true)
      expect(await storage.findDestination(unused.id)).toBeNull()
    })

    test('deletes a deactivated user who owns no key, with their links', async () => {
      const { storage } = fixture
      const { accountId, owner } = await fixture.addTenant()
      const user = await addUser(accountId)
      const invitation = {
        id: crypto.randomUUID(),
        digest: crypto.randomUUID(),
        userId: user.id,
        createdAt: 1,
        expiresAt: 2,
      }
      expect(await storage.addInvitation(invitation, createTestEvent(user.id))).toBe(true)
      await expectKept('user', user.id, () => storage.findUser(user.id))
      await storage.deactivateUser(user.id, 5, createTestEvent(user.id))
      expect(await deleteRow('user', user.id)).toBe(true)
      expect(await storage.findUser(user.id)).toBeNull()
      expect(await storage.findInvitation([invitation.digest], 1)).toBeNull()

      await storage.deactivateUser(owner.id, 5, createTestEvent(owner.id))
      await expectKept('user', owner.id, () => storage.findUser(owner.id))
    })

    test('deletes a closed account that nothing belongs to, with its allowlist', async () => {
      const { storage } = fixture
      const account = await addAccount()
      const findRow = () => storage.findAccount(account.id)
      await fixture.addAllowlistEntry(account.id, '203.0.113.0/24')
      await expectKept('account', account.id, findRow)
      await storage.setAccountStatus(account.id, 'closed', createTestEvent(account.id))
      const site = await addSite(account.id)
      await expectKept('account', account.id, findRow)
      expect(await deleteRow('site', site.id)).toBe(true)
      expect(await deleteRow('account', account.id)).toBe(true)
      expect(await findRow()).toBeNull()
      expect(await storage.listAllowlistEntries(account.id)).toEqual([])
    })

    test('deletes a developer that no key belongs to, not even a revoked one', async () => {
      const { storage } = fixture
      const owned = await fixture.addTenant()
      const [maker, unused] = [
        await addDeveloper(owned.accountId),
        await addDeveloper(owned.accountId),
      ]
      const key = await fixture.addKey(
        createStaticKey(owned.owner, 'opendental', { developerId: maker.id }),
      )
      await storage.revokeKey(key.id, createTestEvent(key.id))
      const findRow = () => storage.findDeveloper(maker.id)
      await fixture.expectRefused(
        (e) => storage.deleteRow('developer', maker.id, e),
        maker.id,
        findRow,
      )
      expect(await storage.deleteRow('developer', unused.id, createTestEvent(unused.id))).toBe(true)
      expect(await storage.findDeveloper(unused.id)).toBeNull()
      expect(await fixture.listEvents(unused.id)).toHaveLength(2)
      await fixture.expectRefused((e) => storage.deleteRow('developer', unused.id, e), unused.id)
    })

    test('deletes a site or adds a key to it at the same moment, never both', async () => {
      const { storage } = fixture
      const owned = await fixture.addTenant()
      for (let n = 0; n < 10; n++) {
        const [siteRow, maker] = [
          await addSite(owned.accountId),
          await addDeveloper(owned.accountId),
        ]
        const ofPlace = createStaticKey(owned.owner, 'xdent', { siteId: siteRow.id })
        const ofMaker = createStaticKey(owned.owner, 'opendental', { developerId: maker.id })
        const [isMade, isRemoved, isMadeToo, isRemovedToo] = await Promise.all([
          storage.addKey(ofPlace, createTestEvent(ofPlace.id)),
          storage.deleteRow('site', siteRow.id, createTestEvent(siteRow.id)),
          storage.addKey(ofMaker, createTestEvent(ofMaker.id)),
          storage.deleteRow('developer', maker.id, createTestEvent(maker.id)),
        ])
        expect([isRemoved, isRemovedToo]).toEqual([!isMade, !isMadeToo])
        expect((await storage.findSite(siteRow.id)) === null).toBe(isRemoved)
        expect((await storage.findDeveloper(maker.id)) === null).toBe(isRemovedToo)
      }
    })

    test('deletes a site that no key is assigned to, and a subscription whose queue is empty', async () => {
      const { storage } = fixture
      const owned = await fixture.addTenant()
      const siteRow = await addSite(owned.accountId)
      const key = await fixture.addKey(
        createStaticKey(owned.owner, 'xdent', { siteId: siteRow.id }),
      )
      const findRow = () => storage.findSite(siteRow.id)
      await fixture.expectRefused(
        (e) => storage.deleteRow('site', siteRow.id, e),
        siteRow.id,
        findRow,
      )
      await storage.assignKey(key.id, null, createTestEvent(key.id))
      expect(await storage.deleteRow('site', siteRow.id, createTestEvent(siteRow.id))).toBe(true)
      expect(await findRow()).toBeNull()
      expect(await fixture.listEvents(siteRow.id)).toHaveLength(2)
      await fixture.expectRefused((e) => storage.deleteRow('site', siteRow.id, e), siteRow.id)

      const subscriptionRow = await addSubscription(
        owned.sourceId,
        (await addDestination(owned.accountId)).id,
      )
      await addMessage(owned, [subscriptionRow])
      const findQueue = () => storage.findSubscriptionListItem(subscriptionRow.id)
      await fixture.expectRefused(
        (e) => storage.deleteRow('subscription', subscriptionRow.id, e),
        subscriptionRow.id,
        findQueue,
      )
      await storage.purgeQueue(subscriptionRow.id, createTestEvent(subscriptionRow.id))
      expect(
        await storage.deleteRow(
          'subscription',
          subscriptionRow.id,
          createTestEvent(subscriptionRow.id),
        ),
      ).toBe(true)
      expect(await findQueue()).toBeNull()
    })
  })
}
