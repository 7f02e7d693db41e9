import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { planFrom } from '../storage/migrations.ts'
import { SHAPES } from '../storage/shapes.ts'
import { versionOf } from './sqlite-schema.ts'

/** What a database file holds. */
export interface Holding {
  readonly path: string
  readonly bytes: number
  readonly schemaVersion: number
  /** How many rows each table has. */
  readonly rows: Readonly<Record<string, number>>
}

/**
 * Proves that a file of ours, which nobody else has open, is a whole Latchkey database of a version
 * that this program reads; throws a sentence where it is not. The file stands alone afterwards: no
 * write-ahead log beside it.
 */
export function inspect(path: string): Holding {
  const db = new Database(path, { fileMustExist: true })
  try {
    const schemaVersion = readVersion(db)
    if (schemaVersion === null) throw new Error('it is a database, but not one of Latchkey')
    planFrom(schemaVersion)
    db.pragma('journal_mode = DELETE')
    const verdict = db.pragma('quick_check(1)', { simple: true })
    if (verdict !== 'ok') throw new Error(`it is damaged: ${verdict}`)
    return { path, bytes: statSync(path).size, schemaVersion, rows: countRows(db) }
  } finally {
    db.close()
  }
}

function readVersion(db: Database.Database): number | null {
  try {
    return versionOf(db)
  } catch (error) {
    if ((error as { code?: string }).code !== 'SQLITE_NOTADB') throw error
    throw new Error('it is not a database', { cause: error })
  }
}

/** A database of an older version lacks the tables that came later. */
function countRows(db: Database.Database): Record<string, number> {
  const there = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all()
  const counts = SHAPES.filter(({ key, name }) => key.length > 0 && there.includes(name)).map(
    ({ name }) => [name, db.prepare(`SELECT count(*) FROM ${name}`).pluck().get() as number],
  )
  return Object.fromEntries(counts)
}
