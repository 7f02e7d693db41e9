import { closeSync, existsSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import {
  createConflictError,
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
    syncToDisk(to)
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
