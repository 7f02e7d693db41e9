import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import type { Log } from '../service/ports/runtime.ts'
import type { Engine } from '../storage/engine.ts'
import { silentLog } from './log.ts'

type DatabaseConfig = Config['database']

/** Opens the configured database. Loads only the driver that it uses. */
export async function openEngine(database: DatabaseConfig, log: Log): Promise<Engine> {
  if (database.engine === 'sqlite') {
    const { openSqlite } = await import('./sqlite/engine.ts')
    return openSqlite(database.path, { log })
  }
  const { openPostgres } = await import('./postgres/engine.ts')
  return openPostgres(database.url, log, database)
}

/** Tests if the database was never used. */
export async function isNewDatabase(database: DatabaseConfig, log: Log): Promise<boolean> {
  if (database.engine === 'sqlite') return !existsSync(database.path)
  const { isNewPostgres } = await import('./postgres/engine.ts')
  return isNewPostgres(database.url, log)
}

type InspectedDatabase =
  | { readonly engine: 'sqlite'; readonly path: string }
  | Pick<Extract<Config['database'], { engine: 'postgres' }>, 'engine' | 'url'>

/** Reads the version of a database's schema; null if it was never used. Writes nothing. */
export async function readSchemaVersion(database: InspectedDatabase): Promise<number | null> {
  if (database.engine === 'postgres') {
    const { inspectPostgres } = await import('./postgres/engine.ts')
    return (await inspectPostgres(database.url, silentLog)).version ?? null
  }
  if (!existsSync(database.path)) return null
  const { default: Database } = await import('better-sqlite3')
  const { readSqliteVersion } = await import('./sqlite/schema.ts')
  const { nameFileInErrors } = await import('./sqlite/errors.ts')
  return nameFileInErrors(database.path, () => {
    const options = { readonly: true, fileMustExist: true, timeout: 10_000 }
    const db = new Database(database.path, options)
    try {
      return readSqliteVersion(db)
    } finally {
      db.close()
    }
  })
}
