import { describe, expect, test } from 'vitest'
import type { NewSubscription } from '../../../src/service/ports/routing.ts'
import {
  createGrantRevocation,
  createRotation,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  type StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'

export function testRoundTrip(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addUser,
    addSource,
    addDestination,
    addSubscription,
    addTenant,
    addMessage,
    listEvents,
  } = fixture

  describe(`${name}: a row is read as it was written`, () => {
    test.each(TRICKY_TEXTS)('an account, in every column, named %j', async (text) => {
      for (const status of ['open', 'closed'] as const) {
        for (const offboardingPolicy of ['keep', 'disable'] as const) {
          for (const ipAllowlistEnforced of [true, false]) {
            const choices = { status, offboardingPolicy, ipAllowlistEnforced }
            const row = await addAccount({
              name: text,
              region: text,
              createdAt: MAX_INTEGER,
              ...choices,
            })
            expect(await fixture.storage.findAccount(row.id)).toEqual(row)
          }
        }
      }
    })

    test.each(TRICKY_TEXTS)(
      'a user, in every column and role, whose address is %j',
      async (text) => {
        for (const role of ['operator', 'administrator', 'engineer', 'member'] as const) {
          const { id } = await addAccount()
          const row = await addUser(id, { email: text, role, createdAt: MAX_INTEGER })
          expect(await fixture.storage.findUser(row.id)).toEqual(row)
          const named = await addUser(id, {
            role,
            username: `${text}${createUuid()}`,
            deactivatedAt: MAX_INTEGER,
          })
          expect(await fixture.storage.findUser(named.id)).toEqual(named)
        }
      },
    )

    test.each(TRICKY_TEXTS)(
      'a source and a destination, in every column, named %j',
      async (text) => {
        const { id } = await addAccount()
        const from = await addSource(id, { name: text, createdAt: MAX_INTEGER })
        expect(await fixture.storage.findSource(from.id)).toEqual(from)
        const bare = await addDestination(id, { name: text })
        expect(await fixture.storage.findDestination(bare.id)).toEqual(bare)
        const full = await addDestination(id, {
          name: text,
          url: text,
          development: true,
          verifiedAt: MAX_INTEGER,
          method: 'GET',
          sealedToken: text,
          createdAt: MAX_INTEGER,
        })
        expect(await fixture.storage.findDestination(full.id)).toEqual(full)
        expect(await fixture.storage.findSealedVerificationToken(full.id)).toBe(text)
        expect(await fixture.storage.findSealedVerificationToken(bare.id)).toBeNull()
      },
    )

    test('a subscription, in every column', async () => {
      const { id } = await addAccount()
      const [from, to] = [await addSource(id), await addDestination(id)]
      const every = await addSubscription(from.id, to.id)
      const one = await addSubscription(from.id, to.id, {
        dataModel: 'Clinical Summary',
        status: 'paused',
        createdAt: MAX_INTEGER,
      })
      const toRow = ({
        id,
        dataModel,
        status,
      }: Pick<NewSubscription, 'id' | 'dataModel' | 'status'>) => ({
        id,
        dataModel,
        status,
      })
      const listed = await fixture.storage.searchSubscriptions({ sourceId: from.id, limit: 10 })
      expect(listed.map(toRow)).toEqual([every, one].map(toRow))
      expect(listed.map(({ source, destination }) => [source.id, destination.id])).toEqual([
        [from.id, to.id],
        [from.id, to.id],
      ])
    })

    test('the subscriptions of one account are those of its sources', async () => {
      const [ownAccount, otherAccount] = [await addAccount(), await addAccount()]
      const [from, also] = [await addSource(ownAccount.id), await addSource(ownAccount.id)]
      const [other, to] = [
        await addSource(otherAccount.id),
        await addDestination(otherAccount.id, { verifiedAt: 7 }),
      ]
      const first = await addSubscription(from.id, to.id)
      const second = await addSubscription(also.id, to.id)
      await addSubscription(other.id, to.id)
      const page = { accountId: ownAccount.id, limit: 10 }
      const listIds = async (
        query: Parameters<StorageFixture['storage']['searchSubscriptions']>[0],
      ) => (await fixture.storage.searchSubscriptions(query)).map(({ id }) => id)
      expect(await listIds(page)).toEqual([first.id, second.id])
      expect(await listIds({ ...page, limit: 1 })).toEqual([first.id])
      expect(await listIds({ ...page, after: first.id })).toEqual([second.id])
      expect(await listIds({ ...page, sourceId: also.id })).toEqual([second.id])
      expect(await listIds({ ...page, sourceId: other.id })).toEqual([])
      const receiver = { id: to.id, name: to.name, verifiedAt: 7 }
      expect(await fixture.storage.findSubscriptionTarget(first.id)).toEqual(receiver)
      expect(await fixture.storage.findSubscriptionTarget(createUuid())).toBeNull()
    })

    test('a key that never expires', async () => {
      const { addKey: key } = await addTenant({ expiresAt: null })
      expect((await fixture.storage.findKey(key.publicId))?.expiresAt).toBeNull()
      expect((await fixture.storage.findKeySummary(key.id))?.expiresAt).toBeNull()
    })

    test('public ids that differ by case or blanks', async () => {
      const id = createUuid()
      const lower = await addTenant({ publicId: `abc-${id}` })
      const upper = await addTenant({ publicId: `ABC-${id}` })
      const blank = await addTenant({ publicId: `abc-${id} ` })
      for (const { addKey: key } of [lower, upper, blank]) {
        expect((await fixture.storage.findKey(key.publicId))?.id).toBe(key.id)
      }
    })

    test('a grant, in every column', async () => {
      const id = createUuid()
      await fixture.storage.rotateGrant(
        createRotation(id, MAX_INTEGER - 1, { keyId: 'some key', rotatedAt: MAX_INTEGER }),
      )
      const row = {
        id,
        keyId: 'some key',
        generation: MAX_INTEGER - 1,
        rotatedAt: MAX_INTEGER,
        acknowledgedAt: null,
        revokedAt: null,
      }
      expect(await fixture.storage.findGrant(id)).toEqual(row)
      await fixture.storage.acknowledgeGrant(id, MAX_INTEGER - 1, MAX_INTEGER)
      expect(await fixture.storage.findGrant(id)).toEqual({ ...row, acknowledgedAt: MAX_INTEGER })
      await fixture.storage.revokeGrant(createGrantRevocation(id, MAX_INTEGER), createTestEvent(id))
      const revoked = { ...row, acknowledgedAt: MAX_INTEGER, revokedAt: MAX_INTEGER }
      expect(await fixture.storage.findGrant(id)).toEqual(revoked)
    })

    test.each(TRICKY_TEXTS)(
      'a message and its deliveries, in every column, with %j',
      async (text) => {
        const owned = await addTenant()
        const hops = [
          await addSubscription(
            owned.sourceId,
            (await addDestination(owned.accountId, { name: text })).id,
          ),
          await addSubscription(owned.sourceId, (await addDestination(owned.accountId)).id),
        ]
        const row = await addMessage(owned, hops, {
          serial: MAX_INTEGER,
          dataModel: text,
          eventType: text,
          test: true,
          sealedPayload: text,
          receivedAt: MAX_INTEGER,
        })
        expect(await fixture.storage.findPayload(row.id)).toMatchObject({ sealedPayload: text })
        expect(
          await fixture.storage.listMessages({ accountId: owned.accountId, limit: 10 }),
        ).toEqual([
          {
            id: row.id,
            serial: MAX_INTEGER,
            accountId: owned.accountId,
            sourceId: owned.sourceId,
            dataModel: text,
            eventType: text,
            test: true,
            receivedAt: MAX_INTEGER,
            deliveries: row.deliveries.map(({ id, subscriptionId, destinationId }, n) => ({
              id,
              subscriptionId,
              destinationId,
              destinationName: n === 0 ? text : 'EMR',
              status: 'queued',
              attempts: 0,
              settledAt: null,
            })),
          },
        ])
        const storedRow = await fixture.engine.read<Record<string, unknown>>({
          sql: 'SELECT * FROM deliveries ORDER BY position',
          values: [],
        })
        expect(storedRow.filter((delivery) => delivery.message_id === row.id)).toEqual(
          row.deliveries.map((delivery, position) => ({
            message_id: row.id,
            position,
            id: delivery.id,
            attempt_id: delivery.attemptId,
            subscription_id: delivery.subscriptionId,
            destination_id: delivery.destinationId,
            status: 'queued',
            queue_position: 1,
            attempts: 0,
            settled_at: null,
            event_id: null,
          })),
        )
      },
    )

    test('a sealed payload of 2 MB', async () => {
      const owned = await addTenant()
      const sealedPayload = 'a1_-'.repeat(500_000)
      const { id } = await addMessage(owned, [], { sealedPayload })
      expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: sealedPayload })
    })

    test.each(TRICKY_TEXTS)('an audit event, in every column, with %j', async (text) => {
      const facts = {
        text,
        none: null,
        yes: true,
        no: false,
        most: MAX_INTEGER,
        negative: -1,
        half: 0.5,
      }
      const event = createTestEvent(createUuid(), {
        at: MAX_INTEGER,
        actor: text,
        action: text,
        facts,
      })
      await fixture.storage.addEvent(event)
      expect(await listEvents(event.subject)).toEqual([event])
    })

    test('nothing is found by an unknown id', async () => {
      for (const id of [createUuid(), '', '%', "' OR 1=1 --"]) {
        expect(await fixture.storage.findAccount(id)).toBeNull()
        expect(await fixture.storage.findUser(id)).toBeNull()
        expect(await fixture.storage.findSource(id)).toBeNull()
        expect(await fixture.storage.findDestination(id)).toBeNull()
        expect(await fixture.storage.findKey(id)).toBeNull()
        expect(await fixture.storage.findKeySummary(id)).toBeNull()
        expect(await fixture.findKeyBySecret(id)).toBeNull()
        expect(await fixture.storage.findSealedSecret(id)).toBeNull()
        expect(await fixture.storage.findSite(id)).toBeNull()
        expect(await fixture.storage.findDeveloper(id)).toBeNull()
        expect(await fixture.storage.listAllowlistEntries(id)).toEqual([])
        expect(await fixture.storage.listKeyUses(id, 0)).toEqual([])
        expect(await fixture.storage.listKeyRoutings({ id, sourceId: id })).toEqual([])
        expect(await fixture.storage.listKeyRoutings({ id, sourceId: null })).toEqual([])
        expect(await fixture.storage.findRevokedToken(id, id)).toEqual({
          isRevoked: false,
          anyRevoked: false,
        })
        expect(await fixture.storage.findGrant(id)).toBeNull()
        expect(await fixture.storage.findPayload(id)).toBeNull()
      }
    })
  })
}
