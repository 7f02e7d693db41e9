import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import type { Log } from '../service/ports.ts'
import type { Engine } from '../storage/engine.ts'

type Database = Config['database']

/** The file of a database that is one. */
export function databasePath({ database }: Config): string {
  if (database.engine === 'sqlite') return database.path
  throw new Error('the database is no file: LATCHKEY_DATABASE names a server')
}

/** Opens the database that is named. Each driver is loaded only where it is used. */
export async function openEngine(database: Database, log: Log): Promise<Engine> {
  if (database.engine === 'sqlite') {
    const { openSqlite } = await import('./sqlite.ts')
    return openSqlite(database.path, { log })
  }
  const { openPostgres } = await import('./postgres.ts')
  return openPostgres(database.url, log, database)
}

/** Whether nothing was ever written to it. */
export async function isNew(database: Database, log: Log): Promise<boolean> {
  if (database.engine === 'sqlite') return !existsSync(database.path)
  const { isNewPostgres } = await import('./postgres.ts')
  return isNewPostgres(database.url, log)
}
