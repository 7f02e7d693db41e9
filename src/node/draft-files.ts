import {
  chownSync,
  closeSync,
  createReadStream,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
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

/** Throws if other users of the machine can read or change a file, or if it is none. */
export function requireOwnerOnly(path: string, description: string): void {
  const stats = statSync(path)
  if (stats.isDirectory()) throw new Error(`${description} ${path} is a folder: name a file`)
  const mode = stats.mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `${description} ${path} can be read by other users (mode 0${mode.toString(8)}): chmod 600 ${path}`,
    )
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

/** Creates a folder, which only its owner can read, and its parents. Their names are on disk then. */
export function createFolder(path: string): void {
  const missing: string[] = []
  for (let folder = resolve(path); !isFolder(folder); folder = dirname(folder)) {
    missing.unshift(folder)
  }
  for (const folder of missing) {
    // The recursive option never returns where a file system refuses the folder as missing, as /proc does.
    try {
      mkdirSync(folder, { mode: 0o700 })
    } catch (error) {
      // Another process may have created it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(folder)) throw error
    }
    syncToDisk(folder)
  }
}

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Creates a file readable by its owner only. If root runs a command, the folder's owner gets it. */
export function createOwnedFile(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
  const { uid, gid } = statSync(dirname(path))
  if (process.getuid?.() === 0 && uid !== 0) chownSync(path, uid, gid)
}

/** Characters that are collected for one write. */
const WRITE_CHUNK_LENGTH = 1 << 16

/** Writes an owner-only file, and syncs it to disk. */
export async function writeText(path: string, parts: AsyncIterable<string>): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    let buffer = ''
    for await (const part of parts) {
      buffer += part
      if (buffer.length < WRITE_CHUNK_LENGTH) continue
      await file.writeFile(buffer)
      buffer = ''
    }
    await file.writeFile(buffer)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Writes an owner-only file, which gets its name when it is complete and on disk. */
export async function writeLines(
  path: string,
  lines: AsyncIterable<string>,
  { overwrite }: { overwrite: boolean },
): Promise<void> {
  const draft = prepareDraftPath(path)
  try {
    await writeText(draft, lines)
    publishDraft(draft, path, overwrite)
  } finally {
    removeDraft(draft)
  }
}

/**
 * Gives a draft, which is on disk, its name in one step, and syncs the name. Without `overwrite`, it never
 * replaces an existing file.
 */
export function publishDraft(draft: string, path: string, overwrite: boolean): void {
  if (overwrite || !linkDraft(draft, path)) renameSync(draft, path)
  syncToDisk(path)
}

/** Returns false where the file system has no links. */
function linkDraft(draft: string, path: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (existsSync(path)) throw createConflictError(path, error)
    return false
  }
}

export const createConflictError = (path: string, cause?: unknown): Error =>
  new Error(`${path} already exists: add --force to replace it`, { cause })

export const readLines = (path: string): AsyncIterable<string> =>
  createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY })
