import { describe, expect, test } from 'vitest'
import { crowd, eventOf, type Given, MOST, presentedKeyOf, v7 } from './given.ts'

/** How often, and when last, a key was used. */
export function usesConform(name: string, given: Given): void {
  const { account, user, key } = given
  const owned = async () => (await key(presentedKeyOf(await user((await account()).id)))).id
  const lastOf = async (id: string) => (await given.storage.findKeySummary(id))?.lastUsedAt

  describe(`${name}: the uses of a key`, () => {
    test('are none, and never, before the first', async () => {
      const id = await owned()
      expect(await given.storage.listKeyUses(id, 0)).toEqual([])
      expect(await lastOf(id)).toBeNull()
    })

    test('add up day by day, and are listed from the day that is asked for', async () => {
      const { storage } = given
      const [id, other] = [await owned(), await owned()]
      await storage.addKeyUses([
        { keyId: id, day: 20_001, uses: 2, lastAt: 2 },
        { keyId: id, day: 20_000, uses: 5, lastAt: 1 },
        { keyId: other, day: 20_000, uses: 1, lastAt: MOST },
      ])
      await storage.addKeyUses([{ keyId: id, day: 20_001, uses: 40, lastAt: 3 }])
      expect(await storage.listKeyUses(id, 0)).toEqual([
        { day: 20_000, uses: 5 },
        { day: 20_001, uses: 42 },
      ])
      expect(await storage.listKeyUses(id, 20_001)).toEqual([{ day: 20_001, uses: 42 }])
      expect(await storage.listKeyUses(id, 20_002)).toEqual([])
      expect(await storage.listKeyUses(other, 0)).toEqual([{ day: 20_000, uses: 1 }])
      expect([await lastOf(id), await lastOf(other)]).toEqual([3, MOST])
    })

    test('never set the last use back', async () => {
      const id = await owned()
      for (const lastAt of [50, 40, 50, 0]) {
        await given.storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt }])
        expect(await lastOf(id)).toBe(50)
      }
      await given.storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt: 51 }])
      expect(await lastOf(id)).toBe(51)
    })

    test('set the last use back where it lies further ahead than clocks differ', async () => {
      const id = await owned()
      const used = async (lastAt: number) => {
        await given.storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt }])
        return lastOf(id)
      }
      expect(await used(1_060_000)).toBe(1_060_000)
      expect(await used(1_000_000)).toBe(1_060_000)
      expect(await used(999_999)).toBe(999_999)
    })

    test('of a key that is gone are nobody’s, and do not hinder the others', async () => {
      const { storage } = given
      const [id, gone] = [await owned(), v7()]
      await storage.addKeyUses([
        { keyId: gone, day: 1, uses: 1, lastAt: 1 },
        { keyId: id, day: 1, uses: 1, lastAt: 1 },
      ])
      expect(await storage.listKeyUses(gone, 0)).toEqual([])
      expect(await storage.listKeyUses(id, 0)).toEqual([{ day: 1, uses: 1 }])
    })

    test('that are none are written as none', async () => {
      await given.storage.addKeyUses([])
    })

    test('of 300 keys are written together', async () => {
      const { storage } = given
      const owner = await user((await account()).id)
      const ids: string[] = []
      for (let n = 0; n < 300; n++) ids.push((await key(presentedKeyOf(owner))).id)
      await storage.addKeyUses(ids.map((keyId, n) => ({ keyId, day: 1, uses: n + 1, lastAt: n })))
      expect(await storage.listKeyUses(ids[299] ?? '', 0)).toEqual([{ day: 1, uses: 300 }])
      expect(await lastOf(ids[299] ?? '')).toBe(299)
    })

    test('that 20 add at once, in any order, are all counted', async () => {
      const ids = [await owned(), await owned(), await owned()]
      await crowd((n) => {
        const uses = ids.map((keyId) => ({ keyId, day: 1, uses: 1, lastAt: n }))
        return given.storage.addKeyUses(n % 2 === 0 ? uses : uses.reverse())
      })
      for (const id of ids) {
        expect(await given.storage.listKeyUses(id, 0)).toEqual([{ day: 1, uses: 20 }])
        expect(await lastOf(id)).toBe(19)
      }
    })

    test('do not outlive the key, even those that are added while it is removed', async () => {
      const { storage } = given
      for (let round = 0; round < 5; round++) {
        const id = await owned()
        // A use that is later than all that follow: what is added then changes no date.
        await storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt: MOST }])
        const add = () => storage.addKeyUses([{ keyId: id, day: 2, uses: 1, lastAt: 1 }])
        await Promise.all([
          ...Array.from({ length: 5 }, add),
          storage.removeKey(id, eventOf(id)),
          ...Array.from({ length: 5 }, add),
        ])
        expect(await storage.findKeySummary(id)).toBeNull()
        expect(await storage.listKeyUses(id, 0)).toEqual([])
      }
    })
  })
}
