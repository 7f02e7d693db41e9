import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import { planMigrations } from '../../storage/migrations.ts'
import { TABLE_SHAPES } from '../../storage/tables.ts'
import { readSqliteVersion } from './schema.ts'

/** The contents of a database file. */
export interface DatabaseContents {
  readonly path: string
  readonly bytes: number
  readonly schemaVersion: number
  /** The rows of each table. */
  readonly rows: Readonly<Record<string, number>>
}

/**
 * Checks that a file, which no other process has open, is a complete Latchkey database of a version that
 * this program reads; throws a sentence if not. Leaves no write-ahead log beside it.
 */
export function inspectDatabaseFile(path: string): DatabaseContents {
  const db = new Database(path, { fileMustExist: true })
  try {
    const schemaVersion = readVersion(db)
    if (schemaVersion === null) throw new Error('it is a database, but not one of Latchkey')
    planMigrations(schemaVersion)
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
    return readSqliteVersion(db)
  } catch (error) {
    if ((error as { code?: string }).code !== 'SQLITE_NOTADB') throw error
    throw new Error('it is not a database', { cause: error })
  }
}

/** Counts the rows; a database of an older version lacks some tables. */
function countRows(db: Database.Database): Record<string, number> {
  const tableNames = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).pluck().all()
  const counts = TABLE_SHAPES.filter(
    ({ key, name }) => key.length > 0 && tableNames.includes(name),
  ).map(({ name }) => [name, db.prepare(`SELECT count(*) FROM ${name}`).pluck().get() as number])
  return Object.fromEntries(counts)
}

const DATABASE_SUFFIXES = ['', '-wal', '-shm']

/**
 * Remembers the files of an open database, and returns a function that throws if one of them was removed,
 * replaced or cut. SQLite continues to write to a removed file, and the next process that opens the
 * database finds nothing of it.
 */
export function createFileCheck(path: string): () => void {
  const opened = DATABASE_SUFFIXES.map((end) => ({ file: path + end, stats: statSync(path + end) }))
  let size = opened[0]?.stats.size ?? 0

  return () => {
    for (const { file, stats } of opened) {
      const current = statSync(file, { throwIfNoEntry: false })
      if (current === undefined) throw createMovedError(`${file} was removed`)
      if (current.ino !== stats.ino || current.dev !== stats.dev)
        throw createMovedError(`${file} was replaced`)
      if (file !== path) continue
      // A VACUUM makes the file smaller too. (SQLite itself truncates the WAL.)
      if (current.size < size && !isIntact(path)) throw createMovedError(`${file} was cut`)
      size = current.size
    }
  }
}

const createMovedError = (message: string) => new Database.SqliteError(message, 'SQLITE_MOVED')

/** Checks the file over a new connection, which has no page in memory. */
function isIntact(path: string): boolean {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true })
    try {
      return db.pragma('quick_check(1)', { simple: true }) === 'ok'
    } finally {
      db.close()
    }
  } catch {
    return false
  }
}
