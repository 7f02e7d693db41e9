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

const verifiedAt = instantOrNull('Since when it may be sent messages')

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
      url: z.string().nullable().openapi({ description: 'Null where none is set' }),
      verifiedAt,
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

const subscriptionState = z.object({ id: z.string(), status: subscriptionStatus })

export const subscriptionOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/subscriptions',
    serviceMethods: ['routing.listSubscriptions'],
    summary: 'List subscriptions, the oldest first',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      sourceId: optionalIdParameter.openapi({ description: 'Of this source only' }),
    }),
    response: createListSchema(subscription),
    run: ({ services, query: { accountId, sourceId, ...page } }) =>
      readPage(page, (pageQuery) =>
        services.routing.listSubscriptions({ ...pageQuery, accountId, sourceId }),
      ),
  }),
  defineOperation({
    method: 'post',
    path: '/subscriptions',
    serviceMethods: ['routing.createSubscription'],
    summary: 'Let a source send to a destination',
    body: z.strictObject({
      id: newId,
      sourceId: existingId,
      destinationId: existingId,
      dataModel: z.string().optional().openapi({ description: 'Left out for every data model' }),
    }),
    examples: {
      'Scheduling alone': {
        id: EXAMPLE_IDS.fresh,
        sourceId: EXAMPLE_IDS.source,
        destinationId: EXAMPLE_IDS.destination,
        dataModel: 'Scheduling',
      },
    },
    response: subscription,
    creates: true,
    run: ({ services, body }) => services.routing.createSubscription(body),
  }),
  defineOperation({
    method: 'get',
    path: '/subscriptions/{id}',
    serviceMethods: ['routing.findSubscription'],
    summary: 'Look at a subscription',
    response: subscription,
    run: ({ services, id }) => services.routing.findSubscription(id),
  }),
  defineOperation({
    method: 'get',
    path: '/subscriptions/{id}/receiver',
    serviceMethods: ['routing.findSubscriptionTarget'],
    summary: 'See who receives what a subscription sends',
    text: 'The destination may be another account’s.',
    response: receiver,
    run: ({ services, id }) => services.routing.findSubscriptionTarget(id),
  }),
  defineOperation({
    method: 'get',
    path: '/subscriptions/{id}/feed',
    serviceMethods: ['routing.findQueue'],
    summary: 'See how the feed of a subscription is doing',
    response: subscriptionQueue,
    run: ({ services, id }) => services.routing.findQueue(id),
  }),
  defineOperation({
    method: 'post',
    path: '/subscriptions/{id}/pause',
    serviceMethods: ['routing.setSubscriptionStatus'],
    summary: 'Pause a subscription',
    text: 'What is queued waits; new messages to it are refused.',
    response: subscriptionState,
    run: ({ services, id }) => services.routing.setSubscriptionStatus(id, 'paused'),
  }),
  defineOperation({
    method: 'post',
    path: '/subscriptions/{id}/resume',
    serviceMethods: ['routing.setSubscriptionStatus'],
    summary: 'Resume a subscription',
    text: 'What is queued is due at once: of one that was not paused, too.',
    response: subscriptionState,
    run: ({ services, id }) => services.routing.setSubscriptionStatus(id, 'active'),
  }),
  defineOperation({
    method: 'post',
    path: '/subscriptions/{id}/purge',
    serviceMethods: ['routing.purgeQueue'],
    summary: 'Empty the queue of a subscription',
    text: 'Nothing that is queued now is ever sent.',
    response: subscriptionQueue,
    run: ({ services, id }) => services.routing.purgeQueue(id),
  }),
  defineNoContentOperation({
    method: 'delete',
    path: '/subscriptions/{id}',
    serviceMethods: ['routing.deleteSubscription'],
    summary: 'End a subscription',
    text: 'Only one that has nothing queued.',
    run: ({ services, id }) => services.routing.deleteSubscription(id),
  }),
]

export const subscriptionQueueOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/feeds',
    serviceMethods: ['routing.searchSubscriptions'],
    summary: 'List feeds, and how each is doing',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      sourceId: optionalIdParameter,
      destinationId: optionalIdParameter,
      stuck: optionalBooleanParameter.openapi({
        description: 'Only those whose first message was tried in vain',
      }),
    }),
    response: createListSchema(subscriptionListItem),
    run: ({ services, query: { limit, after, stuck, ...filter } }) =>
      readPage({ limit, after }, (page) =>
        services.routing.searchSubscriptions({
          ...page,
          ...filter,
          stuck: stuck === 'true' || undefined,
        }),
      ),
  }),
  defineOperation({
    method: 'get',
    path: '/feeds/{id}',
    serviceMethods: ['routing.findSubscriptionListItem'],
    summary: 'Look at a feed',
    text: '`id` is that of its subscription.',
    response: subscriptionListItem,
    run: ({ services, id }) => services.routing.findSubscriptionListItem(id),
  }),
]
