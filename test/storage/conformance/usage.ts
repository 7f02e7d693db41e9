import { describe, expect, test } from 'vitest'
import type { HourlyTraffic } from '../../../src/service/ports/dashboard.ts'
import {
  createStaticKey,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'

/** How often, and when last, a key was used. */
export function testKeyUseStorage(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addKey } = fixture
  const addOwnedKey = async () =>
    (await addKey(createStaticKey(await addUser((await addAccount()).id)))).id
  const readLastUsedAt = async (id: string) =>
    (await fixture.storage.findKeySummary(id))?.lastUsedAt

  describe(`${name}: the uses of a key`, () => {
    test('are empty before the first use', async () => {
      const id = await addOwnedKey()
      expect(await fixture.storage.listKeyUses(id, 0)).toEqual([])
      expect(await readLastUsedAt(id)).toBeNull()
    })

    test('are added by day, and listed from the requested day', async () => {
      const { storage } = fixture
      const [id, other] = [await addOwnedKey(), await addOwnedKey()]
      await storage.addKeyUses([
        { keyId: id, day: 20_001, uses: 2, lastAt: 2 },
        { keyId: id, day: 20_000, uses: 5, lastAt: 1 },
        { keyId: other, day: 20_000, uses: 1, lastAt: MAX_INTEGER },
      ])
      await storage.addKeyUses([{ keyId: id, day: 20_001, uses: 40, lastAt: 3 }])
      expect(await storage.listKeyUses(id, 0)).toEqual([
        { day: 20_000, uses: 5 },
        { day: 20_001, uses: 42 },
      ])
      expect(await storage.listKeyUses(id, 20_001)).toEqual([{ day: 20_001, uses: 42 }])
      expect(await storage.listKeyUses(id, 20_002)).toEqual([])
      expect(await storage.listKeyUses(other, 0)).toEqual([{ day: 20_000, uses: 1 }])
      expect([await readLastUsedAt(id), await readLastUsedAt(other)]).toEqual([3, MAX_INTEGER])
    })

    test('never set the last use back', async () => {
      const id = await addOwnedKey()
      for (const lastAt of [50, 40, 50, 0]) {
        await fixture.storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt }])
        expect(await readLastUsedAt(id)).toBe(50)
      }
      await fixture.storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt: 51 }])
      expect(await readLastUsedAt(id)).toBe(51)
    })

    test('set the last use back if it is further in the future than clocks differ', async () => {
      const id = await addOwnedKey()
      const addUse = async (lastAt: number) => {
        await fixture.storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt }])
        return readLastUsedAt(id)
      }
      expect(await addUse(1_060_000)).toBe(1_060_000)
      expect(await addUse(1_000_000)).toBe(1_060_000)
      expect(await addUse(999_999)).toBe(999_999)
    })

    test('of a deleted key are ignored, and do not affect the others', async () => {
      const { storage } = fixture
      const [id, gone] = [await addOwnedKey(), createUuid()]
      await storage.addKeyUses([
        { keyId: gone, day: 1, uses: 1, lastAt: 1 },
        { keyId: id, day: 1, uses: 1, lastAt: 1 },
      ])
      expect(await storage.listKeyUses(gone, 0)).toEqual([])
      expect(await storage.listKeyUses(id, 0)).toEqual([{ day: 1, uses: 1 }])
    })

    test('that are empty write nothing', async () => {
      await fixture.storage.addKeyUses([])
    })

    test('of 300 keys are written together', async () => {
      const { storage } = fixture
      const owner = await addUser((await addAccount()).id)
      const ids: string[] = []
      for (let n = 0; n < 300; n++) ids.push((await addKey(createStaticKey(owner))).id)
      await storage.addKeyUses(ids.map((keyId, n) => ({ keyId, day: 1, uses: n + 1, lastAt: n })))
      expect(await storage.listKeyUses(ids[299] ?? '', 0)).toEqual([{ day: 1, uses: 300 }])
      expect(await readLastUsedAt(ids[299] ?? '')).toBe(299)
    })

    test('that 20 requests add at once, in any order, are all counted', async () => {
      const ids = [await addOwnedKey(), await addOwnedKey(), await addOwnedKey()]
      await runConcurrently((n) => {
        const uses = ids.map((keyId) => ({ keyId, day: 1, uses: 1, lastAt: n }))
        return fixture.storage.addKeyUses(n % 2 === 0 ? uses : uses.reverse())
      })
      for (const id of ids) {
        expect(await fixture.storage.listKeyUses(id, 0)).toEqual([{ day: 1, uses: 20 }])
        expect(await readLastUsedAt(id)).toBe(19)
      }
    })

    test('are deleted with the key, also those that are added at the same moment', async () => {
      const { storage } = fixture
      for (let round = 0; round < 5; round++) {
        const id = await addOwnedKey()
        // A use that is later than all that follow: what is added then changes no date.
        await storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt: MAX_INTEGER }])
        const add = () => storage.addKeyUses([{ keyId: id, day: 2, uses: 1, lastAt: 1 }])
        await Promise.all([
          ...Array.from({ length: 5 }, add),
          storage.deleteKey(id, createTestEvent(id)),
          ...Array.from({ length: 5 }, add),
        ])
        expect(await storage.findKeySummary(id)).toBeNull()
        expect(await storage.listKeyUses(id, 0)).toEqual([])
      }
    })
  })
}

