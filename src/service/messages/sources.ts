import { ok } from '../../domain/failure.ts'
import type { KeySummary } from '../ports/keys.ts'
import type { Page } from '../ports/lists.ts'
import type { Source } from '../ports/routing.ts'
import type { ManagementDeps } from '../scope/storage.ts'
import {
  createAuditEvent,
  deleteResource,
  failConflict,
  type NewRow,
  parseNewRow,
  renameResource,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

/** Manages the sources that messages are sent from. */
export function createSources(deps: ManagementDeps) {
  const { storage, clock } = deps

  const find = async (id: string): Promise<ServiceResult<Source>> =>
    requireFound(await storage.findSource(id), 'source', id)

  return {
    async add(input: NewRow<Source>): Promise<ServiceResult<Source>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const source: Source = { ...input, ...row.value, createdAt: clock() }
      const event = createAuditEvent(deps, 'source.created', source.id)
      return (await storage.addSource(source, event))
        ? ok(source)
        : failConflict(`there is a source ${source.id} already`)
    },

    /** A message that is on its way keeps the name that the source had when it was sent. */
    rename: (id: string, name: string) => renameResource(deps, 'source', id, name, find),

    async delete(id: string): Promise<ServiceResult<void>> {
      const source = await find(id)
      if (!source.ok) return source
      const { name } = source.value
      const reason = `${name} has a subscription, a stored message or a key, active or revoked, so that it cannot be deleted: \`latchkey subscriptions delete ID\` removes a subscription, and a key stays with its source`
      return deleteResource(deps, 'source', id, { facts: { name }, reason })
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listSources(page),
    find,

    /** Finds the source's key; null if it has none, or only revoked ones. */
    async findKey(id: string): Promise<ServiceResult<KeySummary | null>> {
      const source = await find(id)
      return source.ok ? ok(await storage.findSourceKey(id)) : source
    },
  }
}

export type Sources = ReturnType<typeof createSources>
