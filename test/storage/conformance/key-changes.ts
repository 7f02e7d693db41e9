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

  describe(`${name}: disabling, enabling and revoking a key`, () => {
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

    test.each(ALL_PARTIES)('is undone only by the same party: %s', async (by) => {
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

    test('is final if it is revoked: the key stays listed', async () => {
      const { accountId, key: row } = await addStaticKey()
      await createKeyActions(row.id, 5).disable('customer')
      expect(await createKeyActions(row.id, 7).revoke()).toBe(true)
      expect(await readKeyState(row.id)).toEqual(['revoked', 'customer', 5, 7])
      expect(await createKeyActions(row.id, 8).enable('customer')).toBe(false)
      expect(await fixture.storage.listKeys({ accountId, limit: 10 })).toHaveLength(1)
      expect((await fixture.findKeyBySecret(row.secretHash))?.status).toBe('revoked')
    })

    test('has results and events that agree after 20 concurrent changes', async () => {
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

    test('ends revoked after 20 different concurrent changes with a revocation', async () => {
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

  describe(`${name}: editing a key`, () => {
    test('changes the fields of an edit, and no other', async () => {
      const { owner, key: row, accountId } = await addStaticKey()
      const heir = await addUser(accountId, { role: 'administrator' })
      const before = await findSummary(row.id)
      const event = createTestEvent(row.id)
      const edit = createKeyEdit(heir.id, { description: 'a\nb', reference: '', expiresAt: null })
      expect(await fixture.storage.editKey(row.id, edit, before?.eventId ?? '', event)).toBe(true)
      expect(await findSummary(row.id)).toEqual({ ...before, ...edit, eventId: event.id })
      expect((await fixture.storage.findKey(row.publicId))?.ownerId).not.toBe(owner.id)
    })

    test('requires the last change that the caller saw to be the newest', async () => {
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

    test('succeeds for one of 20 callers who saw the same change', async () => {
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

    test('accepts an active owner of the account who may own keys, and keeps the current one', async () => {
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

  describe(`${name}: setting the status and reference of a key together`, () => {
    const DISABLED = { disabled: { by: 'developer', at: MAX_INTEGER }, reference: 'a' } as const
    const ENABLED = { disabled: null, reference: 'b' } as const

    test('is in force at once, for each party', async () => {
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

    test('succeeds for one of 20 callers who saw the same change, with one event', async () => {
      const { id } = (await addStaticKey({}, 'opendental')).key
      const seen = await readEventId(id)
      const answers = await runConcurrently((n) =>
        fixture.storage.amendKey(id, { ...DISABLED, reference: `${n}` }, seen, createTestEvent(id)),
      )
      expect(countTrue(answers)).toBe(1)
      expect((await findSummary(id))?.reference).toBe(`${answers.indexOf(true)}`)
      expect(await listEvents(id)).toHaveLength(2)
    })

    test('is refused if the key was changed since it was read, or is revoked', async () => {
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

  describe(`${name}: assigning a key`, () => {
    test('moves it to a site, to another, and to none', async () => {
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

    test('is refused for an unknown site', async () => {
      const { key: row } = await addStaticKey({}, 'opendental')
      const to = { siteId: createUuid(), at: 1 }
      await expect(fixture.storage.assignKey(row.id, to, createTestEvent(row.id))).rejects.toThrow()
      expect((await findSummary(row.id))?.siteId).toBeNull()
    })
  })

  describe(`${name}: deleting a key`, () => {
    test('deletes its uses, keeps its events, and frees its secret and public id', async () => {
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

    test('is done by one of 20 concurrent requests, with one event', async () => {
      const { id } = (await addStaticKey()).key
      expect(
        countTrue(await runConcurrently(() => fixture.storage.deleteKey(id, createTestEvent(id)))),
      ).toBe(1)
      expect(await listEvents(id)).toHaveLength(2)
    })

    test('at the same moment as changes: each successful change came before', async () => {
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