/** Checks the traffic counts. */
export function testTrafficStorage(name: string, fixture: StorageFixture): void {
  const createTraffic = (
    accountId: string | null,
    more: Partial<HourlyTraffic> = {},
  ): HourlyTraffic => ({
    hour: 500_000,
    accountId,
    keyType: 'redox',
    outcome: 'admitted',
    requests: 1,
    ...more,
  })

  describe(`${name}: traffic`, () => {
    test('is summed over spans of hours, by account or for all', async () => {
      const { storage } = fixture
      const ownAccountId = createUuid()
      await storage.addTraffic([
        ...[550_000, 550_023].map((hour) => createTraffic(ownAccountId, { hour, requests: 2 })),
        createTraffic(ownAccountId, {
          hour: 550_024,
          keyType: null,
          outcome: 'key_unknown',
          requests: 3,
        }),
        createTraffic(ownAccountId, { hour: 549_999 }),
        createTraffic(createUuid(), { hour: 550_030, requests: 5 }),
      ])
      const spans = { fromHour: 550_000, hours: 24 }
      const admitted = { keyType: 'redox', outcome: 'admitted' }
      const own = [
        { span: 0, ...admitted, requests: 4 },
        { span: 1, keyType: null, outcome: 'key_unknown', requests: 3 },
      ]
      expect(await storage.sumTraffic({ ...spans, accountId: ownAccountId })).toEqual(own)
      expect(await storage.sumTraffic(spans)).toEqual([
        ...own,
        { span: 1, ...admitted, requests: 5 },
      ])
    })

    test('is counted by hour, account, key type and outcome', async () => {
      const { storage } = fixture
      const [ownAccountId, other] = [createUuid(), createUuid()]
      await storage.addTraffic([
        createTraffic(ownAccountId, { hour: 500_001, requests: 7 }),
        createTraffic(ownAccountId, { requests: 3 }),
        createTraffic(ownAccountId, { outcome: 'key_revoked', requests: 2 }),
        createTraffic(other),
      ])
      await storage.addTraffic([createTraffic(ownAccountId, { requests: 40 })])
      await storage.addTraffic([])
      const listHours = (fromHour: number) =>
        storage.sumTraffic({ fromHour, hours: 1, accountId: ownAccountId })
      const common = { keyType: 'redox', outcome: 'admitted' } as const
      expect(await listHours(500_000)).toEqual([
        { span: 0, ...common, requests: 43 },
        { span: 0, ...common, outcome: 'key_revoked', requests: 2 },
        { span: 1, ...common, requests: 7 },
      ])
      expect(await listHours(500_001)).toEqual([{ span: 0, ...common, requests: 7 }])
      expect(await listHours(500_002)).toEqual([])
    })

    test('without an account and a key type is in the list of all accounts alone', async () => {
      const { storage } = fixture
      const unknown = { keyType: null, outcome: 'key_unknown' } as const
      await storage.addTraffic([createTraffic(null, { hour: 600_000, ...unknown })])
      const spans = { fromHour: 600_000, hours: 1 }
      expect(await storage.sumTraffic(spans)).toEqual([{ span: 0, ...unknown, requests: 1 }])
      expect(await storage.sumTraffic({ ...spans, accountId: createUuid() })).toEqual([])
    })

    test('that 20 requests add at once, in any order, is all counted', async () => {
      const rows = [createTraffic(createUuid()), createTraffic(createUuid())]
      await runConcurrently((n) =>
        fixture.storage.addTraffic(n % 2 === 0 ? rows : rows.toReversed()),
      )
      for (const { accountId } of rows) {
        const spans = { fromHour: 0, hours: 1, accountId: accountId ?? '' }
        const [sum] = await fixture.storage.sumTraffic(spans)
        expect(sum?.requests).toBe(20)
      }
    })

    test('is purged before the given hour', async () => {
      const { storage } = fixture
      const ownAccountId = createUuid()
      await storage.addTraffic([1, 2, 3].map((hour) => createTraffic(ownAccountId, { hour })))
      expect(await storage.purgeTraffic(3)).toBe(2)
      const spans = { fromHour: 0, hours: 1, accountId: ownAccountId }
      expect((await storage.sumTraffic(spans)).map(({ span }) => span)).toEqual([3])
    })
  })
}

