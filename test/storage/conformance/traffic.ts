import { describe, expect, test } from 'vitest'
import type { Traffic } from '../../../src/service/ports/traffic.ts'
import { crowd, type Given, v7 } from './given.ts'

/** What came of requests, hour by hour. */
export function trafficConforms(name: string, given: Given): void {
  const trafficOf = (accountId: string | null, more: Partial<Traffic> = {}): Traffic => ({
    hour: 500_000,
    accountId,
    dialect: 'redox',
    outcome: 'admitted',
    requests: 1,
    ...more,
  })

  describe(`${name}: traffic`, () => {
    test('is added up over spans of hours, account by account or for all', async () => {
      const { storage } = given
      const mine = v7()
      await storage.addTraffic([
        ...[550_000, 550_023].map((hour) => trafficOf(mine, { hour, requests: 2 })),
        trafficOf(mine, { hour: 550_024, dialect: null, outcome: 'key_unknown', requests: 3 }),
        trafficOf(mine, { hour: 549_999 }),
        trafficOf(v7(), { hour: 550_030, requests: 5 }),
      ])
      const spans = { fromHour: 550_000, hours: 24 }
      const admitted = { dialect: 'redox', outcome: 'admitted' }
      const own = [
        { span: 0, ...admitted, requests: 4 },
        { span: 1, dialect: null, outcome: 'key_unknown', requests: 3 },
      ]
      expect(await storage.sumTraffic({ ...spans, accountId: mine })).toEqual(own)
      expect(await storage.sumTraffic(spans)).toEqual([
        ...own,
        { span: 1, ...admitted, requests: 5 },
      ])
    })

    test('adds up by hour, account, dialect and outcome', async () => {
      const { storage } = given
      const [mine, other] = [v7(), v7()]
      const later = trafficOf(mine, { hour: 500_001, requests: 7 })
      const refused = trafficOf(mine, { outcome: 'key_revoked', requests: 2 })
      await storage.addTraffic([later, trafficOf(mine, { requests: 3 }), refused, trafficOf(other)])
      await storage.addTraffic([trafficOf(mine, { requests: 40 })])
      await storage.addTraffic([])
      const both = [trafficOf(mine, { requests: 43 }), refused, later]
      expect(await storage.listTraffic(0, mine)).toEqual(both)
      expect(await storage.listTraffic(500_001, mine)).toEqual([later])
      expect(await storage.listTraffic(500_002, mine)).toEqual([])
      const all = await storage.listTraffic(500_000)
      expect(all).toEqual(expect.arrayContaining([...both, trafficOf(other)]))
    })

    test('of nobody and of no dialect is in the list of all, and in no account’s', async () => {
      const { storage } = given
      const nobodys = trafficOf(null, { hour: 600_000, dialect: null, outcome: 'key_unknown' })
      await storage.addTraffic([nobodys])
      expect(await storage.listTraffic(600_000)).toEqual([nobodys])
      expect(await storage.listTraffic(600_000, v7())).toEqual([])
    })

    test('that 20 add at once, in any order, is all counted', async () => {
      const rows = [trafficOf(v7()), trafficOf(v7())]
      await crowd((n) => given.storage.addTraffic(n % 2 === 0 ? rows : rows.toReversed()))
      for (const { accountId } of rows) {
        const [row] = await given.storage.listTraffic(0, accountId ?? '')
        expect(row?.requests).toBe(20)
      }
    })

    test('is purged before an hour, and not from it on', async () => {
      const { storage } = given
      const mine = v7()
      await storage.addTraffic([1, 2, 3].map((hour) => trafficOf(mine, { hour })))
      expect(await storage.purgeTraffic(3)).toBe(2)
      expect((await storage.listTraffic(0, mine)).map(({ hour }) => hour)).toEqual([3])
    })
  })
}
