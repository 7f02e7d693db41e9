import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { completeRing, createRing, Keyring, parseRing, type Ring } from '../crypto/keyring.ts'
import type { Log } from '../service/ports/runtime.ts'
import { prepareDraftPath } from './draft-files.ts'
import { nodePrimitives } from './primitives.ts'

const OWNER_ONLY = 0o600

/**
 * The key ring file; made at the first start, `mayMake`. Throws where it is gone, and where others
 * could read it.
 */
export async function loadRing(path: string, { canCreate = false } = {}): Promise<Ring> {
  if (!existsSync(path)) {
    if (!canCreate) throw new Error(`there is no key ring ${path}: restore it from a backup`)
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const ring = await createRing(nodePrimitives, Date.now())
    // Two servers may start at once: one makes the ring, the other reads it.
    const draft = writeDraft(path, ring)
    try {
      linkSync(draft, path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      rmSync(draft)
    }
  }
  const mode = statSync(path).mode & 0o777
  if ((mode & 0o077) !== 0) {
    throw new Error(
      `the key ring ${path} can be read by others (mode 0${mode.toString(8)}): chmod 600 ${path}`,
    )
  }
  return completeRing(nodePrimitives, parseRing(readFileSync(path, 'utf8')))
}

/** Replaces the file in one step: whoever reads it finds the old ring or the new one. */
export function saveRing(path: string, ring: Ring): void {
  renameSync(writeDraft(path, ring), path)
}

function writeDraft(path: string, ring: Ring): string {
  const draft = prepareDraftPath(path)
  const file = openSync(draft, 'w', OWNER_ONLY)
  writeSync(file, `${JSON.stringify(ring, null, 2)}\n`)
  fsyncSync(file)
  closeSync(file)
  return draft
}

/** A rotation is in force so soon. */
const KEYRING_POLL_INTERVAL_MS = 2000

/** What tokens were issued and messages sealed with would be lost with another ring. */
export const createForeignRingError = (path: string): Error =>
  new Error(
    `the key ring ${path} is not the one of this database: ` +
      'restore the ring that was backed up with it, or set LATCHKEY_KEYRING',
  )

export interface WatchedKeyring {
  readonly path: string
  /** What the file held when the server started. */
  readonly loaded: Ring
  /** The ring at work, which takes what a rotation has made. */
  readonly keyring: Keyring
  readonly isOwnRing: (ring: Keyring) => Promise<boolean>
}

/**
 * Takes a rotated ring while the server runs, and refuses what would be refused at its start. What
 * the file holds is compared, and not when it was written: a rotation between the start and the
 * first look is one like any other. Answers how to stop.
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
      const found = JSON.stringify(ring)
      if (found !== lastSeen) {
        if (!(await isOwnRing(new Keyring(nodePrimitives, ring))))
          throw createForeignRingError(path)
        keyring.replace(ring)
        lastSeen = found
        log.info({ path }, 'the key ring was read again')
      }
      problem = ''
    } catch (error) {
      // Said once, and not at every look.
      if (String(error) === problem) return
      problem = String(error)
      log.error({ path, error }, 'the changed key ring cannot be used; the one before it stays')
    }
  }

  let pendingCheck = checkFile()
  const timer = setInterval(() => {
    pendingCheck = pendingCheck.then(checkFile)
  }, KEYRING_POLL_INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