/** Checks the counts and names of the dashboard. */
export function testDashboardStorage(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addSource, addSite, addDeveloper, addDestination, addSubscription } =
    fixture

  test(`${name}: the count of keys by type has those that may be used, and those that were`, async () => {
    const { storage } = fixture
    const [ownAccount, other] = [await addAccount(), await addAccount()]
    const [owner, stranger] = [await addUser(ownAccount.id), await addUser(other.id)]
    const key = (keyType: 'xdent' | 'practice', more: object = {}, by = owner) =>
      fixture.addKey(createStaticKey(by, keyType, more))
    const used = await key('xdent')
    const before = await key('xdent')
    const revoked = await key('xdent')
    await key('xdent', { expiresAt: 900 })
    await key('practice', { expiresAt: 1_001 })
    await key('practice', {}, stranger)
    await storage.addKeyUses([
      { keyId: used.id, day: 1, uses: 1, lastAt: 500 },
      { keyId: before.id, day: 1, uses: 1, lastAt: 499 },
      { keyId: revoked.id, day: 1, uses: 1, lastAt: 700 },
    ])
    await storage.revokeKey(revoked.id, createTestEvent(revoked.id))
    const range = { since: 500, now: 1_000 }
    expect(await storage.countKeysByType({ ...range, accountId: ownAccount.id })).toEqual([
      { keyType: 'practice', usable: 1, used: 0 },
      { keyType: 'xdent', usable: 2, used: 2 },
    ])
    const all = await storage.countKeysByType(range)
    expect(all.find(({ keyType }) => keyType === 'practice')?.usable).toBeGreaterThanOrEqual(2)
    expect(await storage.countKeysByType({ ...range, accountId: createUuid() })).toEqual([])
  })

  describe(`${name}: the names of ids`, () => {
    test('are those of the rows, of whatever kind', async () => {
      const { id: accountId } = await addAccount({ name: 'Acme' })
      const named = await addUser(accountId, { username: `owner-${createUuid()}` })
      const nameless = await addUser(accountId)
      const [siteRow, maker] = [await addSite(accountId), await addDeveloper(accountId)]
      const from = await addSource(accountId, { name: 'Orders' })
      const to = await addDestination(accountId, { name: 'Laboratory' })
      const subscriptionRow = await addSubscription(from.id, to.id)
      const key = await fixture.addKey(createStaticKey(named, 'xdent', { name: 'Front desk' }))
      const rows = [
        { id: accountId, kind: 'account', name: 'Acme' },
        { id: named.id, kind: 'user', name: named.username },
        { id: nameless.id, kind: 'user', name: nameless.email },
        { id: siteRow.id, kind: 'site', name: siteRow.name },
        { id: maker.id, kind: 'developer', name: maker.name },
        { id: from.id, kind: 'source', name: 'Orders' },
        { id: to.id, kind: 'destination', name: 'Laboratory' },
        { id: subscriptionRow.id, kind: 'subscription', name: 'Orders → Laboratory' },
        { id: key.id, kind: 'key', name: 'Front desk' },
      ].map((row) => ({ ...row, accountId }))
      const found = await fixture.storage.findRowNames({
        ids: [...rows, ...rows].map(({ id }) => id),
      })
      expect(found).toHaveLength(rows.length)
      expect(found).toEqual(expect.arrayContaining(rows))
      const ids = rows.map(({ id }) => id)
      expect(await fixture.storage.findRowNames({ ids, accountId })).toEqual(found)
      expect(await fixture.storage.findRowNames({ ids, accountId: createUuid() })).toEqual([])
    })

    test('are empty for unknown ids', async () => {
      expect(await fixture.storage.findRowNames({ ids: [] })).toEqual([])
      expect(
        await fixture.storage.findRowNames({ ids: [createUuid(), '', "' or 1=1 --"] }),
      ).toEqual([])
    })
  })
}
