import { eventOf, type OperatorDeps } from './operator.ts'
import type { MessageStorage, OperatorStorage, Sealer } from './ports.ts'

export interface RingProofDeps extends OperatorDeps {
  readonly storage: Pick<OperatorStorage, 'addEvent' | 'listEvents'> &
    Pick<MessageStorage, 'listMessages' | 'findPayload'>
  readonly sealer: Sealer
}

const SUBJECT = 'keyring'

/** One for all: of servers that start a database at once, one alone can add the event. */
const EVENT_ID = '00000000-0000-7000-8000-000000000000'

/**
 * Whether the key ring is the one that this database was begun with. The first server to start seals
 * a word with its ring and keeps it as an audit event; every later one must be able to open it.
 * Rotation changes nothing: a ring never gives up a key that something was sealed with.
 */
export function createRingProof(deps: RingProofDeps): () => Promise<boolean> {
  const { storage, sealer, random } = deps

  return async function ringBelongs(): Promise<boolean> {
    const proof = await findProof()
    if (proof !== null) return opens(proof, SUBJECT)
    if (!(await opensNewestPayload())) return false
    const sealed = await sealer.seal(new TextEncoder().encode(random.salt()), SUBJECT)
    const event = { ...eventOf(deps, 'keyring.bound', SUBJECT, { sealed }), id: EVENT_ID }
    try {
      await storage.addEvent(event)
      return true
    } catch (error) {
      const other = await findProof()
      if (other === null) throw error
      return opens(other, SUBJECT)
    }
  }

  async function findProof(): Promise<string | null> {
    const [event] = await storage.listEvents({ subject: SUBJECT, limit: 1 })
    return event === undefined ? null : String(event.facts.sealed)
  }

  /** Of a database that no server has bound yet. */
  async function opensNewestPayload(): Promise<boolean> {
    const [message] = await storage.listMessages({ limit: 1 })
    const payload = message === undefined ? null : await storage.findPayload(message.id)
    return message === undefined || payload === null || opens(payload, message.id)
  }

  async function opens(sealed: string, context: string): Promise<boolean> {
    try {
      await sealer.open(sealed, context)
      return true
    } catch {
      return false
    }
  }
}
