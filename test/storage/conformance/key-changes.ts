import { describe, expect, test } from 'vitest'
import type { DisablingParty } from '../../../src/domain/key.ts'
import {
  ALL_PARTIES,
  countTrue,
  createKeyEdit,
  createStaticKey,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'
import { createKeyHelpers } from './keys.ts'

/** The changes of a key beside those of its secret, up to its removal. */
export function testKeyChanges(name: string, fixture: StorageFixture): void {
  const { addAccount, addUser, addSite, addKey, expectRefused, listEvents } = fixture
  const { findSummary, readEventId, addStaticKey } = createKeyHelpers(fixture)

  describe(`${name}: a key is disabled, enabled and revoked`, () => {
    const readKeyState = async (id: string) => {
      const { status, disabledBy, disabledAt, revokedAt } = (await findSummary(id)) ?? {}
      return [status, disabledBy, disabledAt, revokedAt]
    }
    const createKeyActions = (id: string, at: number) => ({
      enable: (by: DisablingParty) =>
        fixture.storage.enableKey(id, by, createTestEvent(id, { at })),
      disable: (by: DisablingParty) =>
        fixture.storage.disableKey(id, by, createTestEvent(id, { at })),
      revoke: () => fixture.storage.revokeKey(id, createTestEvent(id, { at })),
    })

    test.each(ALL_PARTIES)('by %s, who alone undoes it', async (by) => {
      const { id } = (await addStaticKey()).key
      expect(await createKeyActions(id, 5).disable(by)).toBe(true)
      expect(await readKeyState(id)).toEqual(['disabled', by, 5, null])
      for (const other of ALL_PARTIES.filter((party) => party !== by)) {
        await expectRefused(
          (e) => fixture.storage.enableKey(id, other, e),
          id,
          () => readKeyState(id),
        )
      }
      for (const again of ALL_PARTIES) {
        await expectRefused(
          (e) => fixture.storage.disableKey(id, again, e),
          id,
          () => readKeyState(id),
        )
      }
      expect(await createKeyActions(id, 6).enable(by)).toBe(true)
      expect(await readKeyState(id)).toEqual(['enabled', null, null, null])
      await expectRefused(
        (e) => fixture.storage.enableKey(id, by, e),
        id,
        () => readKeyState(id),
      )
    })

    test('for ever where it is revoked: it stays listed, with what came before', async () => {
      const { accountId, key: row } = await addStaticKey()
      await createKeyActions(row.id, 5).disable('customer')
      expect(await createKeyActions(row.id, 7).revoke()).toBe(true)
      expect(await readKeyState(row.id)).toEqual(['revoked', 'customer', 5, 7])
      expect(await createKeyActions(row.id, 8).enable('customer')).toBe(false)
      expect(await fixture.storage.listKeys({ accountId, limit: 10 })).toHaveLength(1)
      expect((await fixture.findKeyBySecret(row.secretHash))?.status).toBe('revoked')
    })

    test('by 20 at once, whose answers and events agree with what became of it', async () => {
      const { id } = (await addStaticKey()).key
      const disabled = await runConcurrently((n) =>
        createKeyActions(id, n).disable(ALL_PARTIES[n % 3] ?? 'operator'),
      )
      expect(countTrue(disabled)).toBe(1)
      const by = ALL_PARTIES[disabled.indexOf(true) % 3] ?? 'operator'
      expect(await readKeyState(id)).toEqual(['disabled', by, disabled.indexOf(true), null])
      expect(countTrue(await runConcurrently((n) => createKeyActions(id, n).enable(by)))).toBe(1)
      expect(countTrue(await runConcurrently((n) => createKeyActions(id, n).revoke()))).toBe(1)
      expect(await listEvents(id)).toHaveLength(4)
    })

    test('by 20 callers at once, each in another way, and a revocation has the last word', async () => {
      for (let round = 0; round < 3; round++) {
        const { id } = (await addStaticKey()).key
        const answers = await runConcurrently((n) => {
          if (n === 11) return createKeyActions(id, n).revoke()
          return n % 2 === 0
            ? createKeyActions(id, n).disable('operator')
            : createKeyActions(id, n).enable('operator')
        })
        expect(answers[11]).toBe(true)
        expect((await findSummary(id))?.status).toBe('revoked')
        expect(await listEvents(id)).toHaveLength(1 + countTrue(answers))
      }
    })
  })

  describe(`${name}: a key is edited`, () => {
    test('in every field that people may change, and in no other', async () => {
      const { owner, key: row, accountId } = await addStaticKey()
      const heir = await addUser(accountId, { role: 'administrator' })
      const before = await findSummary(row.id)
      const event = createTestEvent(row.id)
      const edit = createKeyEdit(heir.id, { description: 'a\nb', reference: '', expiresAt: null })
      expect(await fixture.storage.editKey(row.id, edit, before?.eventId ?? '', event)).toBe(true)
      expect(await findSummary(row.id)).toEqual({ ...before, ...edit, eventId: event.id })
      expect((await fixture.storage.findKey(row.publicId))?.ownerId).not.toBe(owner.id)
    })

    test('only by who has seen its last change, whichever that was', async () => {
      const { storage } = fixture
      const { owner, key: row } = await addStaticKey()
      const place = await addSite(row.accountId)
      const secret = { hash: createUuid(), sealed: null, tokenSalt: 's', overlapEndsAt: null }
      const changes = [
        () => storage.disableKey(row.id, 'operator', createTestEvent(row.id)),
        () => storage.enableKey(row.id, 'operator', createTestEvent(row.id)),
        () => storage.rotateSecret(row.id, secret, createTestEvent(row.id)),
        () => storage.assignKey(row.id, { siteId: place.id, at: 1 }, createTestEvent(row.id)),
        async () => {
          const seen = await readEventId(row.id)
          return storage.editKey(row.id, createKeyEdit(owner.id), seen, createTestEvent(row.id))
        },
      ]
      for (const change of changes) {
        const stale = await readEventId(row.id)
        expect(await change()).toBe(true)
        await expectRefused(
          (e) => storage.editKey(row.id, createKeyEdit(owner.id, { name: 'late' }), stale, e),
          row.id,
          () => findSummary(row.id),
        )
      }
    })

    test('by one of 20 who have all seen the same', async () => {
      const { owner, key: row } = await addStaticKey()
      const seen = await readEventId(row.id)
      const edits = await runConcurrently((n) =>
        fixture.storage.editKey(
          row.id,
          createKeyEdit(owner.id, { name: `n${n}` }),
          seen,
          createTestEvent(row.id),
        ),
      )
      expect(countTrue(edits)).toBe(1)
      expect((await findSummary(row.id))?.name).toBe(`n${edits.indexOf(true)}`)
      expect(await listEvents(row.id)).toHaveLength(2)
    })

    test('to an owner of its account who may hold keys and is there; whoever had it may keep it', async () => {
      const { storage } = fixture
      const { accountId, owner, key: row } = await addStaticKey()
      const stranger = await addUser((await addAccount()).id)
      const member = await addUser(accountId, { role: 'member' })
      const gone = await addUser(accountId, { deactivatedAt: 3 })
      for (const to of [stranger.id, member.id, gone.id, createUuid()]) {
        const seen = await readEventId(row.id)
        await expectRefused(
          (e) => storage.editKey(row.id, createKeyEdit(to), seen, e),
          row.id,
          () => findSummary(row.id),
        )
      }
      await storage.deactivateUser(owner.id, 4, createTestEvent(owner.id))
      const seen = await readEventId(row.id)
      expect(
        await storage.editKey(row.id, createKeyEdit(owner.id), seen, createTestEvent(row.id)),
      ).toBe(true)
    })
  })

  describe(`${name}: a key’s status and reference are set together`, () => {
    const DISABLED = { disabled: { by: 'developer', at: MAX_INTEGER }, reference: 'a' } as const
    const ENABLED = { disabled: null, reference: 'b' } as const

    test('whoever acts, in force at once', async () => {
      const { storage } = fixture
      const { key: row } = await addStaticKey({}, 'opendental')
      for (const [to, as] of [
        [DISABLED, { status: 'disabled', disabledBy: 'developer', disabledAt: MAX_INTEGER }],
        [ENABLED, { status: 'enabled', disabledBy: null, disabledAt: null }],
      ] as const) {
        const version = await storage.readAuthorityVersion()
        const event = createTestEvent(row.id)
        expect(await storage.amendKey(row.id, to, await readEventId(row.id), event)).toBe(true)
        const { reference } = to
        expect(await findSummary(row.id)).toMatchObject({ ...as, reference, eventId: event.id })
        expect((await storage.findKey(row.publicId))?.status).toBe(as.status)
        expect(await storage.readAuthorityVersion()).toBeGreaterThan(version)
      }
    })

    test('by one of 20 who have seen the same, with one event', async () => {
      const { id } = (await addStaticKey({}, 'opendental')).key
      const seen = await readEventId(id)
      const answers = await runConcurrently((n) =>
        fixture.storage.amendKey(id, { ...DISABLED, reference: `${n}` }, seen, createTestEvent(id)),
      )
      expect(countTrue(answers)).toBe(1)
      expect((await findSummary(id))?.reference).toBe(`${answers.indexOf(true)}`)
      expect(await listEvents(id)).toHaveLength(2)
    })

    test('of no key that was changed since it was seen, or is revoked', async () => {
      const { storage } = fixture
      const { id } = (await addStaticKey({}, 'opendental')).key
      const stale = await readEventId(id)
      await storage.disableKey(id, 'customer', createTestEvent(id))
      await expectRefused(
        (e) => storage.amendKey(id, ENABLED, stale, e),
        id,
        () => findSummary(id),
      )
      await storage.revokeKey(id, createTestEvent(id))
      const seen = await readEventId(id)
      await expectRefused(
        (e) => storage.amendKey(id, ENABLED, seen, e),
        id,
        () => findSummary(id),
      )
    })
  })

  describe(`${name}: a key is assigned`, () => {
    test('to a site, then to another, and taken back', async () => {
      const { storage } = fixture
      const { key: row } = await addStaticKey({}, 'opendental')
      const [a, b] = [
        await addSite((await addAccount()).id),
        await addSite((await addAccount()).id),
      ]
      for (const to of [{ siteId: a.id, at: MAX_INTEGER }, { siteId: b.id, at: 6 }, null]) {
        expect(await storage.assignKey(row.id, to, createTestEvent(row.id))).toBe(true)
        const at = { siteId: to?.siteId ?? null, assignedAt: to?.at ?? null }
        expect(await findSummary(row.id)).toMatchObject(at)
        expect(await storage.findKey(row.publicId)).toMatchObject(at)
      }
    })

    test('to no site that does not exist', async () => {
      const { key: row } = await addStaticKey({}, 'opendental')
      const to = { siteId: createUuid(), at: 1 }
      await expect(fixture.storage.assignKey(row.id, to, createTestEvent(row.id))).rejects.toThrow()
      expect((await findSummary(row.id))?.siteId).toBeNull()
    })
  })

  describe(`${name}: a key is removed`, () => {
    test('with its uses; its events stay, and its secret and public id are free', async () => {
      const { storage } = fixture
      const { owner, key: row } = await addStaticKey()
      const other = await addStaticKey()
      for (const keyId of [row.id, other.key.id]) {
        await storage.addKeyUses([{ keyId, day: 1, uses: 2, lastAt: 3 }])
      }
      const event = createTestEvent(row.id, {
        action: 'key.deleted',
        facts: { name: 'nightly job' },
      })
      expect(await storage.deleteKey(row.id, event)).toBe(true)
      expect(await storage.findKey(row.publicId)).toBeNull()
      expect(await fixture.findKeyBySecret(row.secretHash)).toBeNull()
      expect(await findSummary(row.id)).toBeNull()
      expect(await storage.listKeyUses(row.id, 0)).toEqual([])
      expect(await storage.listKeyUses(other.key.id, 0)).toEqual([{ day: 1, uses: 2 }])
      const events = await listEvents(row.id)
      expect(events).toHaveLength(2)
      expect(events[0]).toEqual(event)
      await addKey(
        createStaticKey(owner, 'xdent', {
          publicId: row.publicId,
          secretHash: row.secretHash,
        }),
      )
    })

    test('by one of 20 at once, with one event', async () => {
      const { id } = (await addStaticKey()).key
      expect(
        countTrue(await runConcurrently(() => fixture.storage.deleteKey(id, createTestEvent(id)))),
      ).toBe(1)
      expect(await listEvents(id)).toHaveLength(2)
    })

    test('while others change it: every change that is reported as made came before', async () => {
      const { storage } = fixture
      const { owner, key: row } = await addStaticKey()
      const seen = await readEventId(row.id)
      const answers = await runConcurrently((n) => {
        if (n === 9) return storage.deleteKey(row.id, createTestEvent(row.id))
        if (n % 2 === 0) return storage.disableKey(row.id, 'operator', createTestEvent(row.id))
        return storage.editKey(row.id, createKeyEdit(owner.id), seen, createTestEvent(row.id))
      })
      expect(answers[9]).toBe(true)
      expect(await findSummary(row.id)).toBeNull()
      const events = await listEvents(row.id)
      expect(events).toHaveLength(1 + countTrue(answers))
    })
  })
}
