import { existsSync } from 'node:fs'
import { readConfig } from '../../config.ts'
import { CommandFailure } from './failure.ts'

/** The file of the configured database. */
export const configuredPath = (): string => readConfig(process.env).database.path

/** The same, where it is there: a look at a database must not make one. */
export function existingDatabase(): string {
  const path = configuredPath()
  if (existsSync(path)) return path
  throw new CommandFailure(
    'not_found',
    `there is no database ${path}: the first \`latchkey serve\` makes it`,
  )
}
