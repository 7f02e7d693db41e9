import { ok, type Result } from '../domain/failure.ts'
import { type Key, mayUse } from '../domain/key.ts'
import { type AcceptDeps, createAccept, type Incoming, type Receipt } from './accept.ts'
import { conflict, type Done, eventOf, notFound, type OperatorDeps } from './operator.ts'
import type { ListStorage } from './ports/lists.ts'
import type { AuditEvent, MessageStorage, OperatorStorage } from './ports.ts'
import type { Caller } from './refused.ts'
import type { Standings } from './standing.ts'

export interface TestMessageDeps extends OperatorDeps, Omit<AcceptDeps, 'storage'> {
  readonly storage: Pick<
    MessageStorage & ListStorage & OperatorStorage,
    'addMessage' | 'addEvent' | 'findKeyOfSource' | 'findSource'
  >
  readonly standings: Pick<Standings, 'ofKey'>
  readonly region: string
}

/** `messageId`: where it is stored; null where it was refused, or carried straight on. */
export interface Sent {
  readonly messageId: string | null
  readonly result: Result<Receipt>
}

/**
 * A message that a person sends as a source's key would: judged, stored and carried by the same code,
 * so that what works here works for the vendor. It stands under the source's key, for a route is that
 * key's: where the vendor would be refused for his key's sake, so is this. The address alone is not
 * judged: a person is not where the vendor's program is. That a person has sent it, and who, is an
 * event that is there with the message, or before a synchronous one goes out; a vendor's has none.
 */
export function createTestMessage(deps: TestMessageDeps) {
  const { storage, standings, clock, region } = deps

  return async function sendTest(
    sourceId: string,
    message: Omit<Incoming, 'test'>,
    caller: Caller,
  ): Promise<Done<Sent>> {
    const source = await storage.findSource(sourceId)
    if (source === null) return notFound(`there is no source ${sourceId}`)
    const summary = await storage.findKeyOfSource(sourceId)
    const principal = summary && (await standings.ofKey(summary.publicId))
    if (!principal) {
      return conflict('the source has no key, so nobody can send as it: create one first')
    }
    const usable = mayUse(anywhere(principal.key), '', clock(), region)
    if (!usable.ok) return ok({ messageId: null, result: usable })

    const { dataModel, eventType } = message
    const eventFor = (subject: string): AuditEvent =>
      eventOf(deps, 'message.test_sent', subject, { sourceId, dataModel, eventType })
    let messageId: string | null = null
    const accept = createAccept({
      ...deps,
      storage: {
        async addMessage(stored) {
          await storage.addMessage(stored, eventFor(stored.id))
          messageId = stored.id
        },
      },
      courier: {
        async ask(...errand) {
          await storage.addEvent(eventFor(sourceId))
          return deps.courier.ask(...errand)
        },
      },
    })
    const result = await accept(principal, { ...message, test: true }, caller)
    return ok({ messageId, result })
  }
}

const anywhere = (key: Key): Key => ({ ...key, account: { ...key.account, networks: [] } })
