import { beforeEach, describe, expect, test } from 'vitest'
import type { User } from '../../../src/service/ports/accounts.ts'
import type { NewInvitation, NewSession } from '../../../src/service/ports/sign-in.ts'
import {
  countTrue,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
} from './fixtures.ts'

const createSession = (userId: string, more: Partial<NewSession> = {}): NewSession => {
  const id = createUuid()
  return {
    id,
    userId,
    kind: 'browser',
    name: 'Firefox',
    createdAt: 1,
    seenAt: 1,
    expiresAt: MAX_INTEGER,
    digest: `digest-${id}`,
    ...more,
  }
}

const createInvitation = (
  userId: string | null,
  more: Partial<NewInvitation> = {},
): NewInvitation => {
  const id = createUuid()
  return { id, userId, createdAt: 1, expiresAt: MAX_INTEGER, digest: `digest-${id}`, ...more }
}

const createFirstOperator = (invitationId: string) => {
  const account = {
    id: createUuid(),
    name: 'First',
    region: 'us',
    status: 'open' as const,
    createdAt: 1,
    offboardingPolicy: 'keep' as const,
    ipAllowlistEnforced: false,
  }
  const user: User = {
    id: createUuid(),
    accountId: account.id,
    email: 'first@acme.example',
    role: 'operator',
    createdAt: 1,
    username: `first-${createUuid()}`,
    deactivatedAt: null,
  }
  return { account, user, passwordHash: '$argon2id$first', invitationId }
}

/** People who sign in. */
export function testSignInStorage(name: string, fixture: StorageFixture): void {
  describe(`${name}: people`, () => testUsers(fixture))
}

