import { describe, expect, test } from 'vitest'
import type { KeySearch } from '../../../src/service/ports/lists.ts'
import {
  createStaticKey,
  createTestEvent,
  createTestKey,
  createUuid,
  type StorageFixture,
} from './fixtures.ts'

/** Lists for people, and the small edits that are made from them. */
export function testListQueries(name: string, fixture: StorageFixture): void {
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
  const searchNames = async (search: Partial<KeySearch>) => {
    const { keys } = await fixture.storage.searchKeys({ order: 'name', limit: 100, ...search })
    return keys.map((key) => key.name)
  }

  describe(`${name}: a search for keys`, () => {
    test('tells each key with the names of what it belongs to', async () => {
      const { id: accountId } = await addAccount({ name: 'Acme' })
      const owner = await addUser(accountId, { username: `owner-${createUuid()}` })
      const from = await addSource(accountId, { name: 'Feed' })
      const siteRow = await addSite(accountId, { name: 'North' })
      const maker = await addDeveloper(accountId, { name: 'Maker' })
      const one = await fixture.addKey(createTestKey(owner, from.id, { name: 'a' }))
      const two = await fixture.addKey(
        createStaticKey(owner, 'opendental', {
          siteId: siteRow.id,
          developerId: maker.id,
          name: 'b',
        }),
      )
      const { keys, next } = await fixture.storage.searchKeys({
        accountId,
        order: 'name',
        limit: 2,
      })
      const people = {
        accountName: 'Acme',
        owner: { email: owner.email, username: owner.username, deactivatedAt: null },
      }
      expect(keys).toEqual([
        {
          ...(await fixture.storage.findKeySummary(one.id)),
          ...people,
          siteName: null,
          sourceName: 'Feed',
          developerName: null,
        },
        {
          ...(await fixture.storage.findKeySummary(two.id)),
          ...people,
          siteName: 'North',
          sourceName: null,
          developerName: 'Maker',
        },
      ])
      expect(next).toBeNull()
    })

    test('finds a text in name, public id, reference and address, to the letter but for its case', async () => {
      const { id: accountId } = await addAccount()
      const [a, b] = [
        await addUser(accountId),
        await addUser(accountId, { email: 'Zoe@other.example' }),
      ]
      await fixture.addKey(createStaticKey(a, 'xdent', { name: '100% Alpha', reference: 'r_1' }))
      await fixture.addKey(createStaticKey(b, 'xdent', { name: 'beta', reference: 'rx1' }))
      const publicId = `PUB-${createUuid()}`
      await fixture.addKey(createStaticKey(a, 'xdent', { name: 'gamma', publicId, reference: '' }))
      for (const [text, found] of [
        ['ALPHA', ['100% Alpha']],
        ['%', ['100% Alpha']],
        ['r_1', ['100% Alpha']],
        ['zoe@', ['beta']],
        [publicId.toLowerCase(), ['gamma']],
        ['', ['100% Alpha', 'beta', 'gamma']],
        ["' or 1=1 --", []],
      ] as const) {
        expect([text, await searchNames({ accountId, text })]).toEqual([text, found])
        const count = await fixture.storage.countKeys({ accountId, text }, 100)
        const page = { accountId, text, order: 'newest', limit: 1, counted: 100 } as const
        const counted = (await fixture.storage.searchKeys(page)).count
        expect([text, count, counted]).toEqual([text, found.length, found.length])
      }
    })

    test('is narrowed by every question, and by all of them', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const [here, gone] = [await addUser(accountId), await addUser(accountId)]
      const siteRow = await addSite(accountId)
      const key = async (name: string, owner = here, more: object = {}) =>
        fixture.addKey(createStaticKey(owner, 'xdent', { name, createdAt: 100, ...more }))
      const used = await key('used')
      await storage.addKeyUses([{ keyId: used.id, day: 1, uses: 1, lastAt: 500 }])
      await key('soon', here, { expiresAt: 300, keyType: 'practice' })
      const ended = await key('ended', here, { expiresAt: 300 })
      await storage.revokeKey(ended.id, createTestEvent(ended.id))
      await key('placed', here, { siteId: siteRow.id })
      await key('left', gone)
      await storage.deactivateUser(gone.id, 1, createTestEvent(gone.id))
      const questions: [Partial<KeySearch>, string[]][] = [
        [{ keyType: 'practice' }, ['soon']],
        [{ status: 'revoked' }, ['ended']],
        [{ siteId: siteRow.id }, ['placed']],
        [{ ownerId: gone.id }, ['left']],
        [{ ownerLeft: true }, ['left']],
        [{ ownerLeft: false }, ['ended', 'placed', 'soon', 'used']],
        [{ unusedSince: 500 }, ['ended', 'left', 'placed', 'soon']],
        [{ unusedSince: 100 }, []],
        [{ expires: { now: 299, before: 301 } }, ['soon']],
        [{ expires: { now: 300, before: 301 } }, []],
        [{ ownerId: gone.id, status: 'revoked' }, []],
      ]
      for (const [criteria, found] of questions) {
        expect([criteria, await searchNames({ accountId, ...criteria })]).toEqual([criteria, found])
        expect(await storage.countKeys({ accountId, ...criteria }, 2)).toBe(
          Math.min(2, found.length),
        )
      }
    })

    const orders = ['newest', 'oldest', 'name', 'lastUsed', 'leastUsed', 'expiry'] as const
    const criteria = [{}, { text: 'AM' }, { status: 'enabled' }] as const
    test.each(orders.flatMap((order) => criteria.map((more) => [order, more] as const)))(
      'by %s, asked for %j, goes through every key once, page by page',
      async (order, questions) => {
        const { id: accountId } = await addAccount()
        const owner = await addUser(accountId)
        const ids: string[] = []
        for (let n = 0; n < 7; n++) {
          const more = { name: n % 2 ? 'Same' : 'same', expiresAt: n % 3 ? 50 + (n % 2) : null }
          ids.push((await fixture.addKey(createStaticKey(owner, 'xdent', more))).id)
        }
        const uses = ids.slice(0, 4).map((keyId, n) => ({ keyId, day: 1, uses: 1, lastAt: n % 2 }))
        await fixture.storage.addKeyUses(uses)
        const all = await fixture.storage.searchKeys({ accountId, ...questions, order, limit: 100 })
        const paged: string[] = []
        let after: string | undefined
        for (let page = 0; page < 10; page++) {
          const search = { accountId, ...questions, order, after, limit: 3 }
          const found = await fixture.storage.searchKeys({ ...search, counted: 6 })
          expect(found.count).toBe(Math.min(6, ids.length - paged.length))
          paged.push(...found.keys.map(({ id }) => id))
          if (found.next === null) break
          after = found.next
        }
        expect(paged).toEqual(all.keys.map(({ id }) => id))
        expect(new Set(paged)).toEqual(new Set(ids))
      },
    )

    test.each([
      'x',
      'null',
      '{}',
      '["a","b"]',
      '[1.5,"b"]',
      '[1e30,"b"]',
      '[1e400,"b"]',
      '[{},"b"]',
    ])('by a number refuses the cursor %j, which nobody was given', async (after) => {
      const { accountId } = await fixture.addTenant()
      for (const order of ['lastUsed', 'leastUsed', 'expiry'] as const) {
        const search = { accountId, order, after, limit: 10 }
        await expect(fixture.storage.searchKeys(search)).rejects.toThrow('no cursor of this list')
      }
    })

    test('of one account never shows another’s', async () => {
      const [a, b] = [await fixture.addTenant(), await fixture.addTenant()]
      for (const { accountId, addKey: key } of [a, b]) {
        const search = { accountId, order: 'newest', limit: 10 } as const
        const { keys } = await fixture.storage.searchKeys({ ...search, text: 'nightly' })
        expect(keys.map(({ id }) => id)).toEqual([key.id])
        const { keys: byOwner } = await fixture.storage.searchKeys({ ...search, text: '@acme' })
        expect(byOwner.map(({ id }) => id)).toEqual([key.id])
      }
    })

    test('has the uses of its page in one list', async () => {
      const { id: accountId } = await addAccount()
      const owner = await addUser(accountId)
      const [a, b, c] = [1, 2, 3].map(() => createStaticKey(owner))
      for (const key of [a, b, c]) if (key) await fixture.addKey(key)
      const [x, y, z] = [a?.id ?? '', b?.id ?? '', c?.id ?? '']
      const createUse = (keyId: string, day: number) => ({ keyId, day, uses: day, lastAt: 1 })
      await fixture.storage.addKeyUses([
        createUse(x, 1),
        createUse(x, 2),
        createUse(y, 3),
        createUse(z, 3),
      ])
      expect(await fixture.storage.listDailyUsesByKey({ keyIds: [x, y], fromDay: 2 })).toEqual([
        { keyId: x, day: 2, uses: 2 },
        { keyId: y, day: 3, uses: 3 },
      ])
      expect(await fixture.storage.listDailyUsesByKey({ keyIds: [], fromDay: 0 })).toEqual([])
      const ofY = { keyIds: [y], fromDay: 0 }
      expect(await fixture.storage.listDailyUsesByKey({ ...ofY, accountId })).toHaveLength(1)
      expect(await fixture.storage.listDailyUsesByKey({ ...ofY, accountId: createUuid() })).toEqual(
        [],
      )
    })
  })

  describe(`${name}: a search for people`, () => {
    test('finds who is there, by a part of address or username, in one account', async () => {
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

  describe(`${name}: a list of feeds`, () => {
    test('tells between whom each is, what waits, and what came of the last attempt', async () => {
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
    test('is the one that is not revoked', async () => {
      const { storage } = fixture
      const { addKey: key, sourceId } = await fixture.addTenant()
      expect(await storage.findSourceKey(sourceId)).toEqual(await storage.findKeySummary(key.id))
      await storage.revokeKey(key.id, createTestEvent(key.id))
      expect(await storage.findSourceKey(sourceId)).toBeNull()
      expect(await storage.findSourceKey(createUuid())).toBeNull()
    })
  })

  describe(`${name}: a message that a person sends`, () => {
    test('is there with its event, which is of the account that sends', async () => {
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

  describe(`${name}: what a list tells beside its rows`, () => {
    test('counts the keys of owners, sites and developers that are not revoked', async () => {
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

    test('shows how each user signs in, and the time of their last sign-in', async () => {
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

  describe(`${name}: an edit of something small`, () => {
    test('renames it, with its event, and nothing that is not there', async () => {
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

    test('gives a user an address that nobody else of the account has', async () => {
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
