import { z } from '@hono/zod-openapi'
import type { AttemptSummary, DeliverySummary, MessageSummary } from '../../../service/ports.ts'
import { accountId, id, instant, instantOrNull } from './common.ts'

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

export const openedMessage = z
  .object({
    message,
    payload: z.string().openapi({ description: 'The message as it came in, to the byte, as text' }),
  })
  .openapi('OpenedMessage')

export const tested = z
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
