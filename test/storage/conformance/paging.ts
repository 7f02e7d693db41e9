import { describe, expect, test } from 'vitest'
import { createTestEvent, createTestKey, createUuid, type StorageFixture } from './fixtures.ts'

export function testPaging(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addSource, addDestination, addSubscription, addTenant, addMessage } =
    fixture

  describe(`${name}: a list`, () => {
    /** Follows the cursor from page to page of two. */
    async function readAllPages<T extends { id: string }>(
      list: (page: { after?: string; limit: number }) => Promise<T[]>,
      start?: string,
    ): Promise<string[][]> {
      const found: string[][] = []
      let after = start
      for (;;) {
        const page = await list({ ...(after === undefined ? {} : { after }), limit: 2 })
        found.push(page.map(({ id }) => id))
        after = page.at(-1)?.id
        if (page.length < 2) return found
      }
    }
    const createFive = async (make: () => Promise<{ id: string }>) => {
      const ids: string[] = []
      for (let n = 0; n < 5; n++) ids.push((await make()).id)
      return ids as [string, string, string, string, string]
    }

    test('of accounts, users, sites, developers, sources, destinations or keys goes from the oldest', async () => {
      const start = createUuid()
      const ids = await createFive(() => addAccount())
      const [a, b, c, d, e] = ids
      expect(await readAllPages((page) => fixture.storage.listAccounts(page), start)).toEqual([
        [a, b],
        [c, d],
        [e],
      ])
      const only = await fixture.storage.listAccounts({ accountId: c, limit: 2 })
      expect(only.map(({ id }) => id)).toEqual([c])

      const { id: accountId } = await addAccount()
      const owner = await addUser(accountId, { role: 'administrator' })
      const lists: [
        () => Promise<{ id: string }>,
        (page: { accountId: string; after?: string; limit: number }) => Promise<{ id: string }[]>,
      ][] = [
        [
          () => addUser(accountId),
          (page) => fixture.storage.listUsers({ ...page, after: page.after ?? owner.id }),
        ],
        [() => addSource(accountId), (page) => fixture.storage.listSources(page)],
        [() => fixture.addSite(accountId), (page) => fixture.storage.listSites(page)],
        [() => fixture.addDeveloper(accountId), (page) => fixture.storage.listDevelopers(page)],
        [() => addDestination(accountId), (page) => fixture.storage.listDestinations(page)],
      ]
      for (const [make, list] of lists) {
        const [v, w, x, y, z] = await createFive(make)
        expect(await readAllPages((page) => list({ accountId, ...page }))).toEqual([
          [v, w],
          [x, y],
          [z],
        ])
      }
      const sources = await fixture.storage.listSources({ accountId, limit: 5 })
      const keys: string[] = []
      for (const from of sources) {
        const key = createTestKey(owner, from.id)
        await fixture.storage.addKey(key, createTestEvent(key.id))
        keys.push(key.id)
      }
      const [p, q, r, s, t] = keys
      const found = await readAllPages((page) => fixture.storage.listKeys({ accountId, ...page }))
      expect(found).toEqual([[p, q], [r, s], [t]])
    })

    test('of subscriptions goes from the oldest, also of one source', async () => {
      const { id } = await addAccount()
      const [from, other] = [await addSource(id), await addSource(id)]
      const to = await createFive(() => addDestination(id))
      const ids: string[] = []
      for (const destinationId of to) {
        ids.push((await addSubscription(from.id, destinationId)).id)
        await addSubscription(other.id, destinationId)
      }
      const [a, b, c, d, e] = ids
      const found = await readAllPages((page) =>
        fixture.storage.searchSubscriptions({ sourceId: from.id, ...page }),
      )
      expect(found).toEqual([[a, b], [c, d], [e]])
    })

    test('of messages or events goes from the newest', async () => {
      const owned = await addTenant()
      const [a, b, c, d, e] = await createFive(() => addMessage(owned, []))
      const { accountId } = owned
      const found = await readAllPages((page) =>
        fixture.storage.listMessages({ accountId, ...page }),
      )
      expect(found).toEqual([[e, d], [c, b], [a]])

      const subject = createUuid()
      const [v, w, x, y, z] = await createFive(async () => {
        const event = createTestEvent(subject)
        await fixture.storage.addEvent(event)
        return event
      })
      const events = await readAllPages((page) => fixture.storage.listEvents({ subject, ...page }))
      expect(events).toEqual([[z, y], [x, w], [v]])
    })

    test('of one account has no rows of another', async () => {
      const [a, b] = [await addTenant(), await addTenant()]
      for (const owned of [a, b]) {
        const to = await addDestination(owned.accountId)
        await addMessage(owned, [await addSubscription(owned.sourceId, to.id)])
        await fixture.addSite(owned.accountId)
        await fixture.addDeveloper(owned.accountId)
        await fixture.addAllowlistEntry(owned.accountId, '10.0.0.0/8')
      }
      for (const { accountId } of [a, b]) {
        const page = { accountId, limit: 1000 }
        for (const rows of [
          await fixture.storage.listUsers(page),
          await fixture.storage.listSites(page),
          await fixture.storage.listDevelopers(page),
          await fixture.storage.listAllowlistEntries(accountId),
          await fixture.storage.listSources(page),
          await fixture.storage.listDestinations(page),
          await fixture.storage.listKeys(page),
          await fixture.storage.listMessages(page),
        ]) {
          expect(rows.map((row) => row.accountId)).toEqual([accountId])
        }
      }
      const nobody = { accountId: createUuid(), limit: 1000 }
      expect(await fixture.storage.listUsers(nobody)).toEqual([])
      expect(await fixture.storage.listSites(nobody)).toEqual([])
      expect(await fixture.storage.listDevelopers(nobody)).toEqual([])
      expect(await fixture.storage.listSources(nobody)).toEqual([])
      expect(await fixture.storage.listDestinations(nobody)).toEqual([])
      expect(await fixture.storage.listKeys(nobody)).toEqual([])
      expect(await fixture.storage.listMessages(nobody)).toEqual([])
    })

    test('without an account has the rows of all accounts', async () => {
      const start = createUuid()
      const [a, b] = [await addTenant(), await addTenant()]
      const keys = await fixture.storage.listKeys({ after: start, limit: 10 })
      expect(keys.map((key) => key.accountId)).toEqual([a.accountId, b.accountId])
      const users = await fixture.storage.listUsers({ after: start, limit: 10 })
      expect(users.map(({ id }) => id)).toEqual([a.owner.id, b.owner.id])
      const sources = await fixture.storage.listSources({ after: start, limit: 10 })
      expect(sources.map(({ id }) => id)).toEqual([a.sourceId, b.sourceId])
      const events = await fixture.storage.listEvents({ since: 1_000, until: 1_001, limit: 1 })
      expect(events.map(({ subject }) => subject)).toEqual([b.addKey.id])
    })
  })
}
