import { existsSync } from 'node:fs'
import { type Config, readConfig } from '../../config.ts'
import { CommandFailure } from './failure.ts'

/** The file of the configured database, for what is done with files. */
export function configuredPath(): string {
  const { database } = readConfig(process.env)
  if (database.engine === 'sqlite') return database.path
  throw new CommandFailure(
    'configuration',
    'LATCHKEY_DATABASE is PostgreSQL: use its own tools, pg_dump and pg_restore',
  )
}

/** The same, where it is there: a look at a database must not make one. */
export function existingDatabase(): string {
  const path = configuredPath()
  requireFile(path)
  return path
}

/** The configured database; where it is a file, one that is there. */
export function existingPlace(): Config['database'] {
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
