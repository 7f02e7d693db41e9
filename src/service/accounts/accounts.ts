import { ok } from '../../domain/failure.ts'
import type { AccountStatus } from '../../domain/key.ts'
import type { Account } from '../ports/accounts.ts'
import type { Page } from '../ports/lists.ts'
import type { ManagementDeps } from '../scope/storage.ts'
import {
  createAuditEvent,
  deleteResource,
  failConflict,
  failInvalid,
  failNotFound,
  parseId,
  parseName,
  renameResource,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

export interface AccountsDeps extends ManagementDeps {
  /** The region of accounts that are created without one. */
  readonly region: string
}

/** Manages accounts: the organizations that keys and users belong to. */
export function createAccounts(deps: AccountsDeps) {
  const { storage, random, clock } = deps

  return {
    async create(input: {
      name: string
      region?: string | undefined
      /** Confirms that another server serves the region. */
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
        offboardingPolicy: 'keep',
        ipAllowlistEnforced: false,
      }
      const isAdded = await storage.addAccount(
        account,
        createAuditEvent(deps, 'account.created', account.id),
      )
      if (isAdded) return ok(account)
      return failConflict(
        (await storage.findAccount(account.id)) === null
          ? 'only an operator who sees all accounts can create an account'
          : `there is an account ${account.id} already`,
      )
    },

    /** Closing an account refuses its keys from the next request on; opening it undoes that. */
    async setStatus(id: string, status: AccountStatus): Promise<ServiceResult<Account>> {
      const action = status === 'closed' ? 'account.closed' : 'account.opened'
      const isChanged = await storage.setAccountStatus(
        id,
        status,
        createAuditEvent(deps, action, id),
      )
      const account = await find(id)
      return isChanged || !account.ok ? account : failLastOperatorAccount(account.value)
    },

    /** Sets what happens to the keys of owners who are deactivated from now on. */
    async setOffboardingPolicy(
      id: string,
      policy: Account['offboardingPolicy'],
    ): Promise<ServiceResult<Account>> {
      const event = createAuditEvent(deps, 'account.offboarding_policy_set', id, {
        offboardingPolicy: policy,
      })
      const isChanged = await storage.setOffboardingPolicy(id, policy, event)
      return isChanged ? find(id) : failNotFound(`there is no account ${id}`)
    },

    rename: (id: string, name: string) => renameResource(deps, 'account', id, name, find),

    async delete(id: string): Promise<ServiceResult<void>> {
      const account = await find(id)
      if (!account.ok) return account
      const { name, status } = account.value
      const reason =
        status === 'open'
          ? `${name} is open: close it first`
          : `${name} still has users, sites, developers, sources, destinations or keys: delete them first`
      return deleteResource(deps, 'account', id, { facts: { name }, reason })
    },

    list: (page: Page) => storage.listAccounts(page),
    find,
  }

  async function find(id: string): Promise<ServiceResult<Account>> {
    return requireFound(await storage.findAccount(id), 'account', id)
  }
}

const failLastOperatorAccount = ({ name }: Account) =>
  failConflict(
    `all operators who can sign in belong to ${name}: make a user of another account an operator`,
  )

export type Accounts = ReturnType<typeof createAccounts>
