import { describe, expect, test } from 'vitest'
import {
  countTrue,
  createTestEvent,
  createUuid,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'
import { createKeyHelpers } from './keys.ts'

/** How a key is found and proven by its secret, and how that is replaced. */
export function testKeySecretStorage(name: string, fixture: StorageFixture): void {
  const { addTenant, expectRefused } = fixture
  const { findSummary, addStaticKey } = createKeyHelpers(fixture)

  describe(`${name}: finding a key by its secret`, () => {
    test('returns that key alone, whatever others are looked up at the same time', async () => {
      const { storage } = fixture
      const added = await Promise.all(
        Array.from({ length: 5 }, () => addStaticKey({ secretHash: createUuid() })),
      )
      const lists = [...added.map(({ key }) => [key.secretHash ?? '']), ['nobody']]
      const found = await Promise.all(
        lists.map((digests) => storage.findKeysBySecret(['no digest', ...digests])),
      )
      const ids = found.map((keys) => keys.map(({ id }) => id))
      expect(ids).toEqual([...added.map(({ key }) => [key.id]), []])
    })

    test('includes the previous secret while it is stored', async () => {
      const { storage } = fixture
      const [one, two, three] = [createUuid(), createUuid(), createUuid()]
      const { key: row } = await addStaticKey({ secretHash: one })
      const replaceSecret = (hash: string, overlapEndsAt: number | null) =>
        storage.rotateSecret(
          row.id,
          { hash, sealed: `sealed ${hash}`, tokenSalt: 's', overlapEndsAt },
          createTestEvent(row.id),
        )
      const found = async (hash: string) => (await fixture.findKeyBySecret(hash))?.id ?? null
      expect(await replaceSecret(two, 90)).toBe(true)
      expect([await found(one), await found(two)]).toEqual([row.id, row.id])
      expect(await storage.findSealedSecret(row.id)).toBe(`sealed ${two}`)
      expect(await fixture.findKeyBySecret(one)).toMatchObject({
        secretHash: two,
        previousSecretHash: one,
        previousSecretEndsAt: 90,
      })
      expect(await replaceSecret(three, null)).toBe(true)
      expect([await found(one), await found(two), await found(three)]).toEqual([null, null, row.id])
      expect(await storage.findSealedSecret(row.id)).toBe(`sealed ${three}`)
    })

    test('never finds a key whose secret is exchanged', async () => {
      const secretHash = `$argon2id$${createUuid()}`
      await addTenant({ secretHash })
      expect(await fixture.findKeyBySecret(secretHash)).toBeNull()
    })

    test('is unique: no creation or rotation can give the secret to another key', async () => {
      const { storage } = fixture
      const [a, b] = [await addStaticKey(), await addStaticKey()]
      for (const overlapEndsAt of [null, 90]) {
        const secret = { hash: a.key.secretHash, sealed: null, tokenSalt: 's', overlapEndsAt }
        await expectRefused(
          (e) => storage.rotateSecret(b.key.id, secret, e),
          b.key.id,
          () => fixture.findKeyWithRouting(b.key.publicId),
        )
      }
    })
  })

  describe(`${name}: the proofs of an exchanged secret`, () => {
    const HERE = '203.0.113.7'
    const THERE = '2001:db8::'
    const findByPublicId = async (publicId: string, network = '') => {
      const claim = { publicId, network, keyTypes: ['redox'], decoySalt: '' } as const
      const { key } = await fixture.storage.findClaimedKey(claim)
      return [key?.provenHash, key?.secretDigest, key?.previousSecretDigest]
    }

    test('include the digest of its creation, which a rotation moves or ends', async () => {
      const { storage } = fixture
      const { addKey: row } = await addTenant({ secretHash: 'one', secretDigest: 'digest one' })
      expect(await findByPublicId(row.publicId)).toEqual([null, 'digest one', null])
      const replaceSecret = (
        hash: string,
        digest: string | undefined,
        overlapEndsAt: number | null,
      ) =>
        storage.rotateSecret(
          row.id,
          { hash, ...(digest && { digest }), sealed: null, tokenSalt: 's', overlapEndsAt },
          createTestEvent(row.id),
        )
      expect(await replaceSecret('two', 'digest two', 90)).toBe(true)
      expect(await findByPublicId(row.publicId)).toEqual([null, 'digest two', 'digest one'])
      expect(await replaceSecret('three', undefined, 90)).toBe(true)
      expect(await findByPublicId(row.publicId)).toEqual([null, null, 'digest two'])
      expect(await replaceSecret('four', 'digest four', null)).toBe(true)
      expect(await findByPublicId(row.publicId)).toEqual([null, 'digest four', null])
      expect(await replaceSecret('five', undefined, null)).toBe(true)
      expect(await findByPublicId(row.publicId)).toEqual([null, null, null])
    })

    test('include the digest of a proven secret, and of no replaced one', async () => {
      const { storage } = fixture
      const { addKey: row } = await addTenant({ secretHash: 'one' })
      const { addKey: other } = await addTenant({ secretHash: 'one' })
      const version = await storage.readAuthorityVersion()
      const secret = { hash: 'two', sealed: null, tokenSalt: 's', overlapEndsAt: 90 }
      await storage.rotateSecret(row.id, secret, createTestEvent(row.id))
      await storage.addSecretProofs(
        [
          { keyId: row.id, hash: 'one', digest: 'digest one' },
          { keyId: row.id, hash: 'two', digest: 'digest two' },
          { keyId: row.id, hash: 'three', digest: 'digest three' },
          { keyId: createUuid(), hash: 'one', digest: 'nobody’s' },
        ],
        5,
      )
      expect(await findByPublicId(row.publicId)).toEqual([null, 'digest two', 'digest one'])
      expect(await findByPublicId(other.publicId)).toEqual([null, null, null])
      // Nobody may do more for it: nothing that is remembered is to be read again.
      expect(await storage.readAuthorityVersion()).toBe(version + 1)
    })

    test('include the network of the last proof, for that key and secret', async () => {
      const { storage } = fixture
      const { addKey: row } = await addTenant({ secretHash: 'one' })
      const { addKey: other } = await addTenant({ secretHash: 'one' })
      const proveSecret = (hash: string, network: string) =>
        storage.addSecretProofs([{ keyId: row.id, hash, network }], 5)
      await storage.addSecretProofs([], 5)
      await proveSecret('one', HERE)
      await proveSecret('one', HERE)
      await proveSecret('two', THERE)
      expect(await findByPublicId(row.publicId, HERE)).toEqual(['one', null, null])
      expect(await findByPublicId(row.publicId, THERE)).toEqual([null, null, null])
      expect(await findByPublicId(row.publicId)).toEqual([null, null, null])
      expect(await findByPublicId(other.publicId, HERE)).toEqual([null, null, null])

      const secret = { hash: 'two', sealed: null, tokenSalt: 's', overlapEndsAt: 90 }
      await storage.rotateSecret(row.id, secret, createTestEvent(row.id))
      expect(await findByPublicId(row.publicId, HERE)).toEqual(['one', null, null])
      await proveSecret('two', HERE)
      expect(await findByPublicId(row.publicId, HERE)).toEqual(['two', null, null])
      await proveSecret('one', THERE)
      expect(await findByPublicId(row.publicId, THERE)).toEqual(['one', null, null])
    })

    test('are written once by concurrent proofs', async () => {
      const { addKey: row } = await addTenant({ secretHash: 'one' })
      await runConcurrently((n) =>
        fixture.storage.addSecretProofs(
          [
            { keyId: row.id, hash: 'one', network: HERE },
            { keyId: row.id, hash: 'one', digest: `digest ${n % 2}` },
          ],
          5,
        ),
      )
      const [provenHash, digest] = await findByPublicId(row.publicId, HERE)
      expect(provenHash).toBe('one')
      expect(digest).toMatch(/^digest [01]$/)
    })

    test('are kept until the secret is replaced, for the newest networks', async () => {
      const { storage } = fixture
      await storage.purgeSecretProofs(100)
      const { addKey: row } = await addTenant({ secretHash: 'one' })
      const { addKey: other } = await addTenant({ secretHash: 'one' })
      for (let n = 1; n <= 4; n++) {
        await storage.addSecretProofs([{ keyId: row.id, hash: 'one', network: `10.0.0.${n}` }], n)
      }
      await storage.addSecretProofs([{ keyId: other.id, hash: 'one', network: HERE }], 1)
      expect(await storage.purgeSecretProofs(4)).toBe(0)
      expect(await storage.purgeSecretProofs(3)).toBe(1)
      expect(await findByPublicId(row.publicId, '10.0.0.1')).toEqual([null, null, null])
      expect(await findByPublicId(row.publicId, '10.0.0.2')).toEqual(['one', null, null])
      expect(await findByPublicId(other.publicId, HERE)).toEqual(['one', null, null])

      const replaceSecret = (hash: string, overlapEndsAt: number | null) =>
        storage.rotateSecret(
          row.id,
          { hash, sealed: null, tokenSalt: 's', overlapEndsAt },
          createTestEvent(row.id),
        )
      await replaceSecret('two', 90)
      expect(await storage.purgeSecretProofs(3)).toBe(0)
      await replaceSecret('three', null)
      expect(await storage.purgeSecretProofs(3)).toBe(3)
      expect(await storage.purgeSecretProofs(3)).toBe(0)
      expect(await findByPublicId(other.publicId, HERE)).toEqual(['one', null, null])
    })

    test('are read with the authority version of the same moment', async () => {
      const { storage } = fixture
      const { addKey: row } = await addTenant()
      const versions = await runConcurrently(async () => {
        const [found] = await Promise.all([
          storage.findKey(row.publicId),
          storage.disableKey(row.id, 'operator', createTestEvent(row.id)),
        ])
        return found
      })
      const disabledIn = versions.filter((found) => found?.status === 'disabled')
      const enabledIn = versions.filter((found) => found?.status === 'enabled')
      const oldest = Math.min(...disabledIn.map((found) => found?.authorityVersion ?? 0))
      for (const found of enabledIn) expect(found?.authorityVersion).toBeLessThan(oldest)
    })

    test('are those of no other key if the id is unknown', async () => {
      await addTenant()
      for (const id of ['', '0', 'zzz', '~', 'public-', '\uffff']) {
        expect(await fixture.storage.findKey(id)).toBeNull()
      }
    })
  })

  describe(`${name}: the data that proves the tokens of a key`, () => {
    test('is read by the row id, with the authority version', async () => {
      const { addKey: row } = await addTenant()
      const { addKey: other } = await addTenant()
      const version = await fixture.storage.readAuthorityVersion()
      for (const { id, publicId, tokenSalt } of [row, other]) {
        expect(await fixture.storage.readTokenAuthority(id, '0')).toMatchObject({
          version,
          key: { publicId, tokenSalt },
        })
      }
    })

    test('is empty for an unknown id, whichever key is read in its place', async () => {
      const { addKey: row } = await addTenant()
      const version = await fixture.storage.readAuthorityVersion()
      for (const id of [createUuid(), row.publicId, '', row.id.toUpperCase()]) {
        for (const decoyId of ['', '0', row.publicId, 'ffffffff', '\u{10ffff}']) {
          expect(await fixture.storage.readTokenAuthority(id, decoyId)).toMatchObject({
            version,
            key: null,
          })
        }
      }
    })
  })

  describe(`${name}: rotating the secret of a key`, () => {
    test('without an overlap sets a new salt and the next epoch, and deletes the old secret', async () => {
      const { storage } = fixture
      const { addKey: row } = await addTenant()
      const overlap = { hash: 'two', sealed: null, tokenSalt: 'unused', overlapEndsAt: 90 }
      await storage.rotateSecret(row.id, overlap, createTestEvent(row.id, { at: 8 }))
      const secret = { hash: 'three', sealed: 's', tokenSalt: 'salt-three', overlapEndsAt: null }
      expect(await storage.rotateSecret(row.id, secret, createTestEvent(row.id, { at: 9 }))).toBe(
        true,
      )
      expect(await storage.findKey(row.publicId)).toMatchObject({
        secretHash: 'three',
        previousSecretHash: null,
        previousSecretEndsAt: null,
        tokenSalt: 'salt-three',
        tokenEpoch: 1,
      })
      const summary = await findSummary(row.id)
      expect(summary).toMatchObject({ secretRotatedAt: 9, previousSecretEndsAt: null })
      expect(await storage.findSealedSecret(row.id)).toBe('s')
    })

    test('with an overlap keeps the salt, the epoch and the previous secret', async () => {
      const { storage } = fixture
      const { addKey: row } = await addTenant()
      for (const [n, hash] of ['two', 'three'].entries()) {
        const secret = { hash, sealed: `s${n}`, tokenSalt: 'unused', overlapEndsAt: 90 + n }
        const event = createTestEvent(row.id, { at: 8 + n })
        expect(await storage.rotateSecret(row.id, secret, event)).toBe(true)
        expect(await storage.findKey(row.publicId)).toMatchObject({
          secretHash: hash,
          previousSecretHash: n === 0 ? '$argon2id$one' : 'two',
          previousSecretEndsAt: 90 + n,
          tokenSalt: 'salt-one',
          tokenEpoch: 0,
          oauthClient: null,
        })
        const summary = await findSummary(row.id)
        expect(summary).toMatchObject({ secretRotatedAt: 8 + n, previousSecretEndsAt: 90 + n })
        expect(await storage.findSealedSecret(row.id)).toBe(`s${n}`)
      }
    })

    test('is refused if the key was changed since it was read', async () => {
      const { storage } = fixture
      const { key: row } = await addStaticKey()
      const seen = (await findSummary(row.id))?.eventId
      for (const overlapEndsAt of [null, 90]) {
        const secret = { hash: createUuid(), sealed: null, tokenSalt: 't', overlapEndsAt }
        const wrong = { ...secret, seen: 'another' }
        expect(await storage.rotateSecret(row.id, wrong, createTestEvent(row.id))).toBe(false)
      }
      const secret = { hash: createUuid(), sealed: null, tokenSalt: 't', overlapEndsAt: 90, seen }
      expect(await storage.rotateSecret(row.id, secret, createTestEvent(row.id))).toBe(true)
      const again = { ...secret, hash: createUuid() }
      expect(await storage.rotateSecret(row.id, again, createTestEvent(row.id))).toBe(false)
      expect(await fixture.findKeyBySecret(secret.hash)).toMatchObject({ id: row.id })
    })

    test('by 20 concurrent requests keeps the last secret, and counts each epoch', async () => {
      const { storage } = fixture
      const { key: row } = await addStaticKey()
      const hashes = Array.from({ length: 20 }, () => createUuid())
      const replaced = await Promise.all(
        hashes.map((hash) => {
          const secret = { hash, sealed: hash, tokenSalt: hash, overlapEndsAt: null }
          return storage.rotateSecret(row.id, secret, createTestEvent(row.id))
        }),
      )
      expect(countTrue(replaced)).toBe(20)
      const now = await storage.findKey(row.publicId)
      expect(now).toMatchObject({ tokenEpoch: 20, tokenSalt: now?.secretHash })
      expect(await storage.findSealedSecret(row.id)).toBe(now?.secretHash)
      for (const hash of hashes) {
        const found = await fixture.findKeyBySecret(hash)
        expect(found?.id ?? null).toBe(hash === now?.secretHash ? row.id : null)
      }
    })
  })
}
