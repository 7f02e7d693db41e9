import { describe, expect, test } from 'vitest'
import type { User } from '../../../src/service/ports/accounts.ts'
import {
  countTrue,
  createStaticKey,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'

/** The contents of an account: users, sites, developers and the IP allowlist. */
export function testDirectoryStorage(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addUser,
    addSite,
    addDeveloper,
    addAllowlistEntry,
    addKey,
    expectRefused,
    listEvents,
  } = fixture

  describe(`${name}: the resources of an account`, () => {
    test.each(TRICKY_TEXTS)(
      'a site, a developer and an address rule are read as written: %j',
      async (text) => {
        const { storage } = fixture
        const { id } = await addAccount()
        const siteRow = await addSite(id, { name: text, createdAt: MAX_INTEGER })
        expect(await storage.findSite(siteRow.id)).toEqual(siteRow)
        expect(await storage.listSites({ accountId: id, limit: 10 })).toEqual([siteRow])
        const developerKey = `${text}${createUuid()}`
        const maker = await addDeveloper(id, { name: text, developerKey, createdAt: MAX_INTEGER })
        expect(await storage.findDeveloper(maker.id)).toEqual(maker)
        expect(await storage.listDevelopers({ accountId: id, limit: 10 })).toEqual([maker])
        const allowed = await addAllowlistEntry(id, text, { note: text, createdAt: MAX_INTEGER })
        expect(await storage.listAllowlistEntries(id)).toEqual([allowed])
      },
    )

    test('an existing id adds no second site, developer or address rule', async () => {
      const { storage } = fixture
      const [a, b] = [await addAccount(), await addAccount()]
      const siteRow = await addSite(a.id)
      await expectRefused(
        (e) => storage.addSite({ ...siteRow, accountId: b.id }, e),
        siteRow.id,
        () => storage.findSite(siteRow.id),
      )
      const maker = await addDeveloper(a.id)
      await expectRefused(
        (e) => storage.addDeveloper({ ...maker, developerKey: createUuid() }, e),
        maker.id,
        () => storage.findDeveloper(maker.id),
      )
      const allowed = await addAllowlistEntry(a.id, '10.0.0.0/8')
      await expectRefused(
        (e) => storage.addAllowlistEntry({ ...allowed, network: '::/0' }, e),
        allowed.id,
        () => storage.listAllowlistEntries(a.id),
      )
    })

    test('a site, developer or address rule of an unknown account is not added', async () => {
      const { storage } = fixture
      const row = { id: createUuid(), accountId: createUuid(), name: 'n', createdAt: 1 }
      await expect(storage.addSite(row, createTestEvent(row.id))).rejects.toThrow()
      await expect(
        storage.addDeveloper({ ...row, developerKey: createUuid() }, createTestEvent(row.id)),
      ).rejects.toThrow()
      const stray = { ...row, network: '::1/128', note: '' }
      await expect(storage.addAllowlistEntry(stray, createTestEvent(row.id))).rejects.toThrow()
      expect(await listEvents(row.id)).toEqual([])
    })

    test('a developer key belongs to one developer of the whole server, and its case matters', async () => {
      const { storage } = fixture
      const [a, b] = [await addAccount(), await addAccount()]
      const first = await addDeveloper(a.id, { developerKey: `key-${createUuid()}` })
      const twin = { ...first, id: createUuid(), accountId: b.id }
      await expectRefused((e) => storage.addDeveloper(twin, e), twin.id)
      expect(await storage.findDeveloper(twin.id)).toBeNull()
      await addDeveloper(b.id, { developerKey: first.developerKey.toUpperCase() })
    })

    test('a username belongs to one user of the whole server; several users may have none', async () => {
      const { storage } = fixture
      const [a, b] = [await addAccount(), await addAccount()]
      const first = await addUser(a.id, { username: `name-${createUuid()}` })
      const twin: User = {
        ...first,
        id: createUuid(),
        accountId: b.id,
        email: 'other@acme.example',
      }
      await expectRefused((e) => storage.addUser(twin, e), twin.id)
      await addUser(a.id)
      await addUser(a.id)
    })

    test('of 20 concurrent additions, one adds a site of an id, a developer of a key, a user of a name', async () => {
      const { storage } = fixture
      const { id } = await addAccount()
      const row = { id: createUuid(), accountId: id, name: 'n', createdAt: 1 }
      expect(
        countTrue(await runConcurrently(() => storage.addSite(row, createTestEvent(row.id)))),
      ).toBe(1)
      expect(await listEvents(row.id)).toHaveLength(1)
      const developerKey = createUuid()
      const developers = await runConcurrently(() => {
        const one = { ...row, id: createUuid(), developerKey }
        return storage.addDeveloper(one, createTestEvent(one.id))
      })
      expect(countTrue(developers)).toBe(1)
      const username = createUuid()
      const users = await runConcurrently(() => {
        const one: User = {
          id: createUuid(),
          accountId: id,
          email: createUuid(),
          role: 'engineer',
          createdAt: 1,
          username,
          deactivatedAt: null,
        }
        return storage.addUser(one, createTestEvent(one.id))
      })
      expect(countTrue(users)).toBe(1)
    })
  })

  describe(`${name}: the IP allowlist of an account`, () => {
    /** From where a key of this account may be used. */
    async function seedKeyWithNetworks() {
      const { id } = await addAccount()
      const { publicId } = await addKey(createStaticKey(await addUser(id)))
      const listNetworks = async () => (await fixture.storage.findKey(publicId))?.account.networks
      return { id, listNetworks }
    }
    const TEN = { family: 4, bits: 0x0a000000n, prefix: 8 }

    test('is read with each of its keys if it is enforced, and only then', async () => {
      const { storage } = fixture
      const { id, listNetworks } = await seedKeyWithNetworks()
      const other = await seedKeyWithNetworks()
      await addAllowlistEntry(other.id, '192.0.2.0/24')
      const enforceAllowlist = (yes: boolean) =>
        storage.setAllowlistEnforced(id, yes, createTestEvent(id))
      expect(await enforceAllowlist(true)).toBe(true)
      expect(await listNetworks()).toEqual([])
      const first = await addAllowlistEntry(id, '10.0.0.0/8')
      await addAllowlistEntry(id, '2001:db8::/32')
      const six = { family: 6, bits: 0x20010db8n << 96n, prefix: 32 }
      expect(await listNetworks()).toEqual([TEN, six])
      expect(await enforceAllowlist(false)).toBe(true)
      expect(await listNetworks()).toEqual([])
      expect(await enforceAllowlist(true)).toBe(true)
      expect(await storage.deleteAllowlistEntry(first.id, createTestEvent(first.id))).toBe(true)
      expect(await listNetworks()).toEqual([six])
      expect(await other.listNetworks()).toEqual([])
    })

    test('has each network once in each account', async () => {
      const { storage } = fixture
      const [a, b] = [await addAccount(), await addAccount()]
      const first = await addAllowlistEntry(a.id, '10.0.0.0/8')
      const duplicate = { ...first, id: createUuid() }
      await expectRefused((e) => storage.addAllowlistEntry(duplicate, e), duplicate.id)
      await addAllowlistEntry(b.id, '10.0.0.0/8')
      const others = await runConcurrently(() => {
        const one = { ...first, id: createUuid(), network: '::1/128' }
        return storage.addAllowlistEntry(one, createTestEvent(one.id))
      })
      expect(countTrue(others)).toBe(1)
      expect(await storage.listAllowlistEntries(a.id)).toHaveLength(2)
    })

    test('loses an entry once to 20 concurrent deletions, with one event', async () => {
      const { storage } = fixture
      const { id } = await addAccount()
      const gone = await addAllowlistEntry(id, '10.0.0.0/8')
      const removed = await runConcurrently(() =>
        storage.deleteAllowlistEntry(gone.id, createTestEvent(gone.id)),
      )
      expect(countTrue(removed)).toBe(1)
      expect(await storage.listAllowlistEntries(id)).toEqual([])
      expect(await listEvents(gone.id)).toHaveLength(2)
    })

    test('refuses the key if an entry cannot be read, instead of enforcing less', async () => {
      const { id, listNetworks } = await seedKeyWithNetworks()
      await fixture.storage.setAllowlistEnforced(id, true, createTestEvent(id))
      await addAllowlistEntry(id, 'everywhere')
      await expect(listNetworks()).rejects.toThrow(/everywhere is not a network/)
    })
  })

  describe(`${name}: a deactivated user`, () => {
    async function seedOwnedKeys(offboardingPolicy: 'keep' | 'disable') {
      const { id } = await addAccount()
      await fixture.storage.setOffboardingPolicy(id, offboardingPolicy, createTestEvent(id))
      const [owner, colleague] = [await addUser(id), await addUser(id)]
      const addOwnerKey = async (keyUser: User) => (await addKey(createStaticKey(keyUser))).id
      const keys = {
        enabled: await addOwnerKey(owner),
        disabled: await addOwnerKey(owner),
        revoked: await addOwnerKey(owner),
      }
      await fixture.storage.disableKey(
        keys.disabled,
        'customer',
        createTestEvent(keys.disabled, { at: 3 }),
      )
      await fixture.storage.revokeKey(keys.revoked, createTestEvent(keys.revoked, { at: 4 }))
      return { owner, keys, colleagues: await addOwnerKey(colleague) }
    }
    const readKeyState = async (id: string) => {
      const { status, disabledBy, disabledAt, revokedAt } =
        (await fixture.storage.findKeySummary(id)) ?? {}
      return [status, disabledBy, disabledAt, revokedAt]
    }

    test('keeps all keys unchanged if the account’s policy says so', async () => {
      const { owner, keys, colleagues } = await seedOwnedKeys('keep')
      expect(await fixture.storage.deactivateUser(owner.id, 9, createTestEvent(owner.id))).toBe(
        true,
      )
      expect((await fixture.storage.findUser(owner.id))?.deactivatedAt).toBe(9)
      expect(await readKeyState(keys.enabled)).toEqual(['enabled', null, null, null])
      expect(await readKeyState(keys.disabled)).toEqual(['disabled', 'customer', 3, null])
      expect(await readKeyState(keys.revoked)).toEqual(['revoked', null, null, 4])
      expect(await readKeyState(colleagues)).toEqual(['enabled', null, null, null])
    })

    test('has its enabled keys disabled if the account’s policy says so', async () => {
      const { owner, keys, colleagues } = await seedOwnedKeys('disable')
      expect(await fixture.storage.deactivateUser(owner.id, 9, createTestEvent(owner.id))).toBe(
        true,
      )
      expect(await readKeyState(keys.enabled)).toEqual(['disabled', 'operator', 9, null])
      expect(await readKeyState(keys.disabled)).toEqual(['disabled', 'customer', 3, null])
      expect(await readKeyState(keys.revoked)).toEqual(['revoked', null, null, 4])
      expect(await readKeyState(colleagues)).toEqual(['enabled', null, null, null])
    })

    test('is deactivated once: repeating it changes neither the time nor a key', async () => {
      const { storage } = fixture
      const { owner, keys } = await seedOwnedKeys('disable')
      await storage.deactivateUser(owner.id, 9, createTestEvent(owner.id))
      expect(await storage.enableKey(keys.enabled, 'operator', createTestEvent(keys.enabled))).toBe(
        true,
      )
      await expectRefused(
        (e) => storage.deactivateUser(owner.id, 10, e),
        owner.id,
        async () => [await storage.findUser(owner.id), await readKeyState(keys.enabled)],
      )
    })

    test('is deactivated once by 20 concurrent requests, with one event', async () => {
      const { owner, keys } = await seedOwnedKeys('disable')
      const left = await runConcurrently((n) =>
        fixture.storage.deactivateUser(owner.id, 10 + n, createTestEvent(owner.id)),
      )
      expect(countTrue(left)).toBe(1)
      const at = 10 + left.indexOf(true)
      expect((await fixture.storage.findUser(owner.id))?.deactivatedAt).toBe(at)
      expect(await readKeyState(keys.enabled)).toEqual(['disabled', 'operator', at, null])
      expect(await listEvents(owner.id)).toHaveLength(2)
    })

    test('has no enabled key, even one that was created for or transferred to the user meanwhile', async () => {
      const { storage } = fixture
      for (let round = 0; round < 5; round++) {
        const { id } = await addAccount({ offboardingPolicy: 'disable' })
        const [owner, colleague] = [await addUser(id), await addUser(id)]
        const handed = await addKey(createStaticKey(colleague))
        const seenEventId = (await storage.findKeySummary(handed.id))?.eventId ?? ''
        const made = Array.from({ length: 8 }, () => createStaticKey(owner))
        const { name, description, reference, access, expiresAt } = handed
        const edit = {
          ...{ name, description, reference, access, expiresAt },
          ownerId: owner.id,
          oauthClient: null,
        }
        await Promise.all([
          ...made.slice(4).map((row) => storage.addKey(row, createTestEvent(row.id))),
          storage.editKey(handed.id, edit, seenEventId, createTestEvent(handed.id)),
          storage.deactivateUser(owner.id, 9, createTestEvent(owner.id)),
          ...made.slice(0, 4).map((row) => storage.addKey(row, createTestEvent(row.id))),
        ])
        const keys = await storage.listKeys({ accountId: id, limit: 100 })
        const ownerKeys = keys.filter(({ ownerId }) => ownerId === owner.id)
        expect(ownerKeys.filter(({ status }) => status !== 'disabled')).toEqual([])
      }
    })
  })
}
