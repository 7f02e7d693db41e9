import type Database from 'better-sqlite3'
import {
  createMigrationError,
  formatVersionBump,
  type Migration,
  planMigrations,
  SCHEMA_HISTORY,
  type SchemaHistory,
} from '../../storage/migrations.ts'
import { readPackageFile } from '../package-file.ts'

/** The version of its schema; null where it has none. */
export function readSqliteVersion(db: Database.Database): number | null {
  const table = db
    .prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'`)
    .get()
  if (table === undefined) return null
  const row = db.prepare<[], { version: number }>('SELECT version FROM schema_version').get()
  return row?.version ?? 0
}

/**
 * Creates the schema in a new file, migrates an older one step by step, and refuses any other version
 * before reading from it. Returns the steps taken here: of processes that start together, one takes
 * each.
 */
export function prepareSqliteSchema(
  db: Database.Database,
  history: SchemaHistory = SCHEMA_HISTORY,
): Migration[] {
  db.transaction(() => {
    if (readSqliteVersion(db) === null) db.exec(readPackageFile('schema.sql'))
  }).immediate()

  const plan = planMigrations(readSqliteVersion(db) ?? 0, history)
  const applied = plan.filter((migration) => applyMigration(db, migration))
  // A newer Latchkey may have migrated further.
  if (plan.length > 0) planMigrations(readSqliteVersion(db) ?? 0, history)
  return applied
}

function applyMigration(db: Database.Database, migration: Migration): boolean {
  const { statements } = migration
  const step = db.transaction(() => {
    if (db.prepare(formatVersionBump(migration)).run().changes === 0) return false
    for (const statement of statements) db.exec(statement)
    return true
  })
  try {
    return step.immediate()
  } catch (error) {
    throw createMigrationError(migration, error)
  }
}
