import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createMessageIds } from '../../src/service/message-ids.ts'
import type { AuditEvent, Storage, SubscriptionSummary, User } from '../../src/service/ports.ts'
import type { Engine } from '../../src/storage/engine.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { chainConforms } from './conformance/chain.ts'
import { eventsConform } from './conformance/events.ts'
import { feedsConform } from './conformance/feeds.ts'
import {
  crowd,
  editOf,
  eventOf,
  Given,
  howMany,
  keyOf,
  MOST,
  PARTIES,
  TEXTS,
  v7,
} from './conformance/given.ts'
import { keysConform } from './conformance/keys.ts'
import { listsConform } from './conformance/lists.ts'
import { peopleConform } from './conformance/people.ts'
import { placesConform } from './conformance/places.ts'
import { surveyConforms } from './conformance/survey.ts'
import { trafficConforms } from './conformance/traffic.ts'
import { usesConform } from './conformance/uses.ts'

/** A fresh database of one engine, with schema.sql in it. */
export type OpenEngine = () => Promise<{ engine: Engine; dispose: () => Promise<void> }>

/** What Storage promises in service/ports.ts, for whichever engine is under it. */
export function conformance(name: string, open: OpenEngine): void {
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

  const given = new Given(() => ({ engine, storage }))
  const { account, user, source, destination, subscription, tenant, message } = given
  const { eventsOf, refuses } = given

  placesConform(name, given)
  keysConform(name, given)
  usesConform(name, given)
  feedsConform(name, given)
  eventsConform(name, given)
  peopleConform(name, given)
  listsConform(name, given)
  trafficConforms(name, given)
  surveyConforms(name, given)

  const rotation = (grantId: string, to: number, more: object = {}) => ({
    grantId,
    keyId: 'key-1',
    to,
    rotatedAt: 2_000,
    expiresAt: MOST,
    ...more,
  })

  /** A grant's row at this generation. */
  async function grant(generation = 1, more: object = {}): Promise<string> {
    const id = v7()
    expect(await storage.rotateGrant(rotation(id, generation, more))).toBe(true)
    return id
  }

  // ── The guarantees ──────────────────────────────────────────────────────────────────────────────

  describe(`${name}: what is written is what is read`, () => {
    test.each(TEXTS)('an account, in every column, named %j', async (text) => {
      for (const status of ['open', 'closed'] as const) {
        for (const departedKeys of ['keep', 'disable'] as const) {
          for (const addressesEnforced of [true, false]) {
            const choices = { status, departedKeys, addressesEnforced }
            const row = await account({ name: text, region: text, createdAt: MOST, ...choices })
            expect(await storage.findAccount(row.id)).toEqual(row)
          }
        }
      }
    })

    test.each(TEXTS)('a user, in every column and role, whose address is %j', async (text) => {
      for (const role of ['operator', 'administrator', 'engineer', 'member'] as const) {
        const { id } = await account()
        const row = await user(id, { email: text, role, createdAt: MOST })
        expect(await storage.findUser(row.id)).toEqual(row)
        const named = await user(id, { role, username: `${text}${v7()}`, leftAt: MOST })
        expect(await storage.findUser(named.id)).toEqual(named)
      }
    })

    test.each(TEXTS)('a source and a destination, in every column, named %j', async (text) => {
      const { id } = await account()
      const from = await source(id, { name: text, createdAt: MOST })
      expect(await storage.findSource(from.id)).toEqual(from)
      const bare = await destination(id, { name: text })
      expect(await storage.findDestination(bare.id)).toEqual(bare)
      const full = await destination(id, {
        name: text,
        url: text,
        development: true,
        verifiedAt: MOST,
        method: 'GET',
        sealedToken: text,
        createdAt: MOST,
      })
      expect(await storage.findDestination(full.id)).toEqual(full)
      expect(await storage.findSealedToken(full.id)).toBe(text)
      expect(await storage.findSealedToken(bare.id)).toBeNull()
    })

    test('a subscription, in every column', async () => {
      const { id } = await account()
      const [from, to] = [await source(id), await destination(id)]
      const every = await subscription(from.id, to.id)
      const one = await subscription(from.id, to.id, {
        dataModel: 'Clinical Summary',
        status: 'paused',
        createdAt: MOST,
      })
      const listed = await storage.listSubscriptions({ sourceId: from.id, limit: 10 })
      expect(listed).toEqual([every, one])
      expect(await storage.findSubscription(one.id)).toEqual(one)
      expect(await storage.findSubscription(v7())).toBeNull()
    })

    test('the subscriptions of one account are those of its sources', async () => {
      const [mine, theirs] = [await account(), await account()]
      const [from, also] = [await source(mine.id), await source(mine.id)]
      const [other, to] = [await source(theirs.id), await destination(theirs.id, { verifiedAt: 7 })]
      const first = await subscription(from.id, to.id)
      const second = await subscription(also.id, to.id)
      await subscription(other.id, to.id)
      const page = { accountId: mine.id, limit: 10 }
      expect(await storage.listSubscriptions(page)).toEqual([first, second])
      expect(await storage.listSubscriptions({ ...page, limit: 1 })).toEqual([first])
      expect(await storage.listSubscriptions({ ...page, after: first.id })).toEqual([second])
      expect(await storage.listSubscriptions({ ...page, sourceId: also.id })).toEqual([second])
      expect(await storage.listSubscriptions({ ...page, sourceId: other.id })).toEqual([])
      const receiver = { id: to.id, name: to.name, verifiedAt: 7 }
      expect(await storage.findReceiver(first.id)).toEqual(receiver)
      expect(await storage.findReceiver(v7())).toBeNull()
    })

    test('a key that never expires', async () => {
      const { key } = await tenant({ expiresAt: null })
      expect((await storage.findKey(key.publicId))?.expiresAt).toBeNull()
      expect((await storage.findKeySummary(key.id))?.expiresAt).toBeNull()
    })

    test('a public id is told apart by case and by blanks', async () => {
      const id = v7()
      const lower = await tenant({ publicId: `abc-${id}` })
      const upper = await tenant({ publicId: `ABC-${id}` })
      const blank = await tenant({ publicId: `abc-${id} ` })
      for (const { key } of [lower, upper, blank]) {
        expect((await storage.findKey(key.publicId))?.id).toBe(key.id)
      }
    })

    test('a grant, in every column', async () => {
      const id = v7()
      await storage.rotateGrant(rotation(id, MOST - 1, { keyId: 'some key', rotatedAt: MOST }))
      const row = {
        id,
        keyId: 'some key',
        generation: MOST - 1,
        rotatedAt: MOST,
        acknowledgedAt: null,
        revokedAt: null,
      }
      expect(await storage.findGrant(id)).toEqual(row)
      await storage.acknowledgeGrant(id, MOST - 1, MOST)
      expect(await storage.findGrant(id)).toEqual({ ...row, acknowledgedAt: MOST })
      await storage.revokeGrant(id, MOST, eventOf(id))
      const revoked = { ...row, acknowledgedAt: MOST, revokedAt: MOST }
      expect(await storage.findGrant(id)).toEqual(revoked)
    })

    test.each(TEXTS)('a message and its deliveries, in every column, with %j', async (text) => {
      const owned = await tenant()
      const hops = [
        await subscription(owned.sourceId, (await destination(owned.accountId, { name: text })).id),
        await subscription(owned.sourceId, (await destination(owned.accountId)).id),
      ]
      const row = await message(owned, hops, {
        serial: MOST,
        dataModel: text,
        eventType: text,
        test: true,
        sealedPayload: text,
        receivedAt: MOST,
      })
      expect(await storage.findPayload(row.id)).toBe(text)
      expect(await storage.listMessages({ accountId: owned.accountId, limit: 10 })).toEqual([
        {
          id: row.id,
          serial: MOST,
          accountId: owned.accountId,
          sourceId: owned.sourceId,
          dataModel: text,
          eventType: text,
          test: true,
          receivedAt: MOST,
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
      const kept = await engine.read<Record<string, unknown>>({
        sql: 'SELECT * FROM deliveries ORDER BY position',
        values: [],
      })
      expect(kept.filter((delivery) => delivery.message_id === row.id)).toEqual(
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
    })

    test('a sealed payload of 2 MB', async () => {
      const owned = await tenant()
      const sealedPayload = 'a1_-'.repeat(500_000)
      const { id } = await message(owned, [], { sealedPayload })
      expect(await storage.findPayload(id)).toBe(sealedPayload)
    })

    test.each(TEXTS)('an audit event, in every column, with %j', async (text) => {
      const facts = { text, none: null, yes: true, no: false, most: MOST, negative: -1, half: 0.5 }
      const event = eventOf(v7(), { at: MOST, actor: text, action: text, facts })
      await storage.addEvent(event)
      expect(await eventsOf(event.subject)).toEqual([event])
    })

    test('nothing is found under an id that is nobody’s', async () => {
      for (const id of [v7(), '', '%', "' OR 1=1 --"]) {
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
        expect(await storage.listAddressRules(id)).toEqual([])
        expect(await storage.listKeyUses(id, 0)).toEqual([])
        expect(await storage.findRoutes(id)).toBeNull()
        expect(await storage.findGrant(id)).toBeNull()
        expect(await storage.findPayload(id)).toBeNull()
      }
    })
  })

  describe(`${name}: a change whose guard does not hold`, () => {
    test('writes neither row nor event for an id that exists', async () => {
      const { accountId, key, owner } = await tenant()
      const [from, to] = [await source(accountId), await destination(accountId)]
      const joined = await subscription(from.id, to.id, { dataModel: 'Device' })
      const other = await account()

      const again = { ...(await account()), name: 'Other' }
      await refuses(
        (e) => storage.addAccount(again, e),
        again.id,
        () => storage.findAccount(again.id),
      )
      await refuses(
        (e) => storage.addUser({ ...owner, email: 'another@acme.example' }, e),
        owner.id,
        () => storage.findUser(owner.id),
      )
      await refuses(
        (e) => storage.addSource({ ...from, accountId: other.id }, e),
        from.id,
        () => storage.findSource(from.id),
      )
      await refuses(
        (e) => storage.addDestination({ ...to, name: 'Other', sealedToken: null }, e),
        to.id,
        () => storage.findDestination(to.id),
      )
      await refuses(
        (e) => storage.addSubscription({ ...joined, dataModel: 'Order' }, e),
        joined.id,
        () => storage.listSubscriptions({ sourceId: from.id, limit: 10 }),
      )
      await refuses(
        (e) => storage.addKey({ ...key, sourceId: from.id, publicId: v7() }, e),
        key.id,
        () => given.judgedKey(key.publicId),
      )
    })

    test('refuses a second user of an account with one address, and no other account’s', async () => {
      const [a, b] = [await account(), await account()]
      const first = await user(a.id, { email: 'same@acme.example' })
      const second = { ...first, id: v7() }
      await refuses((e) => storage.addUser(second, e), second.id)
      expect(await storage.findUser(second.id)).toBeNull()
      await user(b.id, { email: 'same@acme.example' })
    })

    test('refuses a key whose public id is taken', async () => {
      const { key } = await tenant()
      const { id } = await account()
      const twin = keyOf(await user(id), (await source(id)).id, { publicId: key.publicId })
      await refuses(
        (e) => storage.addKey(twin, e),
        twin.id,
        () => given.judgedKey(key.publicId),
      )
    })

    test('refuses a key for who may not hold one', async () => {
      const { id } = await account()
      const free = await source(id)
      for (const role of ['member', 'operator'] as const) {
        const key = keyOf(await user(id, { role }), free.id)
        await refuses(
          (e) => storage.addKey(key, e),
          key.id,
          () => given.judgedKey(key.publicId),
        )
      }
      for (const role of ['administrator', 'engineer'] as const) {
        const key = keyOf(await user(id, { role }), (await source(id)).id)
        expect(await storage.addKey(key, eventOf(key.id))).toBe(true)
      }
    })

    test('refuses a key for another account’s user, another account’s source, or none', async () => {
      const [a, b] = [await account(), await account()]
      const [ownerA, ownerB] = [await user(a.id), await user(b.id)]
      const [sourceA, sourceB] = [await source(a.id), await source(b.id)]
      const nobody = { ...ownerA, id: v7() }
      for (const key of [
        keyOf(ownerA, sourceB.id),
        keyOf(ownerA, sourceB.id, { accountId: b.id }),
        keyOf(ownerB, sourceA.id, { accountId: a.id }),
        keyOf(ownerA, v7()),
        keyOf(nobody, sourceA.id),
      ]) {
        await refuses(
          (e) => storage.addKey(key, e),
          key.id,
          () => given.judgedKey(key.publicId),
        )
      }
    })

    test('refuses a second living key of a source, until the first is revoked', async () => {
      const { key, owner, sourceId } = await tenant()
      const second = keyOf(owner, sourceId)
      await refuses((e) => storage.addKey(second, e), second.id)
      await storage.disableKey(key.id, 'operator', eventOf(key.id))
      await refuses((e) => storage.addKey(second, e), second.id)
      await storage.revokeKey(key.id, eventOf(key.id))
      expect(await storage.addKey(second, eventOf(second.id))).toBe(true)
      expect((await storage.findKey(key.publicId))?.status).toBe('revoked')
    })

    test('refuses every change of a revoked key', async () => {
      const { accountId, owner, key } = await tenant()
      const place = await given.site(accountId)
      await storage.revokeKey(key.id, eventOf(key.id, { at: 5 }))
      const look = async () => [
        await given.judgedKey(key.publicId),
        await storage.findKeySummary(key.id),
      ]
      for (const by of PARTIES) {
        await refuses((e) => storage.enableKey(key.id, by, e), key.id, look)
        await refuses((e) => storage.disableKey(key.id, by, e), key.id, look)
      }
      await refuses((e) => storage.revokeKey(key.id, e), key.id, look)
      const seen = (await storage.findKeySummary(key.id))?.eventId ?? ''
      const edit = editOf(owner.id)
      await refuses((e) => storage.editKey(key.id, edit, seen, e), key.id, look)
      for (const to of [{ siteId: place.id, at: 9 }, null]) {
        await refuses((e) => storage.assignKey(key.id, to, e), key.id, look)
      }
      for (const overlapEndsAt of [null, 9]) {
        const secret = { hash: 'other', sealed: null, tokenSalt: 'other', overlapEndsAt }
        await refuses((e) => storage.replaceSecret(key.id, secret, e), key.id, look)
      }
    })

    test('refuses a second subscription for one source, destination and data model', async () => {
      const { id } = await account()
      const [from, to] = [await source(id), await destination(id)]
      await subscription(from.id, to.id)
      await subscription(from.id, to.id, { dataModel: 'Device' })
      for (const dataModel of [null, 'Device']) {
        const row: SubscriptionSummary = {
          id: v7(),
          sourceId: from.id,
          destinationId: to.id,
          dataModel,
          status: 'active',
          createdAt: 1,
        }
        await refuses((e) => storage.addSubscription(row, e), row.id)
      }
    })

    test('refuses a subscription of a source or to a destination that does not exist', async () => {
      const { id } = await account()
      const [from, to] = [await source(id), await destination(id)]
      const row: SubscriptionSummary = {
        id: v7(),
        sourceId: from.id,
        destinationId: to.id,
        dataModel: null,
        status: 'active',
        createdAt: 1,
      }
      await refuses((e) => storage.addSubscription({ ...row, sourceId: v7() }, e), row.id)
      await refuses((e) => storage.addSubscription({ ...row, destinationId: v7() }, e), row.id)
      expect(await storage.addSubscription(row, eventOf(row.id))).toBe(true)
    })

    test('refuses to change what does not exist', async () => {
      const id = v7()
      await refuses((e) => storage.setAccountStatus(id, 'closed', e), id)
      await refuses((e) => storage.setUserRole(id, 'member', e), id)
      await refuses((e) => storage.setDepartedKeys(id, 'disable', e), id)
      await refuses((e) => storage.setAddressesEnforced(id, true, e), id)
      await refuses((e) => storage.setUserLeft(id, 1, e), id)
      await refuses((e) => storage.removeAddressRule(id, e), id)
      await refuses((e) => storage.enableKey(id, 'operator', e), id)
      await refuses((e) => storage.disableKey(id, 'operator', e), id)
      await refuses((e) => storage.revokeKey(id, e), id)
      await refuses((e) => storage.editKey(id, editOf(v7()), v7(), e), id)
      await refuses((e) => storage.assignKey(id, null, e), id)
      await refuses((e) => storage.removeKey(id, e), id)
      const secret = { hash: 'h', sealed: null, tokenSalt: 's', overlapEndsAt: null }
      await refuses((e) => storage.replaceSecret(id, secret, e), id)
      await refuses((e) => storage.setDestinationVerified(id, 1, e), id)
      await refuses((e) => storage.setDestinationToken(id, 'sealed', 'GET', e), id)
      await refuses((e) => storage.setSubscriptionStatus(id, 'paused', e), id)
      await refuses((e) => storage.revokeGrant(id, 1, e), id)
      expect(await storage.acknowledgeGrant(id, 1, 1)).toBe(false)
    })
  })

  describe(`${name}: a change and its event`, () => {
    test('are there together', async () => {
      const { accountId, key, owner } = await tenant()
      const to = await destination(accountId)
      const joined = await subscription((await source(accountId)).id, to.id)
      const family = await grant()
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
        const event = eventOf(subject, { at: 7_777, actor: 'key-9', action: 'changed', facts })
        expect(await change(event)).toBe(true)
        expect((await eventsOf(subject))[0]).toEqual(event)
      }
      expect((await storage.findAccount(accountId))?.status).toBe('closed')
      expect((await storage.findUser(owner.id))?.role).toBe('member')
      expect((await storage.findKeySummary(key.id))?.status).toBe('disabled')
      expect((await storage.findDestination(to.id))?.verifiedAt).toBe(4)
      expect((await storage.findGrant(family))?.revokedAt).toBe(6)
    })

    test('verify a destination only as it was when it met the challenge', async () => {
      const { id: accountId } = await account()
      const url = 'https://emr.example/'
      for (const sealedToken of [null, 'sealed']) {
        const { id } = await destination(accountId, { url, sealedToken })
        const verify = (met: { url: string; sealedToken: string | null }) =>
          storage.verifyDestination(id, met, 5, eventOf(id))
        const verifiedAt = async () => (await storage.findDestination(id))?.verifiedAt
        expect(await verify({ url: 'https://other.example/', sealedToken })).toBe(false)
        expect(await verify({ url, sealedToken: 'other' })).toBe(false)
        expect(await verify({ url, sealedToken: sealedToken === null ? 'sealed' : null })).toBe(
          false,
        )
        expect(await verifiedAt()).toBeNull()
        expect(await eventsOf(id)).toHaveLength(1)
        expect(await verify({ url, sealedToken })).toBe(true)
        expect(await verifiedAt()).toBe(5)
        expect(await storage.setDestinationToken(id, 'new', 'GET', eventOf(id))).toBe(true)
        expect(await storage.findDestination(id)).toMatchObject({
          verifiedAt: null,
          method: 'GET',
          hasToken: true,
        })
        expect(await storage.findSealedToken(id)).toBe('new')
      }
      const nowhere = await destination(accountId)
      const met = { url: '', sealedToken: null }
      expect(await storage.verifyDestination(nowhere.id, met, 5, eventOf(nowhere.id))).toBe(false)
    })

    test('fall together where the event cannot be written', async () => {
      const { key } = await tenant()
      const taken = eventOf(v7())
      await storage.addEvent(taken)
      const version = await storage.authorityVersion()
      const again = { ...eventOf(key.id), id: taken.id }
      await expect(storage.revokeKey(key.id, again)).rejects.toThrow()
      expect((await storage.findKey(key.publicId))?.status).toBe('enabled')
      expect(await eventsOf(key.id)).toHaveLength(1)
      expect(await storage.authorityVersion()).toBe(version)
    })

    test('fall together where any later statement fails', async () => {
      const id = v7()
      const add = `INSERT INTO accounts (id, name, region, status, created_at, event_id) VALUES ('${id}', 'n', 'us', 'open', 1, 'e')`
      const wrong = `UPDATE accounts SET status = 'neither' WHERE id = '${id}'`
      const steps = [add, wrong].map((sql) => ({ sql, values: [] }))
      await expect(engine.atomic(steps)).rejects.toThrow()
      expect(await storage.findAccount(id)).toBeNull()
      expect(await engine.atomic([{ sql: add, values: [] }])).toEqual([1])
      expect((await storage.findAccount(id))?.name).toBe('n')
    })

    test('a message that is there already changes nothing, and says so', async () => {
      const owned = await tenant()
      const hop = await subscription(owned.sourceId, (await destination(owned.accountId)).id)
      const row = await message(owned, [hop])
      const other = { ...row, sealedPayload: 'other', deliveries: [] }
      await expect(storage.addMessage(other)).rejects.toThrow()
      expect(await storage.findPayload(row.id)).toBe('sealed')
      const [listed] = await storage.listMessages({ accountId: owned.accountId, limit: 10 })
      expect(listed?.deliveries).toHaveLength(1)
    })

    test('a message without one of its deliveries is not there', async () => {
      const owned = await tenant()
      const hop = await subscription(owned.sourceId, (await destination(owned.accountId)).id)
      const row = await message(owned, [hop])
      const id = v7()
      const broken = { ...hop, destinationId: null as unknown as string }
      await expect(message(owned, [hop, broken], { id })).rejects.toThrow()
      expect(await storage.findPayload(id)).toBeNull()
      const listed = await storage.listMessages({ accountId: owned.accountId, limit: 10 })
      expect(listed.map((entry) => entry.id)).toEqual([row.id])
    })
  })

  test(`${name}: of many that claim message ids at once, each has its own`, async () => {
    const clock = () => Date.UTC(2026, 0, 1)
    const processes = Array.from({ length: 4 }, () => createMessageIds({ storage, clock }))
    const ids = await Promise.all(
      processes.flatMap((nextId) => Array.from({ length: 50 }, () => nextId())),
    )
    expect(new Set(ids).size).toBe(200)
    expect(await storage.moveNextIdBlock(1, 2)).toBe(false)
  })

  describe(`${name}: the authority’s version`, () => {
    const bumps = async (act: () => Promise<unknown>) => {
      const before = await storage.authorityVersion()
      await act()
      return (await storage.authorityVersion()) > before
    }

    test('is raised by every change of who may do what', async () => {
      const { accountId, key, owner } = await tenant()
      const from = await source(accountId)
      const to = await destination(accountId)
      const joined = await subscription(from.id, to.id)
      const family = await grant()
      const secret = { hash: 'h', sealed: null, tokenSalt: 's', overlapEndsAt: null }
      const [place, rule] = [await given.site(accountId), await given.rule(accountId, '::/0')]
      const e = eventOf
      const edit = async () => {
        const seen = (await storage.findKeySummary(key.id))?.eventId ?? ''
        expect(await storage.editKey(key.id, editOf(owner.id), seen, e(key.id))).toBe(true)
      }
      const changes: [string, () => Promise<unknown>][] = [
        ['addAccount', () => account()],
        ['setAccountStatus', () => storage.setAccountStatus(accountId, 'closed', e(accountId))],
        ['addUser', () => user(accountId)],
        ['setUserRole', () => storage.setUserRole(owner.id, 'member', e(owner.id))],
        ['addSource', () => source(accountId)],
        ['addDestination', () => destination(accountId)],
        ['setDestinationVerified', () => storage.setDestinationVerified(to.id, 1, e(to.id))],
        ['setDestinationToken', () => storage.setDestinationToken(to.id, null, 'POST', e(to.id))],
        ['unverify', () => storage.setDestinationVerified(to.id, null, e(to.id))],
        ['addSubscription', () => subscription(from.id, to.id, { dataModel: 'Order' })],
        ['pause', () => storage.setSubscriptionStatus(joined.id, 'paused', e(joined.id))],
        ['resume', () => storage.setSubscriptionStatus(joined.id, 'active', e(joined.id))],
        ['addKey', () => tenant()],
        ['disable', () => storage.disableKey(key.id, 'operator', e(key.id))],
        ['enable', () => storage.enableKey(key.id, 'operator', e(key.id))],
        ['replaceSecret', () => storage.replaceSecret(key.id, secret, e(key.id))],
        [
          'replaceSecret with an overlap',
          () => storage.replaceSecret(key.id, { ...secret, overlapEndsAt: 9 }, e(key.id)),
        ],
        ['editKey', () => edit()],
        ['assignKey', () => storage.assignKey(key.id, { siteId: place.id, at: 1 }, e(key.id))],
        ['revoke', () => storage.revokeKey(key.id, e(key.id))],
        ['removeKey', () => storage.removeKey(key.id, e(key.id))],
        ['setDepartedKeys', () => storage.setDepartedKeys(accountId, 'disable', e(accountId))],
        ['setUserLeft', () => storage.setUserLeft(owner.id, 1, e(owner.id))],
        ['enforce', () => storage.setAddressesEnforced(accountId, true, e(accountId))],
        ['addAddressRule', () => given.rule(accountId, '10.0.0.0/8')],
        ['removeAddressRule', () => storage.removeAddressRule(rule.id, e(rule.id))],
        ['addSite', () => given.site(accountId)],
        ['addDeveloper', () => given.developer(accountId)],
        ['revokeGrant', () => storage.revokeGrant(family, 1, e(family))],
      ]
      for (const [verb, change] of changes)
        expect([verb, await bumps(change)]).toEqual([verb, true])
    })

    test('is not raised by rotations, acknowledgements, messages or reads', async () => {
      const owned = await tenant()
      const hop = await subscription(owned.sourceId, (await destination(owned.accountId)).id)
      const id = v7()
      const others: [string, () => Promise<unknown>][] = [
        ['rotateGrant', () => storage.rotateGrant(rotation(id, 1))],
        ['rotateGrant again', () => storage.rotateGrant(rotation(id, 2))],
        ['acknowledgeGrant', () => storage.acknowledgeGrant(id, 2, 1)],
        ['purgeGrants', () => storage.purgeGrants(0)],
        ['addMessage', () => message(owned, [hop])],
        ['addEvent', () => storage.addEvent(eventOf(id))],
        ['probe', () => storage.probe()],
        [
          'addKeyUses',
          () => storage.addKeyUses([{ keyId: owned.key.id, day: 1, uses: 1, lastAt: 1 }]),
        ],
        ['listKeyUses', () => storage.listKeyUses(owned.key.id, 0)],
        ['findKeyBySecret', async () => storage.findKeyBySecret('x')],
        ['findKey', async () => given.judgedKey(owned.key.publicId)],
        ['findRoutes', async () => storage.findRoutes(owned.key.id)],
      ]
      for (const [verb, act] of others) expect([verb, await bumps(act)]).toEqual([verb, false])
    })
  })

  describe(`${name}: routes`, () => {
    test('are the active subscriptions of the key’s own source, with their destinations', async () => {
      const owned = await tenant()
      const sibling = await source(owned.accountId)
      const plain = await destination(owned.accountId, { name: 'plain' })
      const full = await destination((await account()).id, {
        name: 'full',
        url: 'https://emr.example',
        development: true,
        verifiedAt: MOST,
        sealedToken: 'sealed',
      })
      const every = await subscription(owned.sourceId, plain.id)
      const one = await subscription(owned.sourceId, full.id, { dataModel: 'Device' })
      await subscription(owned.sourceId, full.id, { dataModel: 'Order', status: 'paused' })
      await subscription(sibling.id, full.id)
      expect(await storage.findRoutes(owned.key.id)).toEqual({
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
              verifiedAt: MOST,
              sealedToken: 'sealed',
            },
          },
        ],
      })
    })

    test('need a source while the account has another key that is not revoked', async () => {
      const { accountId, owner, key } = await tenant()
      await tenant()
      const needsSource = async () => (await storage.findRoutes(key.id))?.needsSource
      expect(await needsSource()).toBe(false)
      const second = keyOf(owner, (await source(accountId)).id)
      await storage.addKey(second, eventOf(second.id))
      expect(await needsSource()).toBe(true)
      await storage.disableKey(second.id, 'operator', eventOf(second.id))
      expect(await needsSource()).toBe(true)
      await storage.revokeKey(second.id, eventOf(second.id))
      expect(await needsSource()).toBe(false)
    })
  })

  describe(`${name}: a list`, () => {
    /** Follows the cursor from page to page of two. */
    async function pages<T extends { id: string }>(
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
    const five = async (make: () => Promise<{ id: string }>) => {
      const ids: string[] = []
      for (let n = 0; n < 5; n++) ids.push((await make()).id)
      return ids as [string, string, string, string, string]
    }

    test('of accounts, users, sites, developers, sources, destinations or keys goes from the oldest', async () => {
      const start = v7()
      const ids = await five(() => account())
      const [a, b, c, d, e] = ids
      expect(await pages((page) => storage.listAccounts(page), start)).toEqual([
        [a, b],
        [c, d],
        [e],
      ])

      const { id: accountId } = await account()
      const owner = await user(accountId, { role: 'administrator' })
      const lists: [
        () => Promise<{ id: string }>,
        (page: { accountId: string; after?: string; limit: number }) => Promise<{ id: string }[]>,
      ][] = [
        [
          () => user(accountId),
          (page) => storage.listUsers({ ...page, after: page.after ?? owner.id }),
        ],
        [() => source(accountId), (page) => storage.listSources(page)],
        [() => given.site(accountId), (page) => storage.listSites(page)],
        [() => given.developer(accountId), (page) => storage.listDevelopers(page)],
        [() => destination(accountId), (page) => storage.listDestinations(page)],
      ]
      for (const [make, list] of lists) {
        const [v, w, x, y, z] = await five(make)
        expect(await pages((page) => list({ accountId, ...page }))).toEqual([[v, w], [x, y], [z]])
      }
      const sources = await storage.listSources({ accountId, limit: 5 })
      const keys: string[] = []
      for (const from of sources) {
        const key = keyOf(owner, from.id)
        await storage.addKey(key, eventOf(key.id))
        keys.push(key.id)
      }
      const [p, q, r, s, t] = keys
      const found = await pages((page) => storage.listKeys({ accountId, ...page }))
      expect(found).toEqual([[p, q], [r, s], [t]])
    })

    test('of subscriptions goes from the oldest, of one source where one is named', async () => {
      const { id } = await account()
      const [from, other] = [await source(id), await source(id)]
      const to = await five(() => destination(id))
      const ids: string[] = []
      for (const destinationId of to) {
        ids.push((await subscription(from.id, destinationId)).id)
        await subscription(other.id, destinationId)
      }
      const [a, b, c, d, e] = ids
      const found = await pages((page) => storage.listSubscriptions({ sourceId: from.id, ...page }))
      expect(found).toEqual([[a, b], [c, d], [e]])
    })

    test('of messages or events goes from the newest', async () => {
      const owned = await tenant()
      const [a, b, c, d, e] = await five(() => message(owned, []))
      const { accountId } = owned
      const found = await pages((page) => storage.listMessages({ accountId, ...page }))
      expect(found).toEqual([[e, d], [c, b], [a]])

      const subject = v7()
      const [v, w, x, y, z] = await five(async () => {
        const event = eventOf(subject)
        await storage.addEvent(event)
        return event
      })
      const events = await pages((page) => storage.listEvents({ subject, ...page }))
      expect(events).toEqual([[z, y], [x, w], [v]])
    })

    test('of one account never shows another’s rows', async () => {
      const [a, b] = [await tenant(), await tenant()]
      for (const owned of [a, b]) {
        const to = await destination(owned.accountId)
        await message(owned, [await subscription(owned.sourceId, to.id)])
        await given.site(owned.accountId)
        await given.developer(owned.accountId)
        await given.rule(owned.accountId, '10.0.0.0/8')
      }
      for (const { accountId } of [a, b]) {
        const page = { accountId, limit: 1000 }
        for (const rows of [
          await storage.listUsers(page),
          await storage.listSites(page),
          await storage.listDevelopers(page),
          await storage.listAddressRules(accountId),
          await storage.listSources(page),
          await storage.listDestinations(page),
          await storage.listKeys(page),
          await storage.listMessages(page),
        ]) {
          expect(rows.map((row) => row.accountId)).toEqual([accountId])
        }
      }
      const nobody = { accountId: v7(), limit: 1000 }
      expect(await storage.listUsers(nobody)).toEqual([])
      expect(await storage.listSites(nobody)).toEqual([])
      expect(await storage.listDevelopers(nobody)).toEqual([])
      expect(await storage.listSources(nobody)).toEqual([])
      expect(await storage.listDestinations(nobody)).toEqual([])
      expect(await storage.listKeys(nobody)).toEqual([])
      expect(await storage.listMessages(nobody)).toEqual([])
    })

    test('without an account shows everybody’s rows', async () => {
      const start = v7()
      const [a, b] = [await tenant(), await tenant()]
      const keys = await storage.listKeys({ after: start, limit: 10 })
      expect(keys.map((key) => key.accountId)).toEqual([a.accountId, b.accountId])
      const users = await storage.listUsers({ after: start, limit: 10 })
      expect(users.map(({ id }) => id)).toEqual([a.owner.id, b.owner.id])
      const sources = await storage.listSources({ after: start, limit: 10 })
      expect(sources.map(({ id }) => id)).toEqual([a.sourceId, b.sourceId])
      const events = await storage.listEvents({ since: 1_000, until: 1_001, limit: 1 })
      expect(events.map(({ subject }) => subject)).toEqual([b.key.id])
    })
  })

  describe(`${name}: a grant`, () => {
    test('is born at its first rotation and moves only forward', async () => {
      const id = v7()
      expect(await storage.rotateGrant(rotation(id, 3))).toBe(true)
      expect(await storage.rotateGrant(rotation(id, 3))).toBe(false)
      expect(await storage.rotateGrant(rotation(id, 2))).toBe(false)
      expect(await storage.rotateGrant(rotation(id, 4, { rotatedAt: 3_000 }))).toBe(true)
      // A generation above the current one: an older backup was restored.
      expect(await storage.rotateGrant(rotation(id, 9, { rotatedAt: 4_000 }))).toBe(true)
      expect(await storage.findGrant(id)).toMatchObject({ generation: 9, rotatedAt: 4_000 })
    })

    test('that 20 rotate at once is rotated by exactly one', async () => {
      const id = v7()
      for (const to of [1, 2, 3]) {
        const answers = await crowd((n) =>
          storage.rotateGrant(rotation(id, to, { rotatedAt: 1000 * to + n })),
        )
        expect(howMany(answers)).toBe(1)
        const winner = answers.indexOf(true)
        const now = await storage.findGrant(id)
        expect(now).toMatchObject({ generation: to, rotatedAt: 1000 * to + winner })
      }
    })

    test('is acknowledged once, by its current generation, and anew after each rotation', async () => {
      const id = await grant(2)
      expect(await storage.acknowledgeGrant(id, 1, 7)).toBe(false)
      expect(await storage.acknowledgeGrant(id, 3, 7)).toBe(false)
      expect(howMany(await crowd((n) => storage.acknowledgeGrant(id, 2, 7 + n)))).toBe(1)
      const { acknowledgedAt } = (await storage.findGrant(id)) ?? {}
      expect(await storage.acknowledgeGrant(id, 2, 99)).toBe(false)
      expect((await storage.findGrant(id))?.acknowledgedAt).toBe(acknowledgedAt)
      await storage.rotateGrant(rotation(id, 3))
      expect((await storage.findGrant(id))?.acknowledgedAt).toBeNull()
      expect(await storage.acknowledgeGrant(id, 2, 7)).toBe(false)
      expect(await storage.acknowledgeGrant(id, 3, 8)).toBe(true)
    })

    test('that 20 revoke at once is revoked by exactly one, with one event', async () => {
      const id = await grant()
      const answers = await crowd((n) => storage.revokeGrant(id, 10 + n, eventOf(id)))
      expect(howMany(answers)).toBe(1)
      expect((await storage.findGrant(id))?.revokedAt).toBe(10 + answers.indexOf(true))
      expect(await eventsOf(id)).toHaveLength(1)
    })

    test('that is rotated and revoked at once is dead, whoever came first', async () => {
      for (let round = 0; round < 10; round++) {
        const id = await grant()
        const acts = [
          () => storage.rotateGrant(rotation(id, 2)),
          () => storage.revokeGrant(id, 5, eventOf(id)),
        ]
        if (round % 2 === 1) acts.reverse()
        await Promise.all(acts.map((act) => act()))
        expect((await storage.findGrant(id))?.revokedAt).toBe(5)
        expect(await storage.rotateGrant(rotation(id, 3))).toBe(false)
        expect(await storage.rotateGrant(rotation(id, 99))).toBe(false)
      }
    })

    test('is purged from the moment at which it ends, and not before', async () => {
      const lives = await grant(1, { expiresAt: 501 })
      const ends = await grant(1, { expiresAt: 500 })
      const ended = await grant(1, { expiresAt: 499 })
      const revoked = await grant(1, { expiresAt: 501 })
      await storage.revokeGrant(revoked, 1, eventOf(revoked))
      expect(await storage.purgeGrants(500)).toBe(2)
      expect(await storage.purgeGrants(500)).toBe(0)
      expect(await storage.findGrant(ends)).toBeNull()
      expect(await storage.findGrant(ended)).toBeNull()
      expect(await storage.findGrant(lives)).not.toBeNull()
      expect((await storage.findGrant(revoked))?.revokedAt).toBe(1)
    })

    test('that is rotated lives as long as its new generation', async () => {
      const id = await grant(1, { expiresAt: 600 })
      await storage.rotateGrant(rotation(id, 2, { expiresAt: 700 }))
      await storage.purgeGrants(699)
      expect(await storage.findGrant(id)).not.toBeNull()
      await storage.purgeGrants(700)
      expect(await storage.findGrant(id)).toBeNull()
    })
  })

  describe(`${name}: 20 at once`, () => {
    test('make one living key of a source', async () => {
      const { id } = await account()
      const [owner, from] = [await user(id), await source(id)]
      const added = await crowd(() => {
        const key = keyOf(owner, from.id)
        return storage.addKey(key, eventOf(key.id))
      })
      expect(howMany(added)).toBe(1)
      expect(await storage.listKeys({ accountId: id, limit: 100 })).toHaveLength(1)
    })

    test('make one user of an address, and one key of a public id', async () => {
      const { id } = await account()
      const email = 'same@acme.example'
      const users = await crowd(() => {
        const row: User = {
          id: v7(),
          accountId: id,
          email,
          role: 'engineer',
          createdAt: 1,
          username: null,
          leftAt: null,
        }
        return storage.addUser(row, eventOf(row.id))
      })
      expect(howMany(users)).toBe(1)

      const owner = await user(id)
      const publicId = v7()
      const sources = await crowd(() => source(id))
      const keys = await Promise.all(
        sources.map((from) => {
          const key = keyOf(owner, from.id, { publicId })
          return storage.addKey(key, eventOf(key.id))
        }),
      )
      expect(howMany(keys)).toBe(1)
    })

    test('that revoke and enable a key leave it revoked', async () => {
      const { key } = await tenant()
      await crowd((n) =>
        n === 7
          ? storage.revokeKey(key.id, eventOf(key.id))
          : storage.enableKey(key.id, 'operator', eventOf(key.id)),
      )
      expect((await storage.findKey(key.publicId))?.status).toBe('revoked')
    })

    test('that fail and succeed side by side do not undo one another', async () => {
      const taken = eventOf(v7())
      await storage.addEvent(taken)
      const subject = v7()
      const written = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) =>
          storage.addEvent(n % 2 === 0 ? eventOf(subject) : { ...taken, subject }),
        ),
      )
      expect(written.map(({ status }) => status)).toEqual(
        written.map((_, n) => (n % 2 === 0 ? 'fulfilled' : 'rejected')),
      )
      expect(await eventsOf(subject)).toHaveLength(10)
    })
  })

  test(`${name}: the probe writes and changes nothing`, async () => {
    const version = await storage.authorityVersion()
    await storage.probe()
    expect(await storage.authorityVersion()).toBe(version)
  })

  // Last, since it purges.
  chainConforms(name, given)
}
