import { ok } from '../../domain/failure.ts'
import type { Developer, Site } from '../ports/accounts.ts'
import type { Page } from '../ports/lists.ts'
import type { ManagementDeps } from '../scope/storage.ts'
import {
  createAuditEvent,
  deleteResource,
  failConflict,
  failInvalid,
  formatIdConflict,
  type NewRow,
  parseNewRow,
  renameResource,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

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
    countKeys: (ids: readonly string[]) => storage.countKeysByHolder('site', ids),
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
        return failInvalid('a developer key is 8 to 64 of A–Z, a–z and 0–9')
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
    countKeys: (ids: readonly string[]) => storage.countKeysByHolder('developer', ids),
  }
}

export type Developers = ReturnType<typeof createDevelopers>
