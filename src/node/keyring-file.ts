import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Keyring } from '../crypto/keyring.ts'
import { completeRing, createRing, maintainRing, parseRing, type Ring } from '../crypto/ring.ts'
import type { Log } from '../service/ports/runtime.ts'
import {
  createFolder,
  createOwnedFile,
  prepareDraftPath,
  publishDraft,
  requireOwnerOnly,
  syncToDisk,
} from './draft-files.ts'
import { nodePrimitives } from './primitives.ts'

const OWNER_ONLY = 0o600

/**
 * Reads the key ring file; creates it if `canCreate`. Throws if it is missing, or if others can read it.
 */
export async function loadRing(path: string, { canCreate = false } = {}): Promise<Ring> {
  if (canCreate && !existsSync(path)) await createRingFile(path)
  return readRing(path).ring
}

async function createRingFile(path: string): Promise<void> {
  createFolder(dirname(path))
  const draft = writeDraft(path, await createRing(nodePrimitives, Date.now()))
  // If two servers start at once, one creates the ring and the other reads it.
  try {
    linkSync(draft, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(draft)
  }
  syncToDisk(path)
}

interface RingFile {
  readonly text: string
  /** The keys of the file, and those that it lacks. */
  readonly ring: Ring
}

/** A new ring could not verify or open what the database holds. */
export const MISSING_KEYRING_ADVICE =
  'copy it from another server of the database, or restore it from a backup'

function readRing(path: string): RingFile {
  if (!existsSync(path)) {
    throw new Error(`there is no key ring ${path}: ${MISSING_KEYRING_ADVICE}`)
  }
  requireOwnerOnly(path, 'the key ring')
  const text = readFileSync(path, 'utf8')
  return { text, ring: completeRing(nodePrimitives, parseRing(text)) }
}

/**
 * Changes the ring in the file. The file is replaced in one step, so that a reader finds the old ring or the
 * new one, which is on disk then. Keys that `completeRing` derives are written first, as created now, so that
 * their publication counts from now on even if `change` throws. Throws if another process changed the file
 * meanwhile.
 */
export async function updateRing(
  path: string,
  now: number,
  change: (ring: Ring) => Promise<Ring>,
): Promise<Ring> {
  const { text, ring: loaded } = readRing(path)
  const stored = new Set(parseRing(text).keys.map(({ id }) => id))
  const keys = loaded.keys.map((key) => (stored.has(key.id) ? key : { ...key, createdAt: now }))
  const ring = { ...loaded, keys }
  const isComplete = stored.size === keys.length
  const completeText = isComplete ? text : await replaceRing(path, text, ring)
  const changed = await change(ring)
  if (changed !== ring) await replaceRing(path, completeText, changed)
  return changed
}

/** Writes the ring over the text that was read, and returns the new text. */
function replaceRing(path: string, text: string, ring: Ring): Promise<string> {
  return withLock(path, () => {
    if (readFileSync(path, 'utf8') !== text) throw createConcurrentChangeError(path)
    const draft = writeDraft(path, ring)
    const newText = readFileSync(draft, 'utf8')
    publishDraft(draft, path, true)
    return newText
  })
}

const createConcurrentChangeError = (path: string, cause?: unknown): Error =>
  new Error(`another process changed the key ring ${path}: try again`, { cause })

const LOCK_TIMEOUT_MS = 2000

/**
 * Runs `work` while no other process does: otherwise, of two that change the ring at once, one would undo the
 * other's change. The lock is of an empty SQLite database, because the system releases it if this process is
 * killed.
 */
async function withLock<T>(path: string, work: () => T): Promise<T> {
  const lockPath = `${path}.lock`
  if (!existsSync(lockPath)) createOwnedFile(lockPath)
  const { default: Sqlite } = await import('better-sqlite3')
  const lock = new Sqlite(lockPath, { timeout: LOCK_TIMEOUT_MS })
  try {
    // Nothing is written, so a killed process should leave no journal, which another user could not remove.
    lock.pragma('journal_mode = memory')
    lock.exec('BEGIN EXCLUSIVE')
    return work()
  } catch (error) {
    const isBusy = (error as { code?: string }).code === 'SQLITE_BUSY'
    throw isBusy ? createConcurrentChangeError(path, error) : error
  } finally {
    lock.close()
  }
}

function writeDraft(path: string, ring: Ring): string {
  const draft = prepareDraftPath(path)
  const file = openSync(draft, 'w', OWNER_ONLY)
  try {
    // Unlike writeSync, it writes everything or throws: a disk may have space for a part.
    writeFileSync(file, `${JSON.stringify(ring, null, 2)}\n`)
    fsyncSync(file)
  } catch (error) {
    rmSync(draft)
    throw error
  } finally {
    closeSync(file)
  }
  return draft
}

/** A rotation takes effect within this time. */
const KEYRING_POLL_INTERVAL_MS = 2000

/** Refuses another database's ring, which could not verify its tokens or open its messages. */
export const createForeignRingError = (path: string): Error =>
  new Error(
    `the key ring ${path} does not belong to this database: ` +
      'restore the ring that was backed up with it, or set LATCHKEY_KEYRING',
  )

const FIRST_ROTATION_DELAY_MS = 60_000
const ROTATION_INTERVAL_MS = 60 * 60 * 1000

/** Wraps repeated work: reports an error once, not at every look. Never rejects. */
function reportOnce(
  work: () => Promise<void>,
  report: (error: unknown) => void,
): () => Promise<void> {
  let problem = ''
  return async () => {
    try {
      await work()
      problem = ''
    } catch (error) {
      if (String(error) !== problem) report(error)
      problem = String(error)
    }
  }
}

/**
 * Rotates the signing keys in the file when they are due, while the server runs. `watchKeyringFile` loads the
 * result. Returns a function that stops it.
 */
export function scheduleRotation(path: string, rotateAfterMs: number, log: Log): () => void {
  const rotate = reportOnce(
    () => rotateDueKeys(path, rotateAfterMs, Date.now(), log),
    // The file may be read-only.
    (error) => log.error({ path, error }, 'the signing keys could not be rotated'),
  )
  // Workers that start together look at different times.
  const delay = FIRST_ROTATION_DELAY_MS + (process.pid % 60) * 1000
  let timer = setTimeout(() => {
    void rotate()
    timer = setInterval(rotate, ROTATION_INTERVAL_MS).unref()
  }, delay).unref()
  return () => clearTimeout(timer)
}

/** Rotates the signing keys in the file that have signed for `rotateAfterMs`. */
export async function rotateDueKeys(
  path: string,
  rotateAfterMs: number,
  now: number,
  log: Log,
): Promise<void> {
  const isOwner = process.getuid === undefined || process.getuid() === statSync(path).uid
  if (!isOwner) throw new Error(`the key ring ${path} belongs to another user`)
  let before: Ring | undefined
  const after = await updateRing(path, now, (ring) => {
    before = ring
    return maintainRing(nodePrimitives, ring, rotateAfterMs, now)
  })
  if (after !== before) log.info({ path }, 'the key ring file has new signing keys')
}

export interface WatchedKeyring {
  readonly path: string
  /** The file's ring when the server started. */
  readonly loaded: Ring
  /** The ring in use, which a rotation updates. */
  readonly keyring: Keyring
  readonly isOwnRing: (ring: Keyring) => Promise<boolean>
}

/**
 * Loads a rotated ring while the server runs, with the checks of a start. Compares contents, not times,
 * so that a rotation between the start and the first look is noticed too. Returns a function that stops
 * it.
 */
export function watchKeyringFile(
  { path, loaded, keyring, isOwnRing }: WatchedKeyring,
  log: Log,
): () => void {
  let lastSeen = JSON.stringify(loaded)

  async function loadChangedRing(): Promise<void> {
    const ring = await loadRing(path)
    const contents = JSON.stringify(ring)
    if (contents === lastSeen) return
    if (!(await isOwnRing(new Keyring(nodePrimitives, ring)))) throw createForeignRingError(path)
    // Data that the new ring seals must not outlive it: its writer may not have synced its name yet.
    syncToDisk(path)
    keyring.replace(ring)
    lastSeen = contents
    log.info({ path }, 'the changed key ring was loaded')
  }
  const checkFile = reportOnce(loadChangedRing, (error) =>
    log.error(
      { path, error },
      'the changed key ring is invalid. Latchkey keeps using the previous one.',
    ),
  )

  let pendingCheck = checkFile()
  const timer = setInterval(() => {
    pendingCheck = pendingCheck.then(checkFile)
  }, KEYRING_POLL_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
