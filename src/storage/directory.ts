import { sql } from 'kysely'
import type { AuditEvent } from '../service/ports/audit.ts'
import type { Page } from '../service/ports/lists.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter, type TableStatements } from './statements.ts'
import { createRowMapping, type RowValue, type Tables } from './tables.ts'

type DirectoryMethods = Pick<
  ResourceStorage,
  'addSite' | 'listSites' | 'findSite' | 'addDeveloper' | 'listDevelopers' | 'findDeveloper'
>

/** Stores what an account has by name alone. The columns of each table are the members of its rows. */
export function createDirectoryStorage(
  rows: TableStatements,
  audit: AuditedChanges,
): DirectoryMethods {
  const sites = createMethods('sites')
  const developers = createMethods('developers')
  return {
    addSite: sites.add,
    listSites: sites.list,
    findSite: sites.find,
    addDeveloper: developers.add,
    listDevelopers: developers.list,
    findDeveloper: developers.find,
  }

  function createMethods<Name extends 'sites' | 'developers'>(table: Name) {
    const { toRow, fromRow } = createRowMapping(table)
    const insert = rows.insertUnlessTaken(table)
    const readPage = rows.page(table, 'account_id', fromRow)
    return {
      add: (value: RowValue<Name>, event: AuditEvent) =>
        audit.applyChange(table, insert(toRow(value, event.id)), event),
      list: ({ accountId, ...page }: Page & { accountId?: string | undefined }) =>
        readPage(accountId, page),
      find: rows.findById(table, fromRow),
    }
  }
}

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
  const { toRow, fromRow } = createRowMapping('ip_allowlist_entries')
  const insertEntry = rows.insertUnlessTaken('ip_allowlist_entries')
  const deleteEntry = sqlStatement<{ id: string }>(
    (arg) => sql`delete from ip_allowlist_entries where id = ${arg('id')}`,
  )
  const selectEntries = sqlStatement<{ accountId: string }, Tables['ip_allowlist_entries']>(
    (arg) =>
      sql`select * from ip_allowlist_entries where account_id = ${arg('accountId')} order by id`,
  )

  return {
    addAllowlistEntry: (entry, event) =>
      audit.applyChange('ip_allowlist_entries', insertEntry(toRow(entry, event.id)), event),
    deleteAllowlistEntry: (id, event) =>
      audit.applyDeletion('ip_allowlist_entries', [deleteEntry({ id })], event),
    async listAllowlistEntries(accountId) {
      return (await engine.read(selectEntries({ accountId }))).map(fromRow)
    },
  }
}
