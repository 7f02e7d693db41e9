import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import type { Source } from '../../../service/ports/routing.ts'
import { failNotFound } from '../../../service/service-result.ts'
import { defineOperation, type Operation } from '../operation.ts'
import {
  accountFilter,
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  name,
  newId,
  pageParameters,
  readPage,
} from './fields.ts'
import { key } from './keys.ts'
import { testMessageResult } from './messages.ts'

const source = z
  .object({ id, accountId, name, createdAt } satisfies Record<keyof Source, z.ZodType>)
  .openapi('Source')

export const sourceOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/sources',
    serviceMethods: ['sources.list'],
    summary: 'List sources, oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(source),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.sources.list({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'post',
    path: '/sources',
    serviceMethods: ['sources.add'],
    summary: 'Add a source',
    body: z.strictObject({ id: newId, accountId: existingId, name }),
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
  defineOperation({
    method: 'get',
    path: '/sources/{id}',
    serviceMethods: ['sources.find'],
    summary: 'Get a source',
    response: source,
    run: ({ services, id }) => services.sources.find(id),
  }),
  defineOperation({
    method: 'put',
    path: '/sources/{id}/name',
    serviceMethods: ['sources.rename'],
    summary: 'Rename a source',
    body: z.strictObject({ name }),
    examples: { 'A new name': { name: 'Ward monitors, second floor' } },
    response: source,
    run: ({ services, id, body }) => services.sources.rename(id, body.name),
  }),
  defineOperation({
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
    method: 'post',
    path: '/sources/{id}/test-messages',
    serviceMethods: ['messages.sendTest'],
    summary: 'Send a test message as a source',
    text: 'It is checked, stored and delivered like the vendor’s messages. `Meta.Test` must be true.',
    body: z.strictObject({
      message: z.record(z.string(), z.unknown()).openapi({
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
    run: async ({ services, id, body, caller, signal, testMessages }) => {
      const message = { sourceId: id, text: JSON.stringify(body.message) }
      const result = await testMessages.send(services, message, caller, signal)
      if (!result.ok) return result
      const { messageId, reply, refusal } = result.value
      return ok({ messageId, status: reply.status, answer: reply.body, refusal })
    },
  }),
]
