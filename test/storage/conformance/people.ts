import { beforeEach, describe, expect, test } from 'vitest'
import type { NewInvitation, NewSession } from '../../../src/service/ports/people.ts'
import type { User } from '../../../src/service/ports.ts'
import { crowd, eventOf, type Given, howMany, MOST, TEXTS, v7 } from './given.ts'

const sessionOf = (userId: string, more: Partial<NewSession> = {}): NewSession => {
  const id = v7()
  return {
    id,
    userId,
    kind: 'browser',
    name: 'Firefox',
    createdAt: 1,
    seenAt: 1,
    expiresAt: MOST,
    digest: `digest-${id}`,
    ...more,
  }
}

const invitationOf = (userId: string | null, more: Partial<NewInvitation> = {}): NewInvitation => {
  const id = v7()
  return { id, userId, createdAt: 1, expiresAt: MOST, digest: `digest-${id}`, ...more }
}

const firstOf = (invitationId: string) => {
  const account = {
    id: v7(),
    name: 'First',
    region: 'us',
    status: 'open' as const,
    createdAt: 1,
    departedKeys: 'keep' as const,
    addressesEnforced: false,
  }
  const user: User = {
    id: v7(),
    accountId: account.id,
    email: 'first@acme.example',
    role: 'operator',
    createdAt: 1,
    username: `first-${v7()}`,
    leftAt: null,
  }
  return { account, user, passwordHash: '$argon2id$first', invitationId }
}

/** People who sign in. */
export function peopleConform(name: string, given: Given): void {
  describe(`${name}: people`, () => everybody(given))
}

