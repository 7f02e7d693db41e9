import type { AuditStorage, OperatorStorage } from '../ports.ts'
import type { Own } from './own.ts'

type OfRequest = Pick<AuditStorage, 'listEventsOfRequest'>
type Verbs = OfRequest & Pick<OperatorStorage, 'addEvent' | 'listEvents'>

/** Events, where no other account exists. The chain that they become is one for all accounts. */
export function scopeEvents(storage: OperatorStorage & OfRequest, own: Own): Verbs {
  return {
    addEvent: storage.addEvent,
    listEvents: (page) => own.list(page, storage.listEvents),
    async listEventsOfRequest(requestId) {
      const events = await storage.listEventsOfRequest(requestId)
      return events.filter(({ accountId }) => accountId === own.accountId)
    },
  }
}
