import { Keyring, type Ring } from '../../../crypto/keyring.ts'
import { createNotary } from '../../../crypto/notary.ts'
import { verifyNewest } from '../../../service/audit.ts'
import type { AuditStorage } from '../../../service/ports.ts'
import { anchorPath, createAnchorFile } from '../../anchor-file.ts'
import { loadRing } from '../../keyring-file.ts'
import { nodePrimitives } from '../../primitives.ts'
import { bad, type Finding, fine, warn } from './finding.ts'

/** So many are read in about a second; `audit verify` reads all. */
const NEWEST = 20_000

const NO_ANCHOR_ADVICE =
  'start a server, which makes a new one within seconds. If there was one before, restore it together with the key ring, or compare the audit with an export'

const ADVICE =
  'keep a copy of the database as it is now, make sure that the key ring is its own, and run `latchkey audit verify`'

/** Checks that the newest events are those that were sealed, and that the chain reaches its anchor. */
export async function checkAudit(storage: AuditStorage, keyringPath: string): Promise<Finding[]> {
  const check = 'audit'
  const ring: Ring | null = await loadRing(keyringPath).catch(() => null)
  // What is wrong with the key ring is a finding of its own.
  if (ring === null) return []
  const notary = createNotary(nodePrimitives, new Keyring(nodePrimitives, ring))
  const path = anchorPath(keyringPath)
  const anchor = await createAnchorFile(path).read()
  const { whole, events, first, last, breaks, breaksFound } = await verifyNewest(
    storage,
    notary,
    NEWEST,
    anchor,
  )
  if (!whole) {
    const [found] = breaks
    const places = breaksFound === 1 ? 'one place' : `${breaksFound} places`
    return [bad(check, `it is broken in ${places}: ${found?.message}`, ADVICE)]
  }
  if (anchor === null && events > 0) {
    return [
      warn(
        check,
        `there is no anchor ${path}: without it, a database that was set back is not noticed`,
        NO_ANCHOR_ADVICE,
      ),
    ]
  }
  if (events === 0) return [fine(check, 'whole: no event is sealed yet')]
  const which = events < NEWEST ? 'events' : 'the newest events,'
  return [fine(check, `whole: ${which} ${first} to ${last}`)]
}