function everybody(given: Given): void {
  const { account, eventsOf } = given
  const storage = () => given.storage
  let user: User
  beforeEach(async () => {
    user = await given.user((await account()).id, { username: `user-${v7()}` })
  })
  const event = (more: object = {}) => eventOf(user.id, more)
  const begin = async (session = sessionOf(user.id)) => {
    expect(await storage().addSession(session, event())).toBe(true)
    return session
  }
  const lives = async ({ digest }: NewSession) =>
    (await storage().findSession([digest], 2)) !== null
  const credentials = () => storage().findCredentialsOf(user.id)
  const leave = () => storage().setUserLeft(user.id, 5, event())
  const authority = () => storage().authorityVersion()

  describe('a session', () => {
    test.each(TEXTS)('is found by any of its digests, with who it is, named %j', async (text) => {
      const session = sessionOf(user.id, { name: text, kind: 'token', seenAt: MOST })
      await begin(session)
      const { digest, ...kept } = session
      const found = await storage().findSession(['other', digest], 2)
      expect(found).toEqual({
        session: kept,
        user,
        account: { id: user.accountId, name: 'Acme', status: 'open' },
      })
      expect(await storage().findSession(['other'], 2)).toBeNull()
      expect(await storage().findSession([], 2)).toBeNull()
    })

    test('ends when it expires, and not before', async () => {
      const session = await begin(sessionOf(user.id, { expiresAt: 100 }))
      expect(await storage().findSession([session.digest], 99)).not.toBeNull()
      expect(await storage().findSession([session.digest], 100)).toBeNull()
    })

    test('that began further ahead than clocks differ is none, and neither found nor listed', async () => {
      const now = 1_000_000
      const [soon, ahead] = [
        await begin(sessionOf(user.id, { createdAt: now + 60_000 })),
        await begin(sessionOf(user.id, { createdAt: now + 60_001 })),
      ]
      expect(await storage().findSession([soon.digest], now)).not.toBeNull()
      expect(await storage().findSession([ahead.digest], now)).toBeNull()
      const listed = await storage().listSessions(user.id, now)
      expect(listed.map(({ id }) => id)).toEqual([soon.id])
      const [standing] = await storage().listSignIns([user.id], now)
      expect(standing?.sessions).toBe(1)
    })

    test('that was seen further ahead than clocks differ is seen anew', async () => {
      const now = 1_000_000
      const session = await begin(sessionOf(user.id, { seenAt: now + 60_000 }))
      const seenAt = async () =>
        (await storage().findSession([session.digest], now))?.session.seenAt
      await storage().touchSession(session.id, now)
      expect(await seenAt()).toBe(now + 60_000)
      await storage().touchSession(session.id, now - 1)
      expect(await seenAt()).toBe(now - 1)
    })

    test('shows its user as he is now, and is none once he has left', async () => {
      const session = await begin()
      await storage().setUserRole(user.id, 'administrator', event())
      const found = await storage().findSession([session.digest], 2)
      expect(found?.user.role).toBe('administrator')
      await leave()
      expect(await lives(session)).toBe(false)
      expect(await storage().addSession(sessionOf(user.id), event())).toBe(false)
    })

    test('is begun for the password that was proven, while it is that one', async () => {
      const set = (hash: string, was?: string) =>
        storage().setPassword(
          user.id,
          { hash, invitationId: null, but: null, ...(was === undefined ? {} : { was }) },
          event(),
        )
      const begins = async (hash: string) => {
        const session = sessionOf(user.id)
        const isBegun = await storage().addSession(session, event(), hash)
        expect(await lives(session)).toBe(isBegun)
        return isBegun
      }
      expect(await begins('first')).toBe(false)
      await set('first')
      expect(await begins('first')).toBe(true)
      expect([await set('another', 'other'), await set('second', 'first')]).toEqual([false, true])
      expect([await begins('first'), await begins('second')]).toEqual([false, true])
    })

    test('for a password that is changed at the same moment does not outlive it', async () => {
      await storage().setPassword(user.id, { hash: 'h0', invitationId: null, but: null }, event())
      for (let n = 0; n < 10; n++) {
        const sessions = Array.from({ length: 5 }, () => sessionOf(user.id))
        const wish = { hash: `h${n + 1}`, invitationId: null, but: null }
        await Promise.all([
          ...sessions.map((session) => storage().addSession(session, event(), `h${n}`)),
          storage().setPassword(user.id, wish, event()),
        ])
        expect(await Promise.all(sessions.map(lives))).toEqual(sessions.map(() => false))
      }
    })

    test('is none while the account is closed', async () => {
      const session = await begin()
      for (const [status, isThere] of [
        ['closed', false],
        ['open', true],
      ] as const) {
        await storage().setAccountStatus(user.accountId, status, eventOf(user.accountId))
        expect(await lives(session)).toBe(isThere)
      }
    })

    test('for nobody is not begun', async () => {
      const nobody = v7()
      expect(await storage().addSession(sessionOf(nobody), eventOf(nobody))).toBe(false)
      expect(await eventsOf(nobody)).toEqual([])
    })

    test('is ended once, with one event, by however many at once', async () => {
      const [session, other] = [await begin(), await begin()]
      const before = (await eventsOf(user.id)).length
      const ended = await crowd(() => storage().removeSession(session.id, event()))
      expect(howMany(ended)).toBe(1)
      expect(await eventsOf(user.id)).toHaveLength(before + 1)
      expect([await lives(session), await lives(other)]).toEqual([false, true])
    })

    test('is ended with all the others but one', async () => {
      const [kept, ...others] = [await begin(), await begin(), await begin()] as const
      expect(await storage().removeSessions(user.id, kept.id, event())).toBe(2)
      for (const other of others) expect(await lives(other)).toBe(false)
      const before = await eventsOf(user.id)
      expect(await storage().removeSessions(user.id, kept.id, event())).toBe(0)
      expect(await eventsOf(user.id)).toEqual(before)
      expect(await storage().removeSessions(user.id, null, event())).toBe(1)
      expect(await lives(kept)).toBe(false)
    })

    test('is seen, and never earlier than it was', async () => {
      const session = await begin()
      for (const at of [50, 40]) await storage().touchSession(session.id, at)
      expect((await storage().findSession([session.digest], 2))?.session.seenAt).toBe(50)
    })

    test('is listed while it lives, the newest first, to its own user', async () => {
      const other = await given.user(user.accountId)
      await begin(sessionOf(other.id))
      const old = await begin(sessionOf(user.id, { createdAt: 1 }))
      const recent = await begin(sessionOf(user.id, { createdAt: 2 }))
      await begin(sessionOf(user.id, { expiresAt: 9 }))
      const listed = await storage().listSessions(user.id, 9)
      expect(listed.map(({ id }) => id)).toEqual([recent.id, old.id])
      expect(listed[0]).not.toHaveProperty('digest')
    })

    test('is no change of who may do what with a key', async () => {
      const before = await authority()
      const session = await begin()
      await storage().removeSession(session.id, event())
      await storage().setPassword(user.id, { hash: 'h', invitationId: null, but: null }, event())
      expect(await authority()).toBe(before)
      await storage().setUsername(user.id, `renamed-${v7()}`, event())
      expect(await authority()).toBe((await before) + 1)
    })
  })

  describe('a password', () => {
    const set = (more: object = {}) =>
      storage().setPassword(
        user.id,
        { hash: '$argon2id$new', invitationId: null, but: null, ...more },
        event(),
      )

    test('is found by username and by id, and is none before it is set', async () => {
      expect(await credentials()).toEqual({ user, passwordHash: null, sealedTotp: null })
      expect(await set()).toBe(true)
      const kept = { user, passwordHash: '$argon2id$new', sealedTotp: null }
      expect(await credentials()).toEqual(kept)
      expect(await storage().findCredentials(user.username ?? '')).toEqual(kept)
      expect(await storage().findCredentials('nobody')).toBeNull()
      expect(await storage().findCredentialsOf(v7())).toBeNull()
    })

    test('that is new ends every session but the one that set it, and every link', async () => {
      const [kept, other] = [await begin(), await begin()]
      const link = invitationOf(user.id)
      await storage().addInvitation(link, event())
      const stranger = await given.user(user.accountId)
      const strangers = sessionOf(stranger.id)
      await storage().addSession(strangers, eventOf(stranger.id))
      expect(await set({ but: kept.id })).toBe(true)
      expect([await lives(kept), await lives(other), await lives(strangers)]).toEqual([
        true,
        false,
        true,
      ])
      expect(await storage().findInvitation([link.digest], 2)).toBeNull()
    })

    test('is not set for who has left, nor by a link that is not his, is gone or has expired', async () => {
      const other = await given.user(user.accountId)
      const session = await begin()
      const foreign = invitationOf(other.id)
      await storage().addInvitation(foreign, eventOf(other.id))
      const late = invitationOf(user.id, { expiresAt: 1_000 })
      await storage().addInvitation(late, event())
      const nobodys = invitationOf(null)
      await storage().addInvitation(nobodys, eventOf('nobody'))
      const before = await eventsOf(user.id)
      for (const invitationId of [foreign.id, late.id, nobodys.id, v7()]) {
        expect(await set({ invitationId })).toBe(false)
      }
      expect(await eventsOf(user.id)).toEqual(before)
      expect(await lives(session)).toBe(true)
      await leave()
      expect(await set()).toBe(false)
      expect((await credentials())?.passwordHash).toBeNull()
    })

    test('is set by one of 20 who use one link at once', async () => {
      const link = invitationOf(user.id)
      await storage().addInvitation(link, event())
      const before = (await eventsOf(user.id)).length
      const set = await crowd((n) =>
        storage().setPassword(
          user.id,
          { hash: `hash-${n}`, invitationId: link.id, but: null },
          event(),
        ),
      )
      expect(howMany(set)).toBe(1)
      expect((await credentials())?.passwordHash).toBe(`hash-${set.indexOf(true)}`)
      expect(await eventsOf(user.id)).toHaveLength(before + 1)
    })
  })

  describe('a link', () => {
    test('is found until it expires, by its digests', async () => {
      const link = invitationOf(user.id, { expiresAt: 100 })
      expect(await storage().addInvitation(link, event())).toBe(true)
      const { digest, ...kept } = link
      expect(await storage().findInvitation(['other', digest], 99)).toEqual(kept)
      expect(await storage().findInvitation([digest], 100)).toBeNull()
      expect(await storage().findInvitation(['other'], 1)).toBeNull()
    })

    test('replaces the one before it, and is not sent to who has left', async () => {
      const [first, second, third] = [1, 2, 3].map(() => invitationOf(user.id)) as [
        NewInvitation,
        NewInvitation,
        NewInvitation,
      ]
      await storage().addInvitation(first, event())
      await storage().addInvitation(second, event())
      expect(await storage().findInvitation([first.digest], 2)).toBeNull()
      expect(await storage().findInvitation([second.digest], 2)).not.toBeNull()
      await leave()
      const before = await eventsOf(user.id)
      expect(await storage().addInvitation(third, event())).toBe(false)
      expect(await storage().findInvitation([third.digest], 2)).toBeNull()
      expect(await eventsOf(user.id)).toEqual(before)
    })

    test('ends when its user is given another role, and is not made for a role he has no more', async () => {
      const [link, late] = [invitationOf(user.id), invitationOf(user.id)]
      expect(await storage().addInvitation(link, event(), user.role)).toBe(true)
      const stranger = await given.user(user.accountId)
      const strangers = invitationOf(stranger.id)
      await storage().addInvitation(strangers, eventOf(stranger.id))
      await storage().setUserRole(user.id, 'operator', event())
      expect(await storage().findInvitation([link.digest], 2)).toBeNull()
      expect(await storage().findInvitation([strangers.digest], 2)).not.toBeNull()
      expect(await storage().addInvitation(late, event(), user.role)).toBe(false)
      expect(await storage().findInvitation([late.digest], 2)).toBeNull()
    })
  })

  describe('a username', () => {
    test('is one user’s in the whole server, of however many ask at once', async () => {
      const wanted = `wanted-${v7()}`
      const users = await crowd(async () => given.user((await account()).id))
      const named = await Promise.all(
        users.map(({ id }) => storage().setUsername(id, wanted, eventOf(id))),
      )
      expect(howMany(named)).toBe(1)
      const winner = users[named.indexOf(true)]
      expect((await storage().findCredentials(wanted))?.user.id).toBe(winner?.id)
      expect(await storage().setUsername(winner?.id ?? '', wanted, eventOf(v7()))).toBe(true)
    })
  })

  describe('what one is let do for the role that somebody has', () => {
    const promote = () => storage().setUserRole(user.id, 'operator', event())
    const changes = {
      username: (e = event()) => storage().setUsername(user.id, `late-${v7()}`, e, user.role),
      email: (e = event()) => storage().setUserEmail(user.id, `${v7()}@acme.example`, e, user.role),
      'second factor': (e = event()) => storage().setTotp(user.id, null, e, user.role),
      role: (e = event()) => storage().setUserRole(user.id, 'member', e, user.role),
      leaving: (e = event()) => storage().setUserLeft(user.id, 5, e, user.role),
    } as const

    test.each(Object.entries(changes))('is not done to another role: %s', async (_, change) => {
      await storage().setTotp(user.id, { sealed: 'sealed', recoveryDigests: [] }, event())
      await promote()
      const look = async () => ({ ...(await credentials()), events: await eventsOf(user.id) })
      const before = await look()
      expect(await change()).toBe(false)
      expect(await look()).toEqual(before)
    })

    test('is done to nobody whose role is another by then, of however many at once', async () => {
      const roles = await crowd((n) =>
        storage().setUserRole(
          user.id,
          n % 2 === 0 ? 'operator' : 'administrator',
          event(),
          'engineer',
        ),
      )
      expect(howMany(roles)).toBe(1)
      const other = await given.user(user.accountId, { username: `user-${v7()}` })
      const rename = (n: number) =>
        storage().setUsername(other.id, `name-${n}-${v7()}`, eventOf(other.id), other.role)
      const raise = () => storage().setUserRole(other.id, 'operator', eventOf(other.id))
      const [raised, ...renamed] = await Promise.all([
        raise(),
        ...Array.from({ length: 9 }, (_, n) => rename(n)),
      ])
      expect(raised).toBe(true)
      // Whatever was done came before, with its event; one more comes after, and is not.
      expect(await given.eventsOf(other.id)).toHaveLength(2 + howMany(renamed))
      expect(await rename(9)).toBe(false)
    })
  })

  describe('a second factor', () => {
    const codes = (count: number) => Array.from({ length: count }, () => `code-${v7()}`)
    const set = (recoveryDigests: readonly string[], sealed = 'sealed') =>
      storage().setTotp(user.id, { sealed, recoveryDigests }, event())

    test('and its recovery codes replace what was, and go together', async () => {
      const [old, recent] = [codes(10), codes(3)]
      expect(await storage().setTotp(user.id, null, event())).toBe(false)
      expect(await set(old)).toBe(true)
      expect(await storage().countRecoveryCodes(user.id)).toBe(10)
      expect(await set(recent, 'other')).toBe(true)
      expect((await credentials())?.sealedTotp).toBe('other')
      expect(await storage().countRecoveryCodes(user.id)).toBe(3)
      expect(await storage().takeRecoveryCode(user.id, old, event())).toBe(false)
      expect(await storage().setTotp(user.id, null, event())).toBe(true)
      expect((await credentials())?.sealedTotp).toBeNull()
      expect(await storage().countRecoveryCodes(user.id)).toBe(0)
      await leave()
      expect(await set(codes(1))).toBe(false)
      expect(await storage().countRecoveryCodes(user.id)).toBe(0)
    })

    test('takes each time step once, and none before it, of however many at once', async () => {
      expect(await storage().takeTotpStep(user.id, 1)).toBe(false)
      await set([])
      expect(howMany(await crowd(() => storage().takeTotpStep(user.id, 50)))).toBe(1)
      expect(await storage().takeTotpStep(user.id, 49)).toBe(false)
      expect(await storage().takeTotpStep(user.id, 51)).toBe(true)
    })

    test('takes the steps of today where one was taken that no clock can have reached yet', async () => {
      await set([])
      expect(await storage().takeTotpStep(user.id, 1_000_000)).toBe(true)
      expect(await storage().takeTotpStep(user.id, 999_996)).toBe(false)
      expect(await storage().takeTotpStep(user.id, 999_995)).toBe(true)
      expect(await storage().takeTotpStep(user.id, 999_995)).toBe(false)
      expect(await storage().takeTotpStep(user.id, 999_996)).toBe(true)
    })

    test('takes each recovery code once, of however many at once', async () => {
      const [one, two] = codes(2) as [string, string]
      await set([one, two])
      const before = (await eventsOf(user.id)).length
      const taken = await crowd(() => storage().takeRecoveryCode(user.id, ['other', one], event()))
      expect(howMany(taken)).toBe(1)
      expect(await eventsOf(user.id)).toHaveLength(before + 1)
      expect(await storage().countRecoveryCodes(user.id)).toBe(1)
      const stranger = await given.user(user.accountId)
      const his = eventOf(stranger.id)
      expect(await storage().takeRecoveryCode(stranger.id, [two], his)).toBe(false)
      expect(await storage().takeRecoveryCode(user.id, [two], event())).toBe(true)
    })
  })

  describe('failures to sign in', () => {
    test('that 20 add at once, in any order, are all counted', async () => {
      const ids = [v7(), v7()]
      await crowd((n) => storage().addFailure(n % 2 === 0 ? ids : ids.toReversed(), n, 0))
      const listed = await storage().listFailures([...ids, v7()])
      expect(listed.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
        ids.map((id) => ({ id, count: 20, lastAt: 19 })),
      )
      await storage().forgetFailures(ids)
      expect(await storage().listFailures(ids)).toEqual([])
      expect(await storage().listFailures([])).toEqual([])
    })

    test('are counted anew where the last one is forgotten', async () => {
      const id = v7()
      for (const at of [100, 200]) await storage().addFailure([id], at, 50)
      await storage().addFailure([id], 300, 200)
      expect(await storage().listFailures([id])).toEqual([{ id, count: 3, lastAt: 300 }])
      await storage().addFailure([id], 900, 301)
      expect(await storage().listFailures([id])).toEqual([{ id, count: 1, lastAt: 900 }])
    })
  })

  describe('a failure to sign in from the future', () => {
    test('is forgotten with the next one, unless clocks can differ so much', async () => {
      const [near, far, now] = [v7(), v7(), 1_000_000]
      await storage().addFailure([near], now + 60_000, 0)
      await storage().addFailure([far], now + 60_001, 0)
      await storage().addFailure([near, far], now, 0)
      expect(await storage().listFailures([near])).toEqual([
        { id: near, count: 2, lastAt: now + 60_000 },
      ])
      expect(await storage().listFailures([far])).toEqual([{ id: far, count: 1, lastAt: now }])
    })
  })

  describe('an invitation from the future', () => {
    test('opens nothing, however late it expires', async () => {
      const now = 1_000_000
      const made = await Promise.all(
        [now + 60_000, now + 60_001].map(async (createdAt) => {
          const user = await given.user((await account()).id)
          const link = invitationOf(user.id, { createdAt })
          await storage().addInvitation(link, eventOf(user.id))
          return link
        }),
      )
      const found = await Promise.all(
        made.map(({ digest }) => storage().findInvitation([digest], now)),
      )
      expect(found.map((link) => link !== null)).toEqual([true, false])
      const accepted = []
      for (const { id, userId } of made) {
        const wish = { hash: 'new', invitationId: id, but: null }
        accepted.push(
          await storage().setPassword(userId ?? '', wish, eventOf(userId ?? '', { at: now })),
        )
      }
      expect(accepted).toEqual([true, false])
    })
  })

  describe('what has expired', () => {
    test('is purged, and nothing else', async () => {
      const [now, id, old] = [1_000_000, v7(), v7()]
      const [living, ended] = [await begin(), await begin(sessionOf(user.id, { expiresAt: now }))]
      await storage().addInvitation(invitationOf(user.id, { expiresAt: now }), event())
      await storage().addFailure([id], now, 0)
      await storage().addFailure([old], now - 1, 0)
      expect(await storage().purgeSessions(now, now)).toBeGreaterThanOrEqual(3)
      expect(await storage().purgeSessions(now, now)).toBe(0)
      expect([await lives(living), await lives(ended)]).toEqual([true, false])
      expect((await storage().listFailures([id, old])).map((row) => row.id)).toEqual([id])
    })
  })

  describe('the first operator', () => {
    /** In a database that has none: whoever could is gone first. */
    async function withoutOperator(): Promise<void> {
      await given.engine.atomic([
        { sql: `UPDATE users SET password_hash = NULL WHERE role = 'operator'`, values: [] },
      ])
      expect(await storage().hasOperator()).toBe(false)
    }
    const invite = async (more: Partial<NewInvitation> = {}, userId: string | null = null) => {
      const link = invitationOf(userId, more)
      await storage().addInvitation(link, eventOf('nobody'))
      return link
    }

    test('is one of 20 who are there at once, each with a link of his own', async () => {
      await withoutOperator()
      const links = await crowd(() => invite())
      const firsts = links.map(({ id }) => firstOf(id))
      const made = await Promise.all(
        firsts.map((first) => storage().addFirstOperator(first, eventOf(first.user.id))),
      )
      expect(howMany(made)).toBe(1)
      expect(await storage().hasOperator()).toBe(true)
      for (const [n, { account, user: first, passwordHash }] of firsts.entries()) {
        const isMade = made[n] === true
        expect(await storage().findAccount(account.id)).toEqual(isMade ? account : null)
        expect(await storage().findCredentialsOf(first.id)).toEqual(
          isMade ? { user: first, passwordHash, sealedTotp: null } : null,
        )
        expect(await eventsOf(first.id)).toHaveLength(isMade ? 1 : 0)
        expect(await storage().findInvitation([links[n]?.digest ?? ''], 2)).toBeNull()
      }
    })

    test('is not made where there is one, nor by a link that is another’s, is gone or has expired, nor under a name that is taken', async () => {
      await withoutOperator()
      const [mine, late, good] = [
        await invite({}, user.id),
        await invite({ expiresAt: 1_000 }),
        await invite(),
      ]
      const taken = firstOf(good.id)
      for (const first of [
        firstOf(mine.id),
        firstOf(late.id),
        firstOf(v7()),
        { ...taken, user: { ...taken.user, username: user.username } },
      ]) {
        expect(await storage().addFirstOperator(first, eventOf(first.user.id))).toBe(false)
        expect(await storage().findAccount(first.account.id)).toBeNull()
        expect(await eventsOf(first.user.id)).toEqual([])
      }
      expect(await storage().addFirstOperator(taken, eventOf(taken.user.id))).toBe(true)
      const second = firstOf((await invite()).id)
      expect(await storage().addFirstOperator(second, eventOf(second.user.id))).toBe(false)
    })

    test('the last one neither leaves nor loses the role: somebody can sign in as operator', async () => {
      await withoutOperator()
      const { user: last, ...first } = firstOf((await invite()).id)
      await storage().addFirstOperator({ ...first, user: last }, eventOf(last.id))
      expect(await storage().setUserRole(last.id, 'administrator', eventOf(last.id))).toBe(false)
      expect(await storage().setUserLeft(last.id, 1, eventOf(last.id))).toBe(false)
      expect(await storage().hasOperator()).toBe(true)
    })
  })
}
