import { describe, expect, test } from 'vitest'
import type { KeyType } from '../../../src/domain/key-type.ts'
import {
  createStaticKey,
  createTestEvent,
  createUuid,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Tests the hashes of other systems, until the first success replaces them. */
export function testImportedSecretStorage(name: string, fixture: StorageFixture): void {
  const run = async (...statements: string[]) => {
    await fixture.engine.atomic(statements.map((sql) => ({ sql, values: [] })))
  }

  async function addImport(status: 'running' | 'finished'): Promise<string> {
    const id = createUuid()
    await run(`INSERT INTO imports (id, file_name, status, imported, present, different, invalid, created_at, event_id)
      VALUES ('${id}', 'keys.csv', '${status}', 0, 0, 0, 0, 1, 'event')`)
    return id
  }

  async function addPepper(accountId: string): Promise<string> {
    const id = createUuid()
    await run(`INSERT INTO peppers (id, account_id, name, sealed_pepper, created_at, event_id)
      VALUES ('${id}', '${accountId}', '${id}', 'sealed ${id}', 1, 'event')`)
    return id
  }

  const markImported = (keyId: string, importId: string, pepperId: string | null = null) =>
    run(`INSERT INTO imported_keys (key_id, import_id, line, secret_form, pepper_id, secret_start)
      VALUES ('${keyId}', '${importId}', 1, 'bcrypt', ${pepperId === null ? 'NULL' : `'${pepperId}'`}, '')`)

  async function addImportedKey(more: { secretHash?: string; pepperId?: string } = {}) {
    const importedHash = more.secretHash ?? `imported:${createUuid()}`
    const tenant = await fixture.addTenant({ secretHash: importedHash })
    await markImported(tenant.addKey.id, await addImport('finished'), more.pepperId)
    return { ...tenant, importedHash, key: tenant.addKey }
  }

  const createUpgrade = (
    keyId: string,
    importedHash: string,
    hash = `$argon2id$${createUuid()}`,
  ) => ({
    keyId,
    importedHash,
    hash,
    digest: `digest ${hash}`,
  })
  const createUpgradeEvent = (keyId: string) =>
    createTestEvent(keyId, { action: 'key.secret_upgraded', actor: keyId })
  const findKey = (publicId: string) => fixture.storage.findKey(publicId)
  const rotate = (keyId: string, overlapEndsAt: number | null) =>
    fixture.storage.rotateSecret(
      keyId,
      { hash: `$argon2id$${createUuid()}`, sealed: null, tokenSalt: 's', overlapEndsAt },
      createTestEvent(keyId, { at: 10 }),
    )

  describe(`${name}: an imported hash`, () => {
    test('is replaced once by concurrent proofs of several processes, with one event', async () => {
      const { accountId, key, importedHash } = await addImportedKey()
      const version = await fixture.storage.readAuthorityVersion()
      const answers = await runConcurrently(() =>
        fixture.storage.upgradeSecret(
          createUpgrade(key.id, importedHash),
          createUpgradeEvent(key.id),
        ),
      )
      expect(answers.filter(Boolean)).toHaveLength(1)
      const events = await fixture.storage.listEvents({ accountId, limit: 100 })
      expect(events.filter(({ action }) => action === 'key.secret_upgraded')).toHaveLength(1)
      const found = await findKey(key.publicId)
      expect(found?.secretHash).toMatch(/^\$argon2id/)
      expect(found?.secretDigest).toBe(`digest ${found?.secretHash}`)
      expect(found?.tokenSalt).toBe(key.tokenSalt)
      expect(await fixture.storage.readAuthorityVersion()).toBeGreaterThan(version)
    })

    test('that a rotation has replaced is not changed', async () => {
      const { key, importedHash } = await addImportedKey()
      expect(await rotate(key.id, null)).toBe(true)
      const before = await findKey(key.publicId)
      const upgrade = createUpgrade(key.id, importedHash)
      expect(await fixture.storage.upgradeSecret(upgrade, createUpgradeEvent(key.id))).toBe(false)
      expect((await findKey(key.publicId))?.secretHash).toBe(before?.secretHash)
    })

    test('is replaced as the previous secret in an overlap, and the new secret stays', async () => {
      const { key, importedHash } = await addImportedKey()
      expect(await rotate(key.id, 10 + HOUR_MS)).toBe(true)
      const before = await findKey(key.publicId)
      const upgrade = createUpgrade(key.id, importedHash)
      expect(await fixture.storage.upgradeSecret(upgrade, createUpgradeEvent(key.id))).toBe(true)
      expect(await findKey(key.publicId)).toMatchObject({
        secretHash: before?.secretHash,
        previousSecretHash: upgrade.hash,
        previousSecretDigest: upgrade.digest,
        previousSecretEndsAt: 10 + HOUR_MS,
      })
    })

    test('is not replaced by a hash that another key has', async () => {
      const { id: accountId } = await fixture.addAccount()
      const owner = await fixture.addUser(accountId)
      const other = await fixture.addKey(createStaticKey(owner, 'xdent'))
      const importedHash = `imported:${createUuid()}`
      const key = await fixture.addKey(
        createStaticKey(owner, 'xdent', { secretHash: importedHash }),
      )
      const upgrade = createUpgrade(key.id, importedHash, other.secretHash ?? '')
      expect(await fixture.storage.upgradeSecret(upgrade, createUpgradeEvent(key.id))).toBe(false)
      expect((await findKey(key.publicId))?.secretHash).toBe(importedHash)
    })

    test('is deleted when its overlap has ended, and no other hash is', async () => {
      const imported = await addImportedKey()
      const ours = await fixture.addTenant({ secretHash: `$argon2id$${createUuid()}` })
      for (const { id } of [imported.key, ours.addKey]) await rotate(id, 10 + HOUR_MS)
      await fixture.storage.purgeImportedSecrets(10 + HOUR_MS - 1)
      expect((await findKey(imported.key.publicId))?.previousSecretHash).toBe(imported.importedHash)
      expect(await fixture.storage.purgeImportedSecrets(10 + HOUR_MS)).toBe(1)
      expect((await findKey(imported.key.publicId))?.previousSecretHash).toBeNull()
      expect((await findKey(ours.addKey.publicId))?.previousSecretHash).not.toBeNull()
    })
  })

  describe(`${name}: a pepper`, () => {
    const upgrade = (keyId: string, hash: string) =>
      fixture.storage.upgradeSecret(createUpgrade(keyId, hash), createUpgradeEvent(keyId))

    test('is deleted with the last key that needs it', async () => {
      const { id: accountId } = await fixture.addAccount()
      const pepperId = await addPepper(accountId)
      const [one, other] = [await addImportedKey({ pepperId }), await addImportedKey({ pepperId })]
      const find = () => fixture.storage.findSealedPepper(pepperId)
      expect(await find()).toBe(`sealed ${pepperId}`)
      expect(await upgrade(one.key.id, 'another hash')).toBe(false)
      expect(await upgrade(one.key.id, one.importedHash)).toBe(true)
      expect(await find()).toBe(`sealed ${pepperId}`)
      expect(await upgrade(other.key.id, other.importedHash)).toBe(true)
      expect(await find()).toBeNull()
    })

    test.each([
      ['rotated at once', (id: string) => rotate(id, null)],
      ['revoked', (id: string) => fixture.storage.revokeKey(id, createTestEvent(id))],
    ])('is deleted later where its last key was %s', async (_, end) => {
      const { id: accountId } = await fixture.addAccount()
      const pepperId = await addPepper(accountId)
      const { key } = await addImportedKey({ pepperId })
      await fixture.storage.purgeImportedSecrets(2 * HOUR_MS)
      expect(await fixture.storage.findSealedPepper(pepperId)).not.toBeNull()
      expect(await end(key.id)).toBe(true)
      await fixture.storage.purgeImportedSecrets(2 * HOUR_MS)
      expect(await fixture.storage.findSealedPepper(pepperId)).toBeNull()
    })

    test('that no key needs yet stays while an import runs', async () => {
      const { id: accountId } = await fixture.addAccount()
      const importId = await addImport('running')
      const pepperId = await addPepper(accountId)
      await fixture.storage.purgeImportedSecrets(2 * HOUR_MS)
      expect(await fixture.storage.findSealedPepper(pepperId)).not.toBeNull()
      await run(`UPDATE imports SET status = 'finished' WHERE id = '${importId}'`)
      await fixture.storage.purgeImportedSecrets(2 * HOUR_MS)
      expect(await fixture.storage.findSealedPepper(pepperId)).toBeNull()
    })

    test('that was stored alone is kept for an hour for its import', async () => {
      const { id: accountId } = await fixture.addAccount()
      const pepperId = await addPepper(accountId)
      await fixture.storage.purgeImportedSecrets(HOUR_MS)
      expect(await fixture.storage.findSealedPepper(pepperId)).not.toBeNull()
      await fixture.storage.purgeImportedSecrets(2 * HOUR_MS)
      expect(await fixture.storage.findSealedPepper(pepperId)).toBeNull()
    })

    test('that no key needs is deleted after a week even if its import never ends', async () => {
      const { id: accountId } = await fixture.addAccount()
      const importId = await addImport('running')
      const pepperId = await addPepper(accountId)
      await fixture.storage.purgeImportedSecrets(7 * DAY_MS)
      expect(await fixture.storage.findSealedPepper(pepperId)).not.toBeNull()
      await fixture.storage.purgeImportedSecrets(8 * DAY_MS)
      expect(await fixture.storage.findSealedPepper(pepperId)).toBeNull()
      await run(`UPDATE imports SET status = 'finished' WHERE id = '${importId}'`)
    })
  })

  test(`${name}: imported digests are looked for only while a key has one, with all peppers`, async () => {
    const { storage } = fixture
    const { id: accountId } = await fixture.addAccount()
    const owner = await fixture.addUser(accountId)
    const pepperId = await addPepper(accountId)
    expect(await storage.readImportedDigests()).toEqual({ isUsed: false, peppers: [] })
    const secretHash = `digest:sha256::hmac.${createUuid()}`
    const key = await fixture.addKey(createStaticKey(owner, 'xenrad', { secretHash }))
    const used = await storage.readImportedDigests()
    expect(used.isUsed).toBe(true)
    expect(used.peppers).toContainEqual({ id: pepperId, sealedPepper: `sealed ${pepperId}` })
    // In an overlap, it still opens.
    await rotate(key.id, 10 + HOUR_MS)
    expect((await storage.readImportedDigests()).isUsed).toBe(true)
    await storage.purgeImportedSecrets(10 + HOUR_MS)
    expect(await storage.readImportedDigests()).toEqual({ isUsed: false, peppers: [] })
  })

  describe(`${name}: a claim to a key`, () => {
    const claim = (publicId: string, decoySalt: string, keyTypes: readonly KeyType[]) =>
      fixture.storage.findClaimedKey({ publicId, decoySalt, keyTypes, network: '' })

    test('finds the key by its id if it has one of the types', async () => {
      const { id: accountId } = await fixture.addAccount()
      const owner = await fixture.addUser(accountId)
      const key = await fixture.addKey(createStaticKey(owner, 'oauth', {}))
      const found = await claim(key.publicId, '', ['redox', 'oauth'])
      expect(found).toMatchObject({ key: { id: key.id }, decoy: null })
      expect((await claim(key.publicId, '', ['redox'])).key).toBeNull()
    })

    test('reads the key of these types with the next salt in place of an unknown one', async () => {
      const { id: accountId } = await fixture.addAccount()
      const owner = await fixture.addUser(accountId)
      const addWithSalt = (keyType: 'oauth' | 'practice', tokenSalt: string) =>
        fixture.addKey(createStaticKey(owner, keyType, { tokenSalt }))
      // Salts that sort behind those of all other tests, on every engine.
      const [one, two] = [await addWithSalt('oauth', 'zzzz1'), await addWithSalt('oauth', 'zzzz5')]
      await addWithSalt('practice', 'zzzz3')
      const findDecoy = async (salt: string, keyTypes: readonly KeyType[] = ['redox', 'oauth']) =>
        (await claim(createUuid(), salt, keyTypes)).decoy
      expect((await findDecoy('zzzz1'))?.id).toBe(one.id)
      expect((await findDecoy('zzzz2'))?.id).toBe(two.id)
      expect((await findDecoy('zzzz2'))?.secretHash).toBe(two.secretHash)
      // After the last one, the first one of all.
      const first = await findDecoy('zzzz6')
      expect(first).not.toBeNull()
      expect([one.id, two.id]).not.toContain(first?.id)
      // A key of another type is like an unknown one.
      expect((await claim(one.publicId, 'zzzz2', ['practice'])).decoy?.id).not.toBe(one.id)
    })
  })
}
