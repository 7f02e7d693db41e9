import type { ClientBase } from 'pg'
import { readSchema, requireVersion } from '../schema.ts'

/** Any number that nobody else locks in our database. */
const LOCK = 4_905_231

/** Whether it has never been Latchkey's. */
export async function isEmpty(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ is_empty: boolean }>(
    `SELECT to_regclass('schema_version') IS NULL AS is_empty`,
  )
  return rows[0]?.is_empty === true
}

export async function schemaVersion(client: ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_version')
  return rows[0]?.version
}

/**
 * An empty database gets schema.sql; one of another version is refused before anything is read from
 * it. Of several servers that start at once, one does it, and the others wait for it.
 */
export async function prepareSchema(client: ClientBase): Promise<void> {
  await client.query('BEGIN')
  await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK])
  if (await isEmpty(client)) await client.query(readSchema())
  const version = await schemaVersion(client)
  await client.query('COMMIT')
  requireVersion(version)
}
