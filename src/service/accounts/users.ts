import { ok } from '../../domain/failure.ts'
import { canGrantRole, canManageUser, type Role, type UserWithRole } from '../../domain/role.ts'
import { isEmail, isUsername, USERNAME_RULE } from '../../domain/user.ts'
import type { ManagementStorage } from '../account-scope.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { formatIdConflict, parseId, parseName } from '../input.ts'
import type { User } from '../ports/accounts.ts'
import type { ListStorage, Page } from '../ports/lists.ts'
import type { Invitation } from '../ports/sign-in.ts'
import { deleteResource } from '../resource-changes.ts'
import {
  failConflict,
  failForbidden,
  failInvalid,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'
import {
  type AddInvitationDeps,
  addInvitation,
  FIRST_OPERATOR_INVITATION_MS,
  INVITATION_MS,
} from '../sign-in/invitations.ts'

export interface UsersDeps extends AddInvitationDeps {
  /** The actor's role, which limits the roles that they can assign. */
  readonly role: Role
  /** False for a role with a permission that a client does not have: it cannot manage such users. */
  readonly includesRole: (role: Role) => boolean
  readonly storage: ManagementStorage
  /** The URL at which browsers reach the console. */
  readonly consoleUrl: string
}

/** A one-time link. It is shown once. */
export interface IssuedInvitation {
  readonly invitation: Invitation
  readonly secret: string
  readonly link: string
}

/** The path of an invitation's page, which its secret follows. */
const INVITATION_PATH = '/console/welcome'

/** Manages users and how they sign in. */
export function createUsers(deps: UsersDeps) {
  const { storage, random, clock } = deps
  const actor = toActor(deps)
  const find = (id: string) => findUser(deps, id)

  return {
    async add(input: {
      accountId: string
      email: string
      role: Role
      username?: string | undefined
      id?: string | undefined
    }): Promise<ServiceResult<User>> {
      const id = parseId(input.id, random)
      if (!id.ok) return id
      const role = checkGrantable(actor, input.role)
      if (!role.ok) return role
      const email = parseEmail(input.email)
      if (!email.ok) return email
      const username = input.username ?? null
      if (username !== null && !isUsername(username)) {
        return failInvalid(USERNAME_RULE, 'username')
      }
      const account = requireFound(
        await storage.findAccount(input.accountId),
        'account',
        input.accountId,
      )
      if (!account.ok) return account
      const user: User = {
        id: id.value,
        accountId: account.value.id,
        email: email.value,
        role: role.value,
        createdAt: clock(),
        username,
        deactivatedAt: null,
      }
      const event = createAuditEvent(deps, 'user.created', user.id, { role: user.role })
      const isAdded = await storage.addUser(user, event)
      if (isAdded) return ok(user)
      const usernameConflict = username === null ? '' : `, or the username ${username} is taken`
      return failConflict(
        `${user.email} is already a user of this account${usernameConflict}${formatIdConflict(input.id, 'a user')}`,
      )
    },

    /** Users may change their own e-mail address too, because it is not used to sign in. */
    async setEmail(id: string, newValue: string): Promise<ServiceResult<User>> {
      const email = parseEmail(newValue)
      if (!email.ok) return email
      const existing = await find(id)
      const user =
        existing.ok && id !== actor.id ? checkManageable(actor, existing.value) : existing
      if (!user.ok) return user
      if (user.value.deactivatedAt !== null)
        return failConflict(`${user.value.email} is deactivated`)
      const event = createAuditEvent(deps, 'user.edited', id, { email: email.value })
      if (await storage.setUserEmail(id, email.value, event, user.value.role)) return find(id)
      const takenFailure = failConflict(`${email.value} is already a user of this account`)
      return explainUnchanged(user.value, await storage.findUser(id), takenFailure)
    },

    async setRole(id: string, newRole: Role): Promise<ServiceResult<User>> {
      const user = await findManageableUser(deps, id)
      if (!user.ok) return user
      const role = checkGrantable(actor, newRole)
      if (!role.ok) return role
      const event = createAuditEvent(deps, 'user.role_changed', id, { role: newRole })
      if (await storage.setUserRole(id, newRole, event, user.value.role)) return find(id)
      return explainUnchanged(user.value, await storage.findUser(id), failLastOperator(user.value))
    },

    /** Flags the user's keys, or disables them, by the account's offboarding policy. */
    async deactivate(id: string): Promise<ServiceResult<User>> {
      const user = await findManageableUser(deps, id)
      if (!user.ok) return user
      const event = createAuditEvent(deps, 'user.deactivated', id)
      const isDeactivated = await storage.deactivateUser(id, clock(), event, user.value.role)
      const current = await find(id)
      if (isDeactivated || !current.ok) return current
      if (current.value.role !== user.value.role) return failChangedMeanwhile(user.value)
      return current.value.deactivatedAt === null
        ? failLastOperator(current.value)
        : failConflict(`${current.value.email} is already deactivated`)
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listUsers(page),
    /** Searches active users by a part of their e-mail address or username. */
    search: (search: Parameters<ListStorage['searchUsers']>[0]) => storage.searchUsers(search),
    find,

    /** Counts each user's keys that are not revoked. */
    countKeys: (ids: readonly string[]) => storage.countKeysByHolder({ holder: 'owner', ids }),

    /** Lists how each user can sign in, and when they were last seen. */
    listSignInStatus: (userIds: readonly string[]) =>
      storage.listSignInStatus({ userIds, now: clock() }),

    /** Issues a link to set a password, which replaces the user's previous link. */
    async invite(userId: string): Promise<ServiceResult<IssuedInvitation>> {
      const user = await findManageableUser(deps, userId)
      if (!user.ok) return user
      if (user.value.deactivatedAt !== null) {
        return failConflict(`${user.value.email} is deactivated: add a new user`)
      }
      const issued = await issueInvitation(deps, user.value, INVITATION_MS)
      return issued
        ? ok(issued)
        : failConflict(
            `${user.value.email} was deactivated or got another role at the same time: try again`,
          )
    },

    /** Issues a link to create the first account and its operator. Refused while an operator can sign in. */
    async inviteFirstOperator(): Promise<ServiceResult<IssuedInvitation>> {
      const issued = (await storage.hasActiveOperator())
        ? null
        : await issueInvitation(deps, null, FIRST_OPERATOR_INVITATION_MS)
      return issued
        ? ok(issued)
        : failConflict(
            'an operator can already sign in. To reset a password, run `latchkey users invite ID` ' +
              '(`latchkey users list` shows the ids)',
          )
    },

    async setUsername(userId: string, username: string): Promise<ServiceResult<User>> {
      if (!isUsername(username)) return failInvalid(USERNAME_RULE, 'username')
      const user = await findManageableUser(deps, userId)
      if (!user.ok) return user
      const event = createAuditEvent(deps, 'user.username_set', userId)
      if (await storage.setUsername(userId, username, event, user.value.role)) {
        return ok({ ...user.value, username })
      }
      const takenFailure = failConflict(`the username ${username} is taken: choose another one`)
      return explainUnchanged(user.value, await storage.findUser(userId), takenFailure)
    },

    /** Ends every session and every API token of the user, and returns how many. */
    async signOut(userId: string): Promise<ServiceResult<{ user: User; ended: number }>> {
      const user = await findManageableUser(deps, userId)
      if (!user.ok) return user
      const event = createAuditEvent(deps, 'sessions.ended', userId)
      return ok({ user: user.value, ended: await storage.deleteSessions(userId, null, event) })
    },

    async delete(userId: string): Promise<ServiceResult<void>> {
      const user = await findManageableUser(deps, userId)
      if (!user.ok) return user
      const { email, deactivatedAt } = user.value
      const reason =
        deactivatedAt === null
          ? `${email} is active: deactivate them first`
          : `${email} owns keys, active or revoked: transfer them first (\`latchkey keys edit ID --owner USER\`), or delete them where their type allows it (\`latchkey keys delete ID\`)`
      return deleteResource(deps, 'user', userId, { facts: { email }, reason })
    },

    /**
     * Removes the second factor of a user who lost their device and recovery codes. Their password
     * alone is then enough to sign in.
     */
    async resetSecondFactor(userId: string): Promise<ServiceResult<User>> {
      const user = await findManageableUser(deps, userId)
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

type UserActor = UserWithRole & Pick<UsersDeps, 'includesRole'>

const toActor = ({ actor, role, includesRole }: UsersDeps): UserActor => ({
  id: actor,
  role,
  includesRole,
})

async function findUser({ storage }: UsersDeps, id: string): Promise<ServiceResult<User>> {
  return requireFound(await storage.findUser(id), 'user', id)
}

/** Finds a user whose role, sign-in and deactivation the actor may change. */
async function findManageableUser(deps: UsersDeps, id: string): Promise<ServiceResult<User>> {
  const user = await findUser(deps, id)
  return user.ok ? checkManageable(toActor(deps), user.value) : user
}

/** Creates a one-time link: to the user's password or, without a user, to the first operator. */
async function issueInvitation(
  deps: UsersDeps,
  user: User | null,
  ms: number,
): Promise<IssuedInvitation | null> {
  const secret = deps.random.secret()
  const invitation = await addInvitation(deps, { secret, user, ms })
  return (
    invitation && { invitation, secret, link: `${deps.consoleUrl}${INVITATION_PATH}/${secret}` }
  )
}

function parseEmail(text: string): ServiceResult<string> {
  const email = parseName('the e-mail address', text, 'email')
  return !email.ok || isEmail(email.value)
    ? email
    : failInvalid(`${JSON.stringify(text)} is not an e-mail address`, 'email')
}

const failLastOperator = ({ email }: User) =>
  failConflict(`${email} is the last operator who can sign in: make another user an operator first`)

/** Refuses a user whose role, username, password, sessions or deactivation the actor may not change. */
function checkManageable(actor: UserActor, user: User): ServiceResult<User> {
  if (canManageUser(actor, user)) {
    return actor.includesRole(user.role) ? ok(user) : failMissingScopes(user.role)
  }
  return failForbidden(
    actor.id === user.id
      ? 'you cannot change your own role or deactivate yourself: ask another administrator'
      : `${user.email} has the role ${user.role}: only a user with that role or a higher one can change them`,
  )
}

/** A concurrent change came first, and the actor may not be allowed to manage the user's new role. */
const failChangedMeanwhile = ({ email }: User) =>
  failConflict(`${email} was changed by another user at the same time. Nothing was done: try again`)

/** Explains a change that storage refused: the user's role is different `now`, or else `otherwise`. */
const explainUnchanged = <Why>(user: User, now: User | null, otherwise: Why) =>
  now?.role === user.role ? otherwise : failChangedMeanwhile(user)

/** Refuses a role that the actor may not assign. */
function checkGrantable(actor: UserActor, role: Role): ServiceResult<Role> {
  if (!canGrantRole(actor.role, role)) {
    return failForbidden(`your role does not allow you to assign the role ${role}`)
  }
  return actor.includesRole(role) ? ok(role) : failMissingScopes(role)
}

const failMissingScopes = (role: Role) =>
  failForbidden(
    `this client cannot manage users with the role ${role}: it has not all of the scopes that stand for the permissions of that role`,
  )
