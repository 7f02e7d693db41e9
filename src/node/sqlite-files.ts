import { statSync } from 'node:fs'
import Database from 'better-sqlite3'

const DATABASE_SUFFIXES = ['', '-wal', '-shm']

/**
 * Remembers the files of an open database, and returns a function that throws if one of them was removed,
 * replaced or cut. SQLite continues to write to a removed file, and the next process that opens the
 * database finds nothing of it.
 */
export function watchFiles(path: string): () => void {
  const opened = DATABASE_SUFFIXES.map((end) => ({ file: path + end, stats: statSync(path + end) }))
  let size = opened[0]?.stats.size ?? 0

  return () => {
    for (const { file, stats } of opened) {
      const found = statSync(file, { throwIfNoEntry: false })
      if (found === undefined) throw createError(`${file} was removed`)
      if (found.ino !== stats.ino || found.dev !== stats.dev)
        throw createError(`${file} was replaced`)
      if (file !== path) continue
      // A VACUUM makes the file smaller too. (SQLite itself truncates the WAL.)
      if (found.size < size && !isWhole(path)) throw createError(`${file} was cut`)
      size = found.size
    }
  }
}

const createError = (message: string) => new Database.SqliteError(message, 'SQLITE_MOVED')

/** Checks the file over a new connection, which has no page in memory. */
function isWhole(path: string): boolean {
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
