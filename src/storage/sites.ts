import type { Site } from '../service/ports/accounts.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audit.ts'
import type { TableStatements } from './statements.ts'
import type { Tables } from './tables.ts'

type SiteMethods = Pick<ResourceStorage, 'addSite' | 'listSites' | 'findSite'>

export function createSiteStorage(rows: TableStatements, audit: AuditedChanges): SiteMethods {
  const insertSite = rows.insertUnlessTaken('sites')
  const readPage = rows.page('sites', 'account_id', toSite)

  return {
    addSite: ({ accountId, createdAt, ...site }, event) =>
      audit.applyChange(
        'sites',
        insertSite({ ...site, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),
    listSites: ({ accountId, ...page }) => readPage(accountId, page),
    findSite: rows.findById('sites', toSite),
  }
}

const toSite = (row: Tables['sites']): Site => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  createdAt: row.created_at,
})
