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
  createInvitation,
  createSession,
  deactivateUser,
  findCredentials,
  isSessionActive,
  newEvent,
  startSession,
  storage,
  user,
  useUser,
} from './sign-in-fixture.ts'

/** Passwords, links, usernames, roles and second factors. */
export function testCredentialStorage(name: string, fixture: StorageFixture): void {
  const { addAccount, listEvents } = fixture
  describe(`${name}: credentials of users`, () => {
    useUser(fixture)

    describe('a password', () => {
      const set = (more: object = {}) =>
        storage().setPassword(
          user.id,
          { hash: '$argon2id$new', invitationId: null, but: null, ...more },
          newEvent(),
        )

      test('is found by username and by id once it is set', async () => {
        expect(await findCredentials()).toEqual({ user, passwordHash: null, sealedTotp: null })
        expect(await set()).toBe(true)
        const stored = { user, passwordHash: '$argon2id$new', sealedTotp: null }
        expect(await findCredentials()).toEqual(stored)
        expect(await storage().findCredentialsByUsername(user.username ?? '')).toEqual(stored)
        expect(await storage().findCredentialsByUsername('nobody')).toBeNull()
        expect(await storage().findCredentialsByUserId(createUuid())).toBeNull()
      })

      test('that is new ends all other sessions and all links', async () => {
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

      test('is not set for a deactivated user, or by a link of another user, a used one or an expired one', async () => {
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

      test('is set by one of 20 concurrent uses of a link', async () => {
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
      test('is found by its digests until it expires', async () => {
        const link = createInvitation(user.id, { expiresAt: 100 })
        expect(await storage().addInvitation(link, newEvent())).toBe(true)
        const { digest, ...stored } = link
        expect(await storage().findInvitation(['other', digest], 99)).toEqual(stored)
        expect(await storage().findInvitation([digest], 100)).toBeNull()
        expect(await storage().findInvitation(['other'], 1)).toBeNull()
      })

      test('replaces the previous link, and is not created for a deactivated user', async () => {
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

      test('ends when the role of its user changes, and is not created for an earlier role', async () => {
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
      test('is given to one user of the whole server, of 20 concurrent ones', async () => {
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

    describe('a change that depends on the role of the user', () => {
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

      test.each(Object.entries(changes))(
        'is refused if the role is another one: %s',
        async (_, change) => {
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
        },
      )

      test('is refused if the role changes at the same moment', async () => {
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
        const raiseRole = () =>
          storage().setUserRole(other.id, 'operator', createTestEvent(other.id))
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

      test('and its recovery codes replace the earlier ones, and are deleted together', async () => {
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

      test('accepts each time step once, and no earlier one, of concurrent attempts', async () => {
        expect(await storage().claimTotpStep(user.id, 1)).toBe(false)
        await set([])
        expect(countTrue(await runConcurrently(() => storage().claimTotpStep(user.id, 50)))).toBe(1)
        expect(await storage().claimTotpStep(user.id, 49)).toBe(false)
        expect(await storage().claimTotpStep(user.id, 51)).toBe(true)
      })

      test('accepts steps of today if the last accepted one is further in the future than clocks differ', async () => {
        await set([])
        expect(await storage().claimTotpStep(user.id, 1_000_000)).toBe(true)
        expect(await storage().claimTotpStep(user.id, 999_996)).toBe(false)
        expect(await storage().claimTotpStep(user.id, 999_995)).toBe(true)
        expect(await storage().claimTotpStep(user.id, 999_995)).toBe(false)
        expect(await storage().claimTotpStep(user.id, 999_996)).toBe(true)
      })

      test('accepts each recovery code once, of concurrent attempts', async () => {
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
  })
}
