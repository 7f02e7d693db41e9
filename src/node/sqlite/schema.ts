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
 * A new file gets schema.sql; an older one is brought to it, step by step; one of another version is
 * refused before anything is read from it. Answers the steps that were taken here: of processes that
 * start together, one takes each.
 */
export function prepareSchema(
  db: Database.Database,
  history: SchemaHistory = SCHEMA_HISTORY,
): Migration[] {
  db.transaction(() => {
    if (readSqliteVersion(db) === null) db.exec(readPackageFile('schema.sql'))
  }).immediate()

  const plan = planMigrations(readSqliteVersion(db) ?? 0, history)
  const applied = plan.filter((migration) => applyMigration(db, migration))
  // A newer Latchkey may have gone on from where this one ends.
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
