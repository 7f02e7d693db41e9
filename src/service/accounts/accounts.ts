import { ok } from '../../domain/failure.ts'
import type { AccountStatus, Role } from '../../domain/key.ts'
import { isEmail, isUsername, USERNAME_RULE } from '../../domain/user.ts'
import type { Account, EditStorage, User } from '../ports/accounts.ts'
import type { ListStorage, Page } from '../ports/lists.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import {
  type ActorDeps,
  createAuditEvent,
  failConflict,
  failInvalid,
  failNotFound,
  formatIdConflict,
  parseId,
  parseName,
  type ServiceResult,
} from '../service-result.ts'
import { checkGrantable, checkManageable, explainUnchanged, failChangedMeanwhile } from './users.ts'

export interface AccountsDeps extends ActorDeps {
  readonly storage: ResourceStorage &
    Pick<EditStorage, 'rename' | 'setUserEmail'> &
    Pick<ListStorage, 'searchUsers'>
  /** What whoever acts is himself: nobody raises anybody above that. */
  readonly role: Role
  /** The region of accounts that name none. */
  readonly region: string
}

/** What an operator does with organizations and their people. */
export function createAccounts(deps: AccountsDeps) {
  const { storage, random, clock } = deps
  const actor = { id: deps.actor, role: deps.role }

  return {
    async create(input: {
      name: string
      region?: string | undefined
      /** That another server serves the region is known. */
      otherRegion?: boolean | undefined
      id?: string | undefined
    }): Promise<ServiceResult<Account>> {
      const id = parseId(input.id, random)
      if (!id.ok) return id
      const name = parseName('the name', input.name)
      if (!name.ok) return name
      const region = parseName('the region', input.region ?? deps.region)
      if (!region.ok) return region
      if (region.value !== deps.region && input.otherRegion !== true) {
        return failInvalid(
          `this server serves the region ${deps.region}, so that keys of an account in ${region.value} never work here: leave the region out, or say that another server serves it (otherRegion)`,
        )
      }
      const account: Account = {
        id: id.value,
        name: name.value,
        region: region.value,
        status: 'open',
        createdAt: clock(),
        departedKeys: 'keep',
        addressesEnforced: false,
      }
      const added = await storage.addAccount(
        account,
        createAuditEvent(deps, 'account.created', account.id),
      )
      if (added) return ok(account)
      return failConflict(
        (await storage.findAccount(account.id)) === null
          ? 'an account is created by who has all accounts in sight'
          : `there is an account ${account.id} already`,
      )
    },

    /** Closing refuses every key of the account from the next request on; opening undoes it. */
    async setStatus(id: string, status: AccountStatus): Promise<ServiceResult<Account>> {
      const action = status === 'closed' ? 'account.closed' : 'account.opened'
      const changed = await storage.setAccountStatus(id, status, createAuditEvent(deps, action, id))
      const account = await find(id)
      return changed || !account.ok ? account : failLastOperatorAccount(account.value)
    },

    /** What becomes of the keys of an owner who leaves from now on. */
    async setOffboardingPolicy(
      id: string,
      policy: Account['departedKeys'],
    ): Promise<ServiceResult<Account>> {
      const event = createAuditEvent(deps, 'account.departed_keys_set', id, {
        departedKeys: policy,
      })
      const changed = await storage.setOffboardingPolicy(id, policy, event)
      return changed ? find(id) : failAccountNotFound(id)
    },

    async rename(id: string, newValue: string): Promise<ServiceResult<Account>> {
      const name = parseName('the name', newValue)
      if (!name.ok) return name
      const event = createAuditEvent(deps, 'account.renamed', id, { name: name.value })
      const renamed = await storage.rename('account', id, name.value, event)
      return renamed ? find(id) : failAccountNotFound(id)
    },

    list: (page: Page) => storage.listAccounts(page),
    find,

    async addUser(input: {
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
        return failInvalid(USERNAME_RULE)
      }
      const account = await find(input.accountId)
      if (!account.ok) return account
      const user: User = {
        id: id.value,
        accountId: account.value.id,
        email: email.value,
        role: role.value,
        createdAt: clock(),
        username,
        leftAt: null,
      }
      const event = createAuditEvent(deps, 'user.created', user.id, { role: user.role })
      const added = await storage.addUser(user, event)
      if (added) return ok(user)
      const usernameConflict = username === null ? '' : `, or the username ${username} is taken`
      return failConflict(
        `${user.email} is already a user of this account${usernameConflict}${formatIdConflict(input.id, 'a user')}`,
      )
    },

    /** Nobody signs in with it, so one's own may be changed too. */
    async setEmail(id: string, newValue: string): Promise<ServiceResult<User>> {
      const email = parseEmail(newValue)
      if (!email.ok) return email
      const existing = await findUser(id)
      const user =
        existing.ok && id !== actor.id ? checkManageable(actor, existing.value) : existing
      if (!user.ok) return user
      if (user.value.leftAt !== null) return failConflict(`${user.value.email} has left`)
      const event = createAuditEvent(deps, 'user.edited', id, { email: email.value })
      if (await storage.setUserEmail(id, email.value, event, user.value.role)) return findUser(id)
      const takenFailure = failConflict(`${email.value} is already a user of this account`)
      return explainUnchanged(user.value, await storage.findUser(id), takenFailure)
    },

    async setRole(id: string, newRole: Role): Promise<ServiceResult<User>> {
      const existing = await findUser(id)
      const user = existing.ok ? checkManageable(actor, existing.value) : existing
      if (!user.ok) return user
      const role = checkGrantable(actor, newRole)
      if (!role.ok) return role
      const event = createAuditEvent(deps, 'user.role_changed', id, { role: newRole })
      if (await storage.setUserRole(id, newRole, event, user.value.role)) return findUser(id)
      return explainUnchanged(user.value, await storage.findUser(id), failLastOperator(user.value))
    },

    /** His keys are flagged from now on, or disabled, as his account wants it. */
    async deactivateUser(id: string): Promise<ServiceResult<User>> {
      const existing = await findUser(id)
      const user = existing.ok ? checkManageable(actor, existing.value) : existing
      if (!user.ok) return user
      const event = createAuditEvent(deps, 'user.left', id)
      const isDeactivated = await storage.deactivateUser(id, clock(), event, user.value.role)
      const current = await findUser(id)
      if (isDeactivated || !current.ok) return current
      if (current.value.role !== user.value.role) return failChangedMeanwhile(user.value)
      return current.value.leftAt === null
        ? failLastOperator(current.value)
        : failConflict(`${current.value.email} has left already`)
    },

    listUsers: (page: Page & { accountId?: string | undefined }) => storage.listUsers(page),
    /** Those who have not left, by a part of what they are called. */
    searchUsers: (search: Parameters<ListStorage['searchUsers']>[0]) => storage.searchUsers(search),
    findUser,
  }

  async function findUser(id: string): Promise<ServiceResult<User>> {
    const user = await storage.findUser(id)
    return user === null ? failNotFound(`there is no user ${id}`) : ok(user)
  }

  async function find(id: string): Promise<ServiceResult<Account>> {
    const account = await storage.findAccount(id)
    return account === null ? failAccountNotFound(id) : ok(account)
  }
}

function parseEmail(text: string): ServiceResult<string> {
  const email = parseName('the e-mail address', text)
  return !email.ok || isEmail(email.value)
    ? email
    : failInvalid(`${JSON.stringify(text)} is not an e-mail address`)
}

const failLastOperator = ({ email }: User) =>
  failConflict(`${email} is the last operator who can sign in: make somebody else operator first`)

const failLastOperatorAccount = ({ name }: Account) =>
  failConflict(
    `all operators who can sign in are of ${name}: make somebody of another account operator`,
  )

const failAccountNotFound = (id: string) => failNotFound(`there is no account ${id}`)

export type Accounts = ReturnType<typeof createAccounts>
