import { writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import { createD1Statements } from '../storage/d1-statements.ts'
import { type CopiedTable, type CopyOptions, compareDatabases } from '../storage/database-copy.ts'
import type { Engine } from '../storage/engine.ts'
import {
  createD1Migration,
  type Migration,
  planMigrations,
  SCHEMA_HISTORY,
  type SchemaHistory,
} from '../storage/migrations.ts'
import {
  prepareDraftPath,
  publishDraft,
  readLines,
  removeDraft,
  syncToDisk,
  writeText,
} from './draft-files.ts'
import { openSqlite } from './sqlite/engine.ts'

const FILE_HEAD = `-- Rows for a D1 database that holds schema.sql and nothing else:
--   wrangler d1 execute NAME --remote --file schema.sql
--   wrangler d1 execute NAME --remote --file THIS
`

/** Writes the file, loads it into a database as D1 would, and compares that with the source. */
export async function writeD1Import(
  from: Engine,
  to: string,
  options: CopyOptions,
): Promise<CopiedTable[]> {
  const draft = prepareDraftPath(to)
  const trial = prepareDraftPath(`${to}.trial`)
  try {
    await writeText(draft, formatImport(createD1Statements(from, options.progress)))
    const loaded = openSqlite(trial)
    try {
      await loadStatements(draft, trial)
      const tables = await compareDatabases(from, loaded, options)
      syncToDisk(draft)
      publishDraft(draft, to, true)
      return tables.map((table) => ({ ...table, written: table.source.rows }))
    } finally {
      await loaded.close()
    }
  } finally {
    removeDraft(draft)
    removeDraft(trial)
  }
}

async function* formatImport(statements: AsyncIterable<string>): AsyncGenerator<string> {
  yield FILE_HEAD
  for await (const statement of statements) yield `${statement}\n`
}

async function loadStatements(from: string, to: string): Promise<void> {
  const db = new Database(to)
  try {
    db.pragma('synchronous = OFF')
    db.exec('BEGIN')
    for await (const line of readLines(from)) db.exec(line)
    db.exec('COMMIT')
  } finally {
    db.close()
  }
}

/**
 * Writes the SQL that migrates a D1 database from this version; writes no file if nothing is to do.
 * Returns the steps.
 */
export function writeD1Migration(
  path: string,
  fromVersion: number,
  history: SchemaHistory = SCHEMA_HISTORY,
): Migration[] {
  const steps = planMigrations(fromVersion, history)
  if (steps.length === 0) return steps
  const lines = [
    `-- A Latchkey database in D1, from schema version ${fromVersion} to ${history.version}; on any other version it fails`,
    '-- and changes nothing. All of it is one transaction:',
    '--   npx wrangler d1 execute NAME --remote --file THIS',
    ...createD1Migration(fromVersion, history).map((statement) => `${statement};`),
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  return steps
}
