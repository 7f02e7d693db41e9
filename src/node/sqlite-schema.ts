import type Database from 'better-sqlite3'
import {
  bumpOf,
  HISTORY,
  type History,
  type Migration,
  planFrom,
  stepFailed,
} from '../storage/migrations.ts'
import { readPackageFile } from './package-file.ts'

/** The version of its schema; null where it has none. */
export function versionOf(db: Database.Database): number | null {
  const known = db
    .prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'`)
    .get()
  if (known === undefined) return null
  const row = db.prepare<[], { version: number }>('SELECT version FROM schema_version').get()
  return row?.version ?? 0
}

/**
 * A new file gets schema.sql; an older one is brought to it, step by step; one of another version is
 * refused before anything is read from it. Answers the steps that were taken here: of processes that
 * start together, one takes each.
 */
export function prepareSchema(db: Database.Database, history: History = HISTORY): Migration[] {
  db.transaction(() => {
    if (versionOf(db) === null) db.exec(readPackageFile('schema.sql'))
  }).immediate()

  const plan = planFrom(versionOf(db) ?? 0, history)
  const taken = plan.filter((migration) => take(db, migration))
  // A newer Latchkey may have gone on from where this one ends.
  if (plan.length > 0) planFrom(versionOf(db) ?? 0, history)
  return taken
}

function take(db: Database.Database, migration: Migration): boolean {
  const { statements } = migration
  const step = db.transaction(() => {
    if (db.prepare(bumpOf(migration)).run().changes === 0) return false
    for (const statement of statements) db.exec(statement)
    return true
  })
  try {
    return step.immediate()
  } catch (error) {
    throw stepFailed(migration, error)
  }
}
