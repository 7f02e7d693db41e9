import { ok } from '../domain/failure.ts'
import type { Role } from '../domain/key.ts'
import { isUsername, USERNAME_RULE } from '../domain/user.ts'
import { changedMeanwhile, managed, whyUnchanged } from './manage.ts'
import { conflict, type Done, eventOf, invalid, notFound } from './operator.ts'
import {
  addInvitation,
  FIRST_LINK_MS,
  INVITATION_MS,
  type InvitingDeps,
} from './people/invitation.ts'
import type { ListStorage } from './ports/lists.ts'
import type { Invitation, PeopleStorage } from './ports/people.ts'
import type { OperatorStorage, User } from './ports.ts'

export interface PeopleDeps extends InvitingDeps {
  readonly role: Role
  readonly storage: Pick<
    PeopleStorage & OperatorStorage & ListStorage,
    | 'findUser'
    | 'listSignIns'
    | 'hasOperator'
    | 'findCredentialsOf'
    | 'setUsername'
    | 'removeSessions'
    | 'addInvitation'
    | 'setTotp'
  >
  /** Where people reach this server. */
  readonly consoleUrl: string
}

/** A one-time link, which is shown now and never again. */
export interface Invited {
  readonly invitation: Invitation
  readonly secret: string
  readonly link: string
}

/** The page below this path belongs to who holds the rest of it. */
export const WELCOME = '/console/welcome'

/** What an operator does with how people sign in. */
export function createPeople(deps: PeopleDeps) {
  const { storage, random, clock, consoleUrl } = deps
  const me = { id: deps.actor, role: deps.role }

  async function invitationFor(user: User | null, ms: number): Promise<Invited | null> {
    const secret = random.secret()
    const invitation = await addInvitation(deps, { secret, user, ms })
    return invitation && { invitation, secret, link: `${consoleUrl}${WELCOME}/${secret}` }
  }

  /** Whose sign-in this person may change. */
  async function find(userId: string): Promise<Done<User>> {
    const user = await storage.findUser(userId)
    return user === null ? notFound(`there is no user ${userId}`) : managed(me, user)
  }

  return {
    /** How far each of these can sign in, and when he was here last. */
    standings: (userIds: readonly string[]) => storage.listSignIns(userIds, clock()),

    /** A link to a first password, or to a new one: what was sent before is good no longer. */
    async invite(userId: string): Promise<Done<Invited>> {
      const user = await find(userId)
      if (!user.ok) return user
      const invited = await invitationFor(user.value, INVITATION_MS)
      return invited
        ? ok(invited)
        : conflict(`${user.value.email} has left, or was given another role just now`)
    },

    /** A link to the first account and its operator, good for an hour; refused while an operator can sign in. */
    async inviteFirst(): Promise<Done<Invited>> {
      const invited = (await storage.hasOperator())
        ? null
        : await invitationFor(null, FIRST_LINK_MS)
      return invited
        ? ok(invited)
        : conflict(
            'an operator can sign in already; `latchkey users invite ID` makes a link to a new password ' +
              '(`latchkey users list` shows the ids)',
          )
    },

    async setUsername(userId: string, username: string): Promise<Done<User>> {
      if (!isUsername(username)) return invalid(USERNAME_RULE)
      const user = await find(userId)
      if (!user.ok) return user
      const event = eventOf(deps, 'user.username_set', userId)
      if (await storage.setUsername(userId, username, event, user.value.role)) {
        return ok({ ...user.value, username })
      }
      const taken = conflict(`somebody else has the username ${username}`)
      return whyUnchanged(user.value, await storage.findUser(userId), taken)
    },

    /** Ends every session and every token. Answers how many. */
    async signOut(userId: string): Promise<Done<{ user: User; ended: number }>> {
      const user = await find(userId)
      if (!user.ok) return user
      const event = eventOf(deps, 'sessions.ended', userId)
      return ok({ user: user.value, ended: await storage.removeSessions(userId, null, event) })
    },

    /** For who has lost device and recovery codes. His password alone lets him in again. */
    async resetSecondFactor(userId: string): Promise<Done<User>> {
      const user = await find(userId)
      if (!user.ok) return user
      const credentials = await storage.findCredentialsOf(userId)
      if (credentials?.sealedTotp == null) {
        return conflict(`${user.value.email} has no second factor`)
      }
      const event = eventOf(deps, 'user.second_factor_removed', userId)
      const isReset = await storage.setTotp(userId, null, event, user.value.role)
      return isReset ? user : changedMeanwhile(user.value)
    },
  }
}

export type People = ReturnType<typeof createPeople>
