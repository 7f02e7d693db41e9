import { ok } from '../../domain/failure.ts'
import { DAY_MS } from '../../domain/instant.ts'
import { formatIpAddress, parseIpNetwork } from '../../domain/ip-network.ts'
import type { Account, AllowlistEntry } from '../ports/accounts.ts'
import type { ManagementDeps } from '../scope/storage.ts'
import {
  createAuditEvent,
  failConflict,
  failInvalid,
  failNotFound,
  formatIdConflict,
  parseId,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

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

  const findAccount = async (id: string): Promise<ServiceResult<Account>> =>
    requireFound(await storage.findAccount(id), 'account', id)

  return {
    /** While enforced, keys work only from the listed addresses. An empty list allows all. */
    async setEnforced(accountId: string, enforced: boolean): Promise<ServiceResult<Account>> {
      const action = enforced
        ? 'account.ip_allowlist_enforced'
        : 'account.ip_allowlist_enforcement_stopped'
      const event = createAuditEvent(deps, action, accountId)
      const isChanged = await storage.setAllowlistEnforced(accountId, enforced, event)
      return isChanged ? findAccount(accountId) : failNotFound(`there is no account ${accountId}`)
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
        )
      }
      const note = input.note?.trim() ?? ''
      if (note.length > MAX_NOTE_LENGTH || /\p{Cc}/u.test(note) || !note.isWellFormed()) {
        return failInvalid(`a note is one line of at most ${MAX_NOTE_LENGTH} characters`)
      }
      const account = await findAccount(input.accountId)
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
