import { sql } from 'kysely'
import type { AllowlistEntry, Developer, Site } from '../service/ports/accounts.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter, type TableStatements } from './statements.ts'
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

type AllowlistMethods = Pick<
  ResourceStorage,
  'addAllowlistEntry' | 'deleteAllowlistEntry' | 'listAllowlistEntries'
>

export function createAllowlistStorage(
  engine: Engine,
  compiler: StatementCompiler,
  rows: TableStatements,
  audit: AuditedChanges,
): AllowlistMethods {
  const sqlStatement = createSqlWriter(compiler)
  const insertEntry = rows.insertUnlessTaken('ip_allowlist_entries')
  const deleteEntry = sqlStatement<{ id: string }>(
    (arg) => sql`delete from ip_allowlist_entries where id = ${arg('id')}`,
  )
  const selectEntries = sqlStatement<{ accountId: string }, Tables['ip_allowlist_entries']>(
    (arg) =>
      sql`select * from ip_allowlist_entries where account_id = ${arg('accountId')} order by id`,
  )

  return {
    addAllowlistEntry: ({ accountId, createdAt, ...entry }, event) =>
      audit.applyChange(
        'ip_allowlist_entries',
        insertEntry({ ...entry, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),
    deleteAllowlistEntry: (id, event) =>
      audit.applyDeletion('ip_allowlist_entries', [deleteEntry({ id })], event),
    async listAllowlistEntries(accountId) {
      return (await engine.read(selectEntries({ accountId }))).map(toAllowlistEntry)
    },
  }
}

const toAllowlistEntry = (row: Tables['ip_allowlist_entries']): AllowlistEntry => ({
  id: row.id,
  accountId: row.account_id,
  network: row.network,
  note: row.note,
  createdAt: row.created_at,
})
