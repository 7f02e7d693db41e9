import {
  closeSync,
  createReadStream,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/** The suffixes of a draft and of the files beside an SQLite database. */
const DRAFT_SUFFIXES = ['', '-journal', '-wal', '-shm']

/**
 * Returns the name of a draft that is renamed to `path` when it is complete. Removes earlier drafts of
 * `path` that killed processes have left: each is a copy of a database, or a key ring.
 */
export function prepareDraftPath(path: string): string {
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

/** Syncs a file to disk: its contents, and its name in its folder. */
export function syncToDisk(path: string): void {
  for (const target of [path, dirname(path)]) {
    const file = openSync(target, 'r')
    try {
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
  }
}

/** Bytes of one write. */
const WRITE_CHUNK_LENGTH = 1 << 16

/** Writes an owner-only file, which gets its name when it is complete and on disk. */
export async function writeLines(
  path: string,
  lines: AsyncIterable<string>,
  { overwrite }: { overwrite: boolean },
): Promise<void> {
  const draft = prepareDraftPath(path)
  try {
    const file = await open(draft, 'w', 0o600)
    try {
      let buffer = ''
      for await (const line of lines) {
        buffer += line
        if (buffer.length < WRITE_CHUNK_LENGTH) continue
        await file.write(buffer)
        buffer = ''
      }
      await file.write(buffer)
      await file.sync()
    } finally {
      await file.close()
    }
    if (overwrite) renameSync(draft, path)
    else publishDraft(draft, path)
  } finally {
    removeDraft(draft)
  }
}

function publishDraft(draft: string, path: string): void {
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new Error(`${path} is there already: add --force to replace it`, { cause: error })
  }
}

export const readLines = (path: string): AsyncIterable<string> =>
  createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })
