import type { ClientBase } from 'pg'
import {
  createMigrationError,
  formatVersionBump,
  type Migration,
  planMigrations,
  SCHEMA_HISTORY,
  type SchemaHistory,
} from '../../storage/migrations.ts'
import { readPackageFile } from '../package-file.ts'

/** Any number that no other program locks in this database. */
const SCHEMA_LOCK_ID = 4_905_231

/** Tests if Latchkey never used the database. */
export async function hasNoSchema(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ is_empty: boolean }>(
    `SELECT to_regclass('schema_version') IS NULL AS is_empty`,
  )
  return rows[0]?.is_empty === true
}

export async function readPostgresVersion(client: ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_version')
  // Connections outside the pool read BIGINT as text.
  return rows[0] && Number(rows[0].version)
}

/**
 * Creates the schema in an empty database, migrates an older one step by step, and refuses any other
 * version before reading from it. Returns the steps taken here: of servers that start at once, one takes
 * each, and the others wait.
 */
export async function preparePostgresSchema(
  client: ClientBase,
  history: SchemaHistory = SCHEMA_HISTORY,
): Promise<Migration[]> {
  await client.query('BEGIN')
  await client.query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK_ID])
  if (await hasNoSchema(client)) await client.query(readPackageFile('schema.sql'))
  const version = await readPostgresVersion(client)
  await client.query('COMMIT')

  const plan = planMigrations(version ?? 0, history)
  const applied: Migration[] = []
  for (const migration of plan) {
    if (await applyMigration(client, migration)) applied.push(migration)
  }
  // A newer Latchkey may have migrated further.
  if (plan.length > 0) planMigrations((await readPostgresVersion(client)) ?? 0, history)
  return applied
}

const MIGRATION_TIMEOUT_MS = 24 * 60 * 60 * 1000

async function applyMigration(client: ClientBase, migration: Migration): Promise<boolean> {
  await client.query('BEGIN')
  try {
    // A large table takes longer than any request may; so does another server's migration.
    await client.query('SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0')
    const queryWithTimeout = (text: string) => {
      const query = { text, query_timeout: MIGRATION_TIMEOUT_MS }
      return client.query(query)
    }
    const { rowCount } = await queryWithTimeout(formatVersionBump(migration))
    const isOurs = rowCount === 1
    for (const statement of isOurs ? migration.statements : []) await queryWithTimeout(statement)
    await client.query('COMMIT')
    return isOurs
  } catch (error) {
    // On a broken connection there is nothing to undo.
    await client.query('ROLLBACK').catch(() => undefined)
    throw createMigrationError(migration, error)
  }
}
