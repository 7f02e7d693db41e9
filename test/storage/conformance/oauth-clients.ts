import { describe, expect, test } from 'vitest'
import type { OAuthClientSettings } from '../../../src/domain/oauth-client.ts'
import type { NewKey } from '../../../src/service/ports/keys.ts'
import {
  countTrue,
  createKeyEdit,
  createStaticKey,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'

/** OAuth clients, and the assertions that they have used. */
export function testOAuthClientStorage(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addSource, addSite, expectRefused } = fixture

  const createSettings = (more: Partial<OAuthClientSettings> = {}): OAuthClientSettings => ({
    authenticationMethod: 'client_secret_basic',
    jwksUrl: null,
    jwks: null,
    scopes: ['fhir:production', 'system/*.rs'],
    audience: null,
    tokenStrategy: 'jwt',
    signingAlgorithm: 'ES256',
    tokenTypeHeader: 'at+jwt',
    tokenLifetimeSeconds: 300,
    repeatedAssertions: 'refused',
    sourceIds: [],
    siteIds: [],
    ...more,
  })

  async function addOwner() {
    const { id: accountId } = await addAccount()
    const owner = await addUser(accountId)
    const sourceIds = [await addSource(accountId), await addSource(accountId)].map(({ id }) => id)
    const siteIds = [(await addSite(accountId)).id]
    return { accountId, owner, sourceIds, siteIds }
  }

  const createClient = (
    owner: Parameters<typeof createStaticKey>[0],
    oauthClient: OAuthClientSettings,
    more: Partial<NewKey> = {},
  ): NewKey => ({
    ...createStaticKey(owner, 'oauth'),
    secretHash: null,
    oauthClient,
    ...more,
  })

  const findClient = async (key: NewKey) =>
    (await fixture.storage.findKey(key.publicId))?.oauthClient

  describe(`${name}: an OAuth client`, () => {
    test.each(TRICKY_TEXTS)('is read as written in every column, with %j', async (text) => {
      const { storage } = fixture
      const { accountId, owner, sourceIds, siteIds } = await addOwner()
      const settings = createSettings({
        authenticationMethod: 'private_key_jwt',
        jwksUrl: text,
        jwks: text,
        audience: text,
        tokenStrategy: 'opaque',
        signingAlgorithm: 'EdDSA',
        tokenTypeHeader: 'JWT',
        tokenLifetimeSeconds: 3600,
        repeatedAssertions: 'allowed',
        sourceIds,
        siteIds,
      })
      const key = createClient(owner, settings)
      expect(await storage.addKey(key, createTestEvent(key.id))).toBe(true)
      const expected = { ...settings, lastRefusal: null }
      expect(await storage.findKey(key.publicId)).toMatchObject({
        secretHash: null,
        oauthClient: expected,
      })
      expect((await storage.findKeySummary(key.id))?.oauthClient).toEqual(expected)
      const [listed] = await storage.listKeys({ accountId, limit: 10 })
      expect(listed?.oauthClient).toEqual(expected)
      const search = await storage.searchKeys({ accountId, order: 'newest', limit: 10 })
      expect(search.keys[0]?.oauthClient).toEqual(expected)
    })

    test('is not found by a secret, with one or without', async () => {
      const { storage } = fixture
      const { owner } = await addOwner()
      const [a, b] = [
        createClient(owner, createSettings()),
        createClient(owner, createSettings(), { secretHash: `$argon2id$${createUuid()}` }),
      ]
      for (const key of [a, b]) await fixture.addKey(key)
      expect(await fixture.findKeyBySecret('')).toBeNull()
      expect((await storage.findKey(b.publicId))?.secretHash).toBe(b.secretHash)
    })

    test('is refused with a source or site that is unknown or of another account', async () => {
      const { storage } = fixture
      const [own, other] = [await addOwner(), await addOwner()]
      for (const wrong of [
        { sourceIds: [...own.sourceIds, ...other.sourceIds] },
        { sourceIds: [createUuid()] },
        { siteIds: other.siteIds },
        { siteIds: [createUuid()] },
      ]) {
        const key = createClient(own.owner, createSettings(wrong))
        await expectRefused(
          (event) => storage.addKey(key, event),
          key.id,
          () => findClient(key),
        )
      }
    })

    test('sends from each of its sources to the active subscriptions of that source', async () => {
      const { storage } = fixture
      const { accountId, owner, sourceIds } = await addOwner()
      const [first = '', second = ''] = [...sourceIds].sort()
      const { id: destinationId } = await fixture.addDestination(accountId)
      const subscription = await fixture.addSubscription(second, destinationId)
      const paused = { dataModel: 'Device', status: 'paused' } as const
      await fixture.addSubscription(second, destinationId, paused)
      await fixture.addSubscription((await addSource(accountId)).id, destinationId)
      const listRoutings = async (ids: readonly string[]) => {
        const key = await fixture.addKey(createClient(owner, createSettings({ sourceIds: ids })))
        return (await storage.listKeyRoutings(key)).map((routing) => [
          routing.sourceId,
          routing.needsSource,
          routing.subscriptions.map(({ id }) => id),
        ])
      }
      expect(await listRoutings([])).toEqual([])
      expect(await listRoutings([second])).toEqual([[second, false, [subscription.id]]])
      expect(await listRoutings([second, first])).toEqual([
        [first, true, []],
        [second, true, [subscription.id]],
      ])
    })

    test('counts as the key of a source that has no other, unless it is revoked', async () => {
      const { storage } = fixture
      const { addKey: key, owner, sourceId } = await fixture.addTenant()
      const settings = createSettings({ sourceIds: [sourceId] })
      const clients = [createClient(owner, settings), createClient(owner, settings)]
      for (const client of clients) await fixture.addKey(client)
      const [first = '', second = ''] = clients.map(({ id }) => id).sort((x, y) => (x < y ? -1 : 1))
      for (const id of [key.id, first, second]) {
        expect((await storage.findSourceKey(sourceId))?.id).toBe(id)
        await storage.revokeKey(id, createTestEvent(id))
      }
      expect(await storage.findSourceKey(sourceId)).toBeNull()
    })

    test('is edited as a whole, or not at all', async () => {
      const { storage } = fixture
      const { owner, sourceIds, siteIds } = await addOwner()
      const other = await addOwner()
      const key = await fixture.addKey(createClient(owner, createSettings({ sourceIds, siteIds })))
      const seen = (await storage.findKeySummary(key.id))?.eventId ?? ''
      const settings = createSettings({
        scopes: ['introspect'],
        audience: 'https://api.example',
        tokenLifetimeSeconds: 60,
        sourceIds: sourceIds.slice(1),
      })
      const edit = createKeyEdit(owner.id, { oauthClient: settings })
      const foreign = { ...settings, siteIds: other.siteIds }
      await expectRefused(
        (event) => storage.editKey(key.id, { ...edit, oauthClient: foreign }, seen, event),
        key.id,
        () => findClient(key),
      )
      await expectRefused(
        (event) => storage.editKey(key.id, edit, createUuid(), event),
        key.id,
        () => findClient(key),
      )
      expect(await storage.editKey(key.id, edit, seen, createTestEvent(key.id))).toBe(true)
      expect(await findClient(key)).toEqual({ ...settings, lastRefusal: null })
      const next = (await storage.findKeySummary(key.id))?.eventId ?? ''
      const texts = createKeyEdit(owner.id)
      expect(await storage.editKey(key.id, texts, next, createTestEvent(key.id))).toBe(true)
      expect(await findClient(key)).toEqual({ ...settings, lastRefusal: null })
    })

    test('is changed by one of twenty editors at once', async () => {
      const { storage } = fixture
      const { owner, sourceIds } = await addOwner()
      const key = await fixture.addKey(createClient(owner, createSettings()))
      const seen = (await storage.findKeySummary(key.id))?.eventId ?? ''
      const changed = await runConcurrently((n) =>
        storage.editKey(
          key.id,
          createKeyEdit(owner.id, {
            name: `edit ${n}`,
            oauthClient: createSettings({ audience: `edit ${n}`, sourceIds }),
          }),
          seen,
          createTestEvent(key.id),
        ),
      )
      expect(countTrue(changed)).toBe(1)
      const found = await storage.findKey(key.publicId)
      expect(found?.oauthClient).toMatchObject({ audience: found?.name, sourceIds })
    })

    test('keeps its sources and sites from being deleted', async () => {
      const { storage } = fixture
      const { owner, sourceIds, siteIds } = await addOwner()
      await fixture.addKey(createClient(owner, createSettings({ sourceIds, siteIds })))
      for (const id of sourceIds)
        expect(await storage.deleteRow('source', id, createTestEvent(id))).toBe(false)
      for (const id of siteIds)
        expect(await storage.deleteRow('site', id, createTestEvent(id))).toBe(false)
    })

    test('shows its last refused assertion, and no other client’s', async () => {
      const { storage } = fixture
      const { owner } = await addOwner()
      const [a, b] = [
        await fixture.addKey(createClient(owner, createSettings())),
        await fixture.addKey(createClient(owner, createSettings())),
      ]
      const version = await storage.readAuthorityVersion()
      await storage.setLastRefusals([
        { keyId: a.id, at: 1, why: 'first' },
        { keyId: createUuid(), at: 1, why: 'of nobody' },
      ])
      await storage.setLastRefusals([{ keyId: a.id, at: MAX_INTEGER, why: 'second' }])
      await storage.setLastRefusals([])
      expect((await findClient(a))?.lastRefusal).toEqual({ at: MAX_INTEGER, why: 'second' })
      expect((await findClient(b))?.lastRefusal).toBeNull()
      expect(await storage.readAuthorityVersion()).toBe(version)
    })
  })

  describe(`${name}: a client assertion`, () => {
    const use = (keyId: string, jtiHash: string, endsAt = 1000, now = 0) =>
      fixture.storage.useAssertion({ keyId, jtiHash, endsAt, now })

    test('is accepted for one of twenty concurrent requests', async () => {
      const keyId = createUuid()
      expect(countTrue(await runConcurrently(() => use(keyId, 'jti')))).toBe(1)
    })

    test('counts once for each client', async () => {
      const [a, b] = [createUuid(), createUuid()]
      expect(await use(a, 'jti')).toBe(true)
      expect(await use(b, 'jti')).toBe(true)
      expect(await use(a, 'jti')).toBe(false)
      expect(await use(a, 'other')).toBe(true)
    })

    test('is accepted again after its expiry, for one of twenty concurrent requests', async () => {
      const keyId = createUuid()
      expect(await use(keyId, 'jti', 1000, 0)).toBe(true)
      expect(await use(keyId, 'jti', 2000, 999)).toBe(false)
      expect(countTrue(await runConcurrently(() => use(keyId, 'jti', 2000, 1000)))).toBe(1)
      expect(await use(keyId, 'jti', 3000, 1999)).toBe(false)
    })

    test('is purged in batches after its expiry, and not before', async () => {
      const { storage } = fixture
      await storage.purgeUsedAssertions(MAX_INTEGER, 100_000)
      const keyId = createUuid()
      for (const endsAt of [10, 20, 30, 40]) await use(keyId, `jti-${endsAt}`, endsAt)
      expect(await storage.purgeUsedAssertions(9, 10)).toBe(0)
      expect(await storage.purgeUsedAssertions(30, 2)).toBe(2)
      expect(await storage.purgeUsedAssertions(30, 2)).toBe(1)
      expect(await use(keyId, 'jti-40', 50, 30)).toBe(false)
      expect(await use(keyId, 'jti-30', 50, 25)).toBe(true)
    })
  })
}
