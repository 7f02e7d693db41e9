import { describe, expect, test } from 'vitest'
import type { User } from '../../../src/service/ports.ts'
import { crowd, eventOf, type Given, howMany, MOST, presentedKeyOf, TEXTS, v7 } from './given.ts'

/** What an account has: people, sites, developers, addresses. */
export function placesConform(name: string, given: Given): void {
  const { account, user, site, developer, rule, key, refuses, eventsOf } = given

  describe(`${name}: what an account has`, () => {
    test.each(TEXTS)(
      'a site, a developer and an address rule are read as written: %j',
      async (text) => {
        const { storage } = given
        const { id } = await account()
        const place = await site(id, { name: text, createdAt: MOST })
        expect(await storage.findSite(place.id)).toEqual(place)
        expect(await storage.listSites({ accountId: id, limit: 10 })).toEqual([place])
        const developerKey = `${text}${v7()}`
        const maker = await developer(id, { name: text, developerKey, createdAt: MOST })
        expect(await storage.findDeveloper(maker.id)).toEqual(maker)
        expect(await storage.listDevelopers({ accountId: id, limit: 10 })).toEqual([maker])
        const allowed = await rule(id, text, { note: text, createdAt: MOST })
        expect(await storage.listAddressRules(id)).toEqual([allowed])
      },
    )

    test('an id that exists makes no second site, developer or address rule', async () => {
      const { storage } = given
      const [a, b] = [await account(), await account()]
      const place = await site(a.id)
      await refuses(
        (e) => storage.addSite({ ...place, accountId: b.id }, e),
        place.id,
        () => storage.findSite(place.id),
      )
      const maker = await developer(a.id)
      await refuses(
        (e) => storage.addDeveloper({ ...maker, developerKey: v7() }, e),
        maker.id,
        () => storage.findDeveloper(maker.id),
      )
      const allowed = await rule(a.id, '10.0.0.0/8')
      await refuses(
        (e) => storage.addAddressRule({ ...allowed, network: '::/0' }, e),
        allowed.id,
        () => storage.listAddressRules(a.id),
      )
    })

    test('a site, developer or address rule of no account is not made', async () => {
      const { storage } = given
      const row = { id: v7(), accountId: v7(), name: 'n', createdAt: 1 }
      await expect(storage.addSite(row, eventOf(row.id))).rejects.toThrow()
      await expect(
        storage.addDeveloper({ ...row, developerKey: v7() }, eventOf(row.id)),
      ).rejects.toThrow()
      const stray = { ...row, network: '::1/128', note: '' }
      await expect(storage.addAddressRule(stray, eventOf(row.id))).rejects.toThrow()
      expect(await eventsOf(row.id)).toEqual([])
    })

    test('a developer key is one developer’s in the whole server, told apart by case', async () => {
      const { storage } = given
      const [a, b] = [await account(), await account()]
      const first = await developer(a.id, { developerKey: `key-${v7()}` })
      const twin = { ...first, id: v7(), accountId: b.id }
      await refuses((e) => storage.addDeveloper(twin, e), twin.id)
      expect(await storage.findDeveloper(twin.id)).toBeNull()
      await developer(b.id, { developerKey: first.developerKey.toUpperCase() })
    })

    test('a username is one user’s in the whole server; any number of users have none', async () => {
      const { storage } = given
      const [a, b] = [await account(), await account()]
      const first = await user(a.id, { username: `name-${v7()}` })
      const twin: User = { ...first, id: v7(), accountId: b.id, email: 'other@acme.example' }
      await refuses((e) => storage.addUser(twin, e), twin.id)
      await user(a.id)
      await user(a.id)
    })

    test('20 at once make one site of an id, one developer of a key, one user of a name', async () => {
      const { storage } = given
      const { id } = await account()
      const row = { id: v7(), accountId: id, name: 'n', createdAt: 1 }
      expect(howMany(await crowd(() => storage.addSite(row, eventOf(row.id))))).toBe(1)
      expect(await eventsOf(row.id)).toHaveLength(1)
      const developerKey = v7()
      const developers = await crowd(() => {
        const one = { ...row, id: v7(), developerKey }
        return storage.addDeveloper(one, eventOf(one.id))
      })
      expect(howMany(developers)).toBe(1)
      const username = v7()
      const users = await crowd(() => {
        const one: User = {
          id: v7(),
          accountId: id,
          email: v7(),
          role: 'engineer',
          createdAt: 1,
          username,
          leftAt: null,
        }
        return storage.addUser(one, eventOf(one.id))
      })
      expect(howMany(users)).toBe(1)
    })
  })

  describe(`${name}: an account's addresses`, () => {
    /** From where a key of this account may be used. */
    async function watched() {
      const { id } = await account()
      const { publicId } = await key(presentedKeyOf(await user(id)))
      const networks = async () => (await given.storage.findKey(publicId))?.account.networks
      return { id, networks }
    }
    const TEN = { family: 4, bits: 0x0a000000n, prefix: 8 }

    test('come with each of its keys while they are enforced, and only then', async () => {
      const { storage } = given
      const { id, networks } = await watched()
      const other = await watched()
      await rule(other.id, '192.0.2.0/24')
      const enforce = (yes: boolean) => storage.setAddressesEnforced(id, yes, eventOf(id))
      expect(await enforce(true)).toBe(true)
      expect(await networks()).toEqual([])
      const first = await rule(id, '10.0.0.0/8')
      await rule(id, '2001:db8::/32')
      const six = { family: 6, bits: 0x20010db8n << 96n, prefix: 32 }
      expect(await networks()).toEqual([TEN, six])
      expect(await enforce(false)).toBe(true)
      expect(await networks()).toEqual([])
      expect(await enforce(true)).toBe(true)
      expect(await storage.removeAddressRule(first.id, eventOf(first.id))).toBe(true)
      expect(await networks()).toEqual([six])
      expect(await other.networks()).toEqual([])
    })

    test('have each network once, in each account', async () => {
      const { storage } = given
      const [a, b] = [await account(), await account()]
      const first = await rule(a.id, '10.0.0.0/8')
      const again = { ...first, id: v7() }
      await refuses((e) => storage.addAddressRule(again, e), again.id)
      await rule(b.id, '10.0.0.0/8')
      const others = await crowd(() => {
        const one = { ...first, id: v7(), network: '::1/128' }
        return storage.addAddressRule(one, eventOf(one.id))
      })
      expect(howMany(others)).toBe(1)
      expect(await storage.listAddressRules(a.id)).toHaveLength(2)
    })

    test('that 20 remove at once are removed by one, with one event, which stays', async () => {
      const { storage } = given
      const { id } = await account()
      const gone = await rule(id, '10.0.0.0/8')
      const removed = await crowd(() => storage.removeAddressRule(gone.id, eventOf(gone.id)))
      expect(howMany(removed)).toBe(1)
      expect(await storage.listAddressRules(id)).toEqual([])
      expect(await eventsOf(gone.id)).toHaveLength(2)
    })

    test('that cannot be read stop the key, and never enforce less than was written', async () => {
      const { id, networks } = await watched()
      await given.storage.setAddressesEnforced(id, true, eventOf(id))
      await rule(id, 'everywhere')
      await expect(networks()).rejects.toThrow(/everywhere is not a network/)
    })
  })

  describe(`${name}: who leaves`, () => {
    async function owned(departedKeys: 'keep' | 'disable') {
      const { id } = await account()
      await given.storage.setDepartedKeys(id, departedKeys, eventOf(id))
      const [owner, colleague] = [await user(id), await user(id)]
      const of = async (holder: User) => (await key(presentedKeyOf(holder))).id
      const keys = { enabled: await of(owner), disabled: await of(owner), revoked: await of(owner) }
      await given.storage.disableKey(keys.disabled, 'customer', eventOf(keys.disabled, { at: 3 }))
      await given.storage.revokeKey(keys.revoked, eventOf(keys.revoked, { at: 4 }))
      return { owner, keys, colleagues: await of(colleague) }
    }
    const lifeOf = async (id: string) => {
      const { status, disabledBy, disabledAt, revokedAt } =
        (await given.storage.findKeySummary(id)) ?? {}
      return [status, disabledBy, disabledAt, revokedAt]
    }

    test('keeps his keys as they are, where the account wants it', async () => {
      const { owner, keys, colleagues } = await owned('keep')
      expect(await given.storage.setUserLeft(owner.id, 9, eventOf(owner.id))).toBe(true)
      expect((await given.storage.findUser(owner.id))?.leftAt).toBe(9)
      expect(await lifeOf(keys.enabled)).toEqual(['enabled', null, null, null])
      expect(await lifeOf(keys.disabled)).toEqual(['disabled', 'customer', 3, null])
      expect(await lifeOf(keys.revoked)).toEqual(['revoked', null, null, 4])
      expect(await lifeOf(colleagues)).toEqual(['enabled', null, null, null])
    })

    test('takes his enabled keys with him, where the account wants that', async () => {
      const { owner, keys, colleagues } = await owned('disable')
      expect(await given.storage.setUserLeft(owner.id, 9, eventOf(owner.id))).toBe(true)
      expect(await lifeOf(keys.enabled)).toEqual(['disabled', 'operator', 9, null])
      expect(await lifeOf(keys.disabled)).toEqual(['disabled', 'customer', 3, null])
      expect(await lifeOf(keys.revoked)).toEqual(['revoked', null, null, 4])
      expect(await lifeOf(colleagues)).toEqual(['enabled', null, null, null])
    })

    test('leaves once: a second time changes neither the date nor a key', async () => {
      const { storage } = given
      const { owner, keys } = await owned('disable')
      await storage.setUserLeft(owner.id, 9, eventOf(owner.id))
      expect(await storage.enableKey(keys.enabled, 'operator', eventOf(keys.enabled))).toBe(true)
      await refuses(
        (e) => storage.setUserLeft(owner.id, 10, e),
        owner.id,
        async () => [await storage.findUser(owner.id), await lifeOf(keys.enabled)],
      )
    })

    test('20 times at once leaves once, with one event', async () => {
      const { owner, keys } = await owned('disable')
      const left = await crowd((n) =>
        given.storage.setUserLeft(owner.id, 10 + n, eventOf(owner.id)),
      )
      expect(howMany(left)).toBe(1)
      const at = 10 + left.indexOf(true)
      expect((await given.storage.findUser(owner.id))?.leftAt).toBe(at)
      expect(await lifeOf(keys.enabled)).toEqual(['disabled', 'operator', at, null])
      expect(await eventsOf(owner.id)).toHaveLength(2)
    })

    test('leaves no enabled key behind, even one that is made or handed to him meanwhile', async () => {
      const { storage } = given
      for (let round = 0; round < 5; round++) {
        const { id } = await account({ departedKeys: 'disable' })
        const [owner, colleague] = [await user(id), await user(id)]
        const handed = await key(presentedKeyOf(colleague))
        const seen = (await storage.findKeySummary(handed.id))?.eventId ?? ''
        const made = Array.from({ length: 8 }, () => presentedKeyOf(owner))
        const { name, description, reference, access, expiresAt } = handed
        const edit = { name, description, reference, access, expiresAt, ownerId: owner.id }
        await Promise.all([
          ...made.slice(4).map((row) => storage.addKey(row, eventOf(row.id))),
          storage.editKey(handed.id, edit, seen, eventOf(handed.id)),
          storage.setUserLeft(owner.id, 9, eventOf(owner.id)),
          ...made.slice(0, 4).map((row) => storage.addKey(row, eventOf(row.id))),
        ])
        const keys = await storage.listKeys({ accountId: id, limit: 100 })
        const his = keys.filter(({ ownerId }) => ownerId === owner.id)
        expect(his.filter(({ status }) => status !== 'disabled')).toEqual([])
      }
    })
  })
}
