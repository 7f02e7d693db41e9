import { z } from 'zod'
import { ok } from '../domain/failure.ts'
import { decodeLongText } from '../service/long-work.ts'
import type { AttemptSummary, DeliverySummary, MessageSummary } from '../service/ports/messages.ts'
import { defineOperation, type Operation } from './define.ts'
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

const deliveryStatus = z.enum(['queued', 'delivered', 'skipped'])

const delivery = z
  .object({
    id,
    subscriptionId: z.string(),
    destinationId: z.string(),
    destinationName: z.string(),
    status: deliveryStatus,
    attempts: z.number().int(),
    settledAt: instantOrNull('Time when it left the queue'),
  } satisfies Record<keyof DeliverySummary, z.ZodType>)
  .meta({ id: 'Delivery' })

export const message = z
  .object({
    id,
    serial: z.number().int().meta({ description: 'Numeric id, for clients that need numbers' }),
    accountId,
    sourceId: z.string(),
    dataModel: z.string(),
    eventType: z.string(),
    test: z.boolean(),
    receivedAt: instant('Time of acceptance'),
    deliveries: z.array(delivery).readonly(),
  } satisfies Record<keyof MessageSummary, z.ZodType>)
  .meta({ id: 'Message' })

export const outcome = z.enum(['delivered', 'refused', 'failed', 'forbidden'])

export const attempt = z
  .object({
    at: instant('Start time'),
    ms: z.number().int().meta({ description: 'Duration in milliseconds' }),
    outcome,
    httpStatus: z.number().int().nullable().meta({ description: 'Null if there was no response' }),
    detail: z.string().meta({ description: 'Reason of the failure; empty if it succeeded' }),
    destinationId: z.string(),
    number: z.number().int().meta({ description: 'Counted from 1 for each destination' }),
  } satisfies Record<keyof AttemptSummary, z.ZodType>)
  .meta({ id: 'Attempt' })

const messageWithPayload = z
  .object({
    message,
    payload: z.string().meta({ description: 'The message as received, byte for byte, as text' }),
  })
  .meta({ id: 'OpenedMessage' })

export const testMessageResult = z
  .object({
    messageId: z.string().nullable().meta({
      description: 'Id of the stored message; null if it was refused, or was a synchronous query',
    }),
    status: z
      .number()
      .int()
      .meta({ description: 'Status that the vendor’s program would receive' }),
    answer: z.string().meta({ description: 'Body that the vendor’s program would receive' }),
    refusal: z
      .object({ reason: z.string(), sentence: z.string(), advice: z.string().nullable() })
      .nullable()
      .meta({ description: 'Reason of a refusal, which the vendor does not see' }),
  })
  .meta({ id: 'Tested' })

const destinationChoice = z.strictObject({
  destinationId: existingId.optional().meta({
    description: 'Only to this destination; omit it for all destinations',
  }),
})
const examples = {
  'To all': {},
  'To one': { destinationId: EXAMPLE_IDS.destination },
}

export const messageOperations: readonly Operation[] = [
  defineOperation({
    id: 'messages.list',
    method: 'get',
    path: '/messages',
    columns: [
      'id',
      'receivedAt',
      'dataModel',
      'eventType',
      'test',
      'deliveries.destinationName',
      'deliveries.status',
    ],
    commandLines: ['messages list --limit 20', 'messages list --status queued'],
    serviceMethods: ['messages.list'],
    summary: 'List messages, newest first',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      sourceId: optionalIdParameter,
      destinationId: optionalIdParameter,
      subscriptionId: optionalIdParameter,
      status: deliveryStatus.optional().meta({ description: 'With a delivery of this status' }),
      test: optionalBooleanParameter.meta({
        description: 'True for test messages, false for others',
      }),
    }),
    response: createListSchema(message),
    run: ({ services, query: { limit, after, test, ...filter } }) =>
      readPage({ limit, after }, (page) =>
        services.messages.list({ ...page, ...filter, test: test && test === 'true' }),
      ),
  }),
  defineOperation({
    id: 'messages.show',
    method: 'get',
    path: '/messages/{id}',
    serviceMethods: ['messages.find'],
    summary: 'Get a message and its deliveries',
    response: message,
    run: ({ services, id }) => services.messages.find(id),
  }),
  defineOperation({
    id: 'messages.attempts',
    method: 'get',
    path: '/messages/{id}/attempts',
    serviceMethods: ['messages.listAttempts'],
    summary: 'List the last delivery attempts of a message',
    text: 'Newest first; at most 50.',
    columns: ['number', 'at', 'ms', 'destinationId', 'outcome', 'httpStatus', 'detail'],
    response: createListSchema(attempt),
    run: async ({ services, id }) => {
      const attempts = await services.messages.listAttempts(id)
      return attempts.ok ? toWholeList(attempts.value) : attempts
    },
  }),
  defineOperation({
    id: 'messages.skip',
    method: 'post',
    path: '/messages/{id}/skip',
    serviceMethods: ['messages.skip'],
    summary: 'Skip a queued message',
    body: destinationChoice,
    examples,
    response: message,
    run: ({ services, id, body }) => services.messages.skip(id, body.destinationId),
  }),
  defineOperation({
    id: 'messages.replay',
    method: 'post',
    path: '/messages/{id}/replay',
    serviceMethods: ['messages.replay'],
    summary: 'Send a message again',
    text: 'It is queued last. Destinations that have not received it yet are left out.',
    body: destinationChoice,
    examples,
    response: message,
    run: ({ services, id, body }) => services.messages.replay(id, body.destinationId),
  }),
  defineOperation({
    id: 'messages.payload',
    method: 'post',
    path: '/messages/{id}/payload',
    serviceMethods: ['messages.readPayload'],
    summary: 'Read the payload of a message',
    text: 'It may contain health data, so each read is recorded in the audit.',
    response: messageWithPayload,
    run: async ({ services, id }) => {
      const payloadResult = await services.messages.readPayload(id)
      if (!payloadResult.ok) return payloadResult
      const { message, payload } = payloadResult.value
      return ok({ message, payload: await decodeLongText(payload) })
    },
  }),
]
