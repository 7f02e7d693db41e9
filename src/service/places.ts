import { formatAddress, parseNetwork } from '../domain/address.ts'
import { ok } from '../domain/failure.ts'
import {
  conflict,
  type Done,
  eventOf,
  invalid,
  notFound,
  type OperatorDeps,
  orThere,
  readHead,
  readId,
  readName,
} from './operator.ts'
import type { EditStorage } from './ports/edits.ts'
import type { Holder, ListStorage } from './ports/lists.ts'
import type { Account, AddressRule, Developer, OperatorStorage, Page, Site } from './ports.ts'

export interface PlacesDeps extends OperatorDeps {
  readonly storage: OperatorStorage &
    Pick<EditStorage, 'rename' | 'removeSite' | 'removeDeveloper'> &
    Pick<ListStorage, 'countKeysOf'>
}

const NOTE_MAX = 200

/** An address from which the account's keys were used. */
export interface SeenAddress {
  readonly address: string
  readonly lastAt: number
}

const SEEN_MS = 30 * 24 * 60 * 60 * 1000
const SEEN_EVENTS = 500
const SEEN_MOST = 50

/** What an operator does with the sites, developers and addresses of an account. */
export function createPlaces(deps: PlacesDeps) {
  const { storage, random, clock } = deps

  return {
    async addSite(wish: {
      accountId: string
      name: string
      id?: string | undefined
    }): Promise<Done<Site>> {
      const head = await readHead(deps, wish)
      if (!head.ok) return head
      const site: Site = { ...head.value, createdAt: clock() }
      const added = await storage.addSite(site, eventOf(deps, 'site.created', site.id))
      return added ? ok(site) : conflict(`there is a site ${site.id} already`)
    },
    async renameSite(id: string, wished: string): Promise<Done<Site>> {
      const name = readName('the name', wished)
      if (!name.ok) return name
      const event = eventOf(deps, 'site.renamed', id, { name: name.value })
      const renamed = await storage.rename('site', id, name.value, event)
      return renamed ? findSite(id) : noSite(id)
    },
    /** Only one that no key has, revoked ones too: the audit and the lists go on naming it. */
    async removeSite(id: string): Promise<Done<void>> {
      const site = await findSite(id)
      if (!site.ok) return site
      const event = eventOf(deps, 'site.removed', id, { name: site.value.name })
      return (await storage.removeSite(id, event))
        ? ok(undefined)
        : conflict(`keys belong to ${site.value.name}, be they revoked: it stays`)
    },
    listSites: (page: Page & { accountId?: string | undefined }) => storage.listSites(page),
    findSite,

    /** `developerKey`: as another system issued it; made here where it is left out. */
    async addDeveloper(wish: {
      accountId: string
      name: string
      developerKey?: string | undefined
      id?: string | undefined
    }): Promise<Done<Developer>> {
      const head = await readHead(deps, wish)
      if (!head.ok) return head
      const developerKey = wish.developerKey ?? random.code()
      if (!/^[A-Za-z0-9]{8,64}$/.test(developerKey)) {
        return invalid('a developer key is 8 to 64 of A–Z, a–z and 0–9')
      }
      const developer: Developer = { ...head.value, developerKey, createdAt: clock() }
      const event = eventOf(deps, 'developer.created', developer.id, { developerKey })
      const added = await storage.addDeveloper(developer, event)
      if (added) return ok(developer)
      return conflict(
        `another developer has the key ${developerKey}${orThere(wish.id, 'a developer')}`,
      )
    },
    async renameDeveloper(id: string, wished: string): Promise<Done<Developer>> {
      const name = readName('the name', wished)
      if (!name.ok) return name
      const event = eventOf(deps, 'developer.renamed', id, { name: name.value })
      const renamed = await storage.rename('developer', id, name.value, event)
      return renamed ? findDeveloper(id) : noDeveloper(id)
    },
    /** As a site: only one that no key has, revoked ones too. */
    async removeDeveloper(id: string): Promise<Done<void>> {
      const developer = await findDeveloper(id)
      if (!developer.ok) return developer
      const { name, developerKey } = developer.value
      const event = eventOf(deps, 'developer.removed', id, { name, developerKey })
      return (await storage.removeDeveloper(id, event))
        ? ok(undefined)
        : conflict(`keys belong to ${name}, be they revoked: the developer stays`)
    },
    listDevelopers: (page: Page & { accountId?: string | undefined }) =>
      storage.listDevelopers(page),
    findDeveloper,

    /** How many keys that are not revoked each of these has. */
    countKeys: (what: Holder, ids: readonly string[]) => storage.countKeysOf(what, ids),

    /** Whether keys work from the listed addresses only. While the list is empty they work anywhere. */
    async enforceAddresses(accountId: string, enforced: boolean): Promise<Done<Account>> {
      const action = enforced ? 'account.addresses_enforced' : 'account.addresses_open'
      const event = eventOf(deps, action, accountId)
      const changed = await storage.setAddressesEnforced(accountId, enforced, event)
      const account = changed ? await storage.findAccount(accountId) : null
      return account === null ? notFound(`there is no account ${accountId}`) : ok(account)
    },

    /** An IPv4 or IPv6 address, or CIDR. In force at the next request. */
    async addAddress(wish: {
      accountId: string
      network: string
      note?: string | undefined
      id?: string | undefined
    }): Promise<Done<AddressRule>> {
      const id = readId(wish.id, random)
      if (!id.ok) return id
      const parsed = parseNetwork(wish.network.trim())
      if (parsed === null) {
        return invalid(
          `${JSON.stringify(wish.network)} is no address and no network: write 203.0.113.7, ` +
            '203.0.113.0/24 or 2001:db8::/32, without bits set beyond the prefix',
        )
      }
      const note = wish.note?.trim() ?? ''
      if (note.length > NOTE_MAX || /\p{Cc}/u.test(note) || !note.isWellFormed()) {
        return invalid(`a note is one line of at most ${NOTE_MAX} characters`)
      }
      if ((await storage.findAccount(wish.accountId)) === null) {
        return notFound(`there is no account ${wish.accountId}`)
      }
      const network = `${formatAddress(parsed)}/${parsed.prefix}`
      const rule: AddressRule = {
        id: id.value,
        accountId: wish.accountId,
        network,
        note,
        createdAt: clock(),
      }
      const event = eventOf(deps, 'address.added', rule.id, { accountId: rule.accountId, network })
      const added = await storage.addAddressRule(rule, event)
      if (added) return ok(rule)
      return conflict(`${network} is in the list already${orThere(wish.id, 'a rule')}`)
    },

    async removeAddress(id: string): Promise<Done<void>> {
      const removed = await storage.removeAddressRule(id, eventOf(deps, 'address.removed', id))
      return removed ? ok(undefined) : notFound(`there is no address rule ${id}`)
    },
    listAddresses: (accountId: string) => storage.listAddressRules(accountId),

    /**
     * From where tokens were asked for lately, the last one first. Keys that are presented at every
     * request are only counted: from where they are used, nobody here knows.
     */
    async seenAddresses(accountId: string): Promise<SeenAddress[]> {
      const since = clock() - SEEN_MS
      const seen = new Map<string, SeenAddress>()
      for (const action of ['token.issued', 'token.refreshed']) {
        for (const { at, facts } of await storage.listEvents({
          accountId,
          action,
          since,
          limit: SEEN_EVENTS,
        })) {
          if (typeof facts.address !== 'string') continue
          const lastAt = Math.max(at, seen.get(facts.address)?.lastAt ?? at)
          seen.set(facts.address, { address: facts.address, lastAt })
        }
      }
      return [...seen.values()].sort((a, b) => b.lastAt - a.lastAt).slice(0, SEEN_MOST)
    },
  }

  async function findSite(id: string): Promise<Done<Site>> {
    const site = await storage.findSite(id)
    return site === null ? noSite(id) : ok(site)
  }

  async function findDeveloper(id: string): Promise<Done<Developer>> {
    const developer = await storage.findDeveloper(id)
    return developer === null ? noDeveloper(id) : ok(developer)
  }
}

const noSite = (id: string) => notFound(`there is no site ${id}`)
const noDeveloper = (id: string) => notFound(`there is no developer ${id}`)

export type Places = ReturnType<typeof createPlaces>
