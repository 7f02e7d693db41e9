import { describe, expect, test } from 'vitest'
import type { LegacyKeyFilter } from '../../../src/service/ports/sunsets.ts'
import {
  countTrue,
  createStaticKey,
  createTestEvent,
  createTestKey,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'

export function testSunsetStorage(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addSource, addSite, addKey, addTenant, addSunset } = fixture

  describe(`${name}: a sunset`, () => {
    test('is found by its id, by its keys, and in the list of its account', async () => {
      const { storage } = fixture
      const { accountId, sourceId } = await addTenant()
      const { id: siteId } = await addSite(accountId)
      const plans = [
        await addSunset(accountId),
        await addSunset(accountId, { sourceId, brownouts: [], documentationUrl: null }),
        await addSunset(accountId, { keyType: 'xenrad', siteId, deprecatedAt: MAX_INTEGER }),
      ]
      const other = await addSunset((await addAccount()).id)
      for (const plan of [...plans, other]) {
        expect(await storage.findSunset(plan.id)).toEqual(plan)
        expect(await storage.findScopeSunset(plan)).toEqual(plan)
      }
      expect(await storage.listSunsets({ accountId, limit: 10 })).toEqual(plans)
      const after = plans[0]?.id
      expect(await storage.listSunsets({ accountId, after, limit: 1 })).toEqual([plans[1]])
      expect(await storage.findSunset(createUuid())).toBeNull()
      const scope = { accountId, keyType: 'xdent', sourceId: null, siteId: null } as const
      expect(await storage.findScopeSunset(scope)).toBeNull()
    })

    test('is refused for a source or a site of another account, and for no account', async () => {
      const { storage } = fixture
      const [own, other] = [await addTenant(), await addTenant()]
      const { id: otherSiteId } = await addSite(other.accountId)
      const plan = await addSunset(own.accountId)
      for (const more of [
        { sourceId: other.sourceId },
        { siteId: otherSiteId },
        { accountId: createUuid() },
      ]) {
        const wrong = { ...plan, id: createUuid(), ...more }
        await fixture.expectRefused((event) => storage.addSunset(wrong, event), wrong.id)
        expect(await storage.findSunset(wrong.id)).toBeNull()
      }
    })

    test('is the only one for its keys, also of 20 that are added at once', async () => {
      const { accountId, sourceId } = await addTenant()
      for (const more of [{}, { sourceId }]) {
        const plan = await addSunset((await addAccount()).id)
        const added = await runConcurrently(async () => {
          const row = { ...plan, id: createUuid(), accountId, ...more }
          return fixture.storage.addSunset(row, createTestEvent(row.id))
        })
        expect(countTrue(added)).toBe(1)
      }
      expect(await fixture.storage.listSunsets({ accountId, limit: 10 })).toHaveLength(2)
    })

    test('is changed and deleted with its event, if it exists', async () => {
      const { storage } = fixture
      const { accountId } = await addTenant()
      const plan = await addSunset(accountId)
      const to = { deprecatedAt: 7, sunsetAt: 8, documentationUrl: null, brownouts: [] }
      expect(await storage.changeSunset(plan.id, to, createTestEvent(plan.id))).toBe(true)
      expect(await storage.findSunset(plan.id)).toEqual({ ...plan, ...to })
      expect(await storage.deleteSunset(plan.id, createTestEvent(plan.id))).toBe(true)
      expect(await storage.findSunset(plan.id)).toBeNull()
      expect(await fixture.listEvents(plan.id)).toHaveLength(3)
      const [event] = await storage.listEvents({ subject: plan.id, limit: 1 })
      expect(event?.accountId).toBe(accountId)
      await fixture.expectRefused((each) => storage.changeSunset(plan.id, to, each), plan.id)
      await fixture.expectRefused((each) => storage.deleteSunset(plan.id, each), plan.id)
    })

    test('is deleted with its source, site or account', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const { id: sourceId } = await addSource(accountId)
      const { id: siteId } = await addSite(accountId)
      await addSunset(accountId)
      await addSunset(accountId, { sourceId })
      await addSunset(accountId, { siteId })
      await storage.addOAuthUses([{ resourceId: sourceId, firstAt: 1, lastAt: 1 }])
      expect(await storage.deleteRow('source', sourceId, createTestEvent(sourceId))).toBe(true)
      expect(await storage.deleteRow('site', siteId, createTestEvent(siteId))).toBe(true)
      expect(await storage.listSunsets({ accountId, limit: 10 })).toHaveLength(1)
      await storage.setAccountStatus(accountId, 'closed', createTestEvent(accountId))
      expect(await storage.deleteRow('account', accountId, createTestEvent(accountId))).toBe(true)
      expect(await storage.listSunsets({ accountId, limit: 10 })).toEqual([])
    })

    test('is read with each key of its type: the one of the source or the site first', async () => {
      const { storage } = fixture
      const { accountId, owner, sourceId, addKey: key } = await addTenant()
      async function readSunset(publicId: string) {
        const sunsetAt = (await storage.findKey(publicId))?.sunset?.sunsetAt ?? null
        expect((await storage.findKeySummary(publicId))?.sunsetAt).toBe(sunsetAt)
        return sunsetAt
      }
      const { id: siteId } = await addSite(accountId)
      const siteKey = await addKey(createStaticKey(owner, 'xenrad', { siteId }))
      const otherKey = await addKey(createTestKey(owner, (await addSource(accountId)).id))
      await addSunset((await addAccount()).id)
      await addSunset(accountId, { keyType: 'xdent' })
      expect(await readSunset(key.publicId)).toBeNull()

      const plan = await addSunset(accountId, { sunsetAt: 100 })
      const { id, createdAt, keyType, accountId: _, sourceId: __, siteId: ___, ...sunset } = plan
      expect((await storage.findKey(key.publicId))?.sunset).toEqual(sunset)
      await addSunset(accountId, { sourceId, sunsetAt: 200 })
      await addSunset(accountId, { keyType: 'xenrad', sunsetAt: 300 })
      await addSunset(accountId, { keyType: 'xenrad', siteId, sunsetAt: 400 })
      expect(await readSunset(key.publicId)).toBe(200)
      expect(await readSunset(otherKey.publicId)).toBe(100)
      expect(await readSunset(siteKey.publicId)).toBe(400)
      expect((await fixture.findKeyBySecret(siteKey.secretHash))?.sunset?.sunsetAt).toBe(400)
    })
  })

  describe(`${name}: the legacy keys`, () => {
    const ANY: LegacyKeyFilter = { since: 1_000, latest: 2_000 }
    const listIds = async (filter: Partial<LegacyKeyFilter>) =>
      (await fixture.storage.listLegacyKeys({ ...ANY, ...filter, limit: 10 })).map(({ id }) => id)

    test('are those that are not revoked, with their uses and those of OAuth', async () => {
      const { storage } = fixture
      const { accountId, owner, sourceId, addKey: key } = await addTenant()
      await addSunset(accountId, { sunsetAt: 100 })
      const { id: otherSourceId } = await addSource(accountId)
      const revoked = await addKey(createTestKey(owner, otherSourceId))
      await storage.revokeKey(revoked.id, createTestEvent(revoked.id))
      await storage.addKeyUses([
        { keyId: key.id, day: 1, uses: 1, lastAt: 50, userAgent: 'old/1.0 (it\'s "so")' },
      ])
      await storage.addKeyUses([{ keyId: key.id, day: 1, uses: 1, lastAt: 60 }])
      await storage.addOAuthUses([{ resourceId: sourceId, firstAt: 70, lastAt: 80 }])
      expect(await storage.listLegacyKeys({ ...ANY, accountId, limit: 10 })).toEqual([
        {
          id: key.id,
          accountId,
          keyType: 'redox',
          name: key.name,
          publicId: key.publicId,
          ownerId: owner.id,
          ownerEmail: owner.email,
          sourceId,
          sourceName: 'Source',
          siteId: null,
          siteName: null,
          userAgent: 'old/1.0 (it\'s "so")',
          lastUsedAt: 60,
          firstOAuthUseAt: 70,
          lastOAuthUseAt: 80,
          sunsetAt: 100,
        },
      ])
    })

    test('are filtered by account, type, source or site, readiness and use, page by page', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const owner = await addUser(accountId)
      const { id: sourceId } = await addSource(accountId)
      const { id: siteId } = await addSite(accountId)
      const redox = (await addKey(createTestKey(owner, sourceId))).id
      const xenrad = (await addKey(createStaticKey(owner, 'xenrad', { siteId }))).id
      const xdent = (await addKey(createStaticKey(owner, 'xdent'))).id
      const oauth = { ...createStaticKey(owner, 'oauth'), secretHash: null }
      const oauthClient = {
        authenticationMethod: 'private_key_jwt',
        jwksUrl: 'https://vendor.example/jwks',
        jwks: null,
        scopes: [],
        sourceIds: [sourceId],
        siteIds: [],
        audience: null,
        tokenStrategy: 'jwt',
        signingAlgorithm: 'ES256',
        tokenTypeHeader: 'at+jwt',
        tokenLifetimeSeconds: 300,
        repeatedAssertions: 'refused',
      } as const
      await addKey({ ...oauth, oauthClient })
      await storage.addOAuthUses([
        { resourceId: siteId, firstAt: 1, lastAt: 1_001 },
        { resourceId: owner.id, firstAt: 1, lastAt: 1_000 },
        { resourceId: sourceId, firstAt: 1, lastAt: 2_001 },
      ])
      await storage.addKeyUses([
        { keyId: redox, day: 1, uses: 1, lastAt: 2_000 },
        { keyId: xdent, day: 1, uses: 1, lastAt: 1_000 },
      ])
      expect(await listIds({ accountId })).toEqual([redox, xenrad, xdent])
      expect(await listIds({ accountId, keyType: 'xdent' })).toEqual([xdent])
      expect(await listIds({ accountId, sourceId })).toEqual([redox])
      expect(await listIds({ siteId })).toEqual([xenrad])
      expect(await listIds({ accountId, ready: true })).toEqual([xenrad])
      expect(await listIds({ accountId, ready: false })).toEqual([redox, xdent])
      expect(await listIds({ accountId, unused: true })).toEqual([xenrad, xdent])
      expect(await listIds({ accountId, unused: false })).toEqual([redox])
      const page = { ...ANY, accountId, after: redox, limit: 1 }
      expect((await storage.listLegacyKeys(page)).map(({ id }) => id)).toEqual([xenrad])
    })
  })

  describe(`${name}: the uses of OAuth`, () => {
    const addUse = async (resourceId: string, firstAt: number, lastAt: number) => {
      await fixture.storage.addOAuthUses([{ resourceId, firstAt, lastAt }])
      const [key] = await fixture.storage.listLegacyKeys({
        sourceId: resourceId,
        since: 0,
        latest: 0,
        limit: 1,
      })
      return [key?.firstOAuthUseAt, key?.lastOAuthUseAt]
    }

    test('keep the time of the first use, and never set the last one back', async () => {
      const { sourceId } = await addTenant()
      expect(await addUse(sourceId, 50, 60)).toEqual([50, 60])
      expect(await addUse(sourceId, 55, 58)).toEqual([50, 60])
      expect(await addUse(sourceId, 40, 61)).toEqual([40, 61])
    })

    test('set the last use back if it is further in the future than clocks differ', async () => {
      const { sourceId } = await addTenant()
      expect(await addUse(sourceId, 50, 1_060_000)).toEqual([50, 1_060_000])
      expect(await addUse(sourceId, 50, 999_999)).toEqual([50, 999_999])
    })

    test('are not kept for unknown ids, and are written together', async () => {
      const { storage } = fixture
      const tenants = [await addTenant(), await addTenant()]
      const uses = [
        { resourceId: createUuid(), firstAt: 1, lastAt: 1 },
        ...tenants.map(({ sourceId: resourceId }) => ({ resourceId, firstAt: 1, lastAt: 1 })),
      ]
      await runConcurrently((n) => storage.addOAuthUses(n % 2 === 0 ? uses : [...uses].reverse()))
      await storage.addOAuthUses([])
      const ids = JSON.stringify(uses.map(({ resourceId }) => resourceId))
      const rows = await fixture.engine.read<{ resource_id: string }>({
        sql: 'SELECT resource_id FROM oauth_uses ORDER BY resource_id',
        values: [],
      })
      const kept = rows.filter(({ resource_id }) => ids.includes(resource_id))
      expect(kept).toEqual(tenants.map(({ sourceId }) => ({ resource_id: sourceId })))
    })
  })
}
