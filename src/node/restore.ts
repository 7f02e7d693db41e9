import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { createAnchorFile, getAnchorPath } from './anchor-file.ts'
import { prepareDraftPath, removeDraft, syncToDisk } from './draft-files.ts'
import { type DatabaseContents, inspectDatabaseFile } from './sqlite/database-file.ts'

export interface RestoredDatabase extends DatabaseContents {
  /** Where the database is that was there before. */
  readonly kept: string | null
}

/**
 * Puts a backup in the database's place, in one step: a power cut leaves the old one or the new. The
 * old one is kept beside it. Refuses while anybody has the old one open.
 */
export function restoreDatabase(
  from: string,
  to: string,
  { replace, now }: { replace: boolean; now: number },
): RestoredDatabase {
  if (!existsSync(from)) throw new Error(`there is no ${from}`)
  if (existsSync(`${from}-wal`) && statSync(`${from}-wal`).size > 0) {
    throw new Error(
      `${from} is no backup but a database in use, with more of it in ${from}-wal: ` +
        'make one with `latchkey backup`',
    )
  }
  if (existsSync(to) && !replace) {
    throw new Error(`there is a database ${to}: add --force to replace it; it is kept beside`)
  }
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
  const draft = prepareDraftPath(to)
  try {
    copyFileSync(from, draft)
    chmodSync(draft, 0o600)
    const contents = inspectBackup(from, draft)
    syncToDisk(draft)
    const stamp = new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')
    const kept = replaceDatabase(draft, to, `${to}.${stamp}`)
    syncToDisk(to)
    return { ...contents, path: to, kept }
  } finally {
    removeDraft(draft)
  }
}

/** Whether the audit of a database, of any version, ends before its anchor. */
export async function isBehindAnchor(path: string, keyringPath: string): Promise<boolean> {
  const anchor = await createAnchorFile(getAnchorPath(keyringPath)).read()
  if (anchor === null) return false
  const db = new Database(path, { readonly: true, fileMustExist: true })
  try {
    const chain = db.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'audit_chain'`).get()
    if (chain === undefined) return anchor.sequence > 0
    const sequence = db.prepare('SELECT sequence FROM audit_chain').pluck().get() as number
    return sequence < anchor.sequence
  } finally {
    db.close()
  }
}

function inspectBackup(from: string, copy: string): DatabaseContents {
  try {
    return inspectDatabaseFile(copy)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`${from} cannot be restored: ${why}`, { cause: error })
  }
}

function replaceDatabase(draft: string, to: string, kept: string): string | null {
  const old = existsSync(to) ? lockOldDatabase(to) : null
  try {
    // A log without its database would be played into the new one.
    for (const end of ['-wal', '-shm', '-journal']) {
      if (existsSync(to + end)) renameSync(to + end, kept + end)
    }
    if (existsSync(to)) keepOldDatabase(to, kept)
    renameSync(draft, to)
    return existsSync(kept) ? kept : null
  } finally {
    old?.close()
  }
}

/** Under both names, so that there is a database at every moment; not every file system can. */
function keepOldDatabase(path: string, kept: string): void {
  try {
    linkSync(path, kept)
  } catch {
    renameSync(path, kept)
  }
}

/**
 * The old database, locked so that nobody can begin with it while it is replaced. Leaving the
 * write-ahead mode takes that nobody else has it open, and brings what is in the log into the file.
 * Null where it is too damaged to be asked. (Who opens it and waits for the lock finds it moved, and
 * gives up: SQLITE_READONLY_DBMOVED.)
 */
function lockOldDatabase(path: string): Database.Database | null {
  // SQLite would throw away the log of what it does not know as its own.
  if (!isSqliteFile(path)) return null
  const db = new Database(path, { fileMustExist: true, timeout: 0 })
  try {
    db.pragma('journal_mode = DELETE')
    db.exec('BEGIN EXCLUSIVE')
    return db
  } catch (error) {
    db.close()
    const { code = '' } = error as { code?: string }
    if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) return null
    if (!code.startsWith('SQLITE_BUSY')) throw error
    throw new Error(`${path} is in use: stop every server and command that has it open`, {
      cause: error,
    })
  }
}

const SQLITE_MAGIC = 'SQLite format 3\0'

function isSqliteFile(path: string): boolean {
  const head = Buffer.alloc(SQLITE_MAGIC.length)
  const file = openSync(path, 'r')
  readSync(file, head)
  closeSync(file)
  return head.toString('latin1') === SQLITE_MAGIC
}
