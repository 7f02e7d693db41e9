import { ok } from '../domain/failure.ts'
import type { AccountStatus, Role } from '../domain/key.ts'
import { isEmail, isUsername, USERNAME_RULE } from '../domain/user.ts'
import { changedMeanwhile, granted, managed, whyUnchanged } from './manage.ts'
import {
  conflict,
  type Done,
  eventOf,
  invalid,
  notFound,
  type OperatorDeps,
  orThere,
  readId,
  readName,
} from './operator.ts'
import type { EditStorage } from './ports/edits.ts'
import type { ListStorage } from './ports/lists.ts'
import type { Account, OperatorStorage, Page, User } from './ports.ts'

export interface AccountsDeps extends OperatorDeps {
  readonly storage: OperatorStorage &
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
  const me = { id: deps.actor, role: deps.role }

  return {
    async create(wish: {
      name: string
      region?: string | undefined
      /** That another server serves the region is known. */
      otherRegion?: boolean | undefined
      id?: string | undefined
    }): Promise<Done<Account>> {
      const id = readId(wish.id, random)
      if (!id.ok) return id
      const name = readName('the name', wish.name)
      if (!name.ok) return name
      const region = readName('the region', wish.region ?? deps.region)
      if (!region.ok) return region
      if (region.value !== deps.region && wish.otherRegion !== true) {
        return invalid(
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
      const added = await storage.addAccount(account, eventOf(deps, 'account.created', account.id))
      if (added) return ok(account)
      return conflict(
        (await storage.findAccount(account.id)) === null
          ? 'an account is created by who has all accounts in sight'
          : `there is an account ${account.id} already`,
      )
    },

    /** Closing refuses every key of the account from the next request on; opening undoes it. */
    async setStatus(id: string, status: AccountStatus): Promise<Done<Account>> {
      const action = status === 'closed' ? 'account.closed' : 'account.opened'
      const changed = await storage.setAccountStatus(id, status, eventOf(deps, action, id))
      const account = await find(id)
      return changed || !account.ok ? account : lastOperators(account.value)
    },

    /** What becomes of the keys of an owner who leaves from now on. */
    async setDepartedKeys(id: string, choice: Account['departedKeys']): Promise<Done<Account>> {
      const event = eventOf(deps, 'account.departed_keys_set', id, { departedKeys: choice })
      const changed = await storage.setDepartedKeys(id, choice, event)
      return changed ? find(id) : noAccount(id)
    },

    async rename(id: string, wished: string): Promise<Done<Account>> {
      const name = readName('the name', wished)
      if (!name.ok) return name
      const event = eventOf(deps, 'account.renamed', id, { name: name.value })
      const renamed = await storage.rename('account', id, name.value, event)
      return renamed ? find(id) : noAccount(id)
    },

    list: (page: Page) => storage.listAccounts(page),
    find,

    async addUser(wish: {
      accountId: string
      email: string
      role: Role
      username?: string | undefined
      id?: string | undefined
    }): Promise<Done<User>> {
      const id = readId(wish.id, random)
      if (!id.ok) return id
      const role = granted(me, wish.role)
      if (!role.ok) return role
      const email = readEmail(wish.email)
      if (!email.ok) return email
      const username = wish.username ?? null
      if (username !== null && !isUsername(username)) {
        return invalid(USERNAME_RULE)
      }
      const account = await find(wish.accountId)
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
      const event = eventOf(deps, 'user.created', user.id, { role: user.role })
      const added = await storage.addUser(user, event)
      if (added) return ok(user)
      const orTaken = username === null ? '' : `, or the username ${username} is taken`
      return conflict(
        `${user.email} is already a user of this account${orTaken}${orThere(wish.id, 'a user')}`,
      )
    },

    /** Nobody signs in with it, so one's own may be changed too. */
    async setEmail(id: string, wished: string): Promise<Done<User>> {
      const email = readEmail(wished)
      if (!email.ok) return email
      const found = await findUser(id)
      const user = found.ok && id !== me.id ? managed(me, found.value) : found
      if (!user.ok) return user
      if (user.value.leftAt !== null) return conflict(`${user.value.email} has left`)
      const event = eventOf(deps, 'user.edited', id, { email: email.value })
      if (await storage.setUserEmail(id, email.value, event, user.value.role)) return findUser(id)
      const taken = conflict(`${email.value} is already a user of this account`)
      return whyUnchanged(user.value, await storage.findUser(id), taken)
    },

    async setRole(id: string, to: Role): Promise<Done<User>> {
      const found = await findUser(id)
      const user = found.ok ? managed(me, found.value) : found
      if (!user.ok) return user
      const role = granted(me, to)
      if (!role.ok) return role
      const event = eventOf(deps, 'user.role_changed', id, { role: to })
      if (await storage.setUserRole(id, to, event, user.value.role)) return findUser(id)
      return whyUnchanged(user.value, await storage.findUser(id), lastOperator(user.value))
    },

    /** His keys are flagged from now on, or disabled, as his account wants it. */
    async leave(id: string): Promise<Done<User>> {
      const found = await findUser(id)
      const user = found.ok ? managed(me, found.value) : found
      if (!user.ok) return user
      const event = eventOf(deps, 'user.left', id)
      const left = await storage.setUserLeft(id, clock(), event, user.value.role)
      const now = await findUser(id)
      if (left || !now.ok) return now
      if (now.value.role !== user.value.role) return changedMeanwhile(user.value)
      return now.value.leftAt === null
        ? lastOperator(now.value)
        : conflict(`${now.value.email} has left already`)
    },

    listUsers: (page: Page & { accountId?: string | undefined }) => storage.listUsers(page),
    /** Those who have not left, by a part of what they are called. */
    searchUsers: (search: Parameters<ListStorage['searchUsers']>[0]) => storage.searchUsers(search),
    findUser,
  }

  async function findUser(id: string): Promise<Done<User>> {
    const user = await storage.findUser(id)
    return user === null ? notFound(`there is no user ${id}`) : ok(user)
  }

  async function find(id: string): Promise<Done<Account>> {
    const account = await storage.findAccount(id)
    return account === null ? noAccount(id) : ok(account)
  }
}

function readEmail(wished: string): Done<string> {
  const email = readName('the e-mail address', wished)
  return !email.ok || isEmail(email.value)
    ? email
    : invalid(`${JSON.stringify(wished)} is not an e-mail address`)
}

const lastOperator = ({ email }: User) =>
  conflict(`${email} is the last operator who can sign in: make somebody else operator first`)

const lastOperators = ({ name }: Account) =>
  conflict(
    `all operators who can sign in are of ${name}: make somebody of another account operator`,
  )

const noAccount = (id: string) => notFound(`there is no account ${id}`)

export type Accounts = ReturnType<typeof createAccounts>
