import { describe, expect, test } from 'vitest'
import type { NewInvitation } from '../../../src/service/ports/sign-in.ts'
import {
  countTrue,
  createTestEvent,
  createUuid,
  runConcurrently,
  type StorageFixture,
} from './fixtures.ts'
import {
  createFirstOperator,
  createInvitation,
  createSession,
  isSessionActive,
  newEvent,
  startSession,
  storage,
  user,
  useUser,
} from './sign-in-fixture.ts'

/** Failures, expiry, and the first operator. */
export function testSignInStorage(name: string, fixture: StorageFixture): void {
  const { addAccount, listEvents } = fixture
  describe(`${name}: sign-in`, () => {
    useUser(fixture)

    describe('failures to sign in', () => {
      test('that 20 requests add at once, in any order, are all counted', async () => {
        const ids = [createUuid(), createUuid()]
        await runConcurrently((n) =>
          storage().addFailure(n % 2 === 0 ? ids : ids.toReversed(), n, 0),
        )
        const listed = await storage().listFailureCounts([...ids, createUuid()])
        expect(listed.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
          ids.map((id) => ({ id, count: 20, lastAt: 19 })),
        )
        await storage().deleteFailures(ids)
        expect(await storage().listFailureCounts(ids)).toEqual([])
        expect(await storage().listFailureCounts([])).toEqual([])
      })

      test('are counted from one again after the last one was forgotten', async () => {
        const id = createUuid()
        for (const at of [100, 200]) await storage().addFailure([id], at, 50)
        await storage().addFailure([id], 300, 200)
        expect(await storage().listFailureCounts([id])).toEqual([{ id, count: 3, lastAt: 300 }])
        await storage().addFailure([id], 900, 301)
        expect(await storage().listFailureCounts([id])).toEqual([{ id, count: 1, lastAt: 900 }])
      })
    })

    describe('a failure to sign in from the future', () => {
      test('is forgotten at the next one, unless clocks can differ that much', async () => {
        const [near, far, now] = [createUuid(), createUuid(), 1_000_000]
        await storage().addFailure([near], now + 60_000, 0)
        await storage().addFailure([far], now + 60_001, 0)
        await storage().addFailure([near, far], now, 0)
        expect(await storage().listFailureCounts([near])).toEqual([
          { id: near, count: 2, lastAt: now + 60_000 },
        ])
        expect(await storage().listFailureCounts([far])).toEqual([
          { id: far, count: 1, lastAt: now },
        ])
      })
    })

    describe('an invitation from the future', () => {
      test('is not accepted, however late it expires', async () => {
        const now = 1_000_000
        const made = await Promise.all(
          [now + 60_000, now + 60_001].map(async (createdAt) => {
            const user = await fixture.addUser((await addAccount()).id)
            const link = createInvitation(user.id, { createdAt })
            await storage().addInvitation(link, createTestEvent(user.id))
            return link
          }),
        )
        const found = await Promise.all(
          made.map(({ digest }) => storage().findInvitation([digest], now)),
        )
        expect(found.map((link) => link !== null)).toEqual([true, false])
        const accepted = []
        for (const { id, userId } of made) {
          const passwordInput = { hash: 'new', invitationId: id, but: null }
          accepted.push(
            await storage().setPassword(
              userId ?? '',
              passwordInput,
              createTestEvent(userId ?? '', { at: now }),
            ),
          )
        }
        expect(accepted).toEqual([true, false])
      })
    })

    describe('expired rows', () => {
      test('are purged, and no others', async () => {
        const [now, id, old] = [1_000_000, createUuid(), createUuid()]
        const [living, ended] = [
          await startSession(),
          await startSession(createSession(user.id, { expiresAt: now })),
        ]
        await storage().addInvitation(createInvitation(user.id, { expiresAt: now }), newEvent())
        await storage().addFailure([id], now, 0)
        await storage().addFailure([old], now - 1, 0)
        expect(await storage().purgeExpiredSignIns(now, now)).toBeGreaterThanOrEqual(3)
        expect(await storage().purgeExpiredSignIns(now, now)).toBe(0)
        expect([await isSessionActive(living), await isSessionActive(ended)]).toEqual([true, false])
        expect((await storage().listFailureCounts([id, old])).map((row) => row.id)).toEqual([id])
      })
    })

    describe('the first operator', () => {
      /** Leaves the database without an active operator. */
      async function removeOperators(): Promise<void> {
        await fixture.engine.atomic([
          { sql: `UPDATE users SET password_hash = NULL WHERE role = 'operator'`, values: [] },
        ])
        expect(await storage().hasActiveOperator()).toBe(false)
      }
      const addInvitation = async (
        more: Partial<NewInvitation> = {},
        userId: string | null = null,
      ) => {
        const link = createInvitation(userId, more)
        await storage().addInvitation(link, createTestEvent('nobody'))
        return link
      }

      test('is added once by 20 concurrent requests, each with its own link', async () => {
        await removeOperators()
        const links = await runConcurrently(() => addInvitation())
        const firsts = links.map(({ id }) => createFirstOperator(id))
        const made = await Promise.all(
          firsts.map((first) => storage().addFirstOperator(first, createTestEvent(first.user.id))),
        )
        expect(countTrue(made)).toBe(1)
        expect(await storage().hasActiveOperator()).toBe(true)
        for (const [n, { account, user: first, passwordHash }] of firsts.entries()) {
          const isMade = made[n] === true
          expect(await storage().findAccount(account.id)).toEqual(isMade ? account : null)
          expect(await storage().findCredentialsByUserId(first.id)).toEqual(
            isMade ? { user: first, passwordHash, sealedTotp: null } : null,
          )
          expect(await listEvents(first.id)).toHaveLength(isMade ? 1 : 0)
          expect(await storage().findInvitation([links[n]?.digest ?? ''], 2)).toBeNull()
        }
      })

      test('is not added if there is one, by a link of another user, a used one or an expired one, or with a taken username', async () => {
        await removeOperators()
        const [ownInvitation, late, good] = [
          await addInvitation({}, user.id),
          await addInvitation({ expiresAt: 1_000 }),
          await addInvitation(),
        ]
        const taken = createFirstOperator(good.id)
        for (const first of [
          createFirstOperator(ownInvitation.id),
          createFirstOperator(late.id),
          createFirstOperator(createUuid()),
          { ...taken, user: { ...taken.user, username: user.username } },
        ]) {
          expect(await storage().addFirstOperator(first, createTestEvent(first.user.id))).toBe(
            false,
          )
          expect(await storage().findAccount(first.account.id)).toBeNull()
          expect(await listEvents(first.user.id)).toEqual([])
        }
        expect(await storage().addFirstOperator(taken, createTestEvent(taken.user.id))).toBe(true)
        const second = createFirstOperator((await addInvitation()).id)
        expect(await storage().addFirstOperator(second, createTestEvent(second.user.id))).toBe(
          false,
        )
      })

      test('the last operator is neither deactivated nor given another role', async () => {
        await removeOperators()
        const { user: last, ...first } = createFirstOperator((await addInvitation()).id)
        await storage().addFirstOperator({ ...first, user: last }, createTestEvent(last.id))
        expect(
          await storage().setUserRole(last.id, 'administrator', createTestEvent(last.id)),
        ).toBe(false)
        expect(await storage().deactivateUser(last.id, 1, createTestEvent(last.id))).toBe(false)
        expect(await storage().hasActiveOperator()).toBe(true)
      })
    })
  })
}
