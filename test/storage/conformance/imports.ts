import { describe, expect, test } from 'vitest'
import type { User } from '../../../src/service/ports/accounts.ts'
import type { NewImportedKey } from '../../../src/service/ports/imports.ts'
import {
  createStaticKey,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'

const createImportedKey = (owner: User, more: Partial<NewImportedKey> = {}): NewImportedKey => {
  const key = createStaticKey(owner, more.keyType)
  return {
    ...key,
    status: 'enabled',
    disabledBy: null,
    assignedAt: null,
    lastUsedAt: null,
    line: 2,
    secretForm: null,
    pepperId: null,
    secretStart: '',
    event: createTestEvent(key.id, { action: 'key.imported' }),
    ...more,
  }
}

/** A UUIDv7. */
const createUuidOfTime = (ms: number) =>
  createUuid().replace(/^.{8}-.{4}-./, `00000000-${ms.toString(16).padStart(4, '0')}-7`)

/** Imports of keys, and their undoing. */
export function testImportStorage(name: string, fixture: StorageFixture): void {
  async function addImportTenant() {
    const tenant = await fixture.addTenant()
    const { id: importId } = await fixture.addImport(tenant.accountId)
    return { ...tenant, importId }
  }
  const list = async (importId: string) =>
    (await fixture.storage.listImportedKeys(importId, { limit: 100 })).map(({ id }) => id)

  describe(`${name}: an import`, () => {
    test('adds every field of its keys, each with its event', async () => {
      const { storage } = fixture
      const { owner, importId, accountId } = await addImportTenant()
      const site = await fixture.addSite(accountId)
      const keys = TRICKY_TEXTS.map((text) =>
        createImportedKey(owner, {
          keyType: 'opendental',
          siteId: site.id,
          name: text,
          description: text,
          reference: text,
          secretStart: text,
          status: 'disabled',
          disabledBy: 'customer',
          access: 'read',
          createdAt: 0,
          expiresAt: MAX_INTEGER,
          lastUsedAt: 7,
          assignedAt: 8,
        }),
      )
      const added = await storage.addImportedKeys(importId, keys)
      expect(added).toEqual(new Set(keys.map(({ id }) => id)))
      for (const key of keys) {
        expect(await storage.findKeySummary(key.id)).toMatchObject({
          name: key.name,
          description: key.description,
          status: 'disabled',
          disabledBy: 'customer',
          disabledAt: 1_000,
          siteId: site.id,
          createdAt: 0,
          expiresAt: MAX_INTEGER,
          lastUsedAt: 7,
          assignedAt: 8,
          eventId: key.event.id,
        })
        expect(await fixture.listEvents(key.id)).toEqual([key.event])
      }
      expect(await storage.findImport(importId)).toMatchObject({ imported: keys.length })
      const unseen = await storage.listUnseenKeys({ importId, limit: 100 })
      expect(unseen.map(({ secretStart }) => secretStart)).toEqual(TRICKY_TEXTS)
    })

    test('leaves out keys whose guard does not hold, with their events, and adds the others', async () => {
      const { storage } = fixture
      const { owner, importId, addKey } = await addImportTenant()
      const stranger = (await fixture.addTenant()).owner
      const leaver = await fixture.addUser(owner.accountId, { deactivatedAt: 1 })
      const good = createImportedKey(owner)
      const bad = [
        createImportedKey(owner, { publicId: addKey.publicId }),
        createImportedKey(owner, { secretHash: good.secretHash }),
        createImportedKey({ ...stranger, accountId: owner.accountId }),
        createImportedKey(leaver),
        createImportedKey(owner, { siteId: createUuid() }),
        createImportedKey(owner, { pepperId: createUuid() }),
      ]
      expect(await storage.addImportedKeys(importId, [good, ...bad])).toEqual(new Set([good.id]))
      for (const { id } of bad) expect(await fixture.listEvents(id)).toEqual([])
      expect(await storage.findImport(importId)).toMatchObject({ imported: 1 })
    })

    test('adds a row once, of twenty processes that import it at once', async () => {
      const { storage } = fixture
      const { owner, importId } = await addImportTenant()
      const publicId = `public-${createUuid()}`
      const added = await runConcurrently(() =>
        storage.addImportedKeys(importId, [createImportedKey(owner, { publicId })]),
      )
      expect(added.reduce((sum, { size }) => sum + size, 0)).toBe(1)
      expect(await list(importId)).toHaveLength(1)
    })

    test('tells when it made its newest key, and which keys are its own', async () => {
      const { storage } = fixture
      const { owner, importId, addKey } = await addImportTenant()
      const ids = [1_000, 3_000, 2_000].map(createUuidOfTime)
      const keys = ids.map((id) =>
        createImportedKey(owner, { id, event: createTestEvent(id, { action: 'key.imported' }) }),
      )
      await storage.addImportedKeys(importId, keys)
      expect(await storage.findImport(importId)).toMatchObject({ lastKeyAt: 3_000 })
      const { accountId } = owner
      const listed = await storage.listImports({ accountId, limit: 10 })
      expect(listed).toEqual([await storage.findImport(importId)])
      const publicIds = [addKey.publicId, keys[0]?.publicId ?? '']
      const existing = await storage.findExistingKeys({ publicIds, secretHashes: [] })
      expect(new Map(existing.map((key) => [key.id, key.importId]))).toEqual(
        new Map([
          [addKey.id, null],
          [ids[0], importId],
        ]),
      )
    })

    test('adds nothing once it is undone', async () => {
      const { storage } = fixture
      const { owner, importId } = await addImportTenant()
      expect(await storage.setImportUndone(importId, createTestEvent(importId))).toBe(true)
      const added = await storage.addImportedKeys(importId, [createImportedKey(owner)])
      expect(added.size).toBe(0)
      expect(await storage.setImportUndone(importId, createTestEvent(importId))).toBe(false)
    })

    test('is undone without the keys that were used since, and with the last hash goes its pepper', async () => {
      const { storage } = fixture
      const { owner, accountId, importId } = await addImportTenant()
      const pepperId = createUuid()
      const pepper = { id: pepperId, accountId, name: 'p', sealedPepper: 'sealed', createdAt: 1 }
      expect(await storage.addPepper(pepper, createTestEvent(pepperId))).toBe(true)
      const form = { pepperId, secretForm: 'hmac-sha256' }
      const [used, unused] = [
        createImportedKey(owner, { ...form, lastUsedAt: 5 }),
        createImportedKey(owner, { ...form, lastUsedAt: 5 }),
      ]
      await storage.addImportedKeys(importId, [used, unused])
      await storage.addKeyUses([{ keyId: used.id, day: 1, uses: 1, lastAt: 6 }])
      const undo = (includesUsed: boolean) =>
        storage.deleteImportedKeys(
          importId,
          [used, unused].map(({ id }) => createTestEvent(id, { action: 'key.deleted' })),
          includesUsed,
        )
      expect(await undo(false)).toBe(1)
      expect(await list(importId)).toEqual([used.id])
      expect(await storage.findKeySummary(unused.id)).toBeNull()
      expect(await storage.findPepper(accountId, 'p')).toEqual(pepper)
      expect(await undo(true)).toBe(1)
      expect(await storage.findKeySummary(used.id)).toBeNull()
      expect(await storage.findPepper(accountId, 'p')).toBeNull()
      expect((await fixture.listEvents(used.id)).map(({ action }) => action)).toEqual([
        'key.deleted',
        'key.imported',
      ])
    })

    test('is found again by its file while it is running, in its account only', async () => {
      const { storage } = fixture
      const { accountId } = await fixture.addTenant()
      const fileDigest = createUuid()
      const { id } = await fixture.addImport(accountId, { fileDigest })
      expect(await storage.findImport(id)).toMatchObject({ status: 'unfinished', lastKeyAt: null })
      expect((await storage.findUnfinishedImport(fileDigest, accountId))?.id).toBe(id)
      expect(await storage.findUnfinishedImport(fileDigest, null)).toBeNull()
      const counts = { present: 1, different: 2, invalid: 3 }
      expect(await storage.finishImport(id, counts, createTestEvent(id))).toBe(true)
      expect(await storage.finishImport(id, counts, createTestEvent(id))).toBe(false)
      expect(await storage.findUnfinishedImport(fileDigest, accountId)).toBeNull()
      expect(await storage.findImport(id)).toMatchObject({ ...counts, status: 'finished' })
    })

    test('finds rows by their names in one account, and tells that a name is not unique', async () => {
      const { storage } = fixture
      const { accountId, owner } = await fixture.addTenant()
      const other = await fixture.addAccount()
      const label = `Site ${createUuid()}`
      const [one, two] = [
        await fixture.addSite(accountId, { name: label }),
        await fixture.addSite(accountId, { name: label }),
      ]
      const find = (kind: 'site' | 'user', text: string, id: string) =>
        storage.findIdsByName({ kind, name: text, accountId: id })
      expect(await find('site', label, accountId)).toEqual([one.id, two.id])
      expect(await find('site', label, other.id)).toEqual([])
      expect(await find('user', owner.email, accountId)).toEqual([owner.id])
    })
  })
}
