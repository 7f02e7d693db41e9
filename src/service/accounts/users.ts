import { ok } from '../../domain/failure.ts'
import type { Role } from '../../domain/key.ts'
import { canGrantRole, canManageUser, type UserWithRole } from '../../domain/role.ts'
import { isUsername, USERNAME_RULE } from '../../domain/user.ts'
import type { User } from '../ports/accounts.ts'
import type { ListStorage } from '../ports/lists.ts'
import type { Invitation, SignInStorage } from '../ports/sign-in.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import {
  createAuditEvent,
  failConflict,
  failForbidden,
  failInvalid,
  failNotFound,
  type ServiceResult,
} from '../service-result.ts'
import {
  type AddInvitationDeps,
  addInvitation,
  FIRST_OPERATOR_INVITATION_MS,
  INVITATION_MS,
} from '../sign-in/invitations.ts'

export interface UsersDeps extends AddInvitationDeps {
  readonly role: Role
  readonly storage: Pick<
    SignInStorage & ResourceStorage & ListStorage,
    | 'findUser'
    | 'listSignInStatus'
    | 'hasActiveOperator'
    | 'findCredentialsByUserId'
    | 'setUsername'
    | 'deleteSessions'
    | 'addInvitation'
    | 'setSecondFactor'
  >
  /** Where people reach this server. */
  readonly consoleUrl: string
}

/** A one-time link, which is shown now and never again. */
export interface IssuedInvitation {
  readonly invitation: Invitation
  readonly secret: string
  readonly link: string
}

/** The page below this path belongs to who holds the rest of it. */
export const INVITATION_PATH = '/console/welcome'

/** What an operator does with how people sign in. */
export function createUsers(deps: UsersDeps) {
  const { storage, random, clock, consoleUrl } = deps
  const actor = { id: deps.actor, role: deps.role }

  async function issueInvitation(user: User | null, ms: number): Promise<IssuedInvitation | null> {
    const secret = random.secret()
    const invitation = await addInvitation(deps, { secret, user, ms })
    return invitation && { invitation, secret, link: `${consoleUrl}${INVITATION_PATH}/${secret}` }
  }

  /** Whose sign-in this person may change. */
  async function findManageableUser(userId: string): Promise<ServiceResult<User>> {
    const user = await storage.findUser(userId)
    return user === null ? failNotFound(`there is no user ${userId}`) : checkManageable(actor, user)
  }

  return {
    /** How far each of these can sign in, and when he was here last. */
    listSignInStatus: (userIds: readonly string[]) => storage.listSignInStatus(userIds, clock()),

    /** A link to a first password, or to a new one: what was sent before is good no longer. */
    async invite(userId: string): Promise<ServiceResult<IssuedInvitation>> {
      const user = await findManageableUser(userId)
      if (!user.ok) return user
      const issued = await issueInvitation(user.value, INVITATION_MS)
      return issued
        ? ok(issued)
        : failConflict(`${user.value.email} has left, or was given another role just now`)
    },

    /** A link to the first account and its operator, good for an hour; refused while an operator can sign in. */
    async inviteFirstOperator(): Promise<ServiceResult<IssuedInvitation>> {
      const issued = (await storage.hasActiveOperator())
        ? null
        : await issueInvitation(null, FIRST_OPERATOR_INVITATION_MS)
      return issued
        ? ok(issued)
        : failConflict(
            'an operator can sign in already; `latchkey users invite ID` makes a link to a new password ' +
              '(`latchkey users list` shows the ids)',
          )
    },

    async setUsername(userId: string, username: string): Promise<ServiceResult<User>> {
      if (!isUsername(username)) return failInvalid(USERNAME_RULE)
      const user = await findManageableUser(userId)
      if (!user.ok) return user
      const event = createAuditEvent(deps, 'user.username_set', userId)
      if (await storage.setUsername(userId, username, event, user.value.role)) {
        return ok({ ...user.value, username })
      }
      const takenFailure = failConflict(`somebody else has the username ${username}`)
      return explainUnchanged(user.value, await storage.findUser(userId), takenFailure)
    },

    /** Ends every session and every token. Answers how many. */
    async signOut(userId: string): Promise<ServiceResult<{ user: User; ended: number }>> {
      const user = await findManageableUser(userId)
      if (!user.ok) return user
      const event = createAuditEvent(deps, 'sessions.ended', userId)
      return ok({ user: user.value, ended: await storage.deleteSessions(userId, null, event) })
    },

    /** For who has lost device and recovery codes. His password alone lets him in again. */
    async resetSecondFactor(userId: string): Promise<ServiceResult<User>> {
      const user = await findManageableUser(userId)
      if (!user.ok) return user
      const credentials = await storage.findCredentialsByUserId(userId)
      if (credentials?.sealedTotp == null) {
        return failConflict(`${user.value.email} has no second factor`)
      }
      const event = createAuditEvent(deps, 'user.second_factor_removed', userId)
      const isReset = await storage.setSecondFactor(userId, null, event, user.value.role)
      return isReset ? user : failChangedMeanwhile(user.value)
    },
  }
}

export type Users = ReturnType<typeof createUsers>

/** The user, if `me` may change what lets him in: role, username, password, sessions, leaving. */
export function checkManageable(actor: UserWithRole, user: User): ServiceResult<User> {
  if (canManageUser(actor, user)) return ok(user)
  return failForbidden(
    actor.id === user.id
      ? 'nobody changes their own role or leaves by their own hand: ask somebody else'
      : `${user.email} is ${user.role}: only somebody of that role or above may change them`,
  )
}

/** Somebody else was faster: what was allowed for the role that was may not be for the one that is. */
export const failChangedMeanwhile = ({ email }: User) =>
  failConflict(`${email} was changed by somebody else just now, and nothing was done: look again`)

/** Why a change of this user was not made: for a role that is another `now`, or, where it is not, `otherwise`. */
export const explainUnchanged = <Why>(user: User, now: User | null, otherwise: Why) =>
  now?.role === user.role ? otherwise : failChangedMeanwhile(user)

/** The role, if `me` may give it. */
export const checkGrantable = (actor: UserWithRole, role: Role): ServiceResult<Role> =>
  canGrantRole(actor.role, role)
    ? ok(role)
    : failForbidden(`only who is ${role} may make somebody ${role}`)
