import { describe, expect, test } from 'vitest'
import type { MessageFilter } from '../../../src/service/ports/messages.ts'
import type { NewSubscription } from '../../../src/service/ports/routing.ts'
import { createTestEvent, createUuid, type StorageFixture } from './fixtures.ts'

/** Lists of messages, by each filter and over many pages. */
export function testMessageLists(name: string, fixture: StorageFixture): void {
  const { addDestination, addSubscription, addMessage } = fixture

  describe(`${name}: a list of messages`, () => {
    test('is narrowed by source, destination, status and test', async () => {
      const { storage } = fixture
      const owned = await fixture.addTenant()
      const { accountId } = owned
      const [x, y] = [await addDestination(accountId), await addDestination(accountId)]
      const [toX, toY] = [
        await addSubscription(owned.sourceId, x.id),
        await addSubscription(owned.sourceId, y.id),
      ]
      const a = await addMessage(owned, [toX])
      const b = await addMessage(owned, [toX, toY], { test: true })
      await storage.skipMessage(b.id, y.id, createTestEvent(b.id))
      for (const [criteria, found] of [
        [{ sourceId: owned.sourceId }, [b.id, a.id]],
        [{ sourceId: createUuid() }, []],
        [{ sourceId: owned.sourceId, destinationId: y.id }, [b.id]],
        [{ sourceId: owned.sourceId, destinationId: y.id, test: false }, []],
        [{ sourceId: createUuid(), destinationId: y.id }, []],
        [{ status: 'queued', sourceId: owned.sourceId }, [b.id, a.id]],
        [{ status: 'queued', sourceId: createUuid() }, []],
        [{ status: 'queued', destinationId: y.id }, []],
        [{ status: 'queued', destinationId: x.id, test: true }, [b.id]],
        [{ status: 'queued', subscriptionId: toX.id }, [b.id, a.id]],
        [{ status: 'skipped', sourceId: owned.sourceId }, [b.id]],
        [{ status: 'skipped', sourceId: createUuid() }, []],
        [{ status: 'skipped', test: false }, []],
        [{ destinationId: y.id }, [b.id]],
        [{ subscriptionId: toX.id }, [b.id, a.id]],
        [{ status: 'queued' }, [b.id, a.id]],
        [{ status: 'skipped' }, [b.id]],
        [{ status: 'skipped', destinationId: x.id }, []],
        [{ status: 'delivered' }, []],
        [{ test: true }, [b.id]],
        [{ test: false, subscriptionId: toX.id }, [a.id]],
      ] as const) {
        const listed = await storage.listMessages({ accountId, limit: 10, ...criteria })
        expect([criteria, listed.map(({ id }) => id)]).toEqual([criteria, found])
      }
    })
  })

  describe(`${name}: a list of messages that arrived over a long time`, () => {
    test('has each message of a source, destination or account once, page by page', async () => {
      const { storage } = fixture
      const owned = await fixture.addTenant()
      const { accountId, sourceId } = owned
      const [often, rare] = [await addDestination(accountId), await addDestination(accountId)]
      const toOften = await addSubscription(sourceId, often.id)
      const toRare = await addSubscription(sourceId, rare.id)
      const ids: string[] = []
      const addAt = async (n: number, test: boolean, ...hops: NewSubscription[]) => {
        const id = `${(0x1900000 + n).toString(16)}${crypto.randomUUID().slice(7)}`
        await addMessage(owned, hops, { id, test })
        ids.unshift(id)
        return id
      }
      const first = await addAt(0, false, toOften, toRare)
      for (let n = 1; n <= 60; n++) await addAt(n, false, toOften)
      const tested = await addAt(61, true, toOften)
      const last = await addAt(200, false, toRare)

      const readAll = async (filter: MessageFilter) => {
        const found: string[] = []
        for (let after: string | undefined; ; after = found.at(-1)) {
          const page = await storage.listMessages({ ...filter, after, limit: 7 })
          found.push(...page.map(({ id }) => id))
          if (page.length < 7) return found
        }
      }
      expect(await readAll({ accountId })).toEqual(ids)
      expect(await readAll({ sourceId })).toEqual(ids)
      expect(await readAll({ destinationId: often.id })).toEqual(ids.slice(1))
      expect(await readAll({ destinationId: rare.id })).toEqual([last, first])
      expect(await readAll({ destinationId: rare.id, subscriptionId: toOften.id })).toEqual([])
      expect(await readAll({ sourceId, destinationId: rare.id })).toEqual([last, first])
      expect(await readAll({ sourceId: createUuid(), destinationId: often.id })).toEqual([])
      expect(await readAll({ accountId, status: 'queued' })).toEqual(ids)
      expect(await readAll({ status: 'queued', destinationId: rare.id })).toEqual([last, first])
      expect(await readAll({ accountId, test: true })).toEqual([tested])
      expect(await readAll({ accountId: createUuid() })).toEqual([])
    })
  })
}
