import { ok } from '../../domain/failure.ts'
import { formatIpAddress, parseIpNetwork } from '../../domain/ip-network.ts'
import type { Account, AllowlistEntry, Developer, EditStorage, Site } from '../ports/accounts.ts'
import type { KeyHolderKind, ListStorage, Page } from '../ports/lists.ts'
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
  parseNewRow,
  type ServiceResult,
} from '../service-result.ts'

export interface DirectoryDeps extends ActorDeps {
  readonly storage: ResourceStorage &
    Pick<EditStorage, 'rename' | 'deleteSite' | 'deleteDeveloper'> &
    Pick<ListStorage, 'countKeysByHolder'>
}

const MAX_NOTE_LENGTH = 200

/** An address from which the account's keys were used. */
export interface SeenAddress {
  readonly address: string
  readonly lastAt: number
}

const SEEN_ADDRESS_WINDOW_MS = 30 * 24 * 60 * 60 * 1000
const MAX_SEEN_ADDRESS_EVENTS = 500
const MAX_SEEN_ADDRESSES = 50

/** What an operator does with the sites, developers and addresses of an account. */
export function createDirectory(deps: DirectoryDeps) {
  const { storage, random, clock } = deps

  return {
    async addSite(input: {
      accountId: string
      name: string
      id?: string | undefined
    }): Promise<ServiceResult<Site>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const site: Site = { ...row.value, createdAt: clock() }
      const added = await storage.addSite(site, createAuditEvent(deps, 'site.created', site.id))
      return added ? ok(site) : failConflict(`there is a site ${site.id} already`)
    },
    async renameSite(id: string, newName: string): Promise<ServiceResult<Site>> {
      const name = parseName('the name', newName)
      if (!name.ok) return name
      const event = createAuditEvent(deps, 'site.renamed', id, { name: name.value })
      const renamed = await storage.rename('site', id, name.value, event)
      return renamed ? findSite(id) : failSiteNotFound(id)
    },
    /** Only one that no key has, revoked ones too: the audit and the lists go on naming it. */
    async deleteSite(id: string): Promise<ServiceResult<void>> {
      const site = await findSite(id)
      if (!site.ok) return site
      const event = createAuditEvent(deps, 'site.removed', id, { name: site.value.name })
      return (await storage.deleteSite(id, event))
        ? ok(undefined)
        : failConflict(`keys belong to ${site.value.name}, be they revoked: it stays`)
    },
    listSites: (page: Page & { accountId?: string | undefined }) => storage.listSites(page),
    findSite,

    /** `developerKey`: as another system issued it; made here where it is left out. */
    async addDeveloper(input: {
      accountId: string
      name: string
      developerKey?: string | undefined
      id?: string | undefined
    }): Promise<ServiceResult<Developer>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const developerKey = input.developerKey ?? random.code()
      if (!/^[A-Za-z0-9]{8,64}$/.test(developerKey)) {
        return failInvalid('a developer key is 8 to 64 of A–Z, a–z and 0–9')
      }
      const developer: Developer = { ...row.value, developerKey, createdAt: clock() }
      const event = createAuditEvent(deps, 'developer.created', developer.id, { developerKey })
      const added = await storage.addDeveloper(developer, event)
      if (added) return ok(developer)
      return failConflict(
        `another developer has the key ${developerKey}${formatIdConflict(input.id, 'a developer')}`,
      )
    },
    async renameDeveloper(id: string, newName: string): Promise<ServiceResult<Developer>> {
      const name = parseName('the name', newName)
      if (!name.ok) return name
      const event = createAuditEvent(deps, 'developer.renamed', id, { name: name.value })
      const renamed = await storage.rename('developer', id, name.value, event)
      return renamed ? findDeveloper(id) : failDeveloperNotFound(id)
    },
    /** As a site: only one that no key has, revoked ones too. */
    async deleteDeveloper(id: string): Promise<ServiceResult<void>> {
      const developer = await findDeveloper(id)
      if (!developer.ok) return developer
      const { name, developerKey } = developer.value
      const event = createAuditEvent(deps, 'developer.removed', id, { name, developerKey })
      return (await storage.deleteDeveloper(id, event))
        ? ok(undefined)
        : failConflict(`keys belong to ${name}, be they revoked: the developer stays`)
    },
    listDevelopers: (page: Page & { accountId?: string | undefined }) =>
      storage.listDevelopers(page),
    findDeveloper,

    /** How many keys that are not revoked each of these has. */
    countKeys: (kind: KeyHolderKind, ids: readonly string[]) =>
      storage.countKeysByHolder(kind, ids),

    /** Whether keys work from the listed addresses only. While the list is empty they work anywhere. */
    async enforceAllowlist(accountId: string, enforced: boolean): Promise<ServiceResult<Account>> {
      const action = enforced ? 'account.addresses_enforced' : 'account.addresses_open'
      const event = createAuditEvent(deps, action, accountId)
      const changed = await storage.setAllowlistEnforced(accountId, enforced, event)
      const account = changed ? await storage.findAccount(accountId) : null
      return account === null ? failNotFound(`there is no account ${accountId}`) : ok(account)
    },

    /** An IPv4 or IPv6 address, or CIDR. In force at the next request. */
    async addAllowlistEntry(input: {
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
          `${JSON.stringify(input.network)} is no address and no network: write 203.0.113.7, ` +
            '203.0.113.0/24 or 2001:db8::/32, without bits set beyond the prefix',
        )
      }
      const note = input.note?.trim() ?? ''
      if (note.length > MAX_NOTE_LENGTH || /\p{Cc}/u.test(note) || !note.isWellFormed()) {
        return failInvalid(`a note is one line of at most ${MAX_NOTE_LENGTH} characters`)
      }
      if ((await storage.findAccount(input.accountId)) === null) {
        return failNotFound(`there is no account ${input.accountId}`)
      }
      const network = `${formatIpAddress(parsed)}/${parsed.prefix}`
      const entry: AllowlistEntry = {
        id: id.value,
        accountId: input.accountId,
        network,
        note,
        createdAt: clock(),
      }
      const event = createAuditEvent(deps, 'address.added', entry.id, {
        accountId: entry.accountId,
        network,
      })
      const added = await storage.addAllowlistEntry(entry, event)
      if (added) return ok(entry)
      return failConflict(
        `${network} is in the list already${formatIdConflict(input.id, 'a rule')}`,
      )
    },

    async deleteAllowlistEntry(id: string): Promise<ServiceResult<void>> {
      const removed = await storage.deleteAllowlistEntry(
        id,
        createAuditEvent(deps, 'address.removed', id),
      )
      return removed ? ok(undefined) : failNotFound(`there is no address rule ${id}`)
    },
    listAllowlist: (accountId: string) => storage.listAllowlistEntries(accountId),

    /**
     * From where tokens were asked for lately, the last one first. Keys that are presented at every
     * request are only counted: from where they are used, nobody here knows.
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

  async function findSite(id: string): Promise<ServiceResult<Site>> {
    const site = await storage.findSite(id)
    return site === null ? failSiteNotFound(id) : ok(site)
  }

  async function findDeveloper(id: string): Promise<ServiceResult<Developer>> {
    const developer = await storage.findDeveloper(id)
    return developer === null ? failDeveloperNotFound(id) : ok(developer)
  }
}

const failSiteNotFound = (id: string) => failNotFound(`there is no site ${id}`)
const failDeveloperNotFound = (id: string) => failNotFound(`there is no developer ${id}`)

export type Directory = ReturnType<typeof createDirectory>
