import { sql } from 'kysely'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter, type TableStatements } from './statements.ts'
import { createRowMapping, type Tables } from './tables.ts'

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
