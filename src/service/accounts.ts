import { ok } from '../domain/failure.ts'
import type { AccountStatus, Role } from '../domain/key.ts'
import {
  conflict,
  type Done,
  eventOf,
  invalid,
  notFound,
  type OperatorDeps,
  readName,
} from './operator.ts'
import type { Account, OperatorStorage, Page, User } from './ports.ts'

export interface AccountsDeps extends OperatorDeps {
  readonly storage: OperatorStorage
  /** The region of accounts that name none. */
  readonly region: string
}

/** What an operator does with organizations and their people. */
export function createAccounts(deps: AccountsDeps) {
  const { storage, random, clock } = deps

  return {
    async create(wish: { name: string; region?: string | undefined }): Promise<Done<Account>> {
      const name = readName('the name', wish.name)
      if (!name.ok) return name
      const region = readName('the region', wish.region ?? deps.region)
      if (!region.ok) return region
      const account: Account = {
        id: random.uuid(),
        name: name.value,
        region: region.value,
        status: 'open',
        createdAt: clock(),
      }
      await storage.addAccount(account, eventOf(deps, 'account.created', account.id))
      return ok(account)
    },

    /** Closing refuses every key of the account from the next request on; opening undoes it. */
    async setStatus(id: string, status: AccountStatus): Promise<Done<Account>> {
      const action = status === 'closed' ? 'account.closed' : 'account.opened'
      const changed = await storage.setAccountStatus(id, status, eventOf(deps, action, id))
      const account = changed ? await storage.findAccount(id) : null
      return account === null ? notFound(`there is no account ${id}`) : ok(account)
    },

    list: (page: Page) => storage.listAccounts(page),

    async addUser(wish: { accountId: string; email: string; role: Role }): Promise<Done<User>> {
      const email = readName('the e-mail address', wish.email)
      if (!email.ok) return email
      if (!/^[^\s@]+@[^\s@]+$/.test(email.value)) {
        return invalid(`${JSON.stringify(wish.email)} is not an e-mail address`)
      }
      const account = await storage.findAccount(wish.accountId)
      if (account === null) return notFound(`there is no account ${wish.accountId}`)
      const user: User = {
        id: random.uuid(),
        accountId: account.id,
        email: email.value,
        role: wish.role,
        createdAt: clock(),
      }
      const event = eventOf(deps, 'user.created', user.id, { role: user.role })
      const added = await storage.addUser(user, event)
      return added ? ok(user) : conflict(`${user.email} is already a user of this account`)
    },

    async setRole(id: string, role: Role): Promise<Done<User>> {
      const event = eventOf(deps, 'user.role_changed', id, { role })
      const changed = await storage.setUserRole(id, role, event)
      const user = changed ? await storage.findUser(id) : null
      return user === null ? notFound(`there is no user ${id}`) : ok(user)
    },

    listUsers: (page: Page & { accountId?: string | undefined }) => storage.listUsers(page),
  }
}

export type Accounts = ReturnType<typeof createAccounts>
