import { existsSync } from 'node:fs'
import { type Config, readConfig } from '../../config.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { CommandFailure } from './command-failure.ts'
import { alignRows } from './print.ts'

/** Returns the file of the configured database, for commands that work with files. */
export function getDatabaseFilePath(): string {
  const { database } = readConfig(process.env)
  if (database.engine === 'sqlite') return database.path
  throw new CommandFailure(
    'configuration',
    'LATCHKEY_DATABASE is PostgreSQL: use its own tools, pg_dump and pg_restore',
  )
}

/** Requires that the file exists, because a read must not create a database. */
export function getExistingDatabasePath(): string {
  const path = getDatabaseFilePath()
  requireFile(path)
  return path
}

/** Returns the configured database; requires that its file exists, if it is one. */
export function getExistingDatabase(): Config['database'] {
  const { database } = readConfig(process.env)
  if (database.engine === 'sqlite') requireFile(database.path)
  return database
}

/** Requires a database that was used before: a wrong folder must not look like an empty installation. */
export async function requireUsedDatabase({ database }: Config, log: Log): Promise<void> {
  if (database.engine === 'sqlite') return requireFile(database.path)
  const { isNewDatabase } = await import('../database.ts')
  if (await isNewDatabase(database, log)) {
    throw new CommandFailure(
      'not_found',
      'the PostgreSQL database was never used: set LATCHKEY_DATABASE, or start with `latchkey serve`',
    )
  }
}

function requireFile(path: string): void {
  if (existsSync(path)) return
  throw new CommandFailure(
    'not_found',
    `there is no database at ${path}: set LATCHKEY_DATA, or start with \`latchkey serve\``,
  )
}

/** Formats the contents of a database file. */
export function formatDatabaseContents({
  path,
  bytes,
  schemaVersion,
  rows,
}: {
  path: string
  bytes: number
  schemaVersion: number
  rows: Readonly<Record<string, number>>
}): string {
  const counts = Object.entries(rows).map(([table, count]) => [`  ${table}`, String(count)])
  return `${path}: ${bytes} bytes, schema version ${schemaVersion}, no damage found\n${alignRows(counts)}`
}
