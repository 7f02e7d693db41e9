import { z } from '@hono/zod-openapi'
import type { SubscriptionListItem } from '../../../service/ports/lists.ts'
import type {
  SubscriptionQueue,
  SubscriptionSummary,
  SubscriptionTarget,
} from '../../../service/ports/routing.ts'
import { defineNoContentOperation, defineOperation, type Operation } from '../operation.ts'
import {
  accountFilter,
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  instant,
  instantOrNull,
  name,
  newId,
  optionalBooleanParameter,
  optionalIdParameter,
  pageParameters,
  readPage,
} from './fields.ts'
import { outcome } from './messages.ts'

const verifiedAt = instantOrNull('Time of verification; null if it is not verified')

const subscriptionStatus = z.enum(['active', 'paused'])

const subscription = z
  .object({
    id,
    sourceId: z.string(),
    destinationId: z.string(),
    dataModel: z.string().nullable().openapi({ description: 'Null for every data model' }),
    status: subscriptionStatus,
    createdAt,
  } satisfies Record<keyof SubscriptionSummary, z.ZodType>)
  .openapi('Subscription')

const subscriptionQueue = z
  .object({
    id: z.string().openapi({ description: 'Id of the subscription' }),
    status: subscriptionStatus,
    queued: z.number().int().openapi({ description: 'Number of queued messages' }),
    attempts: z.number().int().openapi({
      description: 'Failed attempts for the first message since the last success',
    }),
    dueAt: instant('Earliest time of the next attempt'),
    leasedBy: z
      .string()
      .nullable()
      .openapi({ description: 'Server instance that delivers it now' }),
    leasedUntil: instantOrNull('Time until which it does so without a renewal'),
  } satisfies Record<keyof SubscriptionQueue, z.ZodType>)
  .openapi('Feed')

const receiver = z
  .object({ id, name, verifiedAt } satisfies Record<keyof SubscriptionTarget, z.ZodType>)
  .openapi('Receiver')

/** A subscription in a list: its source and destination, its queue, and its last attempt. */
export const subscriptionListItem = z
  .object({
    ...subscriptionQueue.shape,
    accountId,
    dataModel: z.string().nullable().openapi({ description: 'Null for every data model' }),
    source: z.object({ id, name }),
    destination: z.object({
      id,
      name,
      url: z.string().nullable().openapi({ description: 'Null if none is set' }),
      verifiedAt,
    }),
    headId: z.string().nullable().openapi({ description: 'The next message to send' }),
    oldestAt: instantOrNull('Time when the oldest queued message was received'),
    lastAttempt: z
      .object({
        at: instant('Start time'),
        outcome,
        httpStatus: z.number().int().nullable(),
        detail: z.string(),
      })
      .nullable()
      .openapi({ description: 'The last attempt for the next message' }),
  } satisfies Record<keyof SubscriptionListItem, z.ZodType>)
  .openapi('ListedFeed')

const subscriptionState = z.object({ id: z.string(), status: subscriptionStatus })

export const subscriptionOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/subscriptions',
    serviceMethods: ['subscriptions.list'],
    summary: 'List subscriptions, oldest first',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      sourceId: optionalIdParameter.openapi({ description: 'Only of this source' }),
    }),
    response: createListSchema(subscription),
    run: ({ services, query: { accountId, sourceId, ...page } }) =>
      readPage(page, (pageQuery) =>
        services.subscriptions.list({ ...pageQuery, accountId, sourceId }),
      ),
  }),
  defineOperation({
    method: 'post',
    path: '/subscriptions',
    serviceMethods: ['subscriptions.create'],
    summary: 'Create a subscription',
    body: z.strictObject({
      id: newId,
      sourceId: existingId,
      destinationId: existingId,
      dataModel: z.string().optional().openapi({ description: 'Omit it for every data model' }),
    }),
    examples: {
      'Scheduling only': {
        id: EXAMPLE_IDS.fresh,
        sourceId: EXAMPLE_IDS.source,
        destinationId: EXAMPLE_IDS.destination,
        dataModel: 'Scheduling',
      },
    },
    response: subscription,
    creates: true,
    run: ({ services, body }) => services.subscriptions.create(body),
  }),
  defineOperation({
    method: 'get',
    path: '/subscriptions/{id}',
    serviceMethods: ['subscriptions.find'],
    summary: 'Get a subscription',
    response: subscription,
    run: ({ services, id }) => services.subscriptions.find(id),
  }),
  defineOperation({
    method: 'get',
    path: '/subscriptions/{id}/receiver',
    serviceMethods: ['subscriptions.findTarget'],
    summary: 'Get the destination of a subscription',
    text: 'The destination may belong to another account.',
    response: receiver,
    run: ({ services, id }) => services.subscriptions.findTarget(id),
  }),
  defineOperation({
    method: 'get',
    path: '/subscriptions/{id}/feed',
    serviceMethods: ['subscriptions.findQueue'],
    summary: 'Get the queue of a subscription',
    response: subscriptionQueue,
    run: ({ services, id }) => services.subscriptions.findQueue(id),
  }),
  defineOperation({
    method: 'post',
    path: '/subscriptions/{id}/pause',
    serviceMethods: ['subscriptions.setStatus'],
    summary: 'Pause a subscription',
    text: 'Queued messages wait, and new messages are refused.',
    response: subscriptionState,
    run: ({ services, id }) => services.subscriptions.setStatus(id, 'paused'),
  }),
  defineOperation({
    method: 'post',
    path: '/subscriptions/{id}/resume',
    serviceMethods: ['subscriptions.setStatus'],
    summary: 'Resume a subscription',
    text: 'Queued messages become due at once, even if the subscription was not paused.',
    response: subscriptionState,
    run: ({ services, id }) => services.subscriptions.setStatus(id, 'active'),
  }),
  defineOperation({
    method: 'post',
    path: '/subscriptions/{id}/purge',
    serviceMethods: ['subscriptions.purgeQueue'],
    summary: 'Empty the queue of a subscription',
    text: 'The messages that are queued now are never sent.',
    response: subscriptionQueue,
    run: ({ services, id }) => services.subscriptions.purgeQueue(id),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/subscriptions/{id}',
    serviceMethods: ['subscriptions.delete'],
    summary: 'Delete a subscription',
    text: 'Only if its queue is empty.',
    run: ({ services, id }) => services.subscriptions.delete(id),
  }),
]

export const subscriptionQueueOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/feeds',
    serviceMethods: ['subscriptions.search'],
    summary: 'List subscriptions with their queues',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      sourceId: optionalIdParameter,
      destinationId: optionalIdParameter,
      stuck: optionalBooleanParameter.openapi({
        description: 'Only those whose first message has a failed attempt',
      }),
    }),
    response: createListSchema(subscriptionListItem),
    run: ({ services, query: { limit, after, stuck, ...filter } }) =>
      readPage({ limit, after }, (page) =>
        services.subscriptions.search({
          ...page,
          ...filter,
          stuck: stuck === 'true' || undefined,
        }),
      ),
  }),
  defineOperation({
    method: 'get',
    path: '/feeds/{id}',
    serviceMethods: ['subscriptions.findListItem'],
    summary: 'Get a subscription with its queue',
    text: '`id` is the id of the subscription.',
    response: subscriptionListItem,
    run: ({ services, id }) => services.subscriptions.findListItem(id),
  }),
]
