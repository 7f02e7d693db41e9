import { describe, expect, test } from 'vitest'
import { DIALECT_NAMES, type Dialect } from '../../../src/domain/dialect.ts'
import type { Party } from '../../../src/domain/key.ts'
import type { NewKey } from '../../../src/service/ports.ts'
import {
  crowd,
  editOf,
  eventOf,
  type Given,
  howMany,
  keyOf,
  MOST,
  PARTIES,
  presentedKeyOf,
  TEXTS,
  v7,
} from './given.ts'

/** The life of a key of any dialect. */
export function keysConform(name: string, given: Given): void {
  const { account, user, source, site, developer, tenant, key, refuses, eventsOf } = given
  const summaryOf = (id: string) => given.storage.findKeySummary(id)
  const seenOf = async (id: string) => (await summaryOf(id))?.eventId ?? ''

  /** A key that is presented, in an account of its own. */
  async function presented(more: Partial<NewKey> = {}, dialect: Dialect = 'xdent') {
    const { id: accountId } = await account()
    const owner = await user(accountId)
    return { accountId, owner, key: await key(presentedKeyOf(owner, dialect, more)) }
  }

  describe(`${name}: a key is read as written`, () => {
    test.each(TEXTS)('in every column, in every dialect, with %j', async (text) => {
      const { storage } = given
      const { id: accountId } = await account({ name: text, region: text })
      const owner = await user(accountId, { username: `${text}${v7()}` })
      const place = await site(accountId)
      const maker = await developer(accountId, { developerKey: `${text}${v7()}` })
      const from = await source(accountId)
      for (const dialect of DIALECT_NAMES) {
        const isExchanged = dialect === 'redox'
        const row = keyOf(owner, '', {
          dialect,
          sourceId: isExchanged ? from.id : null,
          siteId: isExchanged ? null : place.id,
          developerId: isExchanged ? null : maker.id,
          name: text,
          description: text,
          reference: text,
          publicId: `${text}${v7()}`,
          access: isExchanged ? 'enterprise' : 'read',
          secretHash: `${text}${v7()}`,
          sealedSecret: isExchanged ? null : text,
          tokenSalt: text,
          createdAt: MOST,
          expiresAt: MOST,
        })
        const event = eventOf(row.id)
        expect(await storage.addKey(row, event)).toBe(true)
        const { secretHash, secretDigest, sealedSecret, tokenSalt, developerId, ...shown } = row
        const { description, reference, createdAt, ...judged } = shown
        const found = {
          ...judged,
          secretHash,
          secretDigest,
          previousSecretDigest: null,
          tokenSalt,
          authorityVersion: await storage.authorityVersion(),
          provenHash: null,
          developer: isExchanged ? null : { id: maker.id, developerKey: maker.developerKey },
          username: owner.username,
          status: 'enabled',
          assignedAt: null,
          previousSecretHash: null,
          previousSecretEndsAt: null,
          secretReplacedAt: null,
          tokenEpoch: 0,
          account: { name: text, status: 'open', region: text, networks: [] },
        }
        expect(await storage.findKey(row.publicId)).toEqual(found)
        expect(await storage.findKeyBySecret(secretHash)).toEqual(isExchanged ? null : found)
        expect(await storage.findSealedSecret(row.id)).toBe(sealedSecret)
        const summary = {
          ...shown,
          developerId,
          status: 'enabled',
          disabledBy: null,
          assignedAt: null,
          disabledAt: null,
          revokedAt: null,
          secretReplacedAt: null,
          previousSecretEndsAt: null,
          lastUsedAt: null,
          eventId: event.id,
        }
        expect(await summaryOf(row.id)).toEqual(summary)
        expect(await summaryOf(row.publicId)).toEqual(summary)
        expect((await storage.listKeys({ accountId, limit: 10 })).at(-1)).toEqual(summary)
      }
    })

    test('and what is shown of it holds neither hash, salt nor sealed secret', async () => {
      const secrets = { secretHash: v7(), tokenSalt: v7(), sealedSecret: v7() }
      const { accountId, key: row } = await presented(secrets)
      const shown = JSON.stringify([
        await summaryOf(row.id),
        await given.storage.listKeys({ accountId, limit: 10 }),
      ])
      for (const secret of Object.values(secrets)) expect(shown).not.toContain(secret)
    })

    test('under its row’s id, whatever another key has been named', async () => {
      const mine = await presented()
      const other = await presented({ publicId: mine.key.id })
      expect((await summaryOf(mine.key.id))?.id).toBe(mine.key.id)
      expect((await summaryOf(other.key.id))?.id).toBe(other.key.id)
      expect((await given.storage.findKey(mine.key.id))?.id).toBe(other.key.id)
    })

    test('in a list of its developer’s keys, and of no other account’s', async () => {
      const { storage } = given
      const { id: accountId } = await account()
      const [owner, maker, other] = [
        await user(accountId),
        await developer(accountId),
        await developer(accountId),
      ]
      const ids: string[] = []
      for (let n = 0; n < 3; n++) {
        await key(presentedKeyOf(owner, 'opendental', { developerId: other.id }))
        ids.push((await key(presentedKeyOf(owner, 'opendental', { developerId: maker.id }))).id)
      }
      const list = async (more: object) =>
        (await storage.listKeys({ developerId: maker.id, limit: 10, ...more })).map(({ id }) => id)
      expect(await list({})).toEqual(ids)
      expect(await list({ limit: 2 })).toEqual(ids.slice(0, 2))
      expect(await list({ after: ids[1] })).toEqual(ids.slice(2))
      expect(await list({ accountId })).toEqual(ids)
      expect(await list({ accountId: (await account()).id })).toEqual([])
      expect(await list({ developerId: v7() })).toEqual([])
    })

    test('in a list of its owner, its dialect or its status, and of all of these at once', async () => {
      const { storage } = given
      const { id: accountId } = await account()
      const [owner, other] = [await user(accountId), await user(accountId)]
      const { id: siteId } = await site(accountId)
      const xdent = async () => (await key(presentedKeyOf(owner, 'xdent'))).id
      const ids: string[] = []
      for (let n = 0; n < 3; n++) {
        ids.push(await xdent())
        await key(presentedKeyOf(owner, 'xenrad', { siteId }))
        await key(presentedKeyOf(other, 'xdent'))
        const stopped = await xdent()
        await storage.disableKey(stopped, 'operator', eventOf(stopped))
      }
      const wanted = { accountId, ownerId: owner.id, dialect: 'xdent', status: 'enabled' } as const
      const list = async (more: object) => (await storage.listKeys({ limit: 100, ...more })).length
      expect((await storage.listKeys({ ...wanted, limit: 100 })).map(({ id }) => id)).toEqual(ids)
      const page = await storage.listKeys({ ...wanted, after: String(ids[0]), limit: 1 })
      expect(page.map(({ id }) => id)).toEqual([ids[1]])
      expect(await list({ accountId, dialect: 'xdent' })).toBe(9)
      expect(await list({ accountId, status: 'disabled' })).toBe(3)
      expect(await list({ ownerId: owner.id })).toBe(9)
    })
  })

  describe(`${name}: a key is made`, () => {
    test('of a source, site or developer that is its owner’s account’s, and no other', async () => {
      const { storage } = given
      const [a, b] = [await account(), await account()]
      const [ownerA, ownerB] = [await user(a.id), await user(b.id)]
      const [siteB, developerB] = [await site(b.id), await developer(b.id)]
      const wrong = [
        presentedKeyOf(ownerA, 'xenrad', { siteId: siteB.id }),
        presentedKeyOf(ownerA, 'xenrad', { siteId: siteB.id, accountId: b.id }),
        presentedKeyOf(ownerB, 'xenrad', { siteId: siteB.id, accountId: a.id }),
        presentedKeyOf(ownerA, 'xenrad', { siteId: v7() }),
        presentedKeyOf(ownerA, 'opendental', { developerId: developerB.id }),
        presentedKeyOf(ownerA, 'opendental', { developerId: v7() }),
        presentedKeyOf({ ...ownerA, id: v7() }),
      ]
      for (const row of wrong) {
        await refuses(
          (e) => storage.addKey(row, e),
          row.id,
          () => given.judgedKey(row.publicId),
        )
      }
      await key(presentedKeyOf(ownerB, 'xenrad', { siteId: siteB.id }))
      await key(presentedKeyOf(ownerB, 'opendental', { developerId: developerB.id }))
    })

    test('for nobody who has left', async () => {
      const { storage } = given
      const { id } = await account()
      const owner = await user(id)
      await storage.setUserLeft(owner.id, 1, eventOf(owner.id))
      const row = presentedKeyOf(owner)
      await refuses((e) => storage.addKey(row, e), row.id)
    })

    test('with a secret that no key of any account has, but for hashes of exchanged ones', async () => {
      const { storage } = given
      const { key: first } = await presented()
      const second = presentedKeyOf(await user((await account()).id), 'practice', {
        secretHash: first.secretHash,
      })
      await refuses((e) => storage.addKey(second, e), second.id)
      await storage.revokeKey(first.id, eventOf(first.id))
      await refuses((e) => storage.addKey(second, e), second.id)
      const secretHash = `$argon2id$${v7()}`
      await tenant({ secretHash })
      await tenant({ secretHash })
    })

    test('with a source where it is exchanged, and else without', async () => {
      const { storage } = given
      const { id } = await account()
      const [owner, from] = [await user(id), await source(id)]
      for (const row of [
        presentedKeyOf(owner, 'redox'),
        presentedKeyOf(owner, 'xdent', { sourceId: from.id }),
      ]) {
        await expect(storage.addKey(row, eventOf(row.id))).rejects.toThrow()
        expect(await summaryOf(row.id)).toBeNull()
        expect(await eventsOf(row.id)).toEqual([])
      }
    })

    test('while its developer has fewer of the dialect than a limit, revoked ones included', async () => {
      const { storage } = given
      const { id: accountId } = await account()
      const owner = await user(accountId)
      const [maker, other] = [await developer(accountId), await developer(accountId)]
      const rowFor = ({ id }: { id: string }, dialect: Dialect = 'opendental') =>
        presentedKeyOf(owner, dialect, { developerId: id })
      const isMade = (row: NewKey) => storage.addKey(row, eventOf(row.id), 2)
      await key(rowFor(other))
      await key(rowFor(maker, 'opendental-portal'))
      const first = await key(rowFor(maker))
      expect(await isMade(rowFor(maker))).toBe(true)
      const late = rowFor(maker)
      await refuses((e) => storage.addKey(late, e, 2), late.id)
      await storage.revokeKey(first.id, eventOf(first.id))
      await refuses((e) => storage.addKey(late, e, 2), late.id)
      expect(await isMade(rowFor(other))).toBe(true)
      await storage.removeKey(first.id, eventOf(first.id))
      expect(await isMade(late)).toBe(true)
      await key(rowFor(maker))
    })

    test('no more than a limit of one developer, however many try at once', async () => {
      const { id: accountId } = await account()
      const [owner, maker] = [await user(accountId), await developer(accountId)]
      const made = await crowd(() => {
        const row = presentedKeyOf(owner, 'opendental', { developerId: maker.id })
        return given.storage.addKey(row, eventOf(row.id), 3)
      })
      expect(howMany(made)).toBe(3)
      expect(await given.storage.listKeys({ developerId: maker.id, limit: 100 })).toHaveLength(3)
    })

    test('once of a secret, however many try at once', async () => {
      const owners = await crowd(async () => user((await account()).id))
      const secretHash = v7()
      const made = await Promise.all(
        owners.map((owner) => {
          const row = presentedKeyOf(owner, 'xdent', { secretHash })
          return given.storage.addKey(row, eventOf(row.id))
        }),
      )
      expect(howMany(made)).toBe(1)
    })
  })

  describe(`${name}: a key is found by its secret`, () => {
    test('the one before its rotation too, as long as that is kept', async () => {
      const { storage } = given
      const [one, two, three] = [v7(), v7(), v7()]
      const { key: row } = await presented({ secretHash: one })
      const replace = (hash: string, overlapEndsAt: number | null) =>
        storage.replaceSecret(
          row.id,
          { hash, sealed: `sealed ${hash}`, tokenSalt: 's', overlapEndsAt },
          eventOf(row.id),
        )
      const found = async (hash: string) => (await storage.findKeyBySecret(hash))?.id ?? null
      expect(await replace(two, 90)).toBe(true)
      expect([await found(one), await found(two)]).toEqual([row.id, row.id])
      expect(await storage.findSealedSecret(row.id)).toBe(`sealed ${two}`)
      expect(await storage.findKeyBySecret(one)).toMatchObject({
        secretHash: two,
        previousSecretHash: one,
        previousSecretEndsAt: 90,
      })
      expect(await replace(three, null)).toBe(true)
      expect([await found(one), await found(two), await found(three)]).toEqual([null, null, row.id])
      expect(await storage.findSealedSecret(row.id)).toBe(`sealed ${three}`)
    })

    test('and never by the hash of a secret that is exchanged', async () => {
      const secretHash = `$argon2id$${v7()}`
      await tenant({ secretHash })
      expect(await given.storage.findKeyBySecret(secretHash)).toBeNull()
    })

    test('which no other key can be given, and no rotation takes from another', async () => {
      const { storage } = given
      const [a, b] = [await presented(), await presented()]
      for (const overlapEndsAt of [null, 90]) {
        const secret = { hash: a.key.secretHash, sealed: null, tokenSalt: 's', overlapEndsAt }
        await refuses(
          (e) => storage.replaceSecret(b.key.id, secret, e),
          b.key.id,
          () => given.judgedKey(b.key.publicId),
        )
      }
    })
  })

  describe(`${name}: a key that is exchanged is known by what was proven`, () => {
    const HERE = '203.0.113.7'
    const THERE = '2001:db8::'
    const known = async (publicId: string, network?: string) => {
      const key = await given.storage.findKey(publicId, network)
      return [key?.provenHash, key?.secretDigest, key?.previousSecretDigest]
    }

    test('with the digest that it was made with, which a rotation moves or ends', async () => {
      const { storage } = given
      const { key: row } = await tenant({ secretHash: 'one', secretDigest: 'digest one' })
      expect(await known(row.publicId)).toEqual([null, 'digest one', null])
      const replace = (hash: string, digest: string | undefined, overlapEndsAt: number | null) =>
        storage.replaceSecret(
          row.id,
          { hash, ...(digest && { digest }), sealed: null, tokenSalt: 's', overlapEndsAt },
          eventOf(row.id),
        )
      expect(await replace('two', 'digest two', 90)).toBe(true)
      expect(await known(row.publicId)).toEqual([null, 'digest two', 'digest one'])
      expect(await replace('three', undefined, 90)).toBe(true)
      expect(await known(row.publicId)).toEqual([null, null, 'digest two'])
      expect(await replace('four', 'digest four', null)).toBe(true)
      expect(await known(row.publicId)).toEqual([null, 'digest four', null])
      expect(await replace('five', undefined, null)).toBe(true)
      expect(await known(row.publicId)).toEqual([null, null, null])
    })

    test('with the digest of the secret that was proven, and of none that is no more', async () => {
      const { storage } = given
      const { key: row } = await tenant({ secretHash: 'one' })
      const { key: other } = await tenant({ secretHash: 'one' })
      const version = await storage.authorityVersion()
      const secret = { hash: 'two', sealed: null, tokenSalt: 's', overlapEndsAt: 90 }
      await storage.replaceSecret(row.id, secret, eventOf(row.id))
      await storage.addSecretProofs(
        [
          { keyId: row.id, hash: 'one', digest: 'digest one' },
          { keyId: row.id, hash: 'two', digest: 'digest two' },
          { keyId: row.id, hash: 'three', digest: 'digest three' },
          { keyId: v7(), hash: 'one', digest: 'nobody’s' },
        ],
        5,
      )
      expect(await known(row.publicId)).toEqual([null, 'digest two', 'digest one'])
      expect(await known(other.publicId)).toEqual([null, null, null])
      // Nobody may do more for it: nothing that is remembered is to be read again.
      expect(await storage.authorityVersion()).toBe(version + 1)
    })

    test('by the network that it was proven from last, for the key and the secret that it was', async () => {
      const { storage } = given
      const { key: row } = await tenant({ secretHash: 'one' })
      const { key: other } = await tenant({ secretHash: 'one' })
      const prove = (hash: string, network: string) =>
        storage.addSecretProofs([{ keyId: row.id, hash, network }], 5)
      await storage.addSecretProofs([], 5)
      await prove('one', HERE)
      await prove('one', HERE)
      await prove('two', THERE)
      expect(await known(row.publicId, HERE)).toEqual(['one', null, null])
      expect(await known(row.publicId, THERE)).toEqual([null, null, null])
      expect(await known(row.publicId)).toEqual([null, null, null])
      expect(await known(other.publicId, HERE)).toEqual([null, null, null])

      const secret = { hash: 'two', sealed: null, tokenSalt: 's', overlapEndsAt: 90 }
      await storage.replaceSecret(row.id, secret, eventOf(row.id))
      expect(await known(row.publicId, HERE)).toEqual(['one', null, null])
      await prove('two', HERE)
      expect(await known(row.publicId, HERE)).toEqual(['two', null, null])
      await prove('one', THERE)
      expect(await known(row.publicId, THERE)).toEqual(['one', null, null])
    })

    test('however many prove it at once', async () => {
      const { key: row } = await tenant({ secretHash: 'one' })
      await crowd((n) =>
        given.storage.addSecretProofs(
          [
            { keyId: row.id, hash: 'one', network: HERE },
            { keyId: row.id, hash: 'one', digest: `digest ${n % 2}` },
          ],
          5,
        ),
      )
      const [provenHash, digest] = await known(row.publicId, HERE)
      expect(provenHash).toBe('one')
      expect(digest).toMatch(/^digest [01]$/)
    })

    test('until its secret is no more, and from the newest networks where there are too many', async () => {
      const { storage } = given
      await storage.purgeSecretProofs(100)
      const { key: row } = await tenant({ secretHash: 'one' })
      const { key: other } = await tenant({ secretHash: 'one' })
      for (let n = 1; n <= 4; n++) {
        await storage.addSecretProofs([{ keyId: row.id, hash: 'one', network: `10.0.0.${n}` }], n)
      }
      await storage.addSecretProofs([{ keyId: other.id, hash: 'one', network: HERE }], 1)
      expect(await storage.purgeSecretProofs(4)).toBe(0)
      expect(await storage.purgeSecretProofs(3)).toBe(1)
      expect(await known(row.publicId, '10.0.0.1')).toEqual([null, null, null])
      expect(await known(row.publicId, '10.0.0.2')).toEqual(['one', null, null])
      expect(await known(other.publicId, HERE)).toEqual(['one', null, null])

      const replace = (hash: string, overlapEndsAt: number | null) =>
        storage.replaceSecret(
          row.id,
          { hash, sealed: null, tokenSalt: 's', overlapEndsAt },
          eventOf(row.id),
        )
      await replace('two', 90)
      expect(await storage.purgeSecretProofs(3)).toBe(0)
      await replace('three', null)
      expect(await storage.purgeSecretProofs(3)).toBe(3)
      expect(await storage.purgeSecretProofs(3)).toBe(0)
      expect(await known(other.publicId, HERE)).toEqual(['one', null, null])
    })

    test('and read with the authority’s version of the same moment', async () => {
      const { storage } = given
      const { key: row } = await tenant()
      const versions = await crowd(async () => {
        const [found] = await Promise.all([
          storage.findKey(row.publicId),
          storage.disableKey(row.id, 'operator', eventOf(row.id)),
        ])
        return found
      })
      const disabledIn = versions.filter((found) => found?.status === 'disabled')
      const enabledIn = versions.filter((found) => found?.status === 'enabled')
      const oldest = Math.min(...disabledIn.map((found) => found?.authorityVersion ?? 0))
      for (const found of enabledIn) expect(found?.authorityVersion).toBeLessThan(oldest)
    })

    test('and no other key is found for an id that is nobody’s', async () => {
      await tenant()
      for (const id of ['', '0', 'zzz', '~', 'public-', '\uffff']) {
        expect(await given.storage.findKey(id)).toBeNull()
      }
    })
  })

  describe(`${name}: a key is disabled, enabled and revoked`, () => {
    const lifeOf = async (id: string) => {
      const { status, disabledBy, disabledAt, revokedAt } = (await summaryOf(id)) ?? {}
      return [status, disabledBy, disabledAt, revokedAt]
    }
    const act = (id: string, at: number) => ({
      enable: (by: Party) => given.storage.enableKey(id, by, eventOf(id, { at })),
      disable: (by: Party) => given.storage.disableKey(id, by, eventOf(id, { at })),
      revoke: () => given.storage.revokeKey(id, eventOf(id, { at })),
    })

    test.each(PARTIES)('by %s, who alone undoes it', async (by) => {
      const { id } = (await presented()).key
      expect(await act(id, 5).disable(by)).toBe(true)
      expect(await lifeOf(id)).toEqual(['disabled', by, 5, null])
      for (const other of PARTIES.filter((party) => party !== by)) {
        await refuses(
          (e) => given.storage.enableKey(id, other, e),
          id,
          () => lifeOf(id),
        )
      }
      for (const again of PARTIES) {
        await refuses(
          (e) => given.storage.disableKey(id, again, e),
          id,
          () => lifeOf(id),
        )
      }
      expect(await act(id, 6).enable(by)).toBe(true)
      expect(await lifeOf(id)).toEqual(['enabled', null, null, null])
      await refuses(
        (e) => given.storage.enableKey(id, by, e),
        id,
        () => lifeOf(id),
      )
    })

    test('for ever where it is revoked: it stays listed, with what came before', async () => {
      const { accountId, key: row } = await presented()
      await act(row.id, 5).disable('customer')
      expect(await act(row.id, 7).revoke()).toBe(true)
      expect(await lifeOf(row.id)).toEqual(['revoked', 'customer', 5, 7])
      expect(await act(row.id, 8).enable('customer')).toBe(false)
      expect(await given.storage.listKeys({ accountId, limit: 10 })).toHaveLength(1)
      expect((await given.storage.findKeyBySecret(row.secretHash))?.status).toBe('revoked')
    })

    test('by 20 at once, whose answers and events agree with what became of it', async () => {
      const { id } = (await presented()).key
      const disabled = await crowd((n) => act(id, n).disable(PARTIES[n % 3] ?? 'operator'))
      expect(howMany(disabled)).toBe(1)
      const by = PARTIES[disabled.indexOf(true) % 3] ?? 'operator'
      expect(await lifeOf(id)).toEqual(['disabled', by, disabled.indexOf(true), null])
      expect(howMany(await crowd((n) => act(id, n).enable(by)))).toBe(1)
      expect(howMany(await crowd((n) => act(id, n).revoke()))).toBe(1)
      expect(await eventsOf(id)).toHaveLength(4)
    })

    test('by 20 at once, each in his own way, and whoever revokes has the last word', async () => {
      for (let round = 0; round < 3; round++) {
        const { id } = (await presented()).key
        const answers = await crowd((n) => {
          if (n === 11) return act(id, n).revoke()
          return n % 2 === 0 ? act(id, n).disable('operator') : act(id, n).enable('operator')
        })
        expect(answers[11]).toBe(true)
        expect((await summaryOf(id))?.status).toBe('revoked')
        expect(await eventsOf(id)).toHaveLength(1 + howMany(answers))
      }
    })
  })

  describe(`${name}: a key is edited`, () => {
    test('in every field that people may change, and in no other', async () => {
      const { owner, key: row, accountId } = await presented()
      const heir = await user(accountId, { role: 'administrator' })
      const before = await summaryOf(row.id)
      const event = eventOf(row.id)
      const edit = editOf(heir.id, { description: 'a\nb', reference: '', expiresAt: null })
      expect(await given.storage.editKey(row.id, edit, before?.eventId ?? '', event)).toBe(true)
      expect(await summaryOf(row.id)).toEqual({ ...before, ...edit, eventId: event.id })
      expect((await given.storage.findKey(row.publicId))?.ownerId).not.toBe(owner.id)
    })

    test('only by who has seen its last change, whichever that was', async () => {
      const { storage } = given
      const { owner, key: row } = await presented()
      const place = await site(row.accountId)
      const secret = { hash: v7(), sealed: null, tokenSalt: 's', overlapEndsAt: null }
      const changes = [
        () => storage.disableKey(row.id, 'operator', eventOf(row.id)),
        () => storage.enableKey(row.id, 'operator', eventOf(row.id)),
        () => storage.replaceSecret(row.id, secret, eventOf(row.id)),
        () => storage.assignKey(row.id, { siteId: place.id, at: 1 }, eventOf(row.id)),
        async () => {
          const seen = await seenOf(row.id)
          return storage.editKey(row.id, editOf(owner.id), seen, eventOf(row.id))
        },
      ]
      for (const change of changes) {
        const stale = await seenOf(row.id)
        expect(await change()).toBe(true)
        await refuses(
          (e) => storage.editKey(row.id, editOf(owner.id, { name: 'late' }), stale, e),
          row.id,
          () => summaryOf(row.id),
        )
      }
    })

    test('by one of 20 who have all seen the same', async () => {
      const { owner, key: row } = await presented()
      const seen = await seenOf(row.id)
      const edits = await crowd((n) =>
        given.storage.editKey(row.id, editOf(owner.id, { name: `n${n}` }), seen, eventOf(row.id)),
      )
      expect(howMany(edits)).toBe(1)
      expect((await summaryOf(row.id))?.name).toBe(`n${edits.indexOf(true)}`)
      expect(await eventsOf(row.id)).toHaveLength(2)
    })

    test('to an owner of its account who may hold keys and is there; whoever had it may keep it', async () => {
      const { storage } = given
      const { accountId, owner, key: row } = await presented()
      const stranger = await user((await account()).id)
      const member = await user(accountId, { role: 'member' })
      const gone = await user(accountId, { leftAt: 3 })
      for (const to of [stranger.id, member.id, gone.id, v7()]) {
        const seen = await seenOf(row.id)
        await refuses(
          (e) => storage.editKey(row.id, editOf(to), seen, e),
          row.id,
          () => summaryOf(row.id),
        )
      }
      await storage.setUserLeft(owner.id, 4, eventOf(owner.id))
      const seen = await seenOf(row.id)
      expect(await storage.editKey(row.id, editOf(owner.id), seen, eventOf(row.id))).toBe(true)
    })
  })

  describe(`${name}: a key’s status and reference are set together`, () => {
    const DISABLED = { disabled: { by: 'developer', at: MOST }, reference: 'a' } as const
    const ENABLED = { disabled: null, reference: 'b' } as const

    test('whoever acts, in force at once', async () => {
      const { storage } = given
      const { key: row } = await presented({}, 'opendental')
      for (const [to, as] of [
        [DISABLED, { status: 'disabled', disabledBy: 'developer', disabledAt: MOST }],
        [ENABLED, { status: 'enabled', disabledBy: null, disabledAt: null }],
      ] as const) {
        const version = await storage.authorityVersion()
        const event = eventOf(row.id)
        expect(await storage.amendKey(row.id, to, await seenOf(row.id), event)).toBe(true)
        const { reference } = to
        expect(await summaryOf(row.id)).toMatchObject({ ...as, reference, eventId: event.id })
        expect((await storage.findKey(row.publicId))?.status).toBe(as.status)
        expect(await storage.authorityVersion()).toBeGreaterThan(version)
      }
    })

    test('by one of 20 who have seen the same, with one event', async () => {
      const { id } = (await presented({}, 'opendental')).key
      const seen = await seenOf(id)
      const answers = await crowd((n) =>
        given.storage.amendKey(id, { ...DISABLED, reference: `${n}` }, seen, eventOf(id)),
      )
      expect(howMany(answers)).toBe(1)
      expect((await summaryOf(id))?.reference).toBe(`${answers.indexOf(true)}`)
      expect(await eventsOf(id)).toHaveLength(2)
    })

    test('of no key that was changed since it was seen, or is revoked', async () => {
      const { storage } = given
      const { id } = (await presented({}, 'opendental')).key
      const stale = await seenOf(id)
      await storage.disableKey(id, 'customer', eventOf(id))
      await refuses(
        (e) => storage.amendKey(id, ENABLED, stale, e),
        id,
        () => summaryOf(id),
      )
      await storage.revokeKey(id, eventOf(id))
      const seen = await seenOf(id)
      await refuses(
        (e) => storage.amendKey(id, ENABLED, seen, e),
        id,
        () => summaryOf(id),
      )
    })
  })

  test(`${name}: a developer’s keys are listed with what is sealed of each, and nobody else’s`, async () => {
    const { storage } = given
    const { id: accountId } = await account()
    const owner = await user(accountId)
    const maker = await developer(accountId)
    const place = { developerId: maker.id }
    const rows = [
      await key(presentedKeyOf(owner, 'opendental', { ...place, sealedSecret: 'one' })),
      await key(presentedKeyOf(owner, 'opendental-portal', { ...place, sealedSecret: null })),
      await key(presentedKeyOf(owner, 'opendental', { ...place, sealedSecret: 'three' })),
    ]
    await key(
      presentedKeyOf(owner, 'opendental', {
        developerId: (await developer(accountId)).id,
        sealedSecret: 'other',
      }),
    )
    const expected = await Promise.all(
      rows.map(async ({ id, sealedSecret }) => ({ key: await summaryOf(id), sealedSecret })),
    )
    const page = { developerId: maker.id, limit: 2 }
    expect(await storage.listSealedKeys(page)).toEqual(expected.slice(0, 2))
    expect(await storage.listSealedKeys({ ...page, after: rows[1]?.id })).toEqual(expected.slice(2))
  })

  describe(`${name}: a key is assigned`, () => {
    test('to a site, then to another, and taken back', async () => {
      const { storage } = given
      const { key: row } = await presented({}, 'opendental')
      const [a, b] = [await site((await account()).id), await site((await account()).id)]
      for (const to of [{ siteId: a.id, at: MOST }, { siteId: b.id, at: 6 }, null]) {
        expect(await storage.assignKey(row.id, to, eventOf(row.id))).toBe(true)
        const at = { siteId: to?.siteId ?? null, assignedAt: to?.at ?? null }
        expect(await summaryOf(row.id)).toMatchObject(at)
        expect(await storage.findKey(row.publicId)).toMatchObject(at)
      }
    })

    test('to no site that does not exist', async () => {
      const { key: row } = await presented({}, 'opendental')
      const to = { siteId: v7(), at: 1 }
      await expect(given.storage.assignKey(row.id, to, eventOf(row.id))).rejects.toThrow()
      expect((await summaryOf(row.id))?.siteId).toBeNull()
    })
  })

  describe(`${name}: a key is removed`, () => {
    test('with its uses; its events stay, and its secret and public id are free', async () => {
      const { storage } = given
      const { owner, key: row } = await presented()
      const other = await presented()
      for (const keyId of [row.id, other.key.id]) {
        await storage.addKeyUses([{ keyId, day: 1, uses: 2, lastAt: 3 }])
      }
      const event = eventOf(row.id, { action: 'key.deleted', facts: { name: 'nightly job' } })
      expect(await storage.removeKey(row.id, event)).toBe(true)
      expect(await storage.findKey(row.publicId)).toBeNull()
      expect(await storage.findKeyBySecret(row.secretHash)).toBeNull()
      expect(await summaryOf(row.id)).toBeNull()
      expect(await storage.listKeyUses(row.id, 0)).toEqual([])
      expect(await storage.listKeyUses(other.key.id, 0)).toEqual([{ day: 1, uses: 2 }])
      const events = await eventsOf(row.id)
      expect(events).toHaveLength(2)
      expect(events[0]).toEqual(event)
      await key(
        presentedKeyOf(owner, 'xdent', {
          publicId: row.publicId,
          secretHash: row.secretHash,
        }),
      )
    })

    test('by one of 20 at once, with one event', async () => {
      const { id } = (await presented()).key
      expect(howMany(await crowd(() => given.storage.removeKey(id, eventOf(id))))).toBe(1)
      expect(await eventsOf(id)).toHaveLength(2)
    })

    test('while others change it: whoever is told that he has changed it came before', async () => {
      const { storage } = given
      const { owner, key: row } = await presented()
      const seen = await seenOf(row.id)
      const answers = await crowd((n) => {
        if (n === 9) return storage.removeKey(row.id, eventOf(row.id))
        if (n % 2 === 0) return storage.disableKey(row.id, 'operator', eventOf(row.id))
        return storage.editKey(row.id, editOf(owner.id), seen, eventOf(row.id))
      })
      expect(answers[9]).toBe(true)
      expect(await summaryOf(row.id)).toBeNull()
      const events = await eventsOf(row.id)
      expect(events).toHaveLength(1 + howMany(answers))
    })
  })

  describe(`${name}: a key’s secret is replaced`, () => {
    test('at once: a new salt, the next epoch, no old secret', async () => {
      const { storage } = given
      const { key: row } = await tenant()
      const overlap = { hash: 'two', sealed: null, tokenSalt: 'unused', overlapEndsAt: 90 }
      await storage.replaceSecret(row.id, overlap, eventOf(row.id, { at: 8 }))
      const secret = { hash: 'three', sealed: 's', tokenSalt: 'salt-three', overlapEndsAt: null }
      expect(await storage.replaceSecret(row.id, secret, eventOf(row.id, { at: 9 }))).toBe(true)
      expect(await storage.findKey(row.publicId)).toMatchObject({
        secretHash: 'three',
        previousSecretHash: null,
        previousSecretEndsAt: null,
        tokenSalt: 'salt-three',
        tokenEpoch: 1,
      })
      const summary = await summaryOf(row.id)
      expect(summary).toMatchObject({ secretReplacedAt: 9, previousSecretEndsAt: null })
      expect(await storage.findSealedSecret(row.id)).toBe('s')
    })

    test('with an overlap: it keeps salt, epoch and the secret before', async () => {
      const { storage } = given
      const { key: row } = await tenant()
      for (const [n, hash] of ['two', 'three'].entries()) {
        const secret = { hash, sealed: `s${n}`, tokenSalt: 'unused', overlapEndsAt: 90 + n }
        const event = eventOf(row.id, { at: 8 + n })
        expect(await storage.replaceSecret(row.id, secret, event)).toBe(true)
        expect(await storage.findKey(row.publicId)).toMatchObject({
          secretHash: hash,
          previousSecretHash: n === 0 ? '$argon2id$one' : 'two',
          previousSecretEndsAt: 90 + n,
          tokenSalt: 'salt-one',
          tokenEpoch: 0,
        })
        const summary = await summaryOf(row.id)
        expect(summary).toMatchObject({ secretReplacedAt: 8 + n, previousSecretEndsAt: 90 + n })
        expect(await storage.findSealedSecret(row.id)).toBe(`s${n}`)
      }
    })

    test('only where the change that was seen is still the last one, where one was', async () => {
      const { storage } = given
      const { key: row } = await presented()
      const seen = (await summaryOf(row.id))?.eventId
      for (const overlapEndsAt of [null, 90]) {
        const secret = { hash: v7(), sealed: null, tokenSalt: 't', overlapEndsAt }
        const wrong = { ...secret, seen: 'another' }
        expect(await storage.replaceSecret(row.id, wrong, eventOf(row.id))).toBe(false)
      }
      const secret = { hash: v7(), sealed: null, tokenSalt: 't', overlapEndsAt: 90, seen }
      expect(await storage.replaceSecret(row.id, secret, eventOf(row.id))).toBe(true)
      const again = { ...secret, hash: v7() }
      expect(await storage.replaceSecret(row.id, again, eventOf(row.id))).toBe(false)
      expect(await storage.findKeyBySecret(secret.hash)).toMatchObject({ id: row.id })
    })

    test('by 20 at once, one after the other: the last stands, and no epoch is lost', async () => {
      const { storage } = given
      const { key: row } = await presented()
      const hashes = Array.from({ length: 20 }, () => v7())
      const replaced = await Promise.all(
        hashes.map((hash) => {
          const secret = { hash, sealed: hash, tokenSalt: hash, overlapEndsAt: null }
          return storage.replaceSecret(row.id, secret, eventOf(row.id))
        }),
      )
      expect(howMany(replaced)).toBe(20)
      const now = await storage.findKey(row.publicId)
      expect(now).toMatchObject({ tokenEpoch: 20, tokenSalt: now?.secretHash })
      expect(await storage.findSealedSecret(row.id)).toBe(now?.secretHash)
      for (const hash of hashes) {
        const found = await storage.findKeyBySecret(hash)
        expect(found?.id ?? null).toBe(hash === now?.secretHash ? row.id : null)
      }
    })
  })

  test(`${name}: a key is read with its account’s name, status and region`, async () => {
    const { accountId, key: row } = await tenant()
    await given.storage.setAccountStatus(accountId, 'closed', eventOf(accountId))
    const found = await given.storage.findKey(row.publicId)
    expect(found?.account).toEqual({ name: 'Acme', status: 'closed', region: 'us', networks: [] })
  })
}
