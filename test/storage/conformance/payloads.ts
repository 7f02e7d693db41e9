import { describe, expect, test } from 'vitest'
import { createUuid, type StorageFixture } from './fixtures.ts'
import { createQueueFixture, DELIVERED_ATTEMPT } from './queue-fixture.ts'

/** The payloads of messages, their parts, and when they are erased. */
export function testPayloadStorage(name: string, fixture: StorageFixture): void {
  const { addMessage } = fixture
  const { seedQueues, leaseQueue, findQueueHead, startAttempt, listDeliveryStatuses } =
    createQueueFixture(fixture)

  describe(`${name}: a payload`, () => {
    /** Delivers the first message of each queue, all at once. */
    const deliverAllMessages = async (hops: readonly { id: string }[], erase: boolean) => {
      const erasure = erase ? { isShared: hops.length > 1 } : null
      for (const { id } of hops) await leaseQueue(id, 'a')
      const all = await Promise.all(hops.map(({ id }) => startAttempt(id, 'a', DELIVERED_ATTEMPT)))
      return Promise.all(all.map((one) => fixture.storage.settleDelivered(one, erasure)))
    }

    test('is erased with the last of its deliveries, also if several end at once', async () => {
      for (let round = 0; round < 5; round++) {
        const { owned, hops } = await seedQueues(4)
        const { id } = await addMessage(owned, hops)
        expect(await deliverAllMessages(hops.slice(1), true)).toEqual([true, true, true])
        expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: 'sealed' })
        await deliverAllMessages(hops.slice(0, 1), true)
        expect(await fixture.storage.findPayload(id)).toBeNull()
        const other = await addMessage(owned, hops)
        await deliverAllMessages(hops, true)
        expect(await fixture.storage.findPayload(other.id)).toBeNull()
      }
    })

    test('in parts is read part by part, and belongs to its message', async () => {
      const { owned, hops } = await seedQueues(1)
      const id = createUuid()
      for (const part of [0, 1, 2])
        await fixture.storage.addPayloadPart(id, part, `part ${part}`, 1)
      await addMessage(owned, hops, { id, sealedPayload: '', payloadPartCount: 3 })
      const stored = { sealedPayload: '', payloadPartCount: 3 }
      expect(await fixture.storage.findPayload(id)).toEqual(stored)
      await leaseQueue(hops[0]?.id ?? '', 'a')
      expect(await findQueueHead(hops[0]?.id ?? '', 'a')).toMatchObject(stored)
      expect(await fixture.storage.findPayloadPart(id, 2)).toBe('part 2')
      expect(await fixture.storage.findPayloadPart(id, 3)).toBeNull()
    })

    test('that lacks a part is refused, with its message', async () => {
      const { owned, hops } = await seedQueues(1)
      const id = createUuid()
      for (const part of [0, 2]) await fixture.storage.addPayloadPart(id, part, `part ${part}`, 1)
      const stored = { id, sealedPayload: '', payloadPartCount: 3 }
      await expect(addMessage(owned, hops, stored)).rejects.toThrow()
      expect(await fixture.storage.findMessage(id)).toBeNull()
      await fixture.storage.addPayloadPart(id, 1, 'part 1', 1)
      await addMessage(owned, hops, stored)
      expect(await listDeliveryStatuses(id)).toEqual(['queued'])
    })

    test('leaves no part behind when it is erased, or when its message was never added', async () => {
      const { owned, hops } = await seedQueues(1)
      const [erased, queued, abandoned, arriving] = [
        createUuid(),
        createUuid(),
        createUuid(),
        createUuid(),
      ]
      const ids = [erased, queued, abandoned, arriving]
      for (const id of ids) {
        for (let part = 0; part < 9; part++) {
          await fixture.storage.addPayloadPart(id, part, 'sealed', id === arriving ? 2_000 : 1_000)
        }
      }
      const inParts = { sealedPayload: '', payloadPartCount: 9 }
      await addMessage(owned, hops, { id: erased, ...inParts })
      await deliverAllMessages(hops, true)
      await addMessage(owned, hops, { id: queued, ...inParts })

      expect(await fixture.storage.deletePayloadParts(queued)).toBe(0)
      const unneeded = await fixture.storage.listUnneededPayloads(2_000, 1000)
      expect(ids.filter((id) => unneeded.includes(id))).toEqual([erased, abandoned])
      for (const id of unneeded) {
        while ((await fixture.storage.deletePayloadParts(id)) > 0);
      }
      const found = await Promise.all(ids.map((id) => fixture.storage.findPayloadPart(id, 8)))
      expect(found).toEqual([null, 'sealed', null, 'sealed'])
    })

    test('is kept until the cleanup if the setting says so, and while it is queued', async () => {
      const { owned, hops } = await seedQueues(2)
      const { id } = await addMessage(owned, hops, { receivedAt: 500 })
      await deliverAllMessages(hops.slice(0, 1), false)
      await fixture.storage.erasePayloads(1_012, 9_000)
      expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: 'sealed' })
      await deliverAllMessages(hops.slice(1), false)
      await fixture.storage.erasePayloads(1_011, 9_000)
      expect(await fixture.storage.findPayload(id)).toMatchObject({ sealedPayload: 'sealed' })
      expect(await fixture.storage.erasePayloads(1_012, 9_000)).toBeGreaterThan(0)
      expect(await fixture.storage.findPayload(id)).toBeNull()
      expect(await listDeliveryStatuses(id)).toEqual(['delivered', 'delivered'])
    })
  })
}
