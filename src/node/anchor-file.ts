import { existsSync, rmSync } from 'node:fs'
import type { Database } from 'better-sqlite3'
import type { ChainAnchor } from '../domain/audit-chain.ts'
import type { AnchorStore } from '../service/ports/audit.ts'
import { createOwnedFile } from './draft-files.ts'

const LOCK_TIMEOUT_MS = 2000

export const getAnchorPath = (keyringPath: string): string => `${keyringPath}.audit-anchor`

/**
 * Keeps the audit's anchor in a file beside the key ring. The file is a small SQLite database, for its
 * lock and its commit: processes share it, and a power cut or a full disk leaves the previous anchor.
 * It is opened for each use, so that a file that replaced it is noticed.
 */
export function createAnchorFile(path: string): AnchorStore {
  async function withDatabase<T>(work: (db: Database) => T): Promise<T> {
    // With PostgreSQL, nothing else needs this module.
    const { default: Sqlite } = await import('better-sqlite3')
    const db = new Sqlite(path, { fileMustExist: true, timeout: LOCK_TIMEOUT_MS })
    try {
      // FULL leaves the removed journal's name to chance: after a power cut, it would undo the commit.
      db.pragma('synchronous = EXTRA')
      return work(db)
    } finally {
      db.close()
    }
  }

  async function write(anchor: ChainAnchor): Promise<boolean> {
    if (!existsSync(path)) createOwnedFile(path)
    return withDatabase((db) =>
      db
        .transaction(() => {
          db.exec(CREATE_TABLE)
          return db.prepare(KEEP_LATER_ANCHOR).run({ ...anchor }).changes === 1
        })
        .immediate(),
    )
  }

  return {
    async read() {
      if (!existsSync(path)) return null
      try {
        return await withDatabase(
          (db) => (db.prepare(READ_ANCHOR).get() as ChainAnchor | undefined) ?? null,
        )
      } catch (error) {
        // Another process has created the file, and not written it yet.
        if ((error as Error).message.startsWith('no such table')) return null
        throw createReadError(error)
      }
    },

    write,

    async replace(anchor) {
      try {
        await write(anchor)
      } catch (error) {
        // A file that is locked or full still holds the previous anchor; only a damaged one goes.
        if (
          /^SQLITE_(?:BUSY|CANTOPEN|FULL|IOERR|READONLY)/.test(
            String((error as NodeJS.ErrnoException).code),
          )
        )
          throw error
        for (const end of ['', '-journal']) rmSync(path + end, { force: true })
        await write(anchor)
      }
    },
  }

  function createReadError(cause: unknown): Error {
    const why = cause instanceof Error ? cause.message : String(cause)
    return new Error(
      `the audit's anchor ${path} cannot be read (${why}): restore the file, or run \`latchkey audit accept-restore\``,
      { cause },
    )
  }
}

const CREATE_TABLE = `
  CREATE TABLE IF NOT EXISTS anchor (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    sequence INTEGER NOT NULL,
    seal TEXT NOT NULL,
    at INTEGER NOT NULL,
    acceptedAt INTEGER NOT NULL
  ) STRICT`

const READ_ANCHOR = 'SELECT sequence, seal, at, acceptedAt FROM anchor'

/** Compares as `laterAnchor` does. */
const KEEP_LATER_ANCHOR = `
  INSERT INTO anchor VALUES (1, @sequence, @seal, @at, @acceptedAt)
  ON CONFLICT (one) DO UPDATE SET
    sequence = excluded.sequence, seal = excluded.seal, at = excluded.at, acceptedAt = excluded.acceptedAt
  WHERE (excluded.acceptedAt, excluded.sequence) > (anchor.acceptedAt, anchor.sequence)`
