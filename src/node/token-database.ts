import { closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { TokenStore } from '../client/client.ts'

/** How long a process waits for another one that writes. */
const BUSY_TIMEOUT_MS = 5000

/**
 * Opens a store of tokens in an owner-only SQLite file, which processes of this machine share. `name`
 * tells whose token it is.
 */
export function openTokenDatabase(path: string, name: string): TokenStore & { close(): void } {
  // SQLite gives its log the mode of the database.
  closeSync(openSync(path, 'a', 0o600))
  const db = new Database(path, { timeout: BUSY_TIMEOUT_MS })
  db.exec('CREATE TABLE IF NOT EXISTS tokens (name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT')
  const select = db.prepare<[string], string>('SELECT text FROM tokens WHERE name = ?').pluck()
  const insert = db.prepare('INSERT INTO tokens (name, text) VALUES (?, ?) ON CONFLICT DO NOTHING')
  const update = db.prepare('UPDATE tokens SET text = ? WHERE name = ? AND text = ?')
  return {
    read: async () => select.get(name) ?? null,
    async compareAndSet(previous, next) {
      const { changes } =
        previous === null ? insert.run(name, next) : update.run(next, name, previous)
      return changes === 1
    },
    close: () => void db.close(),
  }
}
