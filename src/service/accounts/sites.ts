import { ok } from '../../domain/failure.ts'
import type { Site } from '../ports/accounts.ts'
import type { Page } from '../ports/lists.ts'
import type { ManagementStorage } from '../scope/storage.ts'
import {
  type ActorDeps,
  createAuditEvent,
  deleteResource,
  failConflict,
  parseNewRow,
  renameResource,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

export interface SitesDeps extends ActorDeps {
  readonly storage: ManagementStorage
}

/** Manages the sites of an account. */
export function createSites(deps: SitesDeps) {
  const { storage, clock } = deps

  const find = async (id: string): Promise<ServiceResult<Site>> =>
    requireFound(await storage.findSite(id), 'site', id)

  return {
    async add(input: {
      accountId: string
      name: string
      id?: string | undefined
    }): Promise<ServiceResult<Site>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const site: Site = { ...row.value, createdAt: clock() }
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
      const reason = `keys belong to ${name}, active or revoked, so that it cannot be deleted`
      return deleteResource(deps, 'site', id, { facts: { name }, reason })
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listSites(page),
    find,

    /** Counts each site's keys that are not revoked. */
    countKeys: (ids: readonly string[]) => storage.countKeysByHolder('site', ids),
  }
}

export type Sites = ReturnType<typeof createSites>
