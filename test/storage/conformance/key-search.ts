import { describe, expect, test } from 'vitest'
import type { KeySearch } from '../../../src/service/ports/lists.ts'
import {
  createStaticKey,
  createTestEvent,
  createTestKey,
  createUuid,
  type StorageFixture,
} from './fixtures.ts'

/** The search for keys, and the counts that its list shows. */
export function testKeySearch(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addSource, addSite, addDeveloper } = fixture
  const searchNames = async (search: Partial<KeySearch>) => {
    const { keys } = await fixture.storage.searchKeys({ order: 'name', limit: 100, ...search })
    return keys.map((key) => key.name)
  }

  describe(`${name}: a search for keys`, () => {
    test('returns each key with the names of its resources', async () => {
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

    test('finds a text in name, public id, reference and address, in any case, with no special characters', async () => {
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

    test('is narrowed by each filter, and by all together', async () => {
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

    test('of one account returns no key of another', async () => {
      const [a, b] = [await fixture.addTenant(), await fixture.addTenant()]
      for (const { accountId, addKey: key } of [a, b]) {
        const search = { accountId, order: 'newest', limit: 10 } as const
        const { keys } = await fixture.storage.searchKeys({ ...search, text: 'nightly' })
        expect(keys.map(({ id }) => id)).toEqual([key.id])
        const { keys: byOwner } = await fixture.storage.searchKeys({ ...search, text: '@acme' })
        expect(byOwner.map(({ id }) => id)).toEqual([key.id])
      }
    })

    test('has the daily uses of its page in one list', async () => {
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
}
