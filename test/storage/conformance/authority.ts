import { describe, expect, test } from 'vitest'
import { createMessageIdGenerator } from '../../../src/service/messages/messages.ts'
import {
  createGrantRevocation,
  createKeyEdit,
  createRotation,
  createTestEvent,
  createTestKey,
  createUuid,
  MAX_INTEGER,
  type StorageFixture,
} from './fixtures.ts'

export function testAuthorityVersion(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addSource, addDestination, addSubscription, addTenant, addMessage } =
    fixture

  test(`${name}: processes that claim message ids at once get different ones`, async () => {
    const clock = () => Date.UTC(2026, 0, 1)
    const processes = Array.from({ length: 4 }, () =>
      createMessageIdGenerator({ storage: fixture.storage, clock }),
    )
    const ids = await Promise.all(
      processes.flatMap((nextId) => Array.from({ length: 50 }, () => nextId())),
    )
    expect(new Set(ids).size).toBe(200)
    expect(await fixture.storage.moveNextIdBlock(1, 2)).toBe(false)
  })

  describe(`${name}: the authority version`, () => {
    const expectVersionBump = async (act: () => Promise<unknown>) => {
      const before = await fixture.storage.readAuthorityVersion()
      await act()
      return (await fixture.storage.readAuthorityVersion()) > before
    }

    test('is raised by every change of accounts, keys, routing and grants', async () => {
      const { accountId, addKey: key, owner } = await addTenant()
      const from = await addSource(accountId)
      const to = await addDestination(accountId)
      const joined = await addSubscription(from.id, to.id)
      const sunset = await fixture.addSunset(accountId)
      const secret = { hash: 'h', sealed: null, tokenSalt: 's', overlapEndsAt: null }
      const [place, rule] = [
        await fixture.addSite(accountId),
        await fixture.addAllowlistEntry(accountId, '::/0'),
      ]
      const e = createTestEvent
      const edit = async () => {
        const seenEventId = (await fixture.storage.findKeySummary(key.id))?.eventId ?? ''
        expect(
          await fixture.storage.editKey(key.id, createKeyEdit(owner.id), seenEventId, e(key.id)),
        ).toBe(true)
      }
      const changes: [string, () => Promise<unknown>][] = [
        ['addAccount', () => addAccount()],
        [
          'setAccountStatus',
          () => fixture.storage.setAccountStatus(accountId, 'closed', e(accountId)),
        ],
        ['addUser', () => addUser(accountId)],
        ['setUserRole', () => fixture.storage.setUserRole(owner.id, 'member', e(owner.id))],
        ['addSource', () => addSource(accountId)],
        ['addDestination', () => addDestination(accountId)],
        [
          'setDestinationVerified',
          () => fixture.storage.setDestinationVerified(to.id, 1, e(to.id)),
        ],
        [
          'setVerificationToken',
          () => fixture.storage.setVerificationToken(to.id, null, 'POST', e(to.id)),
        ],
        ['unverify', () => fixture.storage.setDestinationVerified(to.id, null, e(to.id))],
        ['addSubscription', () => addSubscription(from.id, to.id, { dataModel: 'Order' })],
        ['pause', () => fixture.storage.setSubscriptionStatus(joined.id, 'paused', e(joined.id))],
        ['resume', () => fixture.storage.setSubscriptionStatus(joined.id, 'active', e(joined.id))],
        ['addKey', () => addTenant()],
        ['disable', () => fixture.storage.disableKey(key.id, 'operator', e(key.id))],
        ['enable', () => fixture.storage.enableKey(key.id, 'operator', e(key.id))],
        ['rotateSecret', () => fixture.storage.rotateSecret(key.id, secret, e(key.id))],
        [
          'rotateSecret with an overlap',
          () => fixture.storage.rotateSecret(key.id, { ...secret, overlapEndsAt: 9 }, e(key.id)),
        ],
        ['editKey', () => edit()],
        [
          'assignKey',
          () => fixture.storage.assignKey(key.id, { siteId: place.id, at: 1 }, e(key.id)),
        ],
        ['revoke', () => fixture.storage.revokeKey(key.id, e(key.id))],
        ['deleteKey', () => fixture.storage.deleteKey(key.id, e(key.id))],
        [
          'setOffboardingPolicy',
          () => fixture.storage.setOffboardingPolicy(accountId, 'disable', e(accountId)),
        ],
        ['deactivateUser', () => fixture.storage.deactivateUser(owner.id, 1, e(owner.id))],
        ['enforce', () => fixture.storage.setAllowlistEnforced(accountId, true, e(accountId))],
        ['addAllowlistEntry', () => fixture.addAllowlistEntry(accountId, '10.0.0.0/8')],
        ['deleteAllowlistEntry', () => fixture.storage.deleteAllowlistEntry(rule.id, e(rule.id))],
        ['addSunset', () => fixture.addSunset(accountId, { keyType: 'xdent' })],
        ['changeSunset', () => fixture.storage.changeSunset(sunset.id, sunset, e(sunset.id))],
        ['deleteSunset', () => fixture.storage.deleteSunset(sunset.id, e(sunset.id))],
        ['addSite', () => fixture.addSite(accountId)],
        ['addDeveloper', () => fixture.addDeveloper(accountId)],
      ]
      for (const [verb, change] of changes)
        expect([verb, await expectVersionBump(change)]).toEqual([verb, true])
    })

    test('is not raised by rotations, acknowledgements, messages or reads', async () => {
      const owned = await addTenant()
      const hop = await addSubscription(owned.sourceId, (await addDestination(owned.accountId)).id)
      const id = createUuid()
      const others: [string, () => Promise<unknown>][] = [
        ['rotateGrant', () => fixture.storage.rotateGrant(createRotation(id, 1))],
        ['rotateGrant again', () => fixture.storage.rotateGrant(createRotation(id, 2))],
        ['acknowledgeGrant', () => fixture.storage.acknowledgeGrant(id, 2, 1)],
        [
          'revokeGrant',
          () => fixture.storage.revokeGrant(createGrantRevocation(id, 1), createTestEvent(id)),
        ],
        ['purgeGrants', () => fixture.storage.purgeGrants(0)],
        ['addMessage', () => addMessage(owned, [hop])],
        ['addEvent', () => fixture.storage.addEvent(createTestEvent(id))],
        [
          'addOAuthUses',
          () =>
            fixture.storage.addOAuthUses([{ resourceId: owned.sourceId, firstAt: 1, lastAt: 1 }]),
        ],
        ['probe', () => fixture.storage.probe()],
        [
          'addKeyUses',
          () =>
            fixture.storage.addKeyUses([{ keyId: owned.addKey.id, day: 1, uses: 1, lastAt: 1 }]),
        ],
        ['listKeyUses', () => fixture.storage.listKeyUses(owned.addKey.id, 0)],
        ['findKeysBySecret', async () => fixture.findKeyBySecret('x')],
        ['findKey', async () => fixture.findKeyWithRouting(owned.addKey.publicId)],
        ['listKeyRoutings', async () => fixture.storage.listKeyRoutings(owned.addKey)],
      ]
      for (const [verb, act] of others)
        expect([verb, await expectVersionBump(act)]).toEqual([verb, false])
    })
  })

  describe(`${name}: the routing of a key`, () => {
    test('has the active subscriptions of its source, with their destinations', async () => {
      const owned = await addTenant()
      const sibling = await addSource(owned.accountId)
      const plain = await addDestination(owned.accountId, { name: 'plain' })
      const full = await addDestination((await addAccount()).id, {
        name: 'full',
        url: 'https://emr.example',
        development: true,
        verifiedAt: MAX_INTEGER,
        sealedToken: 'sealed',
      })
      const every = await addSubscription(owned.sourceId, plain.id)
      const one = await addSubscription(owned.sourceId, full.id, { dataModel: 'Device' })
      await addSubscription(owned.sourceId, full.id, { dataModel: 'Order', status: 'paused' })
      await addSubscription(sibling.id, full.id)
      expect(await fixture.storage.listKeyRoutings(owned.addKey)).toEqual([
        {
          sourceId: owned.sourceId,
          sourceName: 'Source',
          needsSource: false,
          subscriptions: [
            {
              id: every.id,
              dataModel: null,
              destination: {
                id: plain.id,
                name: 'plain',
                url: null,
                development: false,
                verifiedAt: null,
                sealedToken: null,
              },
            },
            {
              id: one.id,
              dataModel: 'Device',
              destination: {
                id: full.id,
                name: 'full',
                url: 'https://emr.example',
                development: true,
                verifiedAt: MAX_INTEGER,
                sealedToken: 'sealed',
              },
            },
          ],
        },
      ])
    })

    test('requires a source in messages if the account has another key that is not revoked', async () => {
      const { accountId, owner, addKey: key } = await addTenant()
      await addTenant()
      const needsSource = async () => (await fixture.storage.listKeyRoutings(key))[0]?.needsSource
      expect(await needsSource()).toBe(false)
      const second = createTestKey(owner, (await addSource(accountId)).id)
      await fixture.storage.addKey(second, createTestEvent(second.id))
      expect(await needsSource()).toBe(true)
      await fixture.storage.disableKey(second.id, 'operator', createTestEvent(second.id))
      expect(await needsSource()).toBe(true)
      await fixture.storage.revokeKey(second.id, createTestEvent(second.id))
      expect(await needsSource()).toBe(false)
    })
  })
}
