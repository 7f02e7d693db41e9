import { describe, expect, test } from 'vitest'
import {
  countTrue,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'
import {
  createSession,
  deactivateUser,
  isSessionActive,
  newEvent,
  readAuthorityVersion,
  startSession,
  storage,
  user,
  useUser,
} from './sign-in-fixture.ts'

/** The sessions of users. */
export function testSessionStorage(name: string, fixture: StorageFixture): void {
  const { listEvents } = fixture
  describe(`${name}: sessions of users`, () => {
    useUser(fixture)

    describe('a session', () => {
      test.each(TRICKY_TEXTS)(
        'is found by any of its digests, with its user and account, named %j',
        async (text) => {
          const session = createSession(user.id, { name: text, kind: 'token', seenAt: MAX_INTEGER })
          await startSession(session)
          const { digest, ...stored } = session
          const found = await storage().findSession(['other', digest], 2)
          expect(found).toEqual({
            session: stored,
            user,
            account: { id: user.accountId, name: 'Acme', status: 'open' },
          })
          expect(await storage().findSession(['other'], 2)).toBeNull()
          expect(await storage().findSession([], 2)).toBeNull()
        },
      )

      test('is found until it expires', async () => {
        const session = await startSession(createSession(user.id, { expiresAt: 100 }))
        expect(await storage().findSession([session.digest], 99)).not.toBeNull()
        expect(await storage().findSession([session.digest], 100)).toBeNull()
      })

      test('that began further in the future than clocks differ is neither found nor listed', async () => {
        const now = 1_000_000
        const [soon, ahead] = [
          await startSession(createSession(user.id, { createdAt: now + 60_000 })),
          await startSession(createSession(user.id, { createdAt: now + 60_001 })),
        ]
        expect(await storage().findSession([soon.digest], now)).not.toBeNull()
        expect(await storage().findSession([ahead.digest], now)).toBeNull()
        const listed = await storage().listSessions(user.id, now)
        expect(listed.map(({ id }) => id)).toEqual([soon.id])
        const [signInInfo] = await storage().listSignInStatus({ userIds: [user.id], now })
        expect(signInInfo?.sessions).toBe(1)
      })

      test('that was seen further in the future than clocks differ gets a new time', async () => {
        const now = 1_000_000
        const session = await startSession(createSession(user.id, { seenAt: now + 60_000 }))
        const seenAt = async () =>
          (await storage().findSession([session.digest], now))?.session.seenAt
        await storage().touchSession(session.id, now)
        expect(await seenAt()).toBe(now + 60_000)
        await storage().touchSession(session.id, now - 1)
        expect(await seenAt()).toBe(now - 1)
      })

      test('has the current data of its user, and ends when the user is deactivated', async () => {
        const session = await startSession()
        await storage().setUserRole(user.id, 'administrator', newEvent())
        const found = await storage().findSession([session.digest], 2)
        expect(found?.user.role).toBe('administrator')
        await deactivateUser()
        expect(await isSessionActive(session)).toBe(false)
        expect(await storage().addSession(createSession(user.id), newEvent())).toBe(false)
      })

      test('starts only if the proven password is still the current one', async () => {
        const set = (hash: string, was?: string) =>
          storage().setPassword(
            user.id,
            { hash, invitationId: null, but: null, ...(was === undefined ? {} : { was }) },
            newEvent(),
          )
        const startsSession = async (hash: string) => {
          const session = createSession(user.id)
          const isBegun = await storage().addSession(session, newEvent(), hash)
          expect(await isSessionActive(session)).toBe(isBegun)
          return isBegun
        }
        expect(await startsSession('first')).toBe(false)
        await set('first')
        expect(await startsSession('first')).toBe(true)
        expect([await set('another', 'other'), await set('second', 'first')]).toEqual([false, true])
        expect([await startsSession('first'), await startsSession('second')]).toEqual([false, true])
      })

      test('does not outlive a change of the password at the same moment', async () => {
        await storage().setPassword(
          user.id,
          { hash: 'h0', invitationId: null, but: null },
          newEvent(),
        )
        for (let n = 0; n < 10; n++) {
          const sessions = Array.from({ length: 5 }, () => createSession(user.id))
          const passwordInput = { hash: `h${n + 1}`, invitationId: null, but: null }
          await Promise.all([
            ...sessions.map((session) => storage().addSession(session, newEvent(), `h${n}`)),
            storage().setPassword(user.id, passwordInput, newEvent()),
          ])
          expect(await Promise.all(sessions.map(isSessionActive))).toEqual(
            sessions.map(() => false),
          )
        }
      })

      test('is not found while the account is closed', async () => {
        const session = await startSession()
        for (const [status, isThere] of [
          ['closed', false],
          ['open', true],
        ] as const) {
          await storage().setAccountStatus(user.accountId, status, createTestEvent(user.accountId))
          expect(await isSessionActive(session)).toBe(isThere)
        }
      })

      test('does not start for an unknown user', async () => {
        const nobody = createUuid()
        expect(await storage().addSession(createSession(nobody), createTestEvent(nobody))).toBe(
          false,
        )
        expect(await listEvents(nobody)).toEqual([])
      })

      test('is ended once, with one event, by concurrent requests', async () => {
        const [session, other] = [await startSession(), await startSession()]
        const before = (await listEvents(user.id)).length
        const ended = await runConcurrently(() => storage().deleteSession(session.id, newEvent()))
        expect(countTrue(ended)).toBe(1)
        expect(await listEvents(user.id)).toHaveLength(before + 1)
        expect([await isSessionActive(session), await isSessionActive(other)]).toEqual([
          false,
          true,
        ])
      })

      test('is ended with all sessions of the user but one', async () => {
        const [stored, ...others] = [
          await startSession(),
          await startSession(),
          await startSession(),
        ] as const
        expect(await storage().deleteSessions(user.id, stored.id, newEvent())).toBe(2)
        for (const other of others) expect(await isSessionActive(other)).toBe(false)
        const before = await listEvents(user.id)
        expect(await storage().deleteSessions(user.id, stored.id, newEvent())).toBe(0)
        expect(await listEvents(user.id)).toEqual(before)
        expect(await storage().deleteSessions(user.id, null, newEvent())).toBe(1)
        expect(await isSessionActive(stored)).toBe(false)
      })

      test('has the time of its last use, which never goes back', async () => {
        const session = await startSession()
        for (const at of [50, 40]) await storage().touchSession(session.id, at)
        expect((await storage().findSession([session.digest], 2))?.session.seenAt).toBe(50)
      })

      test('is listed until it expires, the newest first, with those of its user', async () => {
        const other = await fixture.addUser(user.accountId)
        await startSession(createSession(other.id))
        const old = await startSession(createSession(user.id, { createdAt: 1 }))
        const recent = await startSession(createSession(user.id, { createdAt: 2 }))
        await startSession(createSession(user.id, { expiresAt: 9 }))
        const listed = await storage().listSessions(user.id, 9)
        expect(listed.map(({ id }) => id)).toEqual([recent.id, old.id])
        expect(listed[0]).not.toHaveProperty('digest')
      })

      test('does not raise the authority version', async () => {
        const before = await readAuthorityVersion()
        const session = await startSession()
        await storage().deleteSession(session.id, newEvent())
        await storage().setPassword(
          user.id,
          { hash: 'h', invitationId: null, but: null },
          newEvent(),
        )
        expect(await readAuthorityVersion()).toBe(before)
        await storage().setUsername(user.id, `renamed-${createUuid()}`, newEvent())
        expect(await readAuthorityVersion()).toBe((await before) + 1)
      })
    })
  })
}
