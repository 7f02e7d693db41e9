import { z } from 'zod'
import type { SubscriptionListItem } from '../service/ports/lists.ts'
import type { SubscriptionTarget } from '../service/ports/routing.ts'
import { defineNoContentOperation, defineOperation, type Operation } from './define.ts'
import {
  accountFilter,
  accountId,
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

/** Its source and destination, its queue, and its last attempt. */
export const subscription = z
  .object({
    id,
    status: subscriptionStatus,
    queued: z.number().int().meta({ description: 'Number of queued messages' }),
    attempts: z.number().int().meta({
      description: 'Failed attempts for the first message since the last success',
    }),
    dueAt: instant('Earliest time of the next attempt'),
    leasedBy: z.string().nullable().meta({ description: 'Server instance that delivers it now' }),
    leasedUntil: instantOrNull('Time until which it does so without a renewal'),
    accountId,
    dataModel: z.string().nullable().meta({ description: 'Null for every data model' }),
    source: z.object({ id, name }),
    destination: z.object({
      id,
      name,
      url: z.string().nullable().meta({ description: 'Null if none is set' }),
      verifiedAt,
    }),
    headId: z.string().nullable().meta({ description: 'The next message to send' }),
    oldestAt: instantOrNull('Time when the oldest queued message was received'),
    lastAttempt: z
      .object({
        at: instant('Start time'),
        outcome,
        httpStatus: z.number().int().nullable(),
        detail: z.string(),
      })
      .nullable()
      .meta({ description: 'The last attempt for the next message' }),
  } satisfies Record<keyof SubscriptionListItem, z.ZodType>)
  .meta({ id: 'Subscription' })

const receiver = z
  .object({ id, name, verifiedAt } satisfies Record<keyof SubscriptionTarget, z.ZodType>)
  .meta({ id: 'Receiver' })

export const subscriptionOperations: readonly Operation[] = [
  defineOperation({
    id: 'subscriptions.list',
    method: 'get',
    path: '/subscriptions',
    serviceMethods: ['subscriptions.list'],
    summary: 'List subscriptions and their queues, oldest first',
    query: z.strictObject({
      ...pageParameters,
      ...accountFilter,
      sourceId: optionalIdParameter.meta({ description: 'Only of this source' }),
      destinationId: optionalIdParameter.meta({ description: 'Only to this destination' }),
      stuck: optionalBooleanParameter.meta({
        description: 'Only those whose first message has a failed attempt',
      }),
    }),
    response: createListSchema(subscription),
    columns: ['id', 'source', 'destination', 'dataModel', 'status', 'queued', 'attempts'],
    commandLines: ['subscriptions list --stuck true'],
    run: ({ services, query: { limit, after, stuck, ...filter } }) =>
      readPage({ limit, after }, (page) =>
        services.subscriptions.list({ ...page, ...filter, stuck: stuck === 'true' || undefined }),
      ),
  }),
  defineOperation({
    id: 'subscriptions.create',
    method: 'post',
    path: '/subscriptions',
    serviceMethods: ['subscriptions.create'],
    summary: 'Add a subscription',
    text: 'A subscription delivers the messages of a source to a destination.',
    body: z.strictObject({
      id: newId,
      sourceId: existingId,
      destinationId: existingId,
      dataModel: z.string().optional().meta({ description: 'Omit it for every data model' }),
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
    id: 'subscriptions.show',
    method: 'get',
    path: '/subscriptions/{id}',
    serviceMethods: ['subscriptions.find'],
    summary: 'Get a subscription and its queue',
    response: subscription,
    run: ({ services, id }) => services.subscriptions.find(id),
  }),
  defineOperation({
    id: 'subscriptions.destination',
    method: 'get',
    path: '/subscriptions/{id}/destination',
    serviceMethods: ['subscriptions.findTarget'],
    summary: 'Get the destination of a subscription',
    text: 'The destination may belong to another account.',
    response: receiver,
    run: ({ services, id }) => services.subscriptions.findTarget(id),
  }),
  defineOperation({
    id: 'subscriptions.pause',
    method: 'post',
    path: '/subscriptions/{id}/pause',
    serviceMethods: ['subscriptions.setStatus'],
    summary: 'Pause a subscription',
    text: 'Queued messages wait, and new messages are refused.',
    response: subscription,
    run: ({ services, id }) => services.subscriptions.setStatus(id, 'paused'),
  }),
  defineOperation({
    id: 'subscriptions.resume',
    method: 'post',
    path: '/subscriptions/{id}/resume',
    serviceMethods: ['subscriptions.setStatus'],
    summary: 'Resume a subscription',
    text: 'Queued messages become due at once, even if the subscription was not paused.',
    response: subscription,
    run: ({ services, id }) => services.subscriptions.setStatus(id, 'active'),
  }),
  defineOperation({
    id: 'subscriptions.purge',
    method: 'post',
    path: '/subscriptions/{id}/purge',
    serviceMethods: ['subscriptions.purgeQueue'],
    summary: 'Empty the queue of a subscription',
    text: 'The messages that are queued now are marked as skipped, 500 at a time; after an interruption, purge again. Each can be replayed while its payload is kept.',
    isIrreversible: true,
    response: subscription,
    run: ({ services, id }) => services.subscriptions.purgeQueue(id),
  }),
  defineNoContentOperation({
    id: 'subscriptions.delete',
    method: 'delete',
    path: '/subscriptions/{id}',
    serviceMethods: ['subscriptions.delete'],
    summary: 'Delete a subscription',
    text: 'A subscription with queued messages cannot be deleted: empty its queue first. New messages are refused once it is deleted.',
    isIrreversible: true,
    run: ({ services, id }) => services.subscriptions.delete(id),
  }),
]
