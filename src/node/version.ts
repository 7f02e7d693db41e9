import { existsSync } from 'node:fs'
import type { Config } from '../config.ts'
import { silent } from './silent.ts'

type Place =
  | { readonly engine: 'sqlite'; readonly path: string }
  | Pick<Extract<Config['database'], { engine: 'postgres' }>, 'engine' | 'url'>

/** The version of a database's schema; null where nothing was ever written to it. Writes nothing. */
export async function versionAt(place: Place): Promise<number | null> {
  if (place.engine === 'postgres') {
    const { inspectPostgres } = await import('./postgres.ts')
    return (await inspectPostgres(place.url, silent)).version ?? null
  }
  if (!existsSync(place.path)) return null
  const { default: Database } = await import('better-sqlite3')
  const { versionOf } = await import('./sqlite-schema.ts')
  const db = new Database(place.path, { readonly: true, fileMustExist: true, timeout: 10_000 })
  try {
    return versionOf(db)
  } finally {
    db.close()
  }
}
