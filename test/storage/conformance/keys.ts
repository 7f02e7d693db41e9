import { describe, expect, test } from 'vitest'
import { KEY_TYPE_NAMES, type KeyType } from '../../../src/domain/key-type.ts'
import type { VersionedKey } from '../../../src/service/ports/authority.ts'
import type { NewKey } from '../../../src/service/ports/keys.ts'
import {
  countTrue,
  createStaticKey,
  createTestEvent,
  createTestKey,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'

/** Creates the functions that the tests of keys share. */
export function createKeyHelpers(fixture: StorageFixture) {
  const findSummary = (id: string) => fixture.storage.findKeySummary(id)
  return {
    findSummary,
    readEventId: async (id: string) => (await findSummary(id))?.eventId ?? '',

    /** Adds a key that is presented at every request, in an account of its own. */
    async addStaticKey(
      more: Parameters<typeof createStaticKey>[2] = {},
      keyType: KeyType = 'xdent',
    ) {
      const { id: accountId } = await fixture.addAccount()
      const owner = await fixture.addUser(accountId)
      const key = await fixture.addKey(createStaticKey(owner, keyType, more))
      return { accountId, owner, key }
    },
  }
}

/** Keys as they are made, read and listed. */
export function testKeyStorage(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addUser,
    addSource,
    addSite,
    addDeveloper,
    addTenant,
    addKey,
    expectRefused,
    listEvents,
  } = fixture
  const { findSummary, addStaticKey } = createKeyHelpers(fixture)

  describe(`${name}: reading a key`, () => {
    test.each(TRICKY_TEXTS)('returns every column of every key type, with %j', async (text) => {
      const { storage } = fixture
      const { id: accountId } = await addAccount({ name: text, region: text })
      const owner = await addUser(accountId, { username: `${text}${createUuid()}` })
      const place = await addSite(accountId)
      const maker = await addDeveloper(accountId, { developerKey: `${text}${createUuid()}` })
      const from = await addSource(accountId)
      for (const keyType of KEY_TYPE_NAMES) {
        const isExchanged = keyType === 'redox'
        const row = createTestKey(owner, '', {
          keyType,
          sourceId: isExchanged ? from.id : null,
          siteId: isExchanged ? null : place.id,
          developerId: isExchanged ? null : maker.id,
          name: text,
          description: text,
          reference: text,
          publicId: `${text}${createUuid()}`,
          access: isExchanged ? 'enterprise' : 'read',
          secretHash: `${text}${createUuid()}`,
          sealedSecret: isExchanged ? null : text,
          tokenSalt: text,
          createdAt: MAX_INTEGER,
          expiresAt: MAX_INTEGER,
        })
        const event = createTestEvent(row.id)
        expect(await storage.addKey(row, event)).toBe(true)
        const { secretHash, secretDigest, sealedSecret, tokenSalt, developerId, ...publicRow } = row
        const { description, reference, createdAt, ...judged } = publicRow
        const found = {
          ...judged,
          secretHash,
          secretDigest,
          previousSecretDigest: null,
          tokenSalt,
          authorityVersion: await storage.readAuthorityVersion(),
          provenHash: null,
          developer: isExchanged ? null : { id: maker.id, developerKey: maker.developerKey },
          username: owner.username,
          status: 'enabled',
          assignedAt: null,
          previousSecretHash: null,
          previousSecretEndsAt: null,
          secretRotatedAt: null,
          tokenEpoch: 0,
          oauthClient: null,
          sunset: null,
          account: { name: text, status: 'open', region: text, networks: [] },
        }
        const names = Object.keys(found) as (keyof typeof found)[]
        const readFacts = (key: VersionedKey | null) =>
          key && Object.fromEntries(names.map((name) => [name, key[name]]))
        expect(readFacts(await storage.findKey(row.publicId))).toEqual(found)
        const foundBySecret = await fixture.findKeyBySecret(secretHash)
        expect(readFacts(foundBySecret)).toEqual(isExchanged ? null : found)
        expect(await storage.findSealedSecret(row.id)).toBe(sealedSecret)
        const summary = {
          ...publicRow,
          developerId,
          status: 'enabled',
          disabledBy: null,
          assignedAt: null,
          disabledAt: null,
          revokedAt: null,
          secretRotatedAt: null,
          previousSecretEndsAt: null,
          lastUsedAt: null,
          sunsetAt: null,
          eventId: event.id,
        }
        expect(await findSummary(row.id)).toEqual(summary)
        expect(await findSummary(row.publicId)).toEqual(summary)
        expect((await storage.listKeys({ accountId, limit: 10 })).at(-1)).toEqual(summary)
      }
    })

    test('returns a summary without hash, salt and sealed secret', async () => {
      const secrets = {
        secretHash: createUuid(),
        tokenSalt: createUuid(),
        sealedSecret: createUuid(),
      }
      const { accountId, key: row } = await addStaticKey(secrets)
      const publicRow = JSON.stringify([
        await findSummary(row.id),
        await fixture.storage.listKeys({ accountId, limit: 10 }),
      ])
      for (const secret of Object.values(secrets)) expect(publicRow).not.toContain(secret)
    })

    test('finds it by its row id, even if that is the public id of another key', async () => {
      const ownKey = await addStaticKey()
      const other = await addStaticKey({ publicId: ownKey.key.id })
      expect((await findSummary(ownKey.key.id))?.id).toBe(ownKey.key.id)
      expect((await findSummary(other.key.id))?.id).toBe(other.key.id)
      expect((await fixture.storage.findKey(ownKey.key.id))?.id).toBe(other.key.id)
    })

    test('lists it with the keys of its developer, and with no other account’s', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const [owner, maker, other] = [
        await addUser(accountId),
        await addDeveloper(accountId),
        await addDeveloper(accountId),
      ]
      const ids: string[] = []
      for (let n = 0; n < 3; n++) {
        await addKey(createStaticKey(owner, 'opendental', { developerId: other.id }))
        ids.push((await addKey(createStaticKey(owner, 'opendental', { developerId: maker.id }))).id)
      }
      const listKeyIds = async (more: object) =>
        (await storage.listKeys({ developerId: maker.id, limit: 10, ...more })).map(({ id }) => id)
      expect(await listKeyIds({})).toEqual(ids)
      expect(await listKeyIds({ limit: 2 })).toEqual(ids.slice(0, 2))
      expect(await listKeyIds({ after: ids[1] })).toEqual(ids.slice(2))
      expect(await listKeyIds({ accountId })).toEqual(ids)
      expect(await listKeyIds({ accountId: (await addAccount()).id })).toEqual([])
      expect(await listKeyIds({ developerId: createUuid() })).toEqual([])
    })

    test('lists it by its owner, key type and status, alone and together', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const [owner, other] = [await addUser(accountId), await addUser(accountId)]
      const { id: siteId } = await addSite(accountId)
      const addXdentKey = async () => (await addKey(createStaticKey(owner, 'xdent'))).id
      const ids: string[] = []
      for (let n = 0; n < 3; n++) {
        ids.push(await addXdentKey())
        await addKey(createStaticKey(owner, 'xenrad', { siteId }))
        await addKey(createStaticKey(other, 'xdent'))
        const stopped = await addXdentKey()
        await storage.disableKey(stopped, 'operator', createTestEvent(stopped))
      }
      const wanted = { accountId, ownerId: owner.id, keyType: 'xdent', status: 'enabled' } as const
      const listKeyIds = async (more: object) =>
        (await storage.listKeys({ limit: 100, ...more })).length
      expect((await storage.listKeys({ ...wanted, limit: 100 })).map(({ id }) => id)).toEqual(ids)
      const page = await storage.listKeys({ ...wanted, after: String(ids[0]), limit: 1 })
      expect(page.map(({ id }) => id)).toEqual([ids[1]])
      expect(await listKeyIds({ accountId, keyType: 'xdent' })).toBe(9)
      expect(await listKeyIds({ accountId, status: 'disabled' })).toBe(3)
      expect(await listKeyIds({ ownerId: owner.id })).toBe(9)
    })
  })

  describe(`${name}: adding a key`, () => {
    test('requires a source, site or developer of its owner’s account', async () => {
      const { storage } = fixture
      const [a, b] = [await addAccount(), await addAccount()]
      const [ownerA, ownerB] = [await addUser(a.id), await addUser(b.id)]
      const [siteB, developerB] = [await addSite(b.id), await addDeveloper(b.id)]
      const wrong = [
        createStaticKey(ownerA, 'xenrad', { siteId: siteB.id }),
        createStaticKey(ownerA, 'xenrad', { siteId: siteB.id, accountId: b.id }),
        createStaticKey(ownerB, 'xenrad', { siteId: siteB.id, accountId: a.id }),
        createStaticKey(ownerA, 'xenrad', { siteId: createUuid() }),
        createStaticKey(ownerA, 'opendental', { developerId: developerB.id }),
        createStaticKey(ownerA, 'opendental', { developerId: createUuid() }),
        createStaticKey({ ...ownerA, id: createUuid() }),
      ]
      for (const row of wrong) {
        await expectRefused(
          (e) => storage.addKey(row, e),
          row.id,
          () => fixture.findKeyWithRouting(row.publicId),
        )
      }
      await addKey(createStaticKey(ownerB, 'xenrad', { siteId: siteB.id }))
      await addKey(createStaticKey(ownerB, 'opendental', { developerId: developerB.id }))
    })

    test('is refused for a deactivated owner', async () => {
      const { storage } = fixture
      const { id } = await addAccount()
      const owner = await addUser(id)
      await storage.deactivateUser(owner.id, 1, createTestEvent(owner.id))
      const row = createStaticKey(owner)
      await expectRefused((e) => storage.addKey(row, e), row.id)
    })

    test('requires a secret that no key of any account has, unless it is exchanged', async () => {
      const { storage } = fixture
      const { key: first } = await addStaticKey()
      const second = createStaticKey(await addUser((await addAccount()).id), 'practice', {
        secretHash: first.secretHash,
      })
      await expectRefused((e) => storage.addKey(second, e), second.id)
      await storage.revokeKey(first.id, createTestEvent(first.id))
      await expectRefused((e) => storage.addKey(second, e), second.id)
      const secretHash = `$argon2id$${createUuid()}`
      await addTenant({ secretHash })
      await addTenant({ secretHash })
    })

    test('requires a source if the secret is exchanged, and none otherwise', async () => {
      const { storage } = fixture
      const { id } = await addAccount()
      const [owner, from] = [await addUser(id), await addSource(id)]
      for (const row of [
        createStaticKey(owner, 'redox'),
        createStaticKey(owner, 'xdent', { sourceId: from.id }),
      ]) {
        await expect(storage.addKey(row, createTestEvent(row.id))).rejects.toThrow()
        expect(await findSummary(row.id)).toBeNull()
        expect(await listEvents(row.id)).toEqual([])
      }
    })

    test('is refused if its developer has the maximum number of the type, revoked ones included', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const owner = await addUser(accountId)
      const [maker, other] = [await addDeveloper(accountId), await addDeveloper(accountId)]
      const rowFor = ({ id }: { id: string }, keyType: KeyType = 'opendental') =>
        createStaticKey(owner, keyType, { developerId: id })
      const isMade = (row: NewKey) => storage.addKey(row, createTestEvent(row.id), 2)
      await addKey(rowFor(other))
      await addKey(rowFor(maker, 'opendental-portal'))
      const first = await addKey(rowFor(maker))
      expect(await isMade(rowFor(maker))).toBe(true)
      const late = rowFor(maker)
      await expectRefused((e) => storage.addKey(late, e, 2), late.id)
      await storage.revokeKey(first.id, createTestEvent(first.id))
      await expectRefused((e) => storage.addKey(late, e, 2), late.id)
      expect(await isMade(rowFor(other))).toBe(true)
      await storage.deleteKey(first.id, createTestEvent(first.id))
      expect(await isMade(late)).toBe(true)
      await addKey(rowFor(maker))
    })

    test('does not exceed the limit of a developer in concurrent requests', async () => {
      const { id: accountId } = await addAccount()
      const [owner, maker] = [await addUser(accountId), await addDeveloper(accountId)]
      const made = await runConcurrently(() => {
        const row = createStaticKey(owner, 'opendental', { developerId: maker.id })
        return fixture.storage.addKey(row, createTestEvent(row.id), 3)
      })
      expect(countTrue(made)).toBe(3)
      expect(await fixture.storage.listKeys({ developerId: maker.id, limit: 100 })).toHaveLength(3)
    })

    test('adds one key of a secret in concurrent requests', async () => {
      const owners = await runConcurrently(async () => addUser((await addAccount()).id))
      const secretHash = createUuid()
      const made = await Promise.all(
        owners.map((owner) => {
          const row = createStaticKey(owner, 'xdent', { secretHash })
          return fixture.storage.addKey(row, createTestEvent(row.id))
        }),
      )
      expect(countTrue(made)).toBe(1)
    })
  })

  test(`${name}: the keys of a developer are listed with their sealed secrets, and no others`, async () => {
    const { storage } = fixture
    const { id: accountId } = await addAccount()
    const owner = await addUser(accountId)
    const maker = await addDeveloper(accountId)
    const place = { developerId: maker.id }
    const rows = [
      await addKey(createStaticKey(owner, 'opendental', { ...place, sealedSecret: 'one' })),
      await addKey(createStaticKey(owner, 'opendental-portal', { ...place, sealedSecret: null })),
      await addKey(createStaticKey(owner, 'opendental', { ...place, sealedSecret: 'three' })),
    ]
    await addKey(
      createStaticKey(owner, 'opendental', {
        developerId: (await addDeveloper(accountId)).id,
        sealedSecret: 'other',
      }),
    )
    const expected = await Promise.all(
      rows.map(async ({ id, sealedSecret }) => ({ key: await findSummary(id), sealedSecret })),
    )
    const page = { developerId: maker.id, limit: 2 }
    expect(await storage.listSealedKeys(page)).toEqual(expected.slice(0, 2))
    expect(await storage.listSealedKeys({ ...page, after: rows[1]?.id })).toEqual(expected.slice(2))
  })

  test(`${name}: a key is read with its account’s name, status and region`, async () => {
    const { accountId, addKey: row } = await addTenant()
    await fixture.storage.setAccountStatus(accountId, 'closed', createTestEvent(accountId))
    const found = await fixture.storage.findKey(row.publicId)
    expect(found?.account).toEqual({ name: 'Acme', status: 'closed', region: 'us', networks: [] })
  })
}
