import { z } from '@hono/zod-openapi'
import type { Handshake } from '../../../service/messages/routing.ts'
import type { SubscriptionListItem } from '../../../service/ports/lists.ts'
import type {
  DestinationSummary,
  Source,
  SubscriptionQueue,
  SubscriptionSummary,
  SubscriptionTarget,
} from '../../../service/ports/routing.ts'
import { accountId, createdAt, id, instant, instantOrNull, name } from './fields.ts'
import { outcome } from './messages.ts'

export const source = z
  .object({ id, accountId, name, createdAt } satisfies Record<keyof Source, z.ZodType>)
  .openapi('Source')

export const method = z.enum(['POST', 'GET']).openapi({
  description: 'Of its verification handshake',
})
const verifiedAt = instantOrNull('Since when it may be sent messages')

export const url = z.string().nullable().openapi({ description: 'Null where none is set' })

export const destination = z
  .object({
    id,
    accountId,
    name,
    url,
    development: z.boolean().openapi({ description: 'Whether plain http is allowed' }),
    verifiedAt,
    method,
    hasToken: z.boolean().openapi({ description: 'Whether a verification token was agreed on' }),
    createdAt,
  } satisfies Record<keyof DestinationSummary, z.ZodType>)
  .openapi('Destination')

const challenged = z.boolean().openapi({ description: 'Whether it repeated the challenge' })
const httpStatus = z.number().int()

const answered = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('delivered'), status: httpStatus, challenged }),
  z.object({
    outcome: z.literal('refused'),
    status: httpStatus,
    excerpt: z.string(),
    challenged,
  }),
  z.object({ outcome: z.literal('failed'), detail: z.string(), challenged }),
  z.object({ outcome: z.literal('forbidden'), detail: z.string(), challenged }),
])

export const handshake = z
  .object({
    verified: z.boolean(),
    asked: z.object({ method, url: z.string().nullable() }),
    answered,
    ms: z.number().int().openapi({ description: 'How long the answer took' }),
    destination,
  } satisfies Record<keyof Handshake, z.ZodType>)
  .openapi('Handshake')

export const subscriptionStatus = z.enum(['active', 'paused'])

export const subscription = z
  .object({
    id,
    sourceId: z.string(),
    destinationId: z.string(),
    dataModel: z.string().nullable().openapi({ description: 'Null for every data model' }),
    status: subscriptionStatus,
    createdAt,
  } satisfies Record<keyof SubscriptionSummary, z.ZodType>)
  .openapi('Subscription')

export const subscriptionQueue = z
  .object({
    id: z.string().openapi({ description: 'The id of its subscription' }),
    status: subscriptionStatus,
    queued: z.number().int().openapi({ description: 'Messages that wait' }),
    attempts: z.number().int().openapi({
      description: 'How often the first of them was tried in vain since the feed last got on',
    }),
    dueAt: instant('When the next attempt may begin'),
    leasedBy: z.string().nullable().openapi({ description: 'Who works at it now' }),
    leasedUntil: instantOrNull('Until when it does so, unless it renews'),
  } satisfies Record<keyof SubscriptionQueue, z.ZodType>)
  .openapi('Feed')

export const receiver = z
  .object({ id, name, verifiedAt } satisfies Record<keyof SubscriptionTarget, z.ZodType>)
  .openapi('Receiver')

/** As a list tells it: between whom, how much waits, and what came of the last attempt. */
export const subscriptionListItem = z
  .object({
    ...subscriptionQueue.shape,
    accountId,
    dataModel: z.string().nullable().openapi({ description: 'Null for every data model' }),
    source: z.object({ id, name }),
    destination: z.object({
      id,
      name,
      url,
      verifiedAt: instantOrNull('Since when it may be sent messages'),
    }),
    headId: z.string().nullable().openapi({ description: 'The message that is to go next' }),
    oldestAt: instantOrNull('When what waits longest was received'),
    lastAttempt: z
      .object({
        at: instant('When it began'),
        outcome,
        httpStatus: z.number().int().nullable(),
        detail: z.string(),
      })
      .nullable()
      .openapi({ description: 'Of what is to go next' }),
  } satisfies Record<keyof SubscriptionListItem, z.ZodType>)
  .openapi('ListedFeed')
