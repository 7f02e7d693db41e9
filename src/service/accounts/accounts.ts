import { ok } from '../../domain/failure.ts'
import { DAY_MS } from '../../domain/instant.ts'
import { formatIpAddress, parseIpNetwork } from '../../domain/ip-network.ts'
import type { AccountStatus } from '../../domain/key.ts'
import type { ManagementDeps } from '../account-scope.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { formatIdConflict, parseId, parseName } from '../input.ts'
import type { Account, AllowlistEntry, Developer, Site } from '../ports/accounts.ts'
import type { Page } from '../ports/lists.ts'
import { deleteResource, type NewRow, parseNewRow, renameResource } from '../resource-changes.ts'
import {
  failConflict,
  failInvalid,
  failNotFound,
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
  const find = (id: string) => findAccount(deps, id)

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
      const region = parseName('the region', input.region ?? deps.region, 'region')
      if (!region.ok) return region
      if (region.value !== deps.region && input.otherRegion !== true) {
        return failInvalid(
          `this server serves the region ${deps.region}, so that keys of an account in ${region.value} never work here: leave the region out, or say that another server serves it`,
          'otherRegion',
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
}

const findAccount = async (
  { storage }: ManagementDeps,
  id: string,
): Promise<ServiceResult<Account>> => requireFound(await storage.findAccount(id), 'account', id)

const failLastOperatorAccount = ({ name }: Account) =>
  failConflict(
    `all operators who can sign in belong to ${name}: make a user of another account an operator`,
  )

export type Accounts = ReturnType<typeof createAccounts>

/** Manages the sites of an account. */
export function createSites(deps: ManagementDeps) {
  const { storage, clock } = deps

  const find = async (id: string): Promise<ServiceResult<Site>> =>
    requireFound(await storage.findSite(id), 'site', id)

  return {
    async add(input: NewRow<Site>): Promise<ServiceResult<Site>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const site: Site = { ...input, ...row.value, createdAt: clock() }
      const isAdded = await storage.addSite(site, createAuditEvent(deps, 'site.created', site.id))
      return isAdded ? ok(site) : failConflict(`there is a site ${site.id} already`)
    },

    rename: (id: string, name: string) => renameResource(deps, 'site', id, name, find),

    /**
     * Refused while any key belongs to the site, even a revoked one, because lists and the audit name
     * the site.
     */
    async delete(id: string): Promise<ServiceResult<void>> {
      const site = await find(id)
      if (!site.ok) return site
      const { name } = site.value
      const reason = `keys belong to ${name}, active or revoked, so that it cannot be deleted: \`latchkey keys unassign ID\` frees it of Open Dental-style keys, and Xenrad-style keys stay with their site`
      return deleteResource(deps, 'site', id, { facts: { name }, reason })
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listSites(page),
    find,

    /** Counts each site's keys that are not revoked. */
    countKeys: (ids: readonly string[]) => storage.countKeysByHolder({ holder: 'site', ids }),
  }
}

export type Sites = ReturnType<typeof createSites>

/** Manages the developers of an account. */
export function createDevelopers(deps: ManagementDeps) {
  const { storage, random, clock } = deps

  const find = async (id: string): Promise<ServiceResult<Developer>> =>
    requireFound(await storage.findDeveloper(id), 'developer', id)

  return {
    /** `developerKey`: as another system issued it; created here if omitted. */
    async add(input: {
      accountId: string
      name: string
      developerKey?: string | undefined
      id?: string | undefined
    }): Promise<ServiceResult<Developer>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const developerKey = input.developerKey ?? random.code()
      if (!/^[A-Za-z0-9]{8,64}$/.test(developerKey)) {
        return failInvalid('a developer key is 8 to 64 of A–Z, a–z and 0–9', 'developerKey')
      }
      const developer: Developer = { ...row.value, developerKey, createdAt: clock() }
      const event = createAuditEvent(deps, 'developer.created', developer.id, { developerKey })
      const isAdded = await storage.addDeveloper(developer, event)
      if (isAdded) return ok(developer)
      return failConflict(
        `another developer has the key ${developerKey}${formatIdConflict(input.id, 'a developer')}`,
      )
    },

    rename: (id: string, name: string) => renameResource(deps, 'developer', id, name, find),

    /**
     * Refused while any key belongs to the developer, even a revoked one, because lists and the audit
     * name the developer.
     */
    async delete(id: string): Promise<ServiceResult<void>> {
      const developer = await find(id)
      if (!developer.ok) return developer
      const { name, developerKey } = developer.value
      const reason = `keys belong to ${name}, active or revoked, so that it cannot be deleted: keys stay with their developer, and \`latchkey keys revoke ID\` ends their use`
      return deleteResource(deps, 'developer', id, { facts: { name, developerKey }, reason })
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listDevelopers(page),
    find,

    /** Counts each developer's keys that are not revoked. */
    countKeys: (ids: readonly string[]) => storage.countKeysByHolder({ holder: 'developer', ids }),
  }
}

export type Developers = ReturnType<typeof createDevelopers>

const MAX_NOTE_LENGTH = 200

/** An address from which the account's keys were used. */
export interface SeenAddress {
  readonly address: string
  readonly lastAt: number
}

const SEEN_ADDRESS_WINDOW_MS = 30 * DAY_MS
const MAX_SEEN_ADDRESS_EVENTS = 500
const MAX_SEEN_ADDRESSES = 50

/** Manages the addresses from which an account's keys may be used. */
export function createIpAllowlist(deps: ManagementDeps) {
  const { storage, random, clock } = deps

  return {
    /** While enforced, keys work only from the listed addresses. An empty list allows all. */
    async setEnforced(accountId: string, enforced: boolean): Promise<ServiceResult<Account>> {
      const action = enforced
        ? 'account.ip_allowlist_enforced'
        : 'account.ip_allowlist_enforcement_stopped'
      const event = createAuditEvent(deps, action, accountId)
      const isChanged = await storage.setAllowlistEnforced(accountId, enforced, event)
      return isChanged
        ? findAccount(deps, accountId)
        : failNotFound(`there is no account ${accountId}`)
    },

    /** `network`: an IPv4 or IPv6 address, or CIDR. Takes effect at the next request. */
    async add(input: {
      accountId: string
      network: string
      note?: string | undefined
      id?: string | undefined
    }): Promise<ServiceResult<AllowlistEntry>> {
      const id = parseId(input.id, random)
      if (!id.ok) return id
      const parsed = parseIpNetwork(input.network.trim())
      if (parsed === null) {
        return failInvalid(
          `${JSON.stringify(input.network)} is not an address or a network: use 203.0.113.7, ` +
            '203.0.113.0/24 or 2001:db8::/32, without bits set beyond the prefix',
          'network',
        )
      }
      const note = input.note?.trim() ?? ''
      if (note.length > MAX_NOTE_LENGTH || /\p{Cc}/u.test(note) || !note.isWellFormed()) {
        return failInvalid(`a note is one line of at most ${MAX_NOTE_LENGTH} characters`, 'note')
      }
      const account = await findAccount(deps, input.accountId)
      if (!account.ok) return account
      const network = `${formatIpAddress(parsed)}/${parsed.prefix}`
      const entry: AllowlistEntry = {
        id: id.value,
        accountId: input.accountId,
        network,
        note,
        createdAt: clock(),
      }
      const event = createAuditEvent(deps, 'ip_allowlist_entry.added', entry.id, {
        accountId: entry.accountId,
        network,
      })
      const isAdded = await storage.addAllowlistEntry(entry, event)
      if (isAdded) return ok(entry)
      return failConflict(
        `${network} is in the list already${formatIdConflict(input.id, 'an entry')}`,
      )
    },

    async delete(id: string): Promise<ServiceResult<void>> {
      const event = createAuditEvent(deps, 'ip_allowlist_entry.deleted', id)
      const isDeleted = await storage.deleteAllowlistEntry(id, event)
      return isDeleted ? ok(undefined) : failNotFound(`there is no IP allowlist entry ${id}`)
    },

    list: (accountId: string) => storage.listAllowlistEntries(accountId),

    /**
     * Lists the addresses that requested tokens recently, the latest first. Uses of keys that are
     * presented at every request are only counted, so their addresses are unknown.
     */
    async listSeenAddresses(accountId: string): Promise<SeenAddress[]> {
      const since = clock() - SEEN_ADDRESS_WINDOW_MS
      const lastSeenByAddress = new Map<string, SeenAddress>()
      for (const action of ['token.issued', 'token.refreshed']) {
        for (const { at, facts } of await storage.listEvents({
          accountId,
          action,
          since,
          limit: MAX_SEEN_ADDRESS_EVENTS,
        })) {
          if (typeof facts.address !== 'string') continue
          const lastAt = Math.max(at, lastSeenByAddress.get(facts.address)?.lastAt ?? at)
          lastSeenByAddress.set(facts.address, { address: facts.address, lastAt })
        }
      }
      return [...lastSeenByAddress.values()]
        .sort((a, b) => b.lastAt - a.lastAt)
        .slice(0, MAX_SEEN_ADDRESSES)
    },
  }
}

export type IpAllowlist = ReturnType<typeof createIpAllowlist>
