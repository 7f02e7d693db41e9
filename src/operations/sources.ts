import { z } from 'zod'
import { ok } from '../domain/failure.ts'
import type { Source } from '../service/ports/routing.ts'
import { failNotFound } from '../service/service-result.ts'
import { defineOperation, type Operation } from './define.ts'
import { accountId, createdAt, EXAMPLE_IDS, existingId, id, name, newId } from './fields.ts'
import { key } from './key-fields.ts'
import { testMessageResult } from './messages.ts'
import { definePlainOperations } from './resource.ts'

const source = z
  .object({ id, accountId, name, createdAt } satisfies Record<keyof Source, z.ZodType>)
  .meta({ id: 'Source' })

const operations = definePlainOperations({
  group: 'sources',
  article: 'a source',
  schema: source,
  columns: ['id', 'accountId', 'name', 'createdAt'],
  newName: 'Ward monitors, second floor',
  deleteText:
    'A source with a key, even a revoked one, a subscription or a stored message cannot be deleted.',
  getService: ({ sources }) => sources,
})

export const sourceOperations: readonly Operation[] = [
  operations.list,
  defineOperation({
    id: 'sources.create',
    method: 'post',
    path: '/sources',
    serviceMethods: ['sources.add'],
    summary: 'Add a source',
    text: 'A source is a system that sends messages. One key that is not revoked can belong to it.',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      name: name.meta({
        description: 'Name of the system that sends messages. Destinations see it in every message',
      }),
    }),
    examples: {
      'A ward’s system': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        name: 'Ward monitors',
      },
    },
    response: source,
    creates: true,
    run: ({ services, body }) => services.sources.add(body),
  }),
  operations.show,
  operations.rename,
  operations.delete,
  defineOperation({
    id: 'sources.key',
    method: 'get',
    path: '/sources/{id}/key',
    serviceMethods: ['sources.findKey'],
    summary: 'Get the key of a source',
    response: key,
    run: async ({ services, id }) => {
      const found = await services.sources.findKey(id)
      if (!found.ok) return found
      return found.value === null ? failNotFound(`source ${id} has no key`) : ok(found.value)
    },
  }),
  defineOperation({
    id: 'sources.sendTestMessage',
    noCommand: '`latchkey messages test` reads the message from a file, or makes a sample',
    method: 'post',
    path: '/sources/{id}/test-messages',
    serviceMethods: ['messages.sendTest'],
    summary: 'Send a test message as a source',
    text: 'It is checked, stored and delivered like the vendor’s messages. `Meta.Test` must be true.',
    body: z.strictObject({
      message: z.record(z.string(), z.unknown()).meta({
        description: 'The body that the vendor would post to `/endpoint`',
      }),
    }),
    examples: {
      'A device': {
        message: {
          Meta: {
            DataModel: 'Device',
            EventType: 'New',
            Test: true,
            Destinations: [{ ID: EXAMPLE_IDS.destination }],
          },
          Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
        },
      },
    },
    response: testMessageResult,
    run: async ({ services, id, body, caller, signal, loadTestMessages }) => {
      const message = { sourceId: id, text: JSON.stringify(body.message) }
      const testMessages = await loadTestMessages()
      const result = await testMessages.send(services, message, caller, signal)
      if (!result.ok) return result
      const { messageId, reply, refusal } = result.value
      return ok({ messageId, status: reply.status, answer: reply.body, refusal })
    },
  }),
]
