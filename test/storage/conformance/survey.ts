import { describe, expect, test } from 'vitest'
import { eventOf, type Given, presentedKeyOf, v7 } from './given.ts'

/** What tells people how things are. */
export function surveyConforms(name: string, given: Given): void {
  const { account, user, source, site, developer, destination, subscription } = given

  test(`${name}: a census counts the keys of a dialect that may be used, and those that were`, async () => {
    const { storage } = given
    const [mine, other] = [await account(), await account()]
    const [owner, stranger] = [await user(mine.id), await user(other.id)]
    const key = (dialect: 'xdent' | 'practice', more: object = {}, by = owner) =>
      given.key(presentedKeyOf(by, dialect, more))
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
    await storage.revokeKey(revoked.id, eventOf(revoked.id))
    const asked = { since: 500, now: 1_000 }
    expect(await storage.takeKeyCensus({ ...asked, accountId: mine.id })).toEqual([
      { dialect: 'practice', usable: 1, used: 0 },
      { dialect: 'xdent', usable: 2, used: 2 },
    ])
    const all = await storage.takeKeyCensus(asked)
    expect(all.find(({ dialect }) => dialect === 'practice')?.usable).toBeGreaterThanOrEqual(2)
    expect(await storage.takeKeyCensus({ ...asked, accountId: v7() })).toEqual([])
  })

  describe(`${name}: the names of ids`, () => {
    test('are those of whatever kind of row each is of', async () => {
      const { id: accountId } = await account({ name: 'Acme' })
      const named = await user(accountId, { username: `owner-${v7()}` })
      const nameless = await user(accountId)
      const [place, maker] = [await site(accountId), await developer(accountId)]
      const from = await source(accountId, { name: 'Orders' })
      const to = await destination(accountId, { name: 'Laboratory' })
      const feed = await subscription(from.id, to.id)
      const key = await given.key(presentedKeyOf(named, 'xdent', { name: 'Front desk' }))
      const rows = [
        { id: accountId, kind: 'account', name: 'Acme' },
        { id: named.id, kind: 'user', name: named.username },
        { id: nameless.id, kind: 'user', name: nameless.email },
        { id: place.id, kind: 'site', name: place.name },
        { id: maker.id, kind: 'developer', name: maker.name },
        { id: from.id, kind: 'source', name: 'Orders' },
        { id: to.id, kind: 'destination', name: 'Laboratory' },
        { id: feed.id, kind: 'subscription', name: 'Orders → Laboratory' },
        { id: key.id, kind: 'key', name: 'Front desk' },
      ].map((row) => ({ ...row, accountId }))
      const found = await given.storage.findNames([...rows, ...rows].map(({ id }) => id))
      expect(found).toHaveLength(rows.length)
      expect(found).toEqual(expect.arrayContaining(rows))
    })

    test('are none where nothing has the id', async () => {
      expect(await given.storage.findNames([])).toEqual([])
      expect(await given.storage.findNames([v7(), '', "' or 1=1 --"])).toEqual([])
    })
  })
}
