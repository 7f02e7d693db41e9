import { readdirSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/** What SQLite keeps beside a database. */
const SIDECARS = ['', '-journal', '-wal', '-shm']

/**
 * Names the file that becomes `path` when it is whole, and removes what processes that were killed
 * have left of earlier ones: copies of a database, or a key ring.
 */
export function beginDraft(path: string): string {
  const prefix = `${basename(path)}.`
  const folder = dirname(path)
  for (const name of readdirSync(folder)) {
    if (!name.startsWith(prefix)) continue
    const [, pid] = /^(\d+)\.draft(-journal|-wal|-shm)?$/.exec(name.slice(prefix.length)) ?? []
    // A number is used again: what bears this process's own is as dead.
    if (pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)))) {
      rmSync(join(folder, name), { force: true })
    }
  }
  return `${path}.${process.pid}.draft`
}

/** To be called whether or not the draft has got its name. */
export function removeDraft(draft: string): void {
  for (const end of SIDECARS) rmSync(draft + end, { force: true })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // There is one, of another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
