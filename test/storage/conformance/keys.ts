import { describe, expect, test } from 'vitest'
import type { DisablingParty } from '../../../src/domain/key.ts'
import { KEY_TYPE_NAMES, type KeyType } from '../../../src/domain/key-type.ts'
import type { NewKey } from '../../../src/service/ports/keys.ts'
import {
  ALL_PARTIES,
  countTrue,
  createKeyEdit,
  createStaticKey,
  createTestEvent,
  createTestKey,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'

/** The life of a key of any type. */
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
  const findSummary = (id: string) => fixture.storage.findKeySummary(id)
  const readEventId = async (id: string) => (await findSummary(id))?.eventId ?? ''

  /** A key that is presented, in an account of its own. */
  async function addStaticKey(
    more: Parameters<typeof createStaticKey>[2] = {},
    keyType: KeyType = 'xdent',
  ) {
    const { id: accountId } = await addAccount()
    const owner = await addUser(accountId)
    return { accountId, owner, key: await addKey(createStaticKey(owner, keyType, more)) }
  }

  describe(`${name}: a key is read as written`, () => {
    test.each(TRICKY_TEXTS)('in every column, in every key type, with %j', async (text) => {
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
        expect(await storage.findKey(row.publicId)).toEqual(found)
        expect(await fixture.findKeyBySecret(secretHash)).toEqual(isExchanged ? null : found)
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

    test('and what is shown of it holds neither hash, salt nor sealed secret', async () => {
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

    test('under its row’s id, whatever another key has been named', async () => {
      const ownKey = await addStaticKey()
      const other = await addStaticKey({ publicId: ownKey.key.id })
      expect((await findSummary(ownKey.key.id))?.id).toBe(ownKey.key.id)
      expect((await findSummary(other.key.id))?.id).toBe(other.key.id)
      expect((await fixture.storage.findKey(ownKey.key.id))?.id).toBe(other.key.id)
    })

    test('in a list of its developer’s keys, and of no other account’s', async () => {
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

    test('in a list of its owner, its key type or its status, and of all of these at once', async () => {
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

  describe(`${name}: a key is made`, () => {
    test('of a source, site or developer that is its owner’s account’s, and no other', async () => {
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

    test('for nobody who has left', async () => {
      const { storage } = fixture
      const { id } = await addAccount()
      const owner = await addUser(id)
      await storage.deactivateUser(owner.id, 1, createTestEvent(owner.id))
      const row = createStaticKey(owner)
      await expectRefused((e) => storage.addKey(row, e), row.id)
    })

    test('with a secret that no key of any account has, but for hashes of exchanged ones', async () => {
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

    test('with a source where it is exchanged, and else without', async () => {
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

    test('while its developer has fewer of the key type than a limit, revoked ones included', async () => {
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

    test('no more than a limit of one developer, however many try at once', async () => {
      const { id: accountId } = await addAccount()
      const [owner, maker] = [await addUser(accountId), await addDeveloper(accountId)]
      const made = await runConcurrently(() => {
        const row = createStaticKey(owner, 'opendental', { developerId: maker.id })
        return fixture.storage.addKey(row, createTestEvent(row.id), 3)
      })
      expect(countTrue(made)).toBe(3)
      expect(await fixture.storage.listKeys({ developerId: maker.id, limit: 100 })).toHaveLength(3)
    })

    test('once of a secret, however many try at once', async () => {
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

  describe(`${name}: a key is found by its secret`, () => {
    test('and only that key, whatever others are looked up at the same time', async () => {
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

    test('the one before its rotation too, as long as that is kept', async () => {
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

    test('and never by the hash of a secret that is exchanged', async () => {
      const secretHash = `$argon2id$${createUuid()}`
      await addTenant({ secretHash })
      expect(await fixture.findKeyBySecret(secretHash)).toBeNull()
    })

    test('which no other key can be given, and no rotation takes from another', async () => {
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

  describe(`${name}: a key that is exchanged is known by what was proven`, () => {
    const HERE = '203.0.113.7'
    const THERE = '2001:db8::'
    const findByPublicId = async (publicId: string, network = '') => {
      const claim = { publicId, network, keyTypes: ['redox'], decoySalt: '' } as const
      const { key } = await fixture.storage.findClaimedKey(claim)
      return [key?.provenHash, key?.secretDigest, key?.previousSecretDigest]
    }

    test('with the digest that it was made with, which a rotation moves or ends', async () => {
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

    test('with the digest of the secret that was proven, and of none that is no more', async () => {
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

    test('by the network that it was proven from last, for the key and the secret that it was', async () => {
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

    test('however many prove it at once', async () => {
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

    test('until its secret is no more, and from the newest networks where there are too many', async () => {
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

    test('and read with the authority’s version of the same moment', async () => {
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

    test('and no other key is found for an id that is nobody’s', async () => {
      await addTenant()
      for (const id of ['', '0', 'zzz', '~', 'public-', '\uffff']) {
        expect(await fixture.storage.findKey(id)).toBeNull()
      }
    })
  })

  describe(`${name}: what proves a key’s tokens`, () => {
    test('is read by its row id, with the authority’s version', async () => {
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

    test('is nothing for an id that no key has, whichever key is read in its place', async () => {
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

  describe(`${name}: a key is disabled, enabled and revoked`, () => {
    const readKeyState = async (id: string) => {
      const { status, disabledBy, disabledAt, revokedAt } = (await findSummary(id)) ?? {}
      return [status, disabledBy, disabledAt, revokedAt]
    }
    const createKeyActions = (id: string, at: number) => ({
      enable: (by: DisablingParty) =>
        fixture.storage.enableKey(id, by, createTestEvent(id, { at })),
      disable: (by: DisablingParty) =>
        fixture.storage.disableKey(id, by, createTestEvent(id, { at })),
      revoke: () => fixture.storage.revokeKey(id, createTestEvent(id, { at })),
    })

    test.each(ALL_PARTIES)('by %s, who alone undoes it', async (by) => {
      const { id } = (await addStaticKey()).key
      expect(await createKeyActions(id, 5).disable(by)).toBe(true)
      expect(await readKeyState(id)).toEqual(['disabled', by, 5, null])
      for (const other of ALL_PARTIES.filter((party) => party !== by)) {
        await expectRefused(
          (e) => fixture.storage.enableKey(id, other, e),
          id,
          () => readKeyState(id),
        )
      }
      for (const again of ALL_PARTIES) {
        await expectRefused(
          (e) => fixture.storage.disableKey(id, again, e),
          id,
          () => readKeyState(id),
        )
      }
      expect(await createKeyActions(id, 6).enable(by)).toBe(true)
      expect(await readKeyState(id)).toEqual(['enabled', null, null, null])
      await expectRefused(
        (e) => fixture.storage.enableKey(id, by, e),
        id,
        () => readKeyState(id),
      )
    })

    test('for ever where it is revoked: it stays listed, with what came before', async () => {
      const { accountId, key: row } = await addStaticKey()
      await createKeyActions(row.id, 5).disable('customer')
      expect(await createKeyActions(row.id, 7).revoke()).toBe(true)
      expect(await readKeyState(row.id)).toEqual(['revoked', 'customer', 5, 7])
      expect(await createKeyActions(row.id, 8).enable('customer')).toBe(false)
      expect(await fixture.storage.listKeys({ accountId, limit: 10 })).toHaveLength(1)
      expect((await fixture.findKeyBySecret(row.secretHash))?.status).toBe('revoked')
    })

    test('by 20 at once, whose answers and events agree with what became of it', async () => {
      const { id } = (await addStaticKey()).key
      const disabled = await runConcurrently((n) =>
        createKeyActions(id, n).disable(ALL_PARTIES[n % 3] ?? 'operator'),
      )
      expect(countTrue(disabled)).toBe(1)
      const by = ALL_PARTIES[disabled.indexOf(true) % 3] ?? 'operator'
      expect(await readKeyState(id)).toEqual(['disabled', by, disabled.indexOf(true), null])
      expect(countTrue(await runConcurrently((n) => createKeyActions(id, n).enable(by)))).toBe(1)
      expect(countTrue(await runConcurrently((n) => createKeyActions(id, n).revoke()))).toBe(1)
      expect(await listEvents(id)).toHaveLength(4)
    })

    test('by 20 callers at once, each in another way, and a revocation has the last word', async () => {
      for (let round = 0; round < 3; round++) {
        const { id } = (await addStaticKey()).key
        const answers = await runConcurrently((n) => {
          if (n === 11) return createKeyActions(id, n).revoke()
          return n % 2 === 0
            ? createKeyActions(id, n).disable('operator')
            : createKeyActions(id, n).enable('operator')
        })
        expect(answers[11]).toBe(true)
        expect((await findSummary(id))?.status).toBe('revoked')
        expect(await listEvents(id)).toHaveLength(1 + countTrue(answers))
      }
    })
  })

  describe(`${name}: a key is edited`, () => {
    test('in every field that people may change, and in no other', async () => {
      const { owner, key: row, accountId } = await addStaticKey()
      const heir = await addUser(accountId, { role: 'administrator' })
      const before = await findSummary(row.id)
      const event = createTestEvent(row.id)
      const edit = createKeyEdit(heir.id, { description: 'a\nb', reference: '', expiresAt: null })
      expect(await fixture.storage.editKey(row.id, edit, before?.eventId ?? '', event)).toBe(true)
      expect(await findSummary(row.id)).toEqual({ ...before, ...edit, eventId: event.id })
      expect((await fixture.storage.findKey(row.publicId))?.ownerId).not.toBe(owner.id)
    })

    test('only by who has seen its last change, whichever that was', async () => {
      const { storage } = fixture
      const { owner, key: row } = await addStaticKey()
      const place = await addSite(row.accountId)
      const secret = { hash: createUuid(), sealed: null, tokenSalt: 's', overlapEndsAt: null }
      const changes = [
        () => storage.disableKey(row.id, 'operator', createTestEvent(row.id)),
        () => storage.enableKey(row.id, 'operator', createTestEvent(row.id)),
        () => storage.rotateSecret(row.id, secret, createTestEvent(row.id)),
        () => storage.assignKey(row.id, { siteId: place.id, at: 1 }, createTestEvent(row.id)),
        async () => {
          const seen = await readEventId(row.id)
          return storage.editKey(row.id, createKeyEdit(owner.id), seen, createTestEvent(row.id))
        },
      ]
      for (const change of changes) {
        const stale = await readEventId(row.id)
        expect(await change()).toBe(true)
        await expectRefused(
          (e) => storage.editKey(row.id, createKeyEdit(owner.id, { name: 'late' }), stale, e),
          row.id,
          () => findSummary(row.id),
        )
      }
    })

    test('by one of 20 who have all seen the same', async () => {
      const { owner, key: row } = await addStaticKey()
      const seen = await readEventId(row.id)
      const edits = await runConcurrently((n) =>
        fixture.storage.editKey(
          row.id,
          createKeyEdit(owner.id, { name: `n${n}` }),
          seen,
          createTestEvent(row.id),
        ),
      )
      expect(countTrue(edits)).toBe(1)
      expect((await findSummary(row.id))?.name).toBe(`n${edits.indexOf(true)}`)
      expect(await listEvents(row.id)).toHaveLength(2)
    })

    test('to an owner of its account who may hold keys and is there; whoever had it may keep it', async () => {
      const { storage } = fixture
      const { accountId, owner, key: row } = await addStaticKey()
      const stranger = await addUser((await addAccount()).id)
      const member = await addUser(accountId, { role: 'member' })
      const gone = await addUser(accountId, { deactivatedAt: 3 })
      for (const to of [stranger.id, member.id, gone.id, createUuid()]) {
        const seen = await readEventId(row.id)
        await expectRefused(
          (e) => storage.editKey(row.id, createKeyEdit(to), seen, e),
          row.id,
          () => findSummary(row.id),
        )
      }
      await storage.deactivateUser(owner.id, 4, createTestEvent(owner.id))
      const seen = await readEventId(row.id)
      expect(
        await storage.editKey(row.id, createKeyEdit(owner.id), seen, createTestEvent(row.id)),
      ).toBe(true)
    })
  })

  describe(`${name}: a key’s status and reference are set together`, () => {
    const DISABLED = { disabled: { by: 'developer', at: MAX_INTEGER }, reference: 'a' } as const
    const ENABLED = { disabled: null, reference: 'b' } as const

    test('whoever acts, in force at once', async () => {
      const { storage } = fixture
      const { key: row } = await addStaticKey({}, 'opendental')
      for (const [to, as] of [
        [DISABLED, { status: 'disabled', disabledBy: 'developer', disabledAt: MAX_INTEGER }],
        [ENABLED, { status: 'enabled', disabledBy: null, disabledAt: null }],
      ] as const) {
        const version = await storage.readAuthorityVersion()
        const event = createTestEvent(row.id)
        expect(await storage.amendKey(row.id, to, await readEventId(row.id), event)).toBe(true)
        const { reference } = to
        expect(await findSummary(row.id)).toMatchObject({ ...as, reference, eventId: event.id })
        expect((await storage.findKey(row.publicId))?.status).toBe(as.status)
        expect(await storage.readAuthorityVersion()).toBeGreaterThan(version)
      }
    })

    test('by one of 20 who have seen the same, with one event', async () => {
      const { id } = (await addStaticKey({}, 'opendental')).key
      const seen = await readEventId(id)
      const answers = await runConcurrently((n) =>
        fixture.storage.amendKey(id, { ...DISABLED, reference: `${n}` }, seen, createTestEvent(id)),
      )
      expect(countTrue(answers)).toBe(1)
      expect((await findSummary(id))?.reference).toBe(`${answers.indexOf(true)}`)
      expect(await listEvents(id)).toHaveLength(2)
    })

    test('of no key that was changed since it was seen, or is revoked', async () => {
      const { storage } = fixture
      const { id } = (await addStaticKey({}, 'opendental')).key
      const stale = await readEventId(id)
      await storage.disableKey(id, 'customer', createTestEvent(id))
      await expectRefused(
        (e) => storage.amendKey(id, ENABLED, stale, e),
        id,
        () => findSummary(id),
      )
      await storage.revokeKey(id, createTestEvent(id))
      const seen = await readEventId(id)
      await expectRefused(
        (e) => storage.amendKey(id, ENABLED, seen, e),
        id,
        () => findSummary(id),
      )
    })
  })

  test(`${name}: a developer’s keys are listed with what is sealed of each, and nobody else’s`, async () => {
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

  describe(`${name}: a key is assigned`, () => {
    test('to a site, then to another, and taken back', async () => {
      const { storage } = fixture
      const { key: row } = await addStaticKey({}, 'opendental')
      const [a, b] = [
        await addSite((await addAccount()).id),
        await addSite((await addAccount()).id),
      ]
      for (const to of [{ siteId: a.id, at: MAX_INTEGER }, { siteId: b.id, at: 6 }, null]) {
        expect(await storage.assignKey(row.id, to, createTestEvent(row.id))).toBe(true)
        const at = { siteId: to?.siteId ?? null, assignedAt: to?.at ?? null }
        expect(await findSummary(row.id)).toMatchObject(at)
        expect(await storage.findKey(row.publicId)).toMatchObject(at)
      }
    })

    test('to no site that does not exist', async () => {
      const { key: row } = await addStaticKey({}, 'opendental')
      const to = { siteId: createUuid(), at: 1 }
      await expect(fixture.storage.assignKey(row.id, to, createTestEvent(row.id))).rejects.toThrow()
      expect((await findSummary(row.id))?.siteId).toBeNull()
    })
  })

  describe(`${name}: a key is removed`, () => {
    test('with its uses; its events stay, and its secret and public id are free', async () => {
      const { storage } = fixture
      const { owner, key: row } = await addStaticKey()
      const other = await addStaticKey()
      for (const keyId of [row.id, other.key.id]) {
        await storage.addKeyUses([{ keyId, day: 1, uses: 2, lastAt: 3 }])
      }
      const event = createTestEvent(row.id, {
        action: 'key.deleted',
        facts: { name: 'nightly job' },
      })
      expect(await storage.deleteKey(row.id, event)).toBe(true)
      expect(await storage.findKey(row.publicId)).toBeNull()
      expect(await fixture.findKeyBySecret(row.secretHash)).toBeNull()
      expect(await findSummary(row.id)).toBeNull()
      expect(await storage.listKeyUses(row.id, 0)).toEqual([])
      expect(await storage.listKeyUses(other.key.id, 0)).toEqual([{ day: 1, uses: 2 }])
      const events = await listEvents(row.id)
      expect(events).toHaveLength(2)
      expect(events[0]).toEqual(event)
      await addKey(
        createStaticKey(owner, 'xdent', {
          publicId: row.publicId,
          secretHash: row.secretHash,
        }),
      )
    })

    test('by one of 20 at once, with one event', async () => {
      const { id } = (await addStaticKey()).key
      expect(
        countTrue(await runConcurrently(() => fixture.storage.deleteKey(id, createTestEvent(id)))),
      ).toBe(1)
      expect(await listEvents(id)).toHaveLength(2)
    })

    test('while others change it: every change that is reported as made came before', async () => {
      const { storage } = fixture
      const { owner, key: row } = await addStaticKey()
      const seen = await readEventId(row.id)
      const answers = await runConcurrently((n) => {
        if (n === 9) return storage.deleteKey(row.id, createTestEvent(row.id))
        if (n % 2 === 0) return storage.disableKey(row.id, 'operator', createTestEvent(row.id))
        return storage.editKey(row.id, createKeyEdit(owner.id), seen, createTestEvent(row.id))
      })
      expect(answers[9]).toBe(true)
      expect(await findSummary(row.id)).toBeNull()
      const events = await listEvents(row.id)
      expect(events).toHaveLength(1 + countTrue(answers))
    })
  })

  describe(`${name}: a key’s secret is replaced`, () => {
    test('at once: a new salt, the next epoch, no old secret', async () => {
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

    test('with an overlap: it keeps salt, epoch and the secret before', async () => {
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

    test('only where the change that was seen is still the last one, where one was', async () => {
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

    test('by 20 at once, one after the other: the last stands, and no epoch is lost', async () => {
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

  test(`${name}: a key is read with its account’s name, status and region`, async () => {
    const { accountId, addKey: row } = await addTenant()
    await fixture.storage.setAccountStatus(accountId, 'closed', createTestEvent(accountId))
    const found = await fixture.storage.findKey(row.publicId)
    expect(found?.account).toEqual({ name: 'Acme', status: 'closed', region: 'us', networks: [] })
  })
}
