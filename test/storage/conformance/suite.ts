import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMessageIdGenerator } from '../../../src/service/messages/accept.ts'
import type { User } from '../../../src/service/ports/accounts.ts'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import type { SubscriptionSummary } from '../../../src/service/ports/routing.ts'
import type { Storage } from '../../../src/service/ports/storage.ts'
import type { Engine } from '../../../src/storage/engine.ts'
import { createStorage } from '../../../src/storage/storage.ts'
import { testAuditChainStorage, testEventStorage } from './audit.ts'
import { testDirectoryStorage } from './directory.ts'
import {
  ALL_PARTIES,
  countTrue,
  createKeyEdit,
  createTestEvent,
  createTestKey,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'
import { testKeyStorage } from './keys.ts'
import { testListQueries } from './lists.ts'
import { testQueueStorage } from './queues.ts'
import { testSignInStorage } from './sign-in.ts'
import { testDashboardStorage, testKeyUseStorage, testTrafficStorage } from './usage.ts'

/** A fresh database of one engine, with schema.sql in it. */
export type OpenEngine = () => Promise<{ engine: Engine; dispose: () => Promise<void> }>

/** What Storage promises in service/ports.ts, for whichever engine is under it. */
export function testStorageConformance(name: string, open: OpenEngine): void {
  let engine: Engine
  let storage: Storage
  let dispose: () => Promise<void>
  beforeAll(async () => {
    const opened = await open()
    engine = opened.engine
    dispose = opened.dispose
    storage = createStorage(engine)
  })
  afterAll(() => dispose())

  const fixture = new StorageFixture(() => ({ engine, storage }))
  const { addAccount, addUser, addSource, addDestination, addSubscription, addTenant, addMessage } =
    fixture
  const { listEvents, expectRefused } = fixture

  testDirectoryStorage(name, fixture)
  testKeyStorage(name, fixture)
  testKeyUseStorage(name, fixture)
  testQueueStorage(name, fixture)
  testEventStorage(name, fixture)
  testSignInStorage(name, fixture)
  testListQueries(name, fixture)
  testTrafficStorage(name, fixture)
  testDashboardStorage(name, fixture)

  const createRotation = (grantId: string, to: number, more: object = {}) => ({
    grantId,
    keyId: 'key-1',
    to,
    rotatedAt: 2_000,
    expiresAt: MAX_INTEGER,
    ...more,
  })

  /** A grant's row at this generation. */
  async function rotateNewGrant(generation = 1, more: object = {}): Promise<string> {
    const id = createUuid()
    expect(await storage.rotateGrant(createRotation(id, generation, more))).toBe(true)
    return id
  }

  // ── The guarantees ──────────────────────────────────────────────────────────────────────────────

  describe(`${name}: what is written is what is read`, () => {
    test.each(TRICKY_TEXTS)('an account, in every column, named %j', async (text) => {
      for (const status of ['open', 'closed'] as const) {
        for (const departedKeys of ['keep', 'disable'] as const) {
          for (const addressesEnforced of [true, false]) {
            const choices = { status, departedKeys, addressesEnforced }
            const row = await addAccount({
              name: text,
              region: text,
              createdAt: MAX_INTEGER,
              ...choices,
            })
            expect(await storage.findAccount(row.id)).toEqual(row)
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
          expect(await storage.findUser(row.id)).toEqual(row)
          const named = await addUser(id, {
            role,
            username: `${text}${createUuid()}`,
            leftAt: MAX_INTEGER,
          })
          expect(await storage.findUser(named.id)).toEqual(named)
        }
      },
    )

    test.each(TRICKY_TEXTS)(
      'a source and a destination, in every column, named %j',
      async (text) => {
        const { id } = await addAccount()
        const from = await addSource(id, { name: text, createdAt: MAX_INTEGER })
        expect(await storage.findSource(from.id)).toEqual(from)
        const bare = await addDestination(id, { name: text })
        expect(await storage.findDestination(bare.id)).toEqual(bare)
        const full = await addDestination(id, {
          name: text,
          url: text,
          development: true,
          verifiedAt: MAX_INTEGER,
          method: 'GET',
          sealedToken: text,
          createdAt: MAX_INTEGER,
        })
        expect(await storage.findDestination(full.id)).toEqual(full)
        expect(await storage.findSealedVerificationToken(full.id)).toBe(text)
        expect(await storage.findSealedVerificationToken(bare.id)).toBeNull()
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
      const listed = await storage.listSubscriptions({ sourceId: from.id, limit: 10 })
      expect(listed).toEqual([every, one])
      expect(await storage.findSubscription(one.id)).toEqual(one)
      expect(await storage.findSubscription(createUuid())).toBeNull()
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
      expect(await storage.listSubscriptions(page)).toEqual([first, second])
      expect(await storage.listSubscriptions({ ...page, limit: 1 })).toEqual([first])
      expect(await storage.listSubscriptions({ ...page, after: first.id })).toEqual([second])
      expect(await storage.listSubscriptions({ ...page, sourceId: also.id })).toEqual([second])
      expect(await storage.listSubscriptions({ ...page, sourceId: other.id })).toEqual([])
      const receiver = { id: to.id, name: to.name, verifiedAt: 7 }
      expect(await storage.findSubscriptionTarget(first.id)).toEqual(receiver)
      expect(await storage.findSubscriptionTarget(createUuid())).toBeNull()
    })

    test('a key that never expires', async () => {
      const { addKey: key } = await addTenant({ expiresAt: null })
      expect((await storage.findKey(key.publicId))?.expiresAt).toBeNull()
      expect((await storage.findKeySummary(key.id))?.expiresAt).toBeNull()
    })

    test('a public id is told apart by case and by blanks', async () => {
      const id = createUuid()
      const lower = await addTenant({ publicId: `abc-${id}` })
      const upper = await addTenant({ publicId: `ABC-${id}` })
      const blank = await addTenant({ publicId: `abc-${id} ` })
      for (const { addKey: key } of [lower, upper, blank]) {
        expect((await storage.findKey(key.publicId))?.id).toBe(key.id)
      }
    })

    test('a grant, in every column', async () => {
      const id = createUuid()
      await storage.rotateGrant(
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
      expect(await storage.findGrant(id)).toEqual(row)
      await storage.acknowledgeGrant(id, MAX_INTEGER - 1, MAX_INTEGER)
      expect(await storage.findGrant(id)).toEqual({ ...row, acknowledgedAt: MAX_INTEGER })
      await storage.revokeGrant(id, MAX_INTEGER, createTestEvent(id))
      const revoked = { ...row, acknowledgedAt: MAX_INTEGER, revokedAt: MAX_INTEGER }
      expect(await storage.findGrant(id)).toEqual(revoked)
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
        expect(await storage.findPayload(row.id)).toBe(text)
        expect(await storage.listMessages({ accountId: owned.accountId, limit: 10 })).toEqual([
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
        const storedRow = await engine.read<Record<string, unknown>>({
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
            place: 1,
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
      expect(await storage.findPayload(id)).toBe(sealedPayload)
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
      await storage.addEvent(event)
      expect(await listEvents(event.subject)).toEqual([event])
    })

    test('nothing is found under an id that is nobody’s', async () => {
      for (const id of [createUuid(), '', '%', "' OR 1=1 --"]) {
        expect(await storage.findAccount(id)).toBeNull()
        expect(await storage.findUser(id)).toBeNull()
        expect(await storage.findSource(id)).toBeNull()
        expect(await storage.findDestination(id)).toBeNull()
        expect(await storage.findKey(id)).toBeNull()
        expect(await storage.findKeySummary(id)).toBeNull()
        expect(await storage.findKeyBySecret(id)).toBeNull()
        expect(await storage.findSealedSecret(id)).toBeNull()
        expect(await storage.findSite(id)).toBeNull()
        expect(await storage.findDeveloper(id)).toBeNull()
        expect(await storage.listAllowlistEntries(id)).toEqual([])
        expect(await storage.listKeyUses(id, 0)).toEqual([])
        expect(await storage.findKeyRouting(id)).toBeNull()
        expect(await storage.findGrant(id)).toBeNull()
        expect(await storage.findPayload(id)).toBeNull()
      }
    })
  })

  describe(`${name}: a change whose guard does not hold`, () => {
    test('writes neither row nor event for an id that exists', async () => {
      const { accountId, addKey: key, owner } = await addTenant()
      const [from, to] = [await addSource(accountId), await addDestination(accountId)]
      const joined = await addSubscription(from.id, to.id, { dataModel: 'Device' })
      const other = await addAccount()

      const duplicate = { ...(await addAccount()), name: 'Other' }
      await expectRefused(
        (e) => storage.addAccount(duplicate, e),
        duplicate.id,
        () => storage.findAccount(duplicate.id),
      )
      await expectRefused(
        (e) => storage.addUser({ ...owner, email: 'another@acme.example' }, e),
        owner.id,
        () => storage.findUser(owner.id),
      )
      await expectRefused(
        (e) => storage.addSource({ ...from, accountId: other.id }, e),
        from.id,
        () => storage.findSource(from.id),
      )
      await expectRefused(
        (e) => storage.addDestination({ ...to, name: 'Other', sealedToken: null }, e),
        to.id,
        () => storage.findDestination(to.id),
      )
      await expectRefused(
        (e) => storage.addSubscription({ ...joined, dataModel: 'Order' }, e),
        joined.id,
        () => storage.listSubscriptions({ sourceId: from.id, limit: 10 }),
      )
      await expectRefused(
        (e) => storage.addKey({ ...key, sourceId: from.id, publicId: createUuid() }, e),
        key.id,
        () => fixture.findKeyWithRouting(key.publicId),
      )
    })

    test('refuses a second user of an account with one address, and no other account’s', async () => {
      const [a, b] = [await addAccount(), await addAccount()]
      const first = await addUser(a.id, { email: 'same@acme.example' })
      const second = { ...first, id: createUuid() }
      await expectRefused((e) => storage.addUser(second, e), second.id)
      expect(await storage.findUser(second.id)).toBeNull()
      await addUser(b.id, { email: 'same@acme.example' })
    })

    test('refuses a key whose public id is taken', async () => {
      const { addKey: key } = await addTenant()
      const { id } = await addAccount()
      const twin = createTestKey(await addUser(id), (await addSource(id)).id, {
        publicId: key.publicId,
      })
      await expectRefused(
        (e) => storage.addKey(twin, e),
        twin.id,
        () => fixture.findKeyWithRouting(key.publicId),
      )
    })

    test('refuses a key for who may not hold one', async () => {
      const { id } = await addAccount()
      const free = await addSource(id)
      for (const role of ['member', 'operator'] as const) {
        const key = createTestKey(await addUser(id, { role }), free.id)
        await expectRefused(
          (e) => storage.addKey(key, e),
          key.id,
          () => fixture.findKeyWithRouting(key.publicId),
        )
      }
      for (const role of ['administrator', 'engineer'] as const) {
        const key = createTestKey(await addUser(id, { role }), (await addSource(id)).id)
        expect(await storage.addKey(key, createTestEvent(key.id))).toBe(true)
      }
    })

    test('refuses a key for another account’s user, another account’s source, or none', async () => {
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
          (e) => storage.addKey(key, e),
          key.id,
          () => fixture.findKeyWithRouting(key.publicId),
        )
      }
    })

    test('refuses a second living key of a source, until the first is revoked', async () => {
      const { addKey: key, owner, sourceId } = await addTenant()
      const second = createTestKey(owner, sourceId)
      await expectRefused((e) => storage.addKey(second, e), second.id)
      await storage.disableKey(key.id, 'operator', createTestEvent(key.id))
      await expectRefused((e) => storage.addKey(second, e), second.id)
      await storage.revokeKey(key.id, createTestEvent(key.id))
      expect(await storage.addKey(second, createTestEvent(second.id))).toBe(true)
      expect((await storage.findKey(key.publicId))?.status).toBe('revoked')
    })

    test('refuses every change of a revoked key', async () => {
      const { accountId, owner, addKey: key } = await addTenant()
      const place = await fixture.addSite(accountId)
      await storage.revokeKey(key.id, createTestEvent(key.id, { at: 5 }))
      const readKeyState = async () => [
        await fixture.findKeyWithRouting(key.publicId),
        await storage.findKeySummary(key.id),
      ]
      for (const by of ALL_PARTIES) {
        await expectRefused((e) => storage.enableKey(key.id, by, e), key.id, readKeyState)
        await expectRefused((e) => storage.disableKey(key.id, by, e), key.id, readKeyState)
      }
      await expectRefused((e) => storage.revokeKey(key.id, e), key.id, readKeyState)
      const seenEventId = (await storage.findKeySummary(key.id))?.eventId ?? ''
      const edit = createKeyEdit(owner.id)
      await expectRefused(
        (e) => storage.editKey(key.id, edit, seenEventId, e),
        key.id,
        readKeyState,
      )
      for (const to of [{ siteId: place.id, at: 9 }, null]) {
        await expectRefused((e) => storage.assignKey(key.id, to, e), key.id, readKeyState)
      }
      for (const overlapEndsAt of [null, 9]) {
        const secret = { hash: 'other', sealed: null, tokenSalt: 'other', overlapEndsAt }
        await expectRefused((e) => storage.rotateSecret(key.id, secret, e), key.id, readKeyState)
      }
    })

    test('refuses a second subscription for one source, destination and data model', async () => {
      const { id } = await addAccount()
      const [from, to] = [await addSource(id), await addDestination(id)]
      await addSubscription(from.id, to.id)
      await addSubscription(from.id, to.id, { dataModel: 'Device' })
      for (const dataModel of [null, 'Device']) {
        const row: SubscriptionSummary = {
          id: createUuid(),
          sourceId: from.id,
          destinationId: to.id,
          dataModel,
          status: 'active',
          createdAt: 1,
        }
        await expectRefused((e) => storage.addSubscription(row, e), row.id)
      }
    })

    test('refuses a subscription of a source or to a destination that does not exist', async () => {
      const { id } = await addAccount()
      const [from, to] = [await addSource(id), await addDestination(id)]
      const row: SubscriptionSummary = {
        id: createUuid(),
        sourceId: from.id,
        destinationId: to.id,
        dataModel: null,
        status: 'active',
        createdAt: 1,
      }
      await expectRefused(
        (e) => storage.addSubscription({ ...row, sourceId: createUuid() }, e),
        row.id,
      )
      await expectRefused(
        (e) => storage.addSubscription({ ...row, destinationId: createUuid() }, e),
        row.id,
      )
      expect(await storage.addSubscription(row, createTestEvent(row.id))).toBe(true)
    })

    test('refuses to change what does not exist', async () => {
      const id = createUuid()
      await expectRefused((e) => storage.setAccountStatus(id, 'closed', e), id)
      await expectRefused((e) => storage.setUserRole(id, 'member', e), id)
      await expectRefused((e) => storage.setOffboardingPolicy(id, 'disable', e), id)
      await expectRefused((e) => storage.setAllowlistEnforced(id, true, e), id)
      await expectRefused((e) => storage.deactivateUser(id, 1, e), id)
      await expectRefused((e) => storage.deleteAllowlistEntry(id, e), id)
      await expectRefused((e) => storage.enableKey(id, 'operator', e), id)
      await expectRefused((e) => storage.disableKey(id, 'operator', e), id)
      await expectRefused((e) => storage.revokeKey(id, e), id)
      await expectRefused(
        (e) => storage.editKey(id, createKeyEdit(createUuid()), createUuid(), e),
        id,
      )
      await expectRefused((e) => storage.assignKey(id, null, e), id)
      await expectRefused((e) => storage.deleteKey(id, e), id)
      const secret = { hash: 'h', sealed: null, tokenSalt: 's', overlapEndsAt: null }
      await expectRefused((e) => storage.rotateSecret(id, secret, e), id)
      await expectRefused((e) => storage.setDestinationVerified(id, 1, e), id)
      await expectRefused((e) => storage.setVerificationToken(id, 'sealed', 'GET', e), id)
      await expectRefused((e) => storage.setSubscriptionStatus(id, 'paused', e), id)
      await expectRefused((e) => storage.revokeGrant(id, 1, e), id)
      expect(await storage.acknowledgeGrant(id, 1, 1)).toBe(false)
    })
  })

  describe(`${name}: a change and its event`, () => {
    test('are there together', async () => {
      const { accountId, addKey: key, owner } = await addTenant()
      const to = await addDestination(accountId)
      const joined = await addSubscription((await addSource(accountId)).id, to.id)
      const family = await rotateNewGrant()
      const changes: [string, (event: AuditEvent) => Promise<boolean>][] = [
        [accountId, (e) => storage.setAccountStatus(accountId, 'closed', e)],
        [owner.id, (e) => storage.setUserRole(owner.id, 'member', e)],
        [key.id, (e) => storage.disableKey(key.id, 'operator', e)],
        [to.id, (e) => storage.setDestinationVerified(to.id, 4, e)],
        [joined.id, (e) => storage.setSubscriptionStatus(joined.id, 'paused', e)],
        [family, (e) => storage.revokeGrant(family, 6, e)],
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
      expect((await storage.findAccount(accountId))?.status).toBe('closed')
      expect((await storage.findUser(owner.id))?.role).toBe('member')
      expect((await storage.findKeySummary(key.id))?.status).toBe('disabled')
      expect((await storage.findDestination(to.id))?.verifiedAt).toBe(4)
      expect((await storage.findGrant(family))?.revokedAt).toBe(6)
    })

    test('verify a destination only as it was when it met the challenge', async () => {
      const { id: accountId } = await addAccount()
      const url = 'https://emr.example/'
      for (const sealedToken of [null, 'sealed']) {
        const { id } = await addDestination(accountId, { url, sealedToken })
        const verifyDestination = (met: { url: string; sealedToken: string | null }) =>
          storage.verifyDestination(id, met, 5, createTestEvent(id))
        const verifiedAt = async () => (await storage.findDestination(id))?.verifiedAt
        expect(await verifyDestination({ url: 'https://other.example/', sealedToken })).toBe(false)
        expect(await verifyDestination({ url, sealedToken: 'other' })).toBe(false)
        expect(
          await verifyDestination({ url, sealedToken: sealedToken === null ? 'sealed' : null }),
        ).toBe(false)
        expect(await verifiedAt()).toBeNull()
        expect(await listEvents(id)).toHaveLength(1)
        expect(await verifyDestination({ url, sealedToken })).toBe(true)
        expect(await verifiedAt()).toBe(5)
        expect(await storage.setVerificationToken(id, 'new', 'GET', createTestEvent(id))).toBe(true)
        expect(await storage.findDestination(id)).toMatchObject({
          verifiedAt: null,
          method: 'GET',
          hasToken: true,
        })
        expect(await storage.findSealedVerificationToken(id)).toBe('new')
      }
      const nowhere = await addDestination(accountId)
      const met = { url: '', sealedToken: null }
      expect(await storage.verifyDestination(nowhere.id, met, 5, createTestEvent(nowhere.id))).toBe(
        false,
      )
    })

    test('fall together where the event cannot be written', async () => {
      const { addKey: key } = await addTenant()
      const storedEvent = createTestEvent(createUuid())
      await storage.addEvent(storedEvent)
      const version = await storage.readAuthorityVersion()
      const duplicate = { ...createTestEvent(key.id), id: storedEvent.id }
      await expect(storage.revokeKey(key.id, duplicate)).rejects.toThrow()
      expect((await storage.findKey(key.publicId))?.status).toBe('enabled')
      expect(await listEvents(key.id)).toHaveLength(1)
      expect(await storage.readAuthorityVersion()).toBe(version)
    })

    test('fall together where any later statement fails', async () => {
      const id = createUuid()
      const add = `INSERT INTO accounts (id, name, region, status, created_at, event_id) VALUES ('${id}', 'n', 'us', 'open', 1, 'e')`
      const wrong = `UPDATE accounts SET status = 'neither' WHERE id = '${id}'`
      const steps = [add, wrong].map((sql) => ({ sql, values: [] }))
      await expect(engine.atomic(steps)).rejects.toThrow()
      expect(await storage.findAccount(id)).toBeNull()
      expect(await engine.atomic([{ sql: add, values: [] }])).toEqual([1])
      expect((await storage.findAccount(id))?.name).toBe('n')
    })

    test('a message that is there already changes nothing, and says so', async () => {
      const owned = await addTenant()
      const hop = await addSubscription(owned.sourceId, (await addDestination(owned.accountId)).id)
      const row = await addMessage(owned, [hop])
      const other = { ...row, sealedPayload: 'other', deliveries: [] }
      await expect(storage.addMessage(other)).rejects.toThrow()
      expect(await storage.findPayload(row.id)).toBe('sealed')
      const [listed] = await storage.listMessages({ accountId: owned.accountId, limit: 10 })
      expect(listed?.deliveries).toHaveLength(1)
    })

    test('a message without one of its deliveries is not there', async () => {
      const owned = await addTenant()
      const hop = await addSubscription(owned.sourceId, (await addDestination(owned.accountId)).id)
      const row = await addMessage(owned, [hop])
      const id = createUuid()
      const broken = { ...hop, destinationId: null as unknown as string }
      await expect(addMessage(owned, [hop, broken], { id })).rejects.toThrow()
      expect(await storage.findPayload(id)).toBeNull()
      const listed = await storage.listMessages({ accountId: owned.accountId, limit: 10 })
      expect(listed.map((entry) => entry.id)).toEqual([row.id])
    })
  })

  test(`${name}: of many that claim message ids at once, each has its own`, async () => {
    const clock = () => Date.UTC(2026, 0, 1)
    const processes = Array.from({ length: 4 }, () => createMessageIdGenerator({ storage, clock }))
    const ids = await Promise.all(
      processes.flatMap((nextId) => Array.from({ length: 50 }, () => nextId())),
    )
    expect(new Set(ids).size).toBe(200)
    expect(await storage.moveNextIdBlock(1, 2)).toBe(false)
  })

  describe(`${name}: the authority’s version`, () => {
    const expectVersionBump = async (act: () => Promise<unknown>) => {
      const before = await storage.readAuthorityVersion()
      await act()
      return (await storage.readAuthorityVersion()) > before
    }

    test('is raised by every change of who may do what', async () => {
      const { accountId, addKey: key, owner } = await addTenant()
      const from = await addSource(accountId)
      const to = await addDestination(accountId)
      const joined = await addSubscription(from.id, to.id)
      const family = await rotateNewGrant()
      const secret = { hash: 'h', sealed: null, tokenSalt: 's', overlapEndsAt: null }
      const [place, rule] = [
        await fixture.addSite(accountId),
        await fixture.addAllowlistEntry(accountId, '::/0'),
      ]
      const e = createTestEvent
      const edit = async () => {
        const seenEventId = (await storage.findKeySummary(key.id))?.eventId ?? ''
        expect(await storage.editKey(key.id, createKeyEdit(owner.id), seenEventId, e(key.id))).toBe(
          true,
        )
      }
      const changes: [string, () => Promise<unknown>][] = [
        ['addAccount', () => addAccount()],
        ['setAccountStatus', () => storage.setAccountStatus(accountId, 'closed', e(accountId))],
        ['addUser', () => addUser(accountId)],
        ['setUserRole', () => storage.setUserRole(owner.id, 'member', e(owner.id))],
        ['addSource', () => addSource(accountId)],
        ['addDestination', () => addDestination(accountId)],
        ['setDestinationVerified', () => storage.setDestinationVerified(to.id, 1, e(to.id))],
        ['setVerificationToken', () => storage.setVerificationToken(to.id, null, 'POST', e(to.id))],
        ['unverify', () => storage.setDestinationVerified(to.id, null, e(to.id))],
        ['addSubscription', () => addSubscription(from.id, to.id, { dataModel: 'Order' })],
        ['pause', () => storage.setSubscriptionStatus(joined.id, 'paused', e(joined.id))],
        ['resume', () => storage.setSubscriptionStatus(joined.id, 'active', e(joined.id))],
        ['addKey', () => addTenant()],
        ['disable', () => storage.disableKey(key.id, 'operator', e(key.id))],
        ['enable', () => storage.enableKey(key.id, 'operator', e(key.id))],
        ['rotateSecret', () => storage.rotateSecret(key.id, secret, e(key.id))],
        [
          'rotateSecret with an overlap',
          () => storage.rotateSecret(key.id, { ...secret, overlapEndsAt: 9 }, e(key.id)),
        ],
        ['editKey', () => edit()],
        ['assignKey', () => storage.assignKey(key.id, { siteId: place.id, at: 1 }, e(key.id))],
        ['revoke', () => storage.revokeKey(key.id, e(key.id))],
        ['deleteKey', () => storage.deleteKey(key.id, e(key.id))],
        [
          'setOffboardingPolicy',
          () => storage.setOffboardingPolicy(accountId, 'disable', e(accountId)),
        ],
        ['deactivateUser', () => storage.deactivateUser(owner.id, 1, e(owner.id))],
        ['enforce', () => storage.setAllowlistEnforced(accountId, true, e(accountId))],
        ['addAllowlistEntry', () => fixture.addAllowlistEntry(accountId, '10.0.0.0/8')],
        ['deleteAllowlistEntry', () => storage.deleteAllowlistEntry(rule.id, e(rule.id))],
        ['addSite', () => fixture.addSite(accountId)],
        ['addDeveloper', () => fixture.addDeveloper(accountId)],
        ['revokeGrant', () => storage.revokeGrant(family, 1, e(family))],
      ]
      for (const [verb, change] of changes)
        expect([verb, await expectVersionBump(change)]).toEqual([verb, true])
    })

    test('is not raised by rotations, acknowledgements, messages or reads', async () => {
      const owned = await addTenant()
      const hop = await addSubscription(owned.sourceId, (await addDestination(owned.accountId)).id)
      const id = createUuid()
      const others: [string, () => Promise<unknown>][] = [
        ['rotateGrant', () => storage.rotateGrant(createRotation(id, 1))],
        ['rotateGrant again', () => storage.rotateGrant(createRotation(id, 2))],
        ['acknowledgeGrant', () => storage.acknowledgeGrant(id, 2, 1)],
        ['purgeGrants', () => storage.purgeGrants(0)],
        ['addMessage', () => addMessage(owned, [hop])],
        ['addEvent', () => storage.addEvent(createTestEvent(id))],
        ['probe', () => storage.probe()],
        [
          'addKeyUses',
          () => storage.addKeyUses([{ keyId: owned.addKey.id, day: 1, uses: 1, lastAt: 1 }]),
        ],
        ['listKeyUses', () => storage.listKeyUses(owned.addKey.id, 0)],
        ['findKeyBySecret', async () => storage.findKeyBySecret('x')],
        ['findKey', async () => fixture.findKeyWithRouting(owned.addKey.publicId)],
        ['findKeyRouting', async () => storage.findKeyRouting(owned.addKey.id)],
      ]
      for (const [verb, act] of others)
        expect([verb, await expectVersionBump(act)]).toEqual([verb, false])
    })
  })

  describe(`${name}: routes`, () => {
    test('are the active subscriptions of the key’s own source, with their destinations', async () => {
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
      expect(await storage.findKeyRouting(owned.addKey.id)).toEqual({
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
      })
    })

    test('need a source while the account has another key that is not revoked', async () => {
      const { accountId, owner, addKey: key } = await addTenant()
      await addTenant()
      const needsSource = async () => (await storage.findKeyRouting(key.id))?.needsSource
      expect(await needsSource()).toBe(false)
      const second = createTestKey(owner, (await addSource(accountId)).id)
      await storage.addKey(second, createTestEvent(second.id))
      expect(await needsSource()).toBe(true)
      await storage.disableKey(second.id, 'operator', createTestEvent(second.id))
      expect(await needsSource()).toBe(true)
      await storage.revokeKey(second.id, createTestEvent(second.id))
      expect(await needsSource()).toBe(false)
    })
  })

  describe(`${name}: a list`, () => {
    /** Follows the cursor from page to page of two. */
    async function readAllPages<T extends { id: string }>(
      list: (page: { after?: string; limit: number }) => Promise<T[]>,
      start?: string,
    ): Promise<string[][]> {
      const found: string[][] = []
      let after = start
      for (;;) {
        const page = await list({ ...(after === undefined ? {} : { after }), limit: 2 })
        found.push(page.map(({ id }) => id))
        after = page.at(-1)?.id
        if (page.length < 2) return found
      }
    }
    const createFive = async (make: () => Promise<{ id: string }>) => {
      const ids: string[] = []
      for (let n = 0; n < 5; n++) ids.push((await make()).id)
      return ids as [string, string, string, string, string]
    }

    test('of accounts, users, sites, developers, sources, destinations or keys goes from the oldest', async () => {
      const start = createUuid()
      const ids = await createFive(() => addAccount())
      const [a, b, c, d, e] = ids
      expect(await readAllPages((page) => storage.listAccounts(page), start)).toEqual([
        [a, b],
        [c, d],
        [e],
      ])

      const { id: accountId } = await addAccount()
      const owner = await addUser(accountId, { role: 'administrator' })
      const lists: [
        () => Promise<{ id: string }>,
        (page: { accountId: string; after?: string; limit: number }) => Promise<{ id: string }[]>,
      ][] = [
        [
          () => addUser(accountId),
          (page) => storage.listUsers({ ...page, after: page.after ?? owner.id }),
        ],
        [() => addSource(accountId), (page) => storage.listSources(page)],
        [() => fixture.addSite(accountId), (page) => storage.listSites(page)],
        [() => fixture.addDeveloper(accountId), (page) => storage.listDevelopers(page)],
        [() => addDestination(accountId), (page) => storage.listDestinations(page)],
      ]
      for (const [make, list] of lists) {
        const [v, w, x, y, z] = await createFive(make)
        expect(await readAllPages((page) => list({ accountId, ...page }))).toEqual([
          [v, w],
          [x, y],
          [z],
        ])
      }
      const sources = await storage.listSources({ accountId, limit: 5 })
      const keys: string[] = []
      for (const from of sources) {
        const key = createTestKey(owner, from.id)
        await storage.addKey(key, createTestEvent(key.id))
        keys.push(key.id)
      }
      const [p, q, r, s, t] = keys
      const found = await readAllPages((page) => storage.listKeys({ accountId, ...page }))
      expect(found).toEqual([[p, q], [r, s], [t]])
    })

    test('of subscriptions goes from the oldest, of one source where one is named', async () => {
      const { id } = await addAccount()
      const [from, other] = [await addSource(id), await addSource(id)]
      const to = await createFive(() => addDestination(id))
      const ids: string[] = []
      for (const destinationId of to) {
        ids.push((await addSubscription(from.id, destinationId)).id)
        await addSubscription(other.id, destinationId)
      }
      const [a, b, c, d, e] = ids
      const found = await readAllPages((page) =>
        storage.listSubscriptions({ sourceId: from.id, ...page }),
      )
      expect(found).toEqual([[a, b], [c, d], [e]])
    })

    test('of messages or events goes from the newest', async () => {
      const owned = await addTenant()
      const [a, b, c, d, e] = await createFive(() => addMessage(owned, []))
      const { accountId } = owned
      const found = await readAllPages((page) => storage.listMessages({ accountId, ...page }))
      expect(found).toEqual([[e, d], [c, b], [a]])

      const subject = createUuid()
      const [v, w, x, y, z] = await createFive(async () => {
        const event = createTestEvent(subject)
        await storage.addEvent(event)
        return event
      })
      const events = await readAllPages((page) => storage.listEvents({ subject, ...page }))
      expect(events).toEqual([[z, y], [x, w], [v]])
    })

    test('of one account never shows another’s rows', async () => {
      const [a, b] = [await addTenant(), await addTenant()]
      for (const owned of [a, b]) {
        const to = await addDestination(owned.accountId)
        await addMessage(owned, [await addSubscription(owned.sourceId, to.id)])
        await fixture.addSite(owned.accountId)
        await fixture.addDeveloper(owned.accountId)
        await fixture.addAllowlistEntry(owned.accountId, '10.0.0.0/8')
      }
      for (const { accountId } of [a, b]) {
        const page = { accountId, limit: 1000 }
        for (const rows of [
          await storage.listUsers(page),
          await storage.listSites(page),
          await storage.listDevelopers(page),
          await storage.listAllowlistEntries(accountId),
          await storage.listSources(page),
          await storage.listDestinations(page),
          await storage.listKeys(page),
          await storage.listMessages(page),
        ]) {
          expect(rows.map((row) => row.accountId)).toEqual([accountId])
        }
      }
      const nobody = { accountId: createUuid(), limit: 1000 }
      expect(await storage.listUsers(nobody)).toEqual([])
      expect(await storage.listSites(nobody)).toEqual([])
      expect(await storage.listDevelopers(nobody)).toEqual([])
      expect(await storage.listSources(nobody)).toEqual([])
      expect(await storage.listDestinations(nobody)).toEqual([])
      expect(await storage.listKeys(nobody)).toEqual([])
      expect(await storage.listMessages(nobody)).toEqual([])
    })

    test('without an account shows everybody’s rows', async () => {
      const start = createUuid()
      const [a, b] = [await addTenant(), await addTenant()]
      const keys = await storage.listKeys({ after: start, limit: 10 })
      expect(keys.map((key) => key.accountId)).toEqual([a.accountId, b.accountId])
      const users = await storage.listUsers({ after: start, limit: 10 })
      expect(users.map(({ id }) => id)).toEqual([a.owner.id, b.owner.id])
      const sources = await storage.listSources({ after: start, limit: 10 })
      expect(sources.map(({ id }) => id)).toEqual([a.sourceId, b.sourceId])
      const events = await storage.listEvents({ since: 1_000, until: 1_001, limit: 1 })
      expect(events.map(({ subject }) => subject)).toEqual([b.addKey.id])
    })
  })

  describe(`${name}: a grant`, () => {
    test('is born at its first rotation and moves only forward', async () => {
      const id = createUuid()
      expect(await storage.rotateGrant(createRotation(id, 3))).toBe(true)
      expect(await storage.rotateGrant(createRotation(id, 3))).toBe(false)
      expect(await storage.rotateGrant(createRotation(id, 2))).toBe(false)
      expect(await storage.rotateGrant(createRotation(id, 4, { rotatedAt: 3_000 }))).toBe(true)
      // A generation above the current one: an older backup was restored.
      expect(await storage.rotateGrant(createRotation(id, 9, { rotatedAt: 4_000 }))).toBe(true)
      expect(await storage.findGrant(id)).toMatchObject({ generation: 9, rotatedAt: 4_000 })
    })

    test('that 20 rotate at once is rotated by exactly one', async () => {
      const id = createUuid()
      for (const to of [1, 2, 3]) {
        const answers = await runConcurrently((n) =>
          storage.rotateGrant(createRotation(id, to, { rotatedAt: 1000 * to + n })),
        )
        expect(countTrue(answers)).toBe(1)
        const winner = answers.indexOf(true)
        const now = await storage.findGrant(id)
        expect(now).toMatchObject({ generation: to, rotatedAt: 1000 * to + winner })
      }
    })

    test('is acknowledged once, by its current generation, and anew after each rotation', async () => {
      const id = await rotateNewGrant(2)
      expect(await storage.acknowledgeGrant(id, 1, 7)).toBe(false)
      expect(await storage.acknowledgeGrant(id, 3, 7)).toBe(false)
      expect(countTrue(await runConcurrently((n) => storage.acknowledgeGrant(id, 2, 7 + n)))).toBe(
        1,
      )
      const { acknowledgedAt } = (await storage.findGrant(id)) ?? {}
      expect(await storage.acknowledgeGrant(id, 2, 99)).toBe(false)
      expect((await storage.findGrant(id))?.acknowledgedAt).toBe(acknowledgedAt)
      await storage.rotateGrant(createRotation(id, 3))
      expect((await storage.findGrant(id))?.acknowledgedAt).toBeNull()
      expect(await storage.acknowledgeGrant(id, 2, 7)).toBe(false)
      expect(await storage.acknowledgeGrant(id, 3, 8)).toBe(true)
    })

    test('that 20 revoke at once is revoked by exactly one, with one event', async () => {
      const id = await rotateNewGrant()
      const answers = await runConcurrently((n) =>
        storage.revokeGrant(id, 10 + n, createTestEvent(id)),
      )
      expect(countTrue(answers)).toBe(1)
      expect((await storage.findGrant(id))?.revokedAt).toBe(10 + answers.indexOf(true))
      expect(await listEvents(id)).toHaveLength(1)
    })

    test('that is rotated and revoked at once is dead, whoever came first', async () => {
      for (let round = 0; round < 10; round++) {
        const id = await rotateNewGrant()
        const acts = [
          () => storage.rotateGrant(createRotation(id, 2)),
          () => storage.revokeGrant(id, 5, createTestEvent(id)),
        ]
        if (round % 2 === 1) acts.reverse()
        await Promise.all(acts.map((act) => act()))
        expect((await storage.findGrant(id))?.revokedAt).toBe(5)
        expect(await storage.rotateGrant(createRotation(id, 3))).toBe(false)
        expect(await storage.rotateGrant(createRotation(id, 99))).toBe(false)
      }
    })

    test('is purged from the moment at which it ends, and not before', async () => {
      const lives = await rotateNewGrant(1, { expiresAt: 501 })
      const ends = await rotateNewGrant(1, { expiresAt: 500 })
      const ended = await rotateNewGrant(1, { expiresAt: 499 })
      const revoked = await rotateNewGrant(1, { expiresAt: 501 })
      await storage.revokeGrant(revoked, 1, createTestEvent(revoked))
      expect(await storage.purgeGrants(500)).toBe(2)
      expect(await storage.purgeGrants(500)).toBe(0)
      expect(await storage.findGrant(ends)).toBeNull()
      expect(await storage.findGrant(ended)).toBeNull()
      expect(await storage.findGrant(lives)).not.toBeNull()
      expect((await storage.findGrant(revoked))?.revokedAt).toBe(1)
    })

    test('that is rotated lives as long as its new generation', async () => {
      const id = await rotateNewGrant(1, { expiresAt: 600 })
      await storage.rotateGrant(createRotation(id, 2, { expiresAt: 700 }))
      await storage.purgeGrants(699)
      expect(await storage.findGrant(id)).not.toBeNull()
      await storage.purgeGrants(700)
      expect(await storage.findGrant(id)).toBeNull()
    })
  })

  describe(`${name}: 20 at once`, () => {
    test('make one living key of a source', async () => {
      const { id } = await addAccount()
      const [owner, from] = [await addUser(id), await addSource(id)]
      const added = await runConcurrently(() => {
        const key = createTestKey(owner, from.id)
        return storage.addKey(key, createTestEvent(key.id))
      })
      expect(countTrue(added)).toBe(1)
      expect(await storage.listKeys({ accountId: id, limit: 100 })).toHaveLength(1)
    })

    test('make one user of an address, and one key of a public id', async () => {
      const { id } = await addAccount()
      const email = 'same@acme.example'
      const users = await runConcurrently(() => {
        const row: User = {
          id: createUuid(),
          accountId: id,
          email,
          role: 'engineer',
          createdAt: 1,
          username: null,
          leftAt: null,
        }
        return storage.addUser(row, createTestEvent(row.id))
      })
      expect(countTrue(users)).toBe(1)

      const owner = await addUser(id)
      const publicId = createUuid()
      const sources = await runConcurrently(() => addSource(id))
      const keys = await Promise.all(
        sources.map((from) => {
          const key = createTestKey(owner, from.id, { publicId })
          return storage.addKey(key, createTestEvent(key.id))
        }),
      )
      expect(countTrue(keys)).toBe(1)
    })

    test('that revoke and enable a key leave it revoked', async () => {
      const { addKey: key } = await addTenant()
      await runConcurrently((n) =>
        n === 7
          ? storage.revokeKey(key.id, createTestEvent(key.id))
          : storage.enableKey(key.id, 'operator', createTestEvent(key.id)),
      )
      expect((await storage.findKey(key.publicId))?.status).toBe('revoked')
    })

    test('that fail and succeed side by side do not undo one another', async () => {
      const storedEvent = createTestEvent(createUuid())
      await storage.addEvent(storedEvent)
      const subject = createUuid()
      const written = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) =>
          storage.addEvent(n % 2 === 0 ? createTestEvent(subject) : { ...storedEvent, subject }),
        ),
      )
      expect(written.map(({ status }) => status)).toEqual(
        written.map((_, n) => (n % 2 === 0 ? 'fulfilled' : 'rejected')),
      )
      expect(await listEvents(subject)).toHaveLength(10)
    })
  })

  test(`${name}: the probe writes and changes nothing`, async () => {
    const version = await storage.readAuthorityVersion()
    await storage.probe()
    expect(await storage.readAuthorityVersion()).toBe(version)
  })

  // Last, since it purges.
  testAuditChainStorage(name, fixture)
}
