import { describe, expect, test } from 'vitest'
import type { User } from '../../../src/service/ports/accounts.ts'
import {
  countTrue,
  createGrantRevocation,
  createRotation,
  createTestEvent,
  createTestKey,
  createUuid,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'

export function testGrantStorage(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addSource, addTenant, listEvents, rotateNewGrant } = fixture

  describe(`${name}: a grant`, () => {
    test('is created by its first rotation, and its generation only grows', async () => {
      const id = createUuid()
      expect(await fixture.storage.rotateGrant(createRotation(id, 3))).toBe(true)
      expect(await fixture.storage.rotateGrant(createRotation(id, 3))).toBe(false)
      expect(await fixture.storage.rotateGrant(createRotation(id, 2))).toBe(false)
      expect(await fixture.storage.rotateGrant(createRotation(id, 4, { rotatedAt: 3_000 }))).toBe(
        true,
      )
      // A generation above the current one: an older backup was restored.
      expect(await fixture.storage.rotateGrant(createRotation(id, 9, { rotatedAt: 4_000 }))).toBe(
        true,
      )
      expect(await fixture.storage.findGrant(id)).toMatchObject({ generation: 9, rotatedAt: 4_000 })
    })

    test('is rotated by exactly one of 20 concurrent requests', async () => {
      const id = createUuid()
      for (const to of [1, 2, 3]) {
        const answers = await runConcurrently((n) =>
          fixture.storage.rotateGrant(createRotation(id, to, { rotatedAt: 1000 * to + n })),
        )
        expect(countTrue(answers)).toBe(1)
        const winner = answers.indexOf(true)
        const now = await fixture.storage.findGrant(id)
        expect(now).toMatchObject({ generation: to, rotatedAt: 1000 * to + winner })
      }
    })

    test('is acknowledged once by its current generation, and again after each rotation', async () => {
      const id = await rotateNewGrant(2)
      expect(await fixture.storage.acknowledgeGrant(id, 1, 7)).toBe(false)
      expect(await fixture.storage.acknowledgeGrant(id, 3, 7)).toBe(false)
      expect(
        countTrue(await runConcurrently((n) => fixture.storage.acknowledgeGrant(id, 2, 7 + n))),
      ).toBe(1)
      const { acknowledgedAt } = (await fixture.storage.findGrant(id)) ?? {}
      expect(await fixture.storage.acknowledgeGrant(id, 2, 99)).toBe(false)
      expect((await fixture.storage.findGrant(id))?.acknowledgedAt).toBe(acknowledgedAt)
      await fixture.storage.rotateGrant(createRotation(id, 3))
      expect((await fixture.storage.findGrant(id))?.acknowledgedAt).toBeNull()
      expect(await fixture.storage.acknowledgeGrant(id, 2, 7)).toBe(false)
      expect(await fixture.storage.acknowledgeGrant(id, 3, 8)).toBe(true)
    })

    test('is revoked by exactly one of 20 concurrent requests, with one event', async () => {
      const id = await rotateNewGrant()
      const answers = await runConcurrently((n) =>
        fixture.storage.revokeGrant(createGrantRevocation(id, 10 + n), createTestEvent(id)),
      )
      expect(countTrue(answers)).toBe(1)
      expect((await fixture.storage.findGrant(id))?.revokedAt).toBe(10 + answers.indexOf(true))
      expect(await listEvents(id)).toHaveLength(1)
    })

    test('is revoked if it is rotated and revoked at once, in either order', async () => {
      for (let round = 0; round < 10; round++) {
        const id = await rotateNewGrant()
        const acts = [
          () => fixture.storage.rotateGrant(createRotation(id, 2)),
          () => fixture.storage.revokeGrant(createGrantRevocation(id, 5), createTestEvent(id)),
        ]
        if (round % 2 === 1) acts.reverse()
        await Promise.all(acts.map((act) => act()))
        expect((await fixture.storage.findGrant(id))?.revokedAt).toBe(5)
        expect(await fixture.storage.rotateGrant(createRotation(id, 3))).toBe(false)
        expect(await fixture.storage.rotateGrant(createRotation(id, 99))).toBe(false)
      }
    })

    test('is purged from the moment at which it expires, and not before', async () => {
      const lives = await rotateNewGrant(1, { expiresAt: 501 })
      const ends = await rotateNewGrant(1, { expiresAt: 500 })
      const ended = await rotateNewGrant(1, { expiresAt: 499 })
      const revoked = await rotateNewGrant(1, { expiresAt: 501 })
      await fixture.storage.revokeGrant(createGrantRevocation(revoked, 1), createTestEvent(revoked))
      expect(await fixture.storage.purgeGrants(500)).toBe(2)
      expect(await fixture.storage.purgeGrants(500)).toBe(0)
      expect(await fixture.storage.findGrant(ends)).toBeNull()
      expect(await fixture.storage.findGrant(ended)).toBeNull()
      expect(await fixture.storage.findGrant(lives)).not.toBeNull()
      expect((await fixture.storage.findGrant(revoked))?.revokedAt).toBe(1)
    })

    test('is purged with all others that have expired, however many', async () => {
      const ending = Array.from({ length: 205 }, () => rotateNewGrant(1, { expiresAt: 500 }))
      const ended = await Promise.all(ending)
      const lives = await rotateNewGrant(1, { expiresAt: 501 })
      expect(await fixture.storage.purgeGrants(500)).toBe(205)
      const found = await Promise.all(ended.map((id) => fixture.storage.findGrant(id)))
      expect(found.every((grant) => grant === null)).toBe(true)
      expect(await fixture.storage.findGrant(lives)).not.toBeNull()
    })

    test('that is rotated expires with its new generation', async () => {
      const id = await rotateNewGrant(1, { expiresAt: 600 })
      await fixture.storage.rotateGrant(createRotation(id, 2, { expiresAt: 700 }))
      await fixture.storage.purgeGrants(699)
      expect(await fixture.storage.findGrant(id)).not.toBeNull()
      await fixture.storage.purgeGrants(700)
      expect(await fixture.storage.findGrant(id)).toBeNull()
    })
  })

  describe(`${name}: 20 concurrent changes`, () => {
    test('add one key that is not revoked to a source', async () => {
      const { id } = await addAccount()
      const [owner, from] = [await addUser(id), await addSource(id)]
      const added = await runConcurrently(() => {
        const key = createTestKey(owner, from.id)
        return fixture.storage.addKey(key, createTestEvent(key.id))
      })
      expect(countTrue(added)).toBe(1)
      expect(await fixture.storage.listKeys({ accountId: id, limit: 100 })).toHaveLength(1)
    })

    test('add one user of an address, and one key of a public id', async () => {
      const { id } = await addAccount()
      const email = 'same@acme.example'
      const users = await runConcurrently(() => {
        const row: User = {
          id: createUuid(),
          accountId: id,
          email,
          role: 'engineer',
          createdAt: 1,
          username: null,
          deactivatedAt: null,
        }
        return fixture.storage.addUser(row, createTestEvent(row.id))
      })
      expect(countTrue(users)).toBe(1)

      const owner = await addUser(id)
      const publicId = createUuid()
      const sources = await runConcurrently(() => addSource(id))
      const keys = await Promise.all(
        sources.map((from) => {
          const key = createTestKey(owner, from.id, { publicId })
          return fixture.storage.addKey(key, createTestEvent(key.id))
        }),
      )
      expect(countTrue(keys)).toBe(1)
    })

    test('that revoke and enable a key leave it revoked', async () => {
      const { addKey: key } = await addTenant()
      await runConcurrently((n) =>
        n === 7
          ? fixture.storage.revokeKey(key.id, createTestEvent(key.id))
          : fixture.storage.enableKey(key.id, 'operator', createTestEvent(key.id)),
      )
      expect((await fixture.storage.findKey(key.publicId))?.status).toBe('revoked')
    })

    test('of which some fail do not undo each other', async () => {
      const storedEvent = createTestEvent(createUuid())
      await fixture.storage.addEvent(storedEvent)
      const subject = createUuid()
      const written = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) =>
          fixture.storage.addEvent(
            n % 2 === 0 ? createTestEvent(subject) : { ...storedEvent, subject },
          ),
        ),
      )
      expect(written.map(({ status }) => status)).toEqual(
        written.map((_, n) => (n % 2 === 0 ? 'fulfilled' : 'rejected')),
      )
      expect(await listEvents(subject)).toHaveLength(10)
    })
  })

  test(`${name}: the probe writes and changes nothing`, async () => {
    const version = await fixture.storage.readAuthorityVersion()
    await fixture.storage.probe()
    expect(await fixture.storage.readAuthorityVersion()).toBe(version)
  })
}
