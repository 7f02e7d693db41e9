import { type Config, readConfig } from '../../config.ts'
import { CommandFailure } from './command-failure.ts'
import { alignRows } from './print.ts'
import { requireDatabaseFile } from './with-latchkey.ts'

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
  requireDatabaseFile(path)
  return path
}

/** Returns the configured database; requires that its file exists, if it is one. */
export function getExistingDatabase(): Config['database'] {
  const { database } = readConfig(process.env)
  if (database.engine === 'sqlite') requireDatabaseFile(database.path)
  return database
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
