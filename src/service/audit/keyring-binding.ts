import type { Sealer } from '../ports/crypto.ts'
import type { MessageStorage } from '../ports/messages.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import { type ActorDeps, createAuditEvent } from './audit-event.ts'

export interface KeyringBindingDeps extends ActorDeps {
  readonly storage: Pick<ResourceStorage, 'addEvent' | 'listEvents'> &
    Pick<MessageStorage, 'listMessages' | 'findPayload'>
}

const KEYRING_SUBJECT = 'keyring'

/** A fixed id, so that of several servers that start on a new database, only one can add the event. */
const BINDING_EVENT_ID = '00000000-0000-7000-8000-000000000000'

/**
 * Creates a check that a key ring belongs to this database. The first server to start seals a random
 * text with its ring and stores it as an audit event; every later server must be able to open it.
 * Rotation has no effect, because a ring never drops a key that sealed something.
 */
export function createKeyringBinding(
  deps: KeyringBindingDeps,
): (sealer: Sealer) => Promise<boolean> {
  const { storage, random } = deps
  /** Cached, because it never changes, and a ring may be rotated while the database is unavailable. */
  let proof: string | null = null

  return async function belongsToDatabase(sealer) {
    proof ??= await findProof()
    if (proof !== null) return canOpen(sealer, proof, KEYRING_SUBJECT)
    if (!(await canOpenNewestPayload(sealer))) return false
    const sealed = await sealer.seal(new TextEncoder().encode(random.salt()), KEYRING_SUBJECT)
    const event = {
      ...createAuditEvent(deps, 'keyring.bound', KEYRING_SUBJECT, { sealed }),
      id: BINDING_EVENT_ID,
    }
    try {
      await storage.addEvent(event)
      proof = sealed
      return true
    } catch (error) {
      proof = await findProof()
      if (proof === null) throw error
      return canOpen(sealer, proof, KEYRING_SUBJECT)
    }
  }

  async function findProof(): Promise<string | null> {
    const [event] = await storage.listEvents({ subject: KEYRING_SUBJECT, limit: 1 })
    return event === undefined ? null : String(event.facts.sealed)
  }

  /** Checks the ring against a database that no server has bound yet. Its payloads are in one piece. */
  async function canOpenNewestPayload(sealer: Sealer): Promise<boolean> {
    const [message] = await storage.listMessages({ limit: 1 })
    if (message === undefined) return true
    const payload = await storage.findPayload(message.id)
    if (payload === null || payload.payloadPartCount > 0) return true
    return canOpen(sealer, payload.sealedPayload, message.id)
  }

  async function canOpen(sealer: Sealer, sealed: string, context: string): Promise<boolean> {
    try {
      await sealer.open(sealed, context)
      return true
    } catch {
      return false
    }
  }
}
