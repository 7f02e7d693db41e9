import { ok } from '../domain/failure.ts'
import { conflict, type Done, eventOf, notFound, type OperatorDeps } from './operator.ts'
import type {
  AttemptSummary,
  FeedStorage,
  MessageFilter,
  MessageStorage,
  MessageSummary,
  OperatorStorage,
  Page,
  Sealer,
} from './ports.ts'
import { createTestMessage, type TestMessageDeps } from './test-message.ts'

export interface MessagesDeps extends OperatorDeps, Omit<TestMessageDeps, 'storage'> {
  readonly storage: MessageStorage &
    FeedStorage &
    Pick<OperatorStorage, 'addEvent'> &
    TestMessageDeps['storage']
  readonly sealer: Sealer
}

/** So many attempts of a message are told. */
const ATTEMPTS = 50

/** What an operator does with accepted messages. */
export function createMessages(deps: MessagesDeps) {
  const { storage, sealer } = deps

  return {
    list: (page: Page & MessageFilter) => storage.listMessages(page),
    find,

    /** What came of the last attempts, the newest first. */
    async attempts(id: string): Promise<Done<AttemptSummary[]>> {
      const message = await find(id)
      return message.ok ? ok(await storage.listAttempts(id, ATTEMPTS)) : message
    },

    sendTest: createTestMessage(deps),

    /** Sends it once more, after what is queued: to one destination, or to all that have it. */
    async replay(id: string, destinationId?: string): Promise<Done<MessageSummary>> {
      const event = eventOf(deps, 'message.replayed', id, factsOf(destinationId))
      const queued = await storage.replayMessage(id, destinationId ?? null, event)
      if (queued > 0) return find(id)
      const message = await find(id)
      if (!message.ok) return message
      if ((await storage.findPayload(id)) === null) {
        return conflict(
          `the payload of message ${id} was erased after its last delivery; ` +
            'LATCHKEY_RETENTION_DAYS keeps those of later messages',
        )
      }
      return conflict(`nothing of message ${id} is there to be replayed: it is still queued`)
    },

    /** Never sends it: to one destination, or to all that still wait for it. */
    async skip(id: string, destinationId?: string): Promise<Done<MessageSummary>> {
      const event = eventOf(deps, 'message.skipped', id, factsOf(destinationId))
      const skipped = await storage.skipMessage(id, destinationId ?? null, event)
      const message = await find(id)
      if (skipped > 0 || !message.ok) return message
      return conflict(`nothing of message ${id} is queued any more`)
    },

    /** The message as it came in. It may hold health data, so who looks is remembered first. */
    async open(id: string): Promise<Done<{ message: MessageSummary; payload: Uint8Array }>> {
      const message = await find(id)
      if (!message.ok) return message
      const sealed = await storage.findPayload(id)
      if (sealed === null) return notFound(`the payload of message ${id} is gone`)
      await storage.addEvent(eventOf(deps, 'message.opened', id))
      return ok({ message: message.value, payload: await sealer.open(sealed, id) })
    },
  }

  async function find(id: string): Promise<Done<MessageSummary>> {
    const message = await storage.findMessage(id)
    return message === null ? notFound(`there is no message ${id}`) : ok(message)
  }
}

const factsOf = (destinationId?: string) => (destinationId === undefined ? {} : { destinationId })

export type Messages = ReturnType<typeof createMessages>
