import { closeSync, existsSync, linkSync, openSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import Database from 'better-sqlite3'
import { prepareDraftPath, removeDraft, syncToDisk } from './draft-files.ts'
import { type DatabaseContents, inspectDatabaseFile } from './sqlite/database-file.ts'

const PAGES_PER_STEP = 1000

/**
 * Copies the database to a file while servers use it: as it is at this moment, whatever they write
 * meanwhile. The copy has its name only when it is whole, proven and on disk.
 */
export async function backUpDatabase(
  from: string,
  to: string,
  { overwrite, progress }: { overwrite: boolean; progress: (done: number, total: number) => void },
): Promise<DatabaseContents> {
  if (existsSync(to) && !overwrite) throw new Error(formatConflict(to))
  if (!existsSync(dirname(to))) throw new Error(`there is no folder ${dirname(to)}`)
  const draft = prepareDraftPath(to)
  try {
    // Made here: nobody else can read it even while it grows.
    closeSync(openSync(draft, 'w', 0o600))
    await copyPages(from, draft, progress)
    const contents = inspectDatabaseFile(draft)
    syncToDisk(draft)
    if (overwrite) renameSync(draft, to)
    else publishBackup(draft, to)
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
    // A snapshot is held from here on. Without it, each write of another process would start the
    // copy again.
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

/** In one step, whatever was made there since we looked. */
function publishBackup(draft: string, to: string): void {
  try {
    linkSync(draft, to)
  } catch {
    // Not every file system has links.
    if (existsSync(to)) throw new Error(formatConflict(to))
    renameSync(draft, to)
  }
}

const formatConflict = (path: string) => `${path} is there already: add --force to replace it`
