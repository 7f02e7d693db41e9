import { existsSync } from 'node:fs'
import { type Config, readConfig } from '../../config.ts'
import { CommandFailure } from './command-failure.ts'
import { alignRows } from './print.ts'

/** The file of the configured database, for what is done with files. */
export function getDatabaseFilePath(): string {
  const { database } = readConfig(process.env)
  if (database.engine === 'sqlite') return database.path
  throw new CommandFailure(
    'configuration',
    'LATCHKEY_DATABASE is PostgreSQL: use its own tools, pg_dump and pg_restore',
  )
}

/** The same, where it is there: a look at a database must not make one. */
export function getExistingDatabasePath(): string {
  const path = getDatabaseFilePath()
  requireFile(path)
  return path
}

/** The configured database; where it is a file, one that is there. */
export function getExistingDatabase(): Config['database'] {
  const { database } = readConfig(process.env)
  if (database.engine === 'sqlite') requireFile(database.path)
  return database
}

function requireFile(path: string): void {
  if (existsSync(path)) return
  throw new CommandFailure(
    'not_found',
    `there is no database ${path}: the first \`latchkey serve\` makes it`,
  )
}

/** What a database file holds, for people. */
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
