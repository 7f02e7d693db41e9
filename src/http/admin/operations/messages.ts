import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import type {
  AttemptSummary,
  DeliverySummary,
  MessageSummary,
} from '../../../service/ports/messages.ts'
import { defineOperation, type Operation } from '../operation.ts'
import {
  accountFilter,
  accountId,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  instant,
  instantOrNull,
  optionalBooleanParameter,
  optionalIdParameter,
  pageParameters,
  readPage,
  toWholeList,
} from './fields.ts'

export const deliveryStatus = z.enum(['queued', 'delivered', 'skipped'])

const delivery = z
  .object({
    id,
    subscriptionId: z.string(),
    destinationId: z.string(),
    destinationName: z.string(),
    status: deliveryStatus,
    attempts: z.number().int(),
    settledAt: instantOrNull('Since when it is not queued any more'),
  } satisfies Record<keyof DeliverySummary, z.ZodType>)
  .openapi('Delivery')

export const message = z
  .object({
    id,
    serial: z.number().int().openapi({ description: 'Its id for clients that want numbers' }),
    accountId,
    sourceId: z.string(),
    dataModel: z.string(),
    eventType: z.string(),
    test: z.boolean(),
    receivedAt: instant('When it was accepted'),
    deliveries: z.array(delivery).readonly(),
  } satisfies Record<keyof MessageSummary, z.ZodType>)
  .openapi('Message')

export const outcome = z.enum(['delivered', 'refused', 'failed', 'forbidden'])

export const attempt = z
  .object({
    at: instant('When it began'),
    ms: z.number().int().openapi({ description: 'How long it took' }),
    outcome,
    httpStatus: z
      .number()
      .int()
      .nullable()
      .openapi({ description: 'Null where there was no answer' }),
    detail: z.string().openapi({ description: 'Why it was in vain; empty where it was not' }),
    destinationId: z.string(),
    number: z.number().int().openapi({ description: 'From 1, for each destination' }),
  } satisfies Record<keyof AttemptSummary, z.ZodType>)
  .openapi('Attempt')

export const messageWithPayload = z
  .object({
    message,
    payload: z.string().openapi({ description: 'The message as it came in, to the byte, as text' }),
  })
  .openapi('OpenedMessage')

export const testMessageResult = z
  .object({
    messageId: z.string().nullable().openapi({
      description: 'Where it is stored; null where it was refused, or carried straight on',
    }),
    status: z.number().int().openapi({ description: 'That the vendor’s program would get' }),
    answer: z.string().openapi({ description: 'The body that it would get' }),
    refusal: z
      .object({ reason: z.string(), sentence: z.string(), advice: z.string().nullable() })
      .nullable()
      .openapi({ description: 'Why, where it was refused: what the vendor is not told' }),
  })
  .openapi('Tested')

const decoder = new TextDecoder()

const destinationChoice = z.strictObject({
  destinationId: existingId.optional().openapi({
    description: 'To this destination alone; to all of them where it is left out',
  }),
})
const examples = {
  'To all': {},
  'To one': { destinationId: EXAMPLE_IDS.destination },
}

export const messageOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/messages',
    serviceMethods: ['messages.list'],
    summary: 'List messages, the newest first',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      sourceId: optionalIdParameter,
      destinationId: optionalIdParameter,
      subscriptionId: optionalIdParameter,
      status: deliveryStatus.optional().openapi({ description: 'With a delivery of this status' }),
      test: optionalBooleanParameter.openapi({ description: 'Whether it was sent as a test' }),
    }),
    response: createListSchema(message),
    run: ({ services, query: { limit, after, test, ...filter } }) =>
      readPage({ limit, after }, (page) =>
        services.messages.list({ ...page, ...filter, test: test && test === 'true' }),
      ),
  }),
  defineOperation({
    method: 'get',
    path: '/messages/{id}',
    serviceMethods: ['messages.find'],
    summary: 'Look at a message, and where it stands',
    response: message,
    run: ({ services, id }) => services.messages.find(id),
  }),
  defineOperation({
    method: 'get',
    path: '/messages/{id}/attempts',
    serviceMethods: ['messages.listAttempts'],
    summary: 'See what came of the last attempts to deliver a message',
    text: 'The newest first; 50 at most.',
    response: createListSchema(attempt),
    run: async ({ services, id }) => {
      const attempts = await services.messages.listAttempts(id)
      return attempts.ok ? toWholeList(attempts.value) : attempts
    },
  }),
  defineOperation({
    method: 'post',
    path: '/messages/{id}/skip',
    serviceMethods: ['messages.skip'],
    summary: 'Never send a message that still waits',
    body: destinationChoice,
    examples,
    response: message,
    run: ({ services, id, body }) => services.messages.skip(id, body.destinationId),
  }),
  defineOperation({
    method: 'post',
    path: '/messages/{id}/replay',
    serviceMethods: ['messages.replay'],
    summary: 'Send a message once more',
    text: 'After what is queued; not to who has yet to receive it.',
    body: destinationChoice,
    examples,
    response: message,
    run: ({ services, id, body }) => services.messages.replay(id, body.destinationId),
  }),
  defineOperation({
    method: 'post',
    path: '/messages/{id}/open',
    serviceMethods: ['messages.readPayload'],
    summary: 'Read the payload of a message',
    text: 'It may be health data: each reading is in the audit.',
    response: messageWithPayload,
    run: async ({ services, id }) => {
      const payloadResult = await services.messages.readPayload(id)
      if (!payloadResult.ok) return payloadResult
      const { message, payload } = payloadResult.value
      return ok({ message, payload: decoder.decode(payload) })
    },
  }),
]
