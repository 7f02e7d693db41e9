import { statSync } from 'node:fs'
import Database from 'better-sqlite3'

const ENDS = ['', '-wal', '-shm']

/**
 * Remembers which files an open database consists of; answers a function that throws where one of them
 * is not there any more. SQLite goes on writing to a file that was removed, and whoever opens the
 * database next finds none of it.
 */
export function watchFiles(path: string): () => void {
  const opened = ENDS.map((end) => ({ file: path + end, stats: statSync(path + end) }))
  let size = opened[0]?.stats.size ?? 0

  return () => {
    for (const { file, stats } of opened) {
      const found = statSync(file, { throwIfNoEntry: false })
      if (found === undefined) throw moved(`${file} was removed`)
      if (found.ino !== stats.ino || found.dev !== stats.dev) throw moved(`${file} was replaced`)
      if (file !== path) continue
      // A VACUUM makes it smaller too. (The log may be cut: that is how SQLite empties it.)
      if (found.size < size && !isWhole(path)) throw moved(`${file} was cut`)
      size = found.size
    }
  }
}

const moved = (message: string) => new Database.SqliteError(message, 'SQLITE_MOVED')

/** Read by a connection that has none of it in memory. */
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
