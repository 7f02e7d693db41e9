import { ok } from '../domain/failure.ts'
import { type Done, eventOf, notFound, type OperatorDeps } from './operator.ts'
import type { MessageStorage, MessageSummary, OperatorStorage, Page, Sealer } from './ports.ts'

export interface MessagesDeps extends OperatorDeps {
  readonly storage: MessageStorage & Pick<OperatorStorage, 'addEvent'>
  readonly sealer: Sealer
}

/** What an operator does with accepted messages. */
export function createMessages(deps: MessagesDeps) {
  const { storage, sealer } = deps

  return {
    list: (page: Page & { accountId?: string | undefined }) => storage.listMessages(page),
    find,

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

export type Messages = ReturnType<typeof createMessages>
