import type { Developer } from '../service/ports/accounts.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audit.ts'
import type { TableStatements } from './statements.ts'
import type { Tables } from './tables.ts'

type DeveloperMethods = Pick<ResourceStorage, 'addDeveloper' | 'listDevelopers' | 'findDeveloper'>

export function createDeveloperStorage(
  rows: TableStatements,
  audit: AuditedChanges,
): DeveloperMethods {
  const insertDeveloper = rows.insertUnlessTaken('developers')
  const readPage = rows.page('developers', 'account_id', toDeveloper)

  return {
    addDeveloper: ({ accountId, createdAt, developerKey, ...developer }, event) =>
      audit.applyChange(
        'developers',
        insertDeveloper({
          ...developer,
          account_id: accountId,
          developer_key: developerKey,
          created_at: createdAt,
          event_id: event.id,
        }),
        event,
      ),
    listDevelopers: ({ accountId, ...page }) => readPage(accountId, page),
    findDeveloper: rows.findById('developers', toDeveloper),
  }
}

const toDeveloper = (row: Tables['developers']): Developer => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  developerKey: row.developer_key,
  createdAt: row.created_at,
})
