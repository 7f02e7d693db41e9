import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { createAnchorFile, getAnchorPath } from './anchor-file.ts'
import {
  createConflictError,
  createFolder,
  prepareDraftPath,
  publishDraft,
  removeDraft,
  syncToDisk,
} from './draft-files.ts'
import { type DatabaseContents, inspectDatabaseFile } from './sqlite/database-file.ts'

const PAGES_PER_STEP = 1000

/**
 * Copies the database to a file while servers use it: a snapshot of this moment. The copy gets its name
 * only when it is complete, checked and on disk.
 */
export async function backUpDatabase(
  from: string,
  to: string,
  { overwrite, progress }: { overwrite: boolean; progress: (done: number, total: number) => void },
): Promise<DatabaseContents> {
  if (existsSync(to) && !overwrite) throw createConflictError(to)
  if (!existsSync(dirname(to))) throw new Error(`there is no folder ${dirname(to)}`)
  const draft = prepareDraftPath(to)
  try {
    // Created with this mode, so that no other user can read it while it grows.
    closeSync(openSync(draft, 'w', 0o600))
    await copyPages(from, draft, progress)
    const contents = inspectDatabaseFile(draft)
    syncToDisk(draft)
    publishDraft(draft, to, overwrite)
    return { ...contents, path: to }
  } finally {
    removeDraft(draft)
  }
}

async function copyPages(
  from: string,
  to: string,
  progress: (done: number, total: number) => void,
) {
  const db = new Database(from, { readonly: true, fileMustExist: true, timeout: 10_000 })
  try {
    // Holds a snapshot from here on. Without it, each write of another process would restart the copy.
    db.exec('BEGIN')
    db.prepare('SELECT count(*) FROM sqlite_master').get()
    await db.backup(to, {
      progress({ totalPages, remainingPages }) {
        progress(totalPages - remainingPages, totalPages)
        return PAGES_PER_STEP
      },
    })
  } finally {
    db.close()
  }
}

interface RestoredDatabase extends DatabaseContents {
  /** The path of the previous database. */
  readonly kept: string | null
}

/**
 * Replaces the database by a backup in one step, so that a power cut leaves the old one or the new one.
 * Keeps the old one beside it. Refuses while another process has it open.
 */
export function restoreDatabase(
  from: string,
  to: string,
  { replace, now }: { replace: boolean; now: number },
): RestoredDatabase {
  if (!existsSync(from)) throw new Error(`there is no ${from}`)
  if (existsSync(`${from}-wal`) && statSync(`${from}-wal`).size > 0) {
    throw new Error(
      `${from} is a database in use, not a backup: part of it is in ${from}-wal. ` +
        'Create a backup with `latchkey backup`',
    )
  }
  if (existsSync(to) && !replace) {
    throw new Error(
      `there is already a database ${to}: add --force to replace it. The old one is renamed`,
    )
  }
  createFolder(dirname(to))
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

/** Tests if the audit of a database, of any version, ends before its anchor. */
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
    // A leftover log would be replayed into the new database.
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

/** Links both names, so that a database exists at every moment; some file systems cannot. */
function keepOldDatabase(path: string, kept: string): void {
  try {
    linkSync(path, kept)
  } catch {
    renameSync(path, kept)
  }
}

/**
 * Locks the old database, so that no process can open it while it is replaced. Leaving the write-ahead
 * mode requires that no other process has it open, and moves the log into the file. Returns null if it
 * is too damaged. (A process that waits for the lock finds the file moved and gives up:
 * SQLITE_READONLY_DBMOVED.)
 */
function lockOldDatabase(path: string): Database.Database | null {
  // SQLite would delete the log of a file that it does not recognize.
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