function testUsers(fixture: StorageFixture): void {
  const { addAccount, listEvents } = fixture
  const storage = () => fixture.storage
  let user: User
  beforeEach(async () => {
    user = await fixture.addUser((await addAccount()).id, { username: `user-${createUuid()}` })
  })
  const newEvent = (more: object = {}) => createTestEvent(user.id, more)
  const startSession = async (session = createSession(user.id)) => {
    expect(await storage().addSession(session, newEvent())).toBe(true)
    return session
  }
  const isSessionActive = async ({ digest }: NewSession) =>
    (await storage().findSession([digest], 2)) !== null
  const findCredentials = () => storage().findCredentialsByUserId(user.id)
  const deactivateUser = () => storage().deactivateUser(user.id, 5, newEvent())
  const readAuthorityVersion = () => storage().readAuthorityVersion()

  describe('a session', () => {
    test.each(TRICKY_TEXTS)(
      'is found by any of its digests, with who it is, named %j',
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

    test('ends when it expires, and not before', async () => {
      const session = await startSession(createSession(user.id, { expiresAt: 100 }))
      expect(await storage().findSession([session.digest], 99)).not.toBeNull()
      expect(await storage().findSession([session.digest], 100)).toBeNull()
    })

    test('that began further ahead than clocks differ is none, and neither found nor listed', async () => {
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

    test('that was seen further ahead than clocks differ is seen anew', async () => {
      const now = 1_000_000
      const session = await startSession(createSession(user.id, { seenAt: now + 60_000 }))
      const seenAt = async () =>
        (await storage().findSession([session.digest], now))?.session.seenAt
      await storage().touchSession(session.id, now)
      expect(await seenAt()).toBe(now + 60_000)
      await storage().touchSession(session.id, now - 1)
      expect(await seenAt()).toBe(now - 1)
    })

    test('shows its user as they are now, and ends once they are deactivated', async () => {
      const session = await startSession()
      await storage().setUserRole(user.id, 'administrator', newEvent())
      const found = await storage().findSession([session.digest], 2)
      expect(found?.user.role).toBe('administrator')
      await deactivateUser()
      expect(await isSessionActive(session)).toBe(false)
      expect(await storage().addSession(createSession(user.id), newEvent())).toBe(false)
    })

    test('is begun for the password that was proven, while it is that one', async () => {
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

    test('for a password that is changed at the same moment does not outlive it', async () => {
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
        expect(await Promise.all(sessions.map(isSessionActive))).toEqual(sessions.map(() => false))
      }
    })

    test('is none while the account is closed', async () => {
      const session = await startSession()
      for (const [status, isThere] of [
        ['closed', false],
        ['open', true],
      ] as const) {
        await storage().setAccountStatus(user.accountId, status, createTestEvent(user.accountId))
        expect(await isSessionActive(session)).toBe(isThere)
      }
    })

    test('for nobody is not begun', async () => {
      const nobody = createUuid()
      expect(await storage().addSession(createSession(nobody), createTestEvent(nobody))).toBe(false)
      expect(await listEvents(nobody)).toEqual([])
    })

    test('is ended once, with one event, by however many at once', async () => {
      const [session, other] = [await startSession(), await startSession()]
      const before = (await listEvents(user.id)).length
      const ended = await runConcurrently(() => storage().deleteSession(session.id, newEvent()))
      expect(countTrue(ended)).toBe(1)
      expect(await listEvents(user.id)).toHaveLength(before + 1)
      expect([await isSessionActive(session), await isSessionActive(other)]).toEqual([false, true])
    })

    test('is ended with all the others but one', async () => {
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

    test('is seen, and never earlier than it was', async () => {
      const session = await startSession()
      for (const at of [50, 40]) await storage().touchSession(session.id, at)
      expect((await storage().findSession([session.digest], 2))?.session.seenAt).toBe(50)
    })

    test('is listed while it lives, the newest first, to its own user', async () => {
      const other = await fixture.addUser(user.accountId)
      await startSession(createSession(other.id))
      const old = await startSession(createSession(user.id, { createdAt: 1 }))
      const recent = await startSession(createSession(user.id, { createdAt: 2 }))
      await startSession(createSession(user.id, { expiresAt: 9 }))
      const listed = await storage().listSessions(user.id, 9)
      expect(listed.map(({ id }) => id)).toEqual([recent.id, old.id])
      expect(listed[0]).not.toHaveProperty('digest')
    })

    test('is no change of who may do what with a key', async () => {
      const before = await readAuthorityVersion()
      const session = await startSession()
      await storage().deleteSession(session.id, newEvent())
      await storage().setPassword(user.id, { hash: 'h', invitationId: null, but: null }, newEvent())
      expect(await readAuthorityVersion()).toBe(before)
      await storage().setUsername(user.id, `renamed-${createUuid()}`, newEvent())
      expect(await readAuthorityVersion()).toBe((await before) + 1)
    })
  })

  describe('a password', () => {
    const set = (more: object = {}) =>
      storage().setPassword(
        user.id,
        { hash: '$argon2id$new', invitationId: null, but: null, ...more },
        newEvent(),
      )

    test('is found by username and by id, and is none before it is set', async () => {
      expect(await findCredentials()).toEqual({ user, passwordHash: null, sealedTotp: null })
      expect(await set()).toBe(true)
      const stored = { user, passwordHash: '$argon2id$new', sealedTotp: null }
      expect(await findCredentials()).toEqual(stored)
      expect(await storage().findCredentialsByUsername(user.username ?? '')).toEqual(stored)
      expect(await storage().findCredentialsByUsername('nobody')).toBeNull()
      expect(await storage().findCredentialsByUserId(createUuid())).toBeNull()
    })

    test('that is new ends every session but the one that set it, and every link', async () => {
      const [stored, other] = [await startSession(), await startSession()]
      const link = createInvitation(user.id)
      await storage().addInvitation(link, newEvent())
      const stranger = await fixture.addUser(user.accountId)
      const strangers = createSession(stranger.id)
      await storage().addSession(strangers, createTestEvent(stranger.id))
      expect(await set({ but: stored.id })).toBe(true)
      expect([
        await isSessionActive(stored),
        await isSessionActive(other),
        await isSessionActive(strangers),
      ]).toEqual([true, false, true])
      expect(await storage().findInvitation([link.digest], 2)).toBeNull()
    })

    test('is not set for a deactivated user, nor by a link that is another user’s, used or expired', async () => {
      const other = await fixture.addUser(user.accountId)
      const session = await startSession()
      const foreign = createInvitation(other.id)
      await storage().addInvitation(foreign, createTestEvent(other.id))
      const late = createInvitation(user.id, { expiresAt: 1_000 })
      await storage().addInvitation(late, newEvent())
      const nobodys = createInvitation(null)
      await storage().addInvitation(nobodys, createTestEvent('nobody'))
      const before = await listEvents(user.id)
      for (const invitationId of [foreign.id, late.id, nobodys.id, createUuid()]) {
        expect(await set({ invitationId })).toBe(false)
      }
      expect(await listEvents(user.id)).toEqual(before)
      expect(await isSessionActive(session)).toBe(true)
      await deactivateUser()
      expect(await set()).toBe(false)
      expect((await findCredentials())?.passwordHash).toBeNull()
    })

    test('is set by one of 20 who use one link at once', async () => {
      const link = createInvitation(user.id)
      await storage().addInvitation(link, newEvent())
      const before = (await listEvents(user.id)).length
      const set = await runConcurrently((n) =>
        storage().setPassword(
          user.id,
          { hash: `hash-${n}`, invitationId: link.id, but: null },
          newEvent(),
        ),
      )
      expect(countTrue(set)).toBe(1)
      expect((await findCredentials())?.passwordHash).toBe(`hash-${set.indexOf(true)}`)
      expect(await listEvents(user.id)).toHaveLength(before + 1)
    })
  })

  describe('a link', () => {
    test('is found until it expires, by its digests', async () => {
      const link = createInvitation(user.id, { expiresAt: 100 })
      expect(await storage().addInvitation(link, newEvent())).toBe(true)
      const { digest, ...stored } = link
      expect(await storage().findInvitation(['other', digest], 99)).toEqual(stored)
      expect(await storage().findInvitation([digest], 100)).toBeNull()
      expect(await storage().findInvitation(['other'], 1)).toBeNull()
    })

    test('replaces the one before it, and is not sent to who has left', async () => {
      const [first, second, third] = [1, 2, 3].map(() => createInvitation(user.id)) as [
        NewInvitation,
        NewInvitation,
        NewInvitation,
      ]
      await storage().addInvitation(first, newEvent())
      await storage().addInvitation(second, newEvent())
      expect(await storage().findInvitation([first.digest], 2)).toBeNull()
      expect(await storage().findInvitation([second.digest], 2)).not.toBeNull()
      await deactivateUser()
      const before = await listEvents(user.id)
      expect(await storage().addInvitation(third, newEvent())).toBe(false)
      expect(await storage().findInvitation([third.digest], 2)).toBeNull()
      expect(await listEvents(user.id)).toEqual(before)
    })

    test('ends when its user is given another role, and is not created for a role that they no longer have', async () => {
      const [link, late] = [createInvitation(user.id), createInvitation(user.id)]
      expect(await storage().addInvitation(link, newEvent(), user.role)).toBe(true)
      const stranger = await fixture.addUser(user.accountId)
      const strangers = createInvitation(stranger.id)
      await storage().addInvitation(strangers, createTestEvent(stranger.id))
      await storage().setUserRole(user.id, 'operator', newEvent())
      expect(await storage().findInvitation([link.digest], 2)).toBeNull()
      expect(await storage().findInvitation([strangers.digest], 2)).not.toBeNull()
      expect(await storage().addInvitation(late, newEvent(), user.role)).toBe(false)
      expect(await storage().findInvitation([late.digest], 2)).toBeNull()
    })
  })

  describe('a username', () => {
    test('is one user’s in the whole server, of however many ask at once', async () => {
      const wanted = `wanted-${createUuid()}`
      const users = await runConcurrently(async () => fixture.addUser((await addAccount()).id))
      const named = await Promise.all(
        users.map(({ id }) => storage().setUsername(id, wanted, createTestEvent(id))),
      )
      expect(countTrue(named)).toBe(1)
      const winner = users[named.indexOf(true)]
      expect((await storage().findCredentialsByUsername(wanted))?.user.id).toBe(winner?.id)
      expect(
        await storage().setUsername(winner?.id ?? '', wanted, createTestEvent(createUuid())),
      ).toBe(true)
    })
  })

  describe('what one is let do for the role that somebody has', () => {
    const setRole = () => storage().setUserRole(user.id, 'operator', newEvent())
    const changes = {
      username: (e = newEvent()) =>
        storage().setUsername(user.id, `late-${createUuid()}`, e, user.role),
      email: (e = newEvent()) =>
        storage().setUserEmail(user.id, `${createUuid()}@acme.example`, e, user.role),
      'second factor': (e = newEvent()) => storage().setSecondFactor(user.id, null, e, user.role),
      role: (e = newEvent()) => storage().setUserRole(user.id, 'member', e, user.role),
      leaving: (e = newEvent()) => storage().deactivateUser(user.id, 5, e, user.role),
    } as const

    test.each(Object.entries(changes))('is not done to another role: %s', async (_, change) => {
      await storage().setSecondFactor(
        user.id,
        { sealed: 'sealed', recoveryDigests: [] },
        newEvent(),
      )
      await setRole()
      const readCredentials = async () => ({
        ...(await findCredentials()),
        events: await listEvents(user.id),
      })
      const before = await readCredentials()
      expect(await change()).toBe(false)
      expect(await readCredentials()).toEqual(before)
    })

    test('is done to nobody whose role is another by then, of however many at once', async () => {
      const roles = await runConcurrently((n) =>
        storage().setUserRole(
          user.id,
          n % 2 === 0 ? 'operator' : 'administrator',
          newEvent(),
          'engineer',
        ),
      )
      expect(countTrue(roles)).toBe(1)
      const other = await fixture.addUser(user.accountId, { username: `user-${createUuid()}` })
      const rename = (n: number) =>
        storage().setUsername(
          other.id,
          `name-${n}-${createUuid()}`,
          createTestEvent(other.id),
          other.role,
        )
      const raiseRole = () => storage().setUserRole(other.id, 'operator', createTestEvent(other.id))
      const [raised, ...renamed] = await Promise.all([
        raiseRole(),
        ...Array.from({ length: 9 }, (_, n) => rename(n)),
      ])
      expect(raised).toBe(true)
      // The work that was done came before, with its event; one more comes after, and is refused.
      expect(await fixture.listEvents(other.id)).toHaveLength(2 + countTrue(renamed))
      expect(await rename(9)).toBe(false)
    })
  })

  describe('a second factor', () => {
    const createCodes = (count: number) =>
      Array.from({ length: count }, () => `code-${createUuid()}`)
    const set = (recoveryDigests: readonly string[], sealed = 'sealed') =>
      storage().setSecondFactor(user.id, { sealed, recoveryDigests }, newEvent())

    test('and its recovery codes replace what was, and go together', async () => {
      const [old, recent] = [createCodes(10), createCodes(3)]
      expect(await storage().setSecondFactor(user.id, null, newEvent())).toBe(false)
      expect(await set(old)).toBe(true)
      expect(await storage().countRecoveryCodes(user.id)).toBe(10)
      expect(await set(recent, 'other')).toBe(true)
      expect((await findCredentials())?.sealedTotp).toBe('other')
      expect(await storage().countRecoveryCodes(user.id)).toBe(3)
      expect(await storage().claimRecoveryCode(user.id, old, newEvent())).toBe(false)
      expect(await storage().setSecondFactor(user.id, null, newEvent())).toBe(true)
      expect((await findCredentials())?.sealedTotp).toBeNull()
      expect(await storage().countRecoveryCodes(user.id)).toBe(0)
      await deactivateUser()
      expect(await set(createCodes(1))).toBe(false)
      expect(await storage().countRecoveryCodes(user.id)).toBe(0)
    })

    test('takes each time step once, and none before it, of however many at once', async () => {
      expect(await storage().claimTotpStep(user.id, 1)).toBe(false)
      await set([])
      expect(countTrue(await runConcurrently(() => storage().claimTotpStep(user.id, 50)))).toBe(1)
      expect(await storage().claimTotpStep(user.id, 49)).toBe(false)
      expect(await storage().claimTotpStep(user.id, 51)).toBe(true)
    })

    test('takes the steps of today where one was taken that no clock can have reached yet', async () => {
      await set([])
      expect(await storage().claimTotpStep(user.id, 1_000_000)).toBe(true)
      expect(await storage().claimTotpStep(user.id, 999_996)).toBe(false)
      expect(await storage().claimTotpStep(user.id, 999_995)).toBe(true)
      expect(await storage().claimTotpStep(user.id, 999_995)).toBe(false)
      expect(await storage().claimTotpStep(user.id, 999_996)).toBe(true)
    })

    test('takes each recovery code once, of however many at once', async () => {
      const [one, two] = createCodes(2) as [string, string]
      await set([one, two])
      const before = (await listEvents(user.id)).length
      const taken = await runConcurrently(() =>
        storage().claimRecoveryCode(user.id, ['other', one], newEvent()),
      )
      expect(countTrue(taken)).toBe(1)
      expect(await listEvents(user.id)).toHaveLength(before + 1)
      expect(await storage().countRecoveryCodes(user.id)).toBe(1)
      const stranger = await fixture.addUser(user.accountId)
      const otherEvent = createTestEvent(stranger.id)
      expect(await storage().claimRecoveryCode(stranger.id, [two], otherEvent)).toBe(false)
      expect(await storage().claimRecoveryCode(user.id, [two], newEvent())).toBe(true)
    })
  })

  describe('failures to sign in', () => {
    test('that 20 add at once, in any order, are all counted', async () => {
      const ids = [createUuid(), createUuid()]
      await runConcurrently((n) => storage().addFailure(n % 2 === 0 ? ids : ids.toReversed(), n, 0))
      const listed = await storage().listFailureCounts([...ids, createUuid()])
      expect(listed.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
        ids.map((id) => ({ id, count: 20, lastAt: 19 })),
      )
      await storage().deleteFailures(ids)
      expect(await storage().listFailureCounts(ids)).toEqual([])
      expect(await storage().listFailureCounts([])).toEqual([])
    })

    test('are counted anew where the last one is forgotten', async () => {
      const id = createUuid()
      for (const at of [100, 200]) await storage().addFailure([id], at, 50)
      await storage().addFailure([id], 300, 200)
      expect(await storage().listFailureCounts([id])).toEqual([{ id, count: 3, lastAt: 300 }])
      await storage().addFailure([id], 900, 301)
      expect(await storage().listFailureCounts([id])).toEqual([{ id, count: 1, lastAt: 900 }])
    })
  })

  describe('a failure to sign in from the future', () => {
    test('is forgotten with the next one, unless clocks can differ so much', async () => {
      const [near, far, now] = [createUuid(), createUuid(), 1_000_000]
      await storage().addFailure([near], now + 60_000, 0)
      await storage().addFailure([far], now + 60_001, 0)
      await storage().addFailure([near, far], now, 0)
      expect(await storage().listFailureCounts([near])).toEqual([
        { id: near, count: 2, lastAt: now + 60_000 },
      ])
      expect(await storage().listFailureCounts([far])).toEqual([{ id: far, count: 1, lastAt: now }])
    })
  })

  describe('an invitation from the future', () => {
    test('opens nothing, however late it expires', async () => {
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

  describe('what has expired', () => {
    test('is purged, and nothing else', async () => {
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

    test('is one of 20 users at once, each with a link of their own', async () => {
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

    test('is not made where there is one, nor by a link that is another’s, is gone or has expired, nor under a name that is taken', async () => {
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
        expect(await storage().addFirstOperator(first, createTestEvent(first.user.id))).toBe(false)
        expect(await storage().findAccount(first.account.id)).toBeNull()
        expect(await listEvents(first.user.id)).toEqual([])
      }
      expect(await storage().addFirstOperator(taken, createTestEvent(taken.user.id))).toBe(true)
      const second = createFirstOperator((await addInvitation()).id)
      expect(await storage().addFirstOperator(second, createTestEvent(second.user.id))).toBe(false)
    })

    test('the last one neither leaves nor loses the role: somebody can sign in as operator', async () => {
      await removeOperators()
      const { user: last, ...first } = createFirstOperator((await addInvitation()).id)
      await storage().addFirstOperator({ ...first, user: last }, createTestEvent(last.id))
      expect(await storage().setUserRole(last.id, 'administrator', createTestEvent(last.id))).toBe(
        false,
      )
      expect(await storage().deactivateUser(last.id, 1, createTestEvent(last.id))).toBe(false)
      expect(await storage().hasActiveOperator()).toBe(true)
    })
  })
}
