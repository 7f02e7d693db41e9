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
import { completeRing, createRing, parseRing, type Ring } from '../crypto/keyring.ts'
import { beginDraft } from './drafts.ts'
import { nodePrimitives } from './primitives.ts'

const OWNER_ONLY = 0o600

/**
 * The key ring file; made at the first start, `mayMake`. Throws where it is gone, and where others
 * could read it.
 */
export async function loadRing(path: string, { mayMake = false } = {}): Promise<Ring> {
  if (!existsSync(path)) {
    if (!mayMake) throw new Error(`there is no key ring ${path}: restore it from a backup`)
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
  const draft = beginDraft(path)
  const file = openSync(draft, 'w', OWNER_ONLY)
  writeSync(file, `${JSON.stringify(ring, null, 2)}\n`)
  fsyncSync(file)
  closeSync(file)
  return draft
}
