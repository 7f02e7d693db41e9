import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { Keyring } from '../crypto/keyring.ts'
import { completeRing, createRing, parseRing, type Ring } from '../crypto/ring.ts'
import type { Log } from '../service/ports/runtime.ts'
import { createFolder, prepareDraftPath, publishDraft, syncToDisk } from './draft-files.ts'
import { nodePrimitives } from './primitives.ts'

const OWNER_ONLY = 0o600

/**
 * Reads the key ring file; creates it if `canCreate`. Throws if it is missing, or if others can read it.
 */
export async function loadRing(path: string, { canCreate = false } = {}): Promise<Ring> {
  if (!existsSync(path)) {
    if (!canCreate) throw new Error(`there is no key ring ${path}: restore it from a backup`)
    createFolder(dirname(path))
    const ring = await createRing(nodePrimitives, Date.now())
    // If two servers start at once, one creates the ring and the other reads it.
    const draft = writeDraft(path, ring)
    try {
      linkSync(draft, path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      rmSync(draft)
    }
    syncToDisk(path)
  }
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `the key ring ${path} can be read by other users (mode 0${mode.toString(8)}): chmod 600 ${path}`,
    )
  }
  return completeRing(nodePrimitives, parseRing(readFileSync(path, 'utf8')))
}

/** Replaces the file in one step, so that a reader finds the old ring or the new one. The new one is on disk then. */
export function saveRing(path: string, ring: Ring): void {
  publishDraft(writeDraft(path, ring), path, true)
}

function writeDraft(path: string, ring: Ring): string {
  const draft = prepareDraftPath(path)
  const file = openSync(draft, 'w', OWNER_ONLY)
  writeSync(file, `${JSON.stringify(ring, null, 2)}\n`)
  fsyncSync(file)
  closeSync(file)
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
  let problem = ''

  async function checkFile(): Promise<void> {
    try {
      const ring = await loadRing(path)
      const contents = JSON.stringify(ring)
      if (contents !== lastSeen) {
        if (!(await isOwnRing(new Keyring(nodePrimitives, ring))))
          throw createForeignRingError(path)
        // What the new ring seals must not outlive it: its writer may not have synced its name yet.
        syncToDisk(path)
        keyring.replace(ring)
        lastSeen = contents
        log.info({ path }, 'the changed key ring was loaded')
      }
      problem = ''
    } catch (error) {
      // Logs a problem once, not at every look.
      if (String(error) === problem) return
      problem = String(error)
      log.error(
        { path, error },
        'the changed key ring is invalid. Latchkey keeps using the previous one.',
      )
    }
  }

  let pendingCheck = checkFile()
  const timer = setInterval(() => {
    pendingCheck = pendingCheck.then(checkFile)
  }, KEYRING_POLL_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
