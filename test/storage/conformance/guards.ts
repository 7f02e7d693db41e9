import { describe, expect, test } from 'vitest'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import type { NewSubscription } from '../../../src/service/ports/routing.ts'
import {
  ALL_PARTIES,
  createGrantRevocation,
  createKeyEdit,
  createTestEvent,
  createTestKey,
  createUuid,
  type StorageFixture,
} from './fixtures.ts'

export function testGuardedChanges(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addUser,
    addSource,
    addDestination,
    addSubscription,
    addTenant,
    addMessage,
    listEvents,
    expectRefused,
    rotateNewGrant,
  } = fixture

  describe(`${name}: a change whose guard does not hold`, () => {
    test('writes neither row nor event for an id that exists', async () => {
      const { accountId, addKey: key, owner } = await addTenant()
      const [from, to] = [await addSource(accountId), await addDestination(accountId)]
      const joined = await addSubscription(from.id, to.id, { dataModel: 'Device' })
      const other = await addAccount()

      const duplicate = { ...(await addAccount()), name: 'Other' }
      await expectRefused(
        (e) => fixture.storage.addAccount(duplicate, e),
        duplicate.id,
        () => fixture.storage.findAccount(duplicate.id),
      )
      await expectRefused(
        (e) => fixture.storage.addUser({ ...owner, email: 'another@acme.example' }, e),
        owner.id,
        () => fixture.storage.findUser(owner.id),
      )
      await expectRefused(
        (e) => fixture.storage.addSource({ ...from, accountId: other.id }, e),
        from.id,
        () => fixture.storage.findSource(from.id),
      )
      await expectRefused(
        (e) => fixture.storage.addDestination({ ...to, name: 'Other', sealedToken: null }, e),
        to.id,
        () => fixture.storage.findDestination(to.id),
      )
      await expectRefused(
        (e) => fixture.storage.addSubscription({ ...joined, dataModel: 'Order' }, e),
        joined.id,
        () => fixture.storage.searchSubscriptions({ sourceId: from.id, limit: 10 }),
      )
      await expectRefused(
        (e) => fixture.storage.addKey({ ...key, sourceId: from.id, publicId: createUuid() }, e),
        key.id,
        () => fixture.findKeyWithRouting(key.publicId),
      )
    })

    test('refuses a second user with the same address in an account, and in no other', async () => {
      const [a, b] = [await addAccount(), await addAccount()]
      const first = await addUser(a.id, { email: 'same@acme.example' })
      const second = { ...first, id: createUuid() }
      await expectRefused((e) => fixture.storage.addUser(second, e), second.id)
      expect(await fixture.storage.findUser(second.id)).toBeNull()
      await addUser(b.id, { email: 'same@acme.example' })
    })

    test('refuses a key whose public id is taken', async () => {
      const { addKey: key } = await addTenant()
      const { id } = await addAccount()
      const twin = createTestKey(await addUser(id), (await addSource(id)).id, {
        publicId: key.publicId,
      })
      await expectRefused(
        (e) => fixture.storage.addKey(twin, e),
        twin.id,
        () => fixture.findKeyWithRouting(key.publicId),
      )
    })

    test('refuses a key for a user who may not own keys', async () => {
      const { id } = await addAccount()
      const free = await addSource(id)
      for (const role of ['member', 'operator'] as const) {
        const key = createTestKey(await addUser(id, { role }), free.id)
        await expectRefused(
          (e) => fixture.storage.addKey(key, e),
          key.id,
          () => fixture.findKeyWithRouting(key.publicId),
        )
      }
      for (const role of ['administrator', 'engineer'] as const) {
        const key = createTestKey(await addUser(id, { role }), (await addSource(id)).id)
        expect(await fixture.storage.addKey(key, createTestEvent(key.id))).toBe(true)
      }
    })

    test('refuses a key for a user or source of another account, and for unknown ones', async () => {
      const [a, b] = [await addAccount(), await addAccount()]
      const [ownerA, ownerB] = [await addUser(a.id), await addUser(b.id)]
      const [sourceA, sourceB] = [await addSource(a.id), await addSource(b.id)]
      const nobody = { ...ownerA, id: createUuid() }
      for (const key of [
        createTestKey(ownerA, sourceB.id),
        createTestKey(ownerA, sourceB.id, { accountId: b.id }),
        createTestKey(ownerB, sourceA.id, { accountId: a.id }),
        createTestKey(ownerA, createUuid()),
        createTestKey(nobody, sourceA.id),
      ]) {
        await expectRefused(
          (e) => fixture.storage.addKey(key, e),
          key.id,
          () => fixture.findKeyWithRouting(key.publicId),
        )
      }
    })

    test('refuses a second key of a source until the first is revoked', async () => {
      const { addKey: key, owner, sourceId } = await addTenant()
      const second = createTestKey(owner, sourceId)
      await expectRefused((e) => fixture.storage.addKey(second, e), second.id)
      await fixture.storage.disableKey(key.id, 'operator', createTestEvent(key.id))
      await expectRefused((e) => fixture.storage.addKey(second, e), second.id)
      await fixture.storage.revokeKey(key.id, createTestEvent(key.id))
      expect(await fixture.storage.addKey(second, createTestEvent(second.id))).toBe(true)
      expect((await fixture.storage.findKey(key.publicId))?.status).toBe('revoked')
    })

    test('refuses every change of a revoked key', async () => {
      const { accountId, owner, addKey: key } = await addTenant()
      const place = await fixture.addSite(accountId)
      await fixture.storage.revokeKey(key.id, createTestEvent(key.id, { at: 5 }))
      const readKeyState = async () => [
        await fixture.findKeyWithRouting(key.publicId),
        await fixture.storage.findKeySummary(key.id),
      ]
      for (const by of ALL_PARTIES) {
        await expectRefused((e) => fixture.storage.enableKey(key.id, by, e), key.id, readKeyState)
        await expectRefused((e) => fixture.storage.disableKey(key.id, by, e), key.id, readKeyState)
      }
      await expectRefused((e) => fixture.storage.revokeKey(key.id, e), key.id, readKeyState)
      const seenEventId = (await fixture.storage.findKeySummary(key.id))?.eventId ?? ''
      const edit = createKeyEdit(owner.id)
      await expectRefused(
        (e) => fixture.storage.editKey(key.id, edit, seenEventId, e),
        key.id,
        readKeyState,
      )
      for (const to of [{ siteId: place.id, at: 9 }, null]) {
        await expectRefused((e) => fixture.storage.assignKey(key.id, to, e), key.id, readKeyState)
      }
      for (const overlapEndsAt of [null, 9]) {
        const secret = { hash: 'other', sealed: null, tokenSalt: 'other', overlapEndsAt }
        await expectRefused(
          (e) => fixture.storage.rotateSecret(key.id, secret, e),
          key.id,
          readKeyState,
        )
      }
    })

    test('refuses a second subscription for one source, destination and data model', async () => {
      const { id } = await addAccount()
      const [from, to] = [await addSource(id), await addDestination(id)]
      await addSubscription(from.id, to.id)
      await addSubscription(from.id, to.id, { dataModel: 'Device' })
      for (const dataModel of [null, 'Device']) {
        const row: NewSubscription = {
          id: createUuid(),
          sourceId: from.id,
          destinationId: to.id,
          dataModel,
          status: 'active',
          createdAt: 1,
        }
        await expectRefused((e) => fixture.storage.addSubscription(row, e), row.id)
      }
    })

    test('refuses a subscription of a source or to a destination that does not exist', async () => {
      const { id } = await addAccount()
      const [from, to] = [await addSource(id), await addDestination(id)]
      const row: NewSubscription = {
        id: createUuid(),
        sourceId: from.id,
        destinationId: to.id,
        dataModel: null,
        status: 'active',
        createdAt: 1,
      }
      await expectRefused(
        (e) => fixture.storage.addSubscription({ ...row, sourceId: createUuid() }, e),
        row.id,
      )
      await expectRefused(
        (e) => fixture.storage.addSubscription({ ...row, destinationId: createUuid() }, e),
        row.id,
      )
      expect(await fixture.storage.addSubscription(row, createTestEvent(row.id))).toBe(true)
    })

    test('refuses to change what does not exist', async () => {
      const id = createUuid()
      await expectRefused((e) => fixture.storage.setAccountStatus(id, 'closed', e), id)
      await expectRefused((e) => fixture.storage.setUserRole(id, 'member', e), id)
      await expectRefused((e) => fixture.storage.setOffboardingPolicy(id, 'disable', e), id)
      await expectRefused((e) => fixture.storage.setAllowlistEnforced(id, true, e), id)
      await expectRefused((e) => fixture.storage.deactivateUser(id, 1, e), id)
      await expectRefused((e) => fixture.storage.deleteAllowlistEntry(id, e), id)
      await expectRefused((e) => fixture.storage.enableKey(id, 'operator', e), id)
      await expectRefused((e) => fixture.storage.disableKey(id, 'operator', e), id)
      await expectRefused((e) => fixture.storage.revokeKey(id, e), id)
      await expectRefused(
        (e) => fixture.storage.editKey(id, createKeyEdit(createUuid()), createUuid(), e),
        id,
      )
      await expectRefused((e) => fixture.storage.assignKey(id, null, e), id)
      await expectRefused((e) => fixture.storage.deleteKey(id, e), id)
      const secret = { hash: 'h', sealed: null, tokenSalt: 's', overlapEndsAt: null }
      await expectRefused((e) => fixture.storage.rotateSecret(id, secret, e), id)
      await expectRefused((e) => fixture.storage.setDestinationVerified(id, 1, e), id)
      await expectRefused((e) => fixture.storage.setVerificationToken(id, 'sealed', 'GET', e), id)
      await expectRefused((e) => fixture.storage.setSubscriptionStatus(id, 'paused', e), id)
      expect(await fixture.storage.acknowledgeGrant(id, 1, 1)).toBe(false)
    })
  })

  describe(`${name}: a change and its event`, () => {
    test('are written together', async () => {
      const { accountId, addKey: key, owner } = await addTenant()
      const to = await addDestination(accountId)
      const joined = await addSubscription((await addSource(accountId)).id, to.id)
      const family = await rotateNewGrant()
      const changes: [string, (event: AuditEvent) => Promise<boolean>][] = [
        [accountId, (e) => fixture.storage.setAccountStatus(accountId, 'closed', e)],
        [owner.id, (e) => fixture.storage.setUserRole(owner.id, 'member', e)],
        [key.id, (e) => fixture.storage.disableKey(key.id, 'operator', e)],
        [to.id, (e) => fixture.storage.setDestinationVerified(to.id, 4, e)],
        [joined.id, (e) => fixture.storage.setSubscriptionStatus(joined.id, 'paused', e)],
        [family, (e) => fixture.storage.revokeGrant(createGrantRevocation(family, 6), e)],
      ]
      for (const [subject, change] of changes) {
        const facts = { why: 'ünder review 🔍', count: 3, none: null }
        const event = createTestEvent(subject, {
          at: 7_777,
          actor: 'key-9',
          action: 'changed',
          facts,
        })
        expect(await change(event)).toBe(true)
        expect((await listEvents(subject))[0]).toEqual(event)
      }
      expect((await fixture.storage.findAccount(accountId))?.status).toBe('closed')
      expect((await fixture.storage.findUser(owner.id))?.role).toBe('member')
      expect((await fixture.storage.findKeySummary(key.id))?.status).toBe('disabled')
      expect((await fixture.storage.findDestination(to.id))?.verifiedAt).toBe(4)
      expect((await fixture.storage.findGrant(family))?.revokedAt).toBe(6)
    })

    test('mark a destination as verified only if its URL is still the one that was tested', async () => {
      const { id: accountId } = await addAccount()
      const url = 'https://emr.example/'
      for (const sealedToken of [null, 'sealed']) {
        const { id } = await addDestination(accountId, { url, sealedToken })
        const verifyDestination = (met: { url: string; sealedToken: string | null }) =>
          fixture.storage.verifyDestination(id, met, 5, createTestEvent(id))
        const verifiedAt = async () => (await fixture.storage.findDestination(id))?.verifiedAt
        expect(await verifyDestination({ url: 'https://other.example/', sealedToken })).toBe(false)
        expect(await verifyDestination({ url, sealedToken: 'other' })).toBe(false)
        expect(
          await verifyDestination({ url, sealedToken: sealedToken === null ? 'sealed' : null }),
        ).toBe(false)
        expect(await verifiedAt()).toBeNull()
        expect(await listEvents(id)).toHaveLength(1)
        expect(await verifyDestination({ url, sealedToken })).toBe(true)
        expect(await verifiedAt()).toBe(5)
        expect(
          await fixture.storage.setVerificationToken(id, 'new', 'GET', createTestEvent(id)),
        ).toBe(true)
        expect(await fixture.storage.findDestination(id)).toMatchObject({
          verifiedAt: null,
          method: 'GET',
          hasToken: true,
        })
        expect(await fixture.storage.findSealedVerificationToken(id)).toBe('new')
      }
      const nowhere = await addDestination(accountId)
      const met = { url: '', sealedToken: null }
      expect(
        await fixture.storage.verifyDestination(nowhere.id, met, 5, createTestEvent(nowhere.id)),
      ).toBe(false)
    })

    test('are both undone if the event cannot be written', async () => {
      const { addKey: key } = await addTenant()
      const storedEvent = createTestEvent(createUuid())
      await fixture.storage.addEvent(storedEvent)
      const version = await fixture.storage.readAuthorityVersion()
      const duplicate = { ...createTestEvent(key.id), id: storedEvent.id }
      await expect(fixture.storage.revokeKey(key.id, duplicate)).rejects.toThrow()
      expect((await fixture.storage.findKey(key.publicId))?.status).toBe('enabled')
      expect(await listEvents(key.id)).toHaveLength(1)
      expect(await fixture.storage.readAuthorityVersion()).toBe(version)
    })

    test('are both undone if a later statement fails', async () => {
      const id = createUuid()
      const add = `INSERT INTO accounts (id, name, region, status, created_at, event_id) VALUES ('${id}', 'n', 'us', 'open', 1, 'e')`
      const wrong = `UPDATE accounts SET status = 'neither' WHERE id = '${id}'`
      const steps = [add, wrong].map((sql) => ({ sql, values: [] }))
      await expect(fixture.engine.atomic(steps)).rejects.toThrow()
      expect(await fixture.storage.findAccount(id)).toBeNull()
      expect(await fixture.engine.atomic([{ sql: add, values: [] }])).toEqual([1])
      expect((await fixture.storage.findAccount(id))?.name).toBe('n')
    })

    test('a message that exists already is refused, and changes nothing', async () => {
      const owned = await addTenant()
      const hop = await addSubscription(owned.sourceId, (await addDestination(owned.accountId)).id)
      const row = await addMessage(owned, [hop])
      const other = { ...row, sealedPayload: 'other', deliveries: [] }
      await expect(fixture.storage.addMessage(other)).rejects.toThrow()
      expect(await fixture.storage.findPayload(row.id)).toMatchObject({ sealedPayload: 'sealed' })
      const [listed] = await fixture.storage.listMessages({ accountId: owned.accountId, limit: 10 })
      expect(listed?.deliveries).toHaveLength(1)
    })

    test('a message is not stored if one of its deliveries fails', async () => {
      const owned = await addTenant()
      const hop = await addSubscription(owned.sourceId, (await addDestination(owned.accountId)).id)
      const row = await addMessage(owned, [hop])
      const id = createUuid()
      const broken = { ...hop, destinationId: null as unknown as string }
      await expect(addMessage(owned, [hop, broken], { id })).rejects.toThrow()
      expect(await fixture.storage.findPayload(id)).toBeNull()
      const listed = await fixture.storage.listMessages({ accountId: owned.accountId, limit: 10 })
      expect(listed.map((entry) => entry.id)).toEqual([row.id])
    })
  })
}
