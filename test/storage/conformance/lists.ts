import { describe, expect, test } from 'vitest'
import type { KeySearch } from '../../../src/service/ports/lists.ts'
import { eventOf, type Given, keyOf, presentedKeyOf, v7 } from './given.ts'

/** Lists for people, and the small edits that are made from them. */
export function listsConform(name: string, given: Given): void {
  const { account, user, source, site, developer, destination, subscription, message } = given
  const namesOf = async (search: Partial<KeySearch>) => {
    const { keys } = await given.storage.searchKeys({ order: 'name', limit: 100, ...search })
    return keys.map((key) => key.name)
  }

  describe(`${name}: a search for keys`, () => {
    test('tells each key with the names of what it belongs to', async () => {
      const { id: accountId } = await account({ name: 'Acme' })
      const owner = await user(accountId, { username: `owner-${v7()}` })
      const from = await source(accountId, { name: 'Feed' })
      const place = await site(accountId, { name: 'North' })
      const maker = await developer(accountId, { name: 'Maker' })
      const one = await given.key(keyOf(owner, from.id, { name: 'a' }))
      const two = await given.key(
        presentedKeyOf(owner, 'opendental', { siteId: place.id, developerId: maker.id, name: 'b' }),
      )
      const { keys, next } = await given.storage.searchKeys({ accountId, order: 'name', limit: 2 })
      const people = {
        accountName: 'Acme',
        owner: { email: owner.email, username: owner.username, leftAt: null },
      }
      expect(keys).toEqual([
        {
          ...(await given.storage.findKeySummary(one.id)),
          ...people,
          siteName: null,
          sourceName: 'Feed',
          developerName: null,
        },
        {
          ...(await given.storage.findKeySummary(two.id)),
          ...people,
          siteName: 'North',
          sourceName: null,
          developerName: 'Maker',
        },
      ])
      expect(next).toBeNull()
    })

    test('finds a text in name, public id, reference and address, to the letter but for its case', async () => {
      const { id: accountId } = await account()
      const [a, b] = [await user(accountId), await user(accountId, { email: 'Zoe@other.example' })]
      await given.key(presentedKeyOf(a, 'xdent', { name: '100% Alpha', reference: 'r_1' }))
      await given.key(presentedKeyOf(b, 'xdent', { name: 'beta', reference: 'rx1' }))
      const publicId = `PUB-${v7()}`
      await given.key(presentedKeyOf(a, 'xdent', { name: 'gamma', publicId, reference: '' }))
      for (const [text, found] of [
        ['ALPHA', ['100% Alpha']],
        ['%', ['100% Alpha']],
        ['r_1', ['100% Alpha']],
        ['zoe@', ['beta']],
        [publicId.toLowerCase(), ['gamma']],
        ['', ['100% Alpha', 'beta', 'gamma']],
        ["' or 1=1 --", []],
      ] as const) {
        expect([text, await namesOf({ accountId, text })]).toEqual([text, found])
        const count = await given.storage.countKeys({ accountId, text }, 100)
        const page = { accountId, text, order: 'newest', limit: 1, counted: 100 } as const
        const counted = (await given.storage.searchKeys(page)).count
        expect([text, count, counted]).toEqual([text, found.length, found.length])
      }
    })

    test('is narrowed by every question, and by all of them', async () => {
      const { storage } = given
      const { id: accountId } = await account()
      const [here, gone] = [await user(accountId), await user(accountId)]
      const place = await site(accountId)
      const key = async (name: string, owner = here, more: object = {}) =>
        given.key(presentedKeyOf(owner, 'xdent', { name, createdAt: 100, ...more }))
      const used = await key('used')
      await storage.addKeyUses([{ keyId: used.id, day: 1, uses: 1, lastAt: 500 }])
      await key('soon', here, { expiresAt: 300, dialect: 'practice' })
      const ended = await key('ended', here, { expiresAt: 300 })
      await storage.revokeKey(ended.id, eventOf(ended.id))
      await key('placed', here, { siteId: place.id })
      await key('left', gone)
      await storage.setUserLeft(gone.id, 1, eventOf(gone.id))
      const questions: [Partial<KeySearch>, string[]][] = [
        [{ dialect: 'practice' }, ['soon']],
        [{ status: 'revoked' }, ['ended']],
        [{ siteId: place.id }, ['placed']],
        [{ ownerId: gone.id }, ['left']],
        [{ ownerLeft: true }, ['left']],
        [{ ownerLeft: false }, ['ended', 'placed', 'soon', 'used']],
        [{ unusedSince: 500 }, ['ended', 'left', 'placed', 'soon']],
        [{ unusedSince: 100 }, []],
        [{ expires: { now: 299, before: 301 } }, ['soon']],
        [{ expires: { now: 300, before: 301 } }, []],
        [{ ownerId: gone.id, status: 'revoked' }, []],
      ]
      for (const [asked, found] of questions) {
        expect([asked, await namesOf({ accountId, ...asked })]).toEqual([asked, found])
        expect(await storage.countKeys({ accountId, ...asked }, 2)).toBe(Math.min(2, found.length))
      }
    })

    const orders = ['newest', 'oldest', 'name', 'lastUsed', 'leastUsed', 'expiry'] as const
    const asked = [{}, { text: 'AM' }, { status: 'enabled' }] as const
    test.each(orders.flatMap((order) => asked.map((more) => [order, more] as const)))(
      'by %s, asked for %j, goes through every key once, page by page',
      async (order, questions) => {
        const { id: accountId } = await account()
        const owner = await user(accountId)
        const ids: string[] = []
        for (let n = 0; n < 7; n++) {
          const more = { name: n % 2 ? 'Same' : 'same', expiresAt: n % 3 ? 50 + (n % 2) : null }
          ids.push((await given.key(presentedKeyOf(owner, 'xdent', more))).id)
        }
        const uses = ids.slice(0, 4).map((keyId, n) => ({ keyId, day: 1, uses: 1, lastAt: n % 2 }))
        await given.storage.addKeyUses(uses)
        const all = await given.storage.searchKeys({ accountId, ...questions, order, limit: 100 })
        const paged: string[] = []
        let after: string | undefined
        for (let page = 0; page < 10; page++) {
          const search = { accountId, ...questions, order, after, limit: 3 }
          const found = await given.storage.searchKeys({ ...search, counted: 6 })
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
      const { accountId } = await given.tenant()
      for (const order of ['lastUsed', 'leastUsed', 'expiry'] as const) {
        const search = { accountId, order, after, limit: 10 }
        await expect(given.storage.searchKeys(search)).rejects.toThrow('no cursor of this list')
      }
    })

    test('of one account never shows another’s', async () => {
      const [a, b] = [await given.tenant(), await given.tenant()]
      for (const { accountId, key } of [a, b]) {
        const search = { accountId, order: 'newest', limit: 10 } as const
        const { keys } = await given.storage.searchKeys({ ...search, text: 'nightly' })
        expect(keys.map(({ id }) => id)).toEqual([key.id])
        const { keys: byOwner } = await given.storage.searchKeys({ ...search, text: '@acme' })
        expect(byOwner.map(({ id }) => id)).toEqual([key.id])
      }
    })

    test('has the uses of its page in one list', async () => {
      const { id: accountId } = await account()
      const owner = await user(accountId)
      const [a, b, c] = [1, 2, 3].map(() => presentedKeyOf(owner))
      for (const key of [a, b, c]) if (key) await given.key(key)
      const [x, y, z] = [a?.id ?? '', b?.id ?? '', c?.id ?? '']
      const use = (keyId: string, day: number) => ({ keyId, day, uses: day, lastAt: 1 })
      await given.storage.addKeyUses([use(x, 1), use(x, 2), use(y, 3), use(z, 3)])
      expect(await given.storage.listUsesOf([x, y], 2)).toEqual([
        { keyId: x, day: 2, uses: 2 },
        { keyId: y, day: 3, uses: 3 },
      ])
      expect(await given.storage.listUsesOf([], 0)).toEqual([])
    })
  })

  describe(`${name}: a search for people`, () => {
    test('finds who is there, by a part of address or username, in one account', async () => {
      const [{ id: accountId }, other] = [await account(), await account()]
      const zoe = await user(accountId, { email: 'Zoe@acme.example' })
      const max = await user(accountId, { email: 'max@acme.example', username: `zoes-${v7()}` })
      const gone = await user(accountId, { email: 'zoe-old@acme.example', leftAt: 1 })
      await user(other.id, { email: 'zoe@acme.example' })
      const found = await given.storage.searchUsers({ accountId, text: 'zOe', limit: 9 })
      expect(new Set(found.map(({ id }) => id))).toEqual(new Set([zoe.id, max.id]))
      expect(found.map(({ id }) => id)).not.toContain(gone.id)
      expect(await given.storage.searchUsers({ accountId, text: '%', limit: 9 })).toEqual([])
      expect(await given.storage.searchUsers({ accountId, text: 'zoe', limit: 1 })).toHaveLength(1)
    })
  })

  describe(`${name}: a list of feeds`, () => {
    test('tells between whom each is, what waits, and what came of the last attempt', async () => {
      const { storage } = given
      const owned = await given.tenant()
      const to = await destination(owned.accountId, { url: 'https://emr.example', verifiedAt: 3 })
      const feed = await subscription(owned.sourceId, to.id, { dataModel: 'Device' })
      const idle = await subscription(owned.sourceId, to.id)
      const first = await message(owned, [feed], { receivedAt: 70 })
      await message(owned, [feed], { receivedAt: 80 })
      const by = v7()
      await storage.leaseFeed({ feedId: feed.id, by, until: 1_000 }, 100)
      const attempt = { at: 100, ms: 5, outcome: 'refused', httpStatus: 503, detail: 'no' } as const
      await storage.settleFailed(
        { feedId: feed.id, by, messageId: first.id, position: 0, attempt },
        900,
      )
      const listed = await storage.listFeeds({ accountId: owned.accountId, limit: 10 })
      expect(listed.map(({ id }) => id)).toEqual([feed.id, idle.id])
      expect(listed[0]).toEqual({
        ...(await storage.findFeed(feed.id)),
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
      expect(await storage.findListedFeed(feed.id)).toEqual(listed[0])
      expect(await storage.findListedFeed(v7())).toBeNull()
      const idsOf = async (asked: object) =>
        (await storage.listFeeds({ limit: 10, ...asked })).map(({ id }) => id)
      expect(await idsOf({ accountId: owned.accountId, stuck: true })).toEqual([feed.id])
      expect(await idsOf({ sourceId: owned.sourceId, after: feed.id })).toEqual([idle.id])
      expect(await idsOf({ destinationId: to.id })).toEqual([feed.id, idle.id])
      expect(await idsOf({ accountId: v7() })).toEqual([])
    })
  })

  describe(`${name}: the key of a source`, () => {
    test('is the one that is not revoked', async () => {
      const { storage } = given
      const { key, sourceId } = await given.tenant()
      expect(await storage.findKeyOfSource(sourceId)).toEqual(await storage.findKeySummary(key.id))
      await storage.revokeKey(key.id, eventOf(key.id))
      expect(await storage.findKeyOfSource(sourceId)).toBeNull()
      expect(await storage.findKeyOfSource(v7())).toBeNull()
    })
  })

  describe(`${name}: a message that a person sends`, () => {
    test('is there with its event, which is of the account that sends', async () => {
      const { storage } = given
      const owned = await given.tenant()
      const sent = await given.message(owned, [])
      expect(await storage.listEvents({ subject: sent.id, limit: 9 })).toEqual([])
      const event = { ...eventOf(v7()), action: 'message.test_sent' }
      const row = { ...sent, id: event.subject, deliveries: [] }
      await storage.addMessage(row, event)
      const told = { ...event, accountId: owned.accountId }
      expect(await storage.listEvents({ subject: row.id, limit: 9 })).toEqual([told])
      const again = { ...event, id: v7() }
      await expect(storage.addMessage(row, again)).rejects.toThrow()
      expect(await storage.listEvents({ subject: row.id, limit: 9 })).toEqual([told])
    })
  })

  describe(`${name}: a list of messages`, () => {
    test('is narrowed by where they come from and go to, their state, and whether they are tests', async () => {
      const { storage } = given
      const owned = await given.tenant()
      const { accountId } = owned
      const [x, y] = [await destination(accountId), await destination(accountId)]
      const [toX, toY] = [
        await subscription(owned.sourceId, x.id),
        await subscription(owned.sourceId, y.id),
      ]
      const a = await message(owned, [toX])
      const b = await message(owned, [toX, toY], { test: true })
      await storage.skipMessage(b.id, y.id, eventOf(b.id))
      for (const [asked, found] of [
        [{ sourceId: owned.sourceId }, [b.id, a.id]],
        [{ sourceId: v7() }, []],
        [{ destinationId: y.id }, [b.id]],
        [{ subscriptionId: toX.id }, [b.id, a.id]],
        [{ status: 'queued' }, [b.id, a.id]],
        [{ status: 'skipped' }, [b.id]],
        [{ status: 'skipped', destinationId: x.id }, []],
        [{ status: 'delivered' }, []],
        [{ test: true }, [b.id]],
        [{ test: false, subscriptionId: toX.id }, [a.id]],
      ] as const) {
        const listed = await storage.listMessages({ accountId, limit: 10, ...asked })
        expect([asked, listed.map(({ id }) => id)]).toEqual([asked, found])
      }
    })
  })

  describe(`${name}: what a list tells beside its rows`, () => {
    test('counts the keys of owners, sites and developers that are not revoked', async () => {
      const { id: accountId } = await account()
      const [owner, other] = [await user(accountId), await user(accountId)]
      const [place, maker] = [await site(accountId), await developer(accountId)]
      const belonging = { siteId: place.id, developerId: maker.id }
      await given.key(presentedKeyOf(owner, 'opendental', belonging))
      await given.key(presentedKeyOf(owner, 'opendental', belonging))
      const revoked = await given.key(presentedKeyOf(owner, 'opendental', belonging))
      await given.storage.revokeKey(revoked.id, eventOf(revoked.id))
      const two = (id: string) => [{ id, keys: 2 }]
      const { countKeysOf } = given.storage
      expect(await countKeysOf('owner', [owner.id, other.id])).toEqual(two(owner.id))
      expect(await countKeysOf('site', [place.id], accountId)).toEqual(two(place.id))
      expect(await countKeysOf('developer', [maker.id])).toEqual(two(maker.id))
      expect(await countKeysOf('developer', [maker.id], v7())).toEqual([])
      expect(await countKeysOf('site', [])).toEqual([])
    })

    test('says how each person signs in, and when he was here last', async () => {
      const { storage } = given
      const { id: accountId } = await account()
      const [a, b] = [await user(accountId), await user(accountId)]
      const never = { hasPassword: false, hasSecondFactor: false, sessions: 0, seenAt: null }
      expect(await storage.listSignIns([a.id], 5)).toEqual([
        { userId: a.id, ...never, invitedUntil: null },
      ])
      const invitation = { id: v7(), userId: b.id, createdAt: 1, expiresAt: 50, digest: v7() }
      await storage.addInvitation(invitation, eventOf(b.id))
      const wish = { hash: '$argon2id$', invitationId: null, but: null }
      await storage.setPassword(a.id, wish, eventOf(a.id))
      await storage.setTotp(a.id, { sealed: 's', recoveryDigests: [] }, eventOf(a.id))
      const began = eventOf(a.id, { action: 'session.started', at: 7 })
      const session = {
        id: v7(),
        userId: a.id,
        kind: 'browser' as const,
        name: 'Firefox',
        digest: v7(),
        createdAt: 7,
        seenAt: 9,
        expiresAt: 20,
      }
      await storage.addSession(session, began)
      const both = await storage.listSignIns([a.id, b.id], 10)
      const known = { hasPassword: true, hasSecondFactor: true, invitedUntil: null }
      expect(new Set(both)).toEqual(
        new Set([
          { userId: a.id, ...known, sessions: 1, seenAt: 9 },
          { userId: b.id, ...never, invitedUntil: 50 },
        ]),
      )
      await storage.removeSession(session.id, eventOf(a.id))
      expect(await storage.listSignIns([a.id], 50)).toEqual([
        { userId: a.id, ...known, sessions: 0, seenAt: 7 },
      ])
      expect((await storage.listSignIns([b.id], 50))[0]?.invitedUntil).toBeNull()
    })
  })

  describe(`${name}: an edit of something small`, () => {
    test('renames it, with its event, and nothing that is not there', async () => {
      const { storage } = given
      const { accountId, sourceId } = await given.tenant()
      const rows = [
        ['account', accountId, () => storage.findAccount(accountId)],
        ['source', sourceId, () => storage.findSource(sourceId)],
      ] as const
      for (const [what, id, find] of rows) {
        const event = eventOf(id)
        expect(await storage.rename(what, id, '🏥 new', event)).toBe(true)
        expect((await find())?.name).toBe('🏥 new')
        expect((await given.eventsOf(id))[0]).toEqual(event)
      }
      const place = await site(accountId)
      const maker = await developer(accountId)
      const to = await destination(accountId)
      await storage.rename('site', place.id, 'S', eventOf(place.id))
      await storage.rename('developer', maker.id, 'D', eventOf(maker.id))
      await storage.rename('destination', to.id, 'E', eventOf(to.id))
      expect((await storage.findSite(place.id))?.name).toBe('S')
      expect((await storage.findDeveloper(maker.id))?.name).toBe('D')
      expect((await storage.findDestination(to.id))?.name).toBe('E')
      const nobody = v7()
      await given.refuses((e) => storage.rename('site', nobody, 'x', e), nobody)
    })

    test('gives a user an address that nobody else of the account has', async () => {
      const { storage } = given
      const { id: accountId } = await account()
      const [a, b] = [await user(accountId), await user(accountId)]
      await given.refuses(
        (e) => storage.setUserEmail(a.id, b.email, e),
        a.id,
        () => storage.findUser(a.id),
      )
      expect(await storage.setUserEmail(a.id, 'new@acme.example', eventOf(a.id))).toBe(true)
      expect((await storage.findUser(a.id))?.email).toBe('new@acme.example')
    })

    test('removes a developer that no key is of, be it revoked', async () => {
      const { storage } = given
      const owned = await given.tenant()
      const [maker, unused] = [await developer(owned.accountId), await developer(owned.accountId)]
      const key = await given.key(
        presentedKeyOf(owned.owner, 'opendental', { developerId: maker.id }),
      )
      await storage.revokeKey(key.id, eventOf(key.id))
      const look = () => storage.findDeveloper(maker.id)
      await given.refuses((e) => storage.removeDeveloper(maker.id, e), maker.id, look)
      expect(await storage.removeDeveloper(unused.id, eventOf(unused.id))).toBe(true)
      expect(await storage.findDeveloper(unused.id)).toBeNull()
      expect(await given.eventsOf(unused.id)).toHaveLength(2)
      await given.refuses((e) => storage.removeDeveloper(unused.id, e), unused.id)
    })

    test('removes a place, or makes a key of it at the same moment, and never both', async () => {
      const { storage } = given
      const owned = await given.tenant()
      for (let n = 0; n < 10; n++) {
        const [place, maker] = [await site(owned.accountId), await developer(owned.accountId)]
        const ofPlace = presentedKeyOf(owned.owner, 'xdent', { siteId: place.id })
        const ofMaker = presentedKeyOf(owned.owner, 'opendental', { developerId: maker.id })
        const [isMade, isRemoved, isMadeToo, isRemovedToo] = await Promise.all([
          storage.addKey(ofPlace, eventOf(ofPlace.id)),
          storage.removeSite(place.id, eventOf(place.id)),
          storage.addKey(ofMaker, eventOf(ofMaker.id)),
          storage.removeDeveloper(maker.id, eventOf(maker.id)),
        ])
        expect([isRemoved, isRemovedToo]).toEqual([!isMade, !isMadeToo])
        expect((await storage.findSite(place.id)) === null).toBe(isRemoved)
        expect((await storage.findDeveloper(maker.id)) === null).toBe(isRemovedToo)
      }
    })

    test('removes a site that no key is assigned to, and a feed that has nothing queued', async () => {
      const { storage } = given
      const owned = await given.tenant()
      const place = await site(owned.accountId)
      const key = await given.key(presentedKeyOf(owned.owner, 'xdent', { siteId: place.id }))
      const look = () => storage.findSite(place.id)
      await given.refuses((e) => storage.removeSite(place.id, e), place.id, look)
      await storage.assignKey(key.id, null, eventOf(key.id))
      expect(await storage.removeSite(place.id, eventOf(place.id))).toBe(true)
      expect(await look()).toBeNull()
      expect(await given.eventsOf(place.id)).toHaveLength(2)
      await given.refuses((e) => storage.removeSite(place.id, e), place.id)

      const feed = await subscription(owned.sourceId, (await destination(owned.accountId)).id)
      await message(owned, [feed])
      const find = () => storage.findFeed(feed.id)
      await given.refuses((e) => storage.removeSubscription(feed.id, e), feed.id, find)
      await storage.purgeFeed(feed.id, eventOf(feed.id))
      expect(await storage.removeSubscription(feed.id, eventOf(feed.id))).toBe(true)
      expect(await find()).toBeNull()
    })
  })
}
