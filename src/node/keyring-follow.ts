import { Keyring, type Ring } from '../crypto/keyring.ts'
import type { Log } from '../service/ports.ts'
import { loadRing } from './keyring-file.ts'
import { nodePrimitives } from './primitives.ts'

/** A rotation is in force so soon. */
const LOOK_EVERY_MS = 2000

/** What tokens were issued and messages sealed with would be lost with another ring. */
export const foreignRing = (path: string): Error =>
  new Error(
    `the key ring ${path} is not the one of this database: ` +
      'restore the ring that was backed up with it, or set LATCHKEY_KEYRING',
  )

export interface Followed {
  readonly path: string
  /** What the file held when the server started. */
  readonly loaded: Ring
  /** The ring at work, which takes what a rotation has made. */
  readonly keyring: Keyring
  readonly belongs: (ring: Keyring) => Promise<boolean>
}

/**
 * Takes a rotated ring while the server runs, and refuses what would be refused at its start. What
 * the file holds is compared, and not when it was written: a rotation between the start and the
 * first look is one like any other. Answers how to stop.
 */
export function followRing({ path, loaded, keyring, belongs }: Followed, log: Log): () => void {
  let seen = JSON.stringify(loaded)
  let problem = ''

  async function look(): Promise<void> {
    try {
      const ring = await loadRing(path)
      const found = JSON.stringify(ring)
      if (found !== seen) {
        if (!(await belongs(new Keyring(nodePrimitives, ring)))) throw foreignRing(path)
        keyring.replace(ring)
        seen = found
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

  let looking = look()
  const timer = setInterval(() => {
    looking = looking.then(look)
  }, LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}
