import { readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** A draft, and the files that SQLite keeps beside a database. */
const DRAFT_SUFFIXES = ['', '-journal', '-wal', '-shm']

/**
 * Returns the name of a draft that is renamed to `path` when it is complete. Removes earlier drafts of
 * `path` that killed processes have left: each is a copy of a database, or a key ring.
 */
export function beginDraft(path: string): string {
  const prefix = `${basename(path)}.`
  const folder = dirname(path)
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue
    const [, pid] = /^(\d+)\.draft(-journal|-wal|-shm)?$/.exec(name.slice(prefix.length)) ?? []
    // Process ids are reused, so a draft with this process's own id is left over too.
    if (pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)))) {
      rmSync(join(folder, name), { force: true })
    }
  }
  return `${path}.${process.pid}.draft`
}

/** Removes what is left of a draft. Call it whether or not the draft was renamed. */
export function removeDraft(draft: string): void {
  for (const end of DRAFT_SUFFIXES) rmSync(draft + end, { force: true })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // The process exists, and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
