import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { failNotFound } from '../../../service/service-result.ts'
import { defineNoContentOperation, defineOperation, type Operation } from '../operation.ts'
import {
  accountFilter,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  name,
  newId,
  optionalBooleanParameter,
  optionalIdParameter,
  pageParameters,
  readPage,
} from './fields.ts'
import { key } from './keys.ts'
import { testMessageResult } from './messages.ts'
import {
  destination,
  handshake,
  method,
  receiver,
  source,
  subscription,
  subscriptionListItem,
  subscriptionQueue,
} from './routing-schemas.ts'

const accountId = existingId
const url = z.string().openapi({ description: 'https; plain http only for `development`' })
const token = z.string().openapi({
  description:
    'The verification token that was agreed on with it. It is kept sealed, and not shown.',
})

export const sourceOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/sources',
    serviceMethods: ['routing.listSources'],
    summary: 'List sources, the oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(source),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.routing.listSources({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'post',
    path: '/sources',
    serviceMethods: ['routing.addSource'],
    summary: 'Add a source of messages',
    body: z.strictObject({ id: newId, accountId, name }),
    examples: {
      'A ward’s system': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        name: 'Ward monitors',
      },
    },
    response: source,
    creates: true,
    run: ({ services, body }) => services.routing.addSource(body),
  }),
  defineOperation({
    method: 'get',
    path: '/sources/{id}',
    serviceMethods: ['routing.findSource'],
    summary: 'Look at a source',
    response: source,
    run: ({ services, id }) => services.routing.findSource(id),
  }),
  defineOperation({
    method: 'put',
    path: '/sources/{id}/name',
    serviceMethods: ['routing.renameSource'],
    summary: 'Rename a source',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'Ward monitors, second floor' } },
    response: source,
    run: ({ services, id, body }) => services.routing.renameSource(id, body.name),
  }),
  defineOperation({
    method: 'get',
    path: '/sources/{id}/key',
    serviceMethods: ['routing.findSourceKey'],
    summary: 'See which key sends as a source',
    response: key,
    run: async ({ services, id }) => {
      const found = await services.routing.findSourceKey(id)
      if (!found.ok) return found
      return found.value === null ? failNotFound(`source ${id} has no key`) : ok(found.value)
    },
  }),
  defineOperation({
    method: 'post',
    path: '/sources/{id}/test-messages',
    serviceMethods: ['messages.sendTest'],
    summary: 'Send a test message as a source',
    text: 'It is judged, stored and carried as the vendor’s would be; `Meta.Test` must be true.',
    body: z.strictObject({
      message: z.record(z.string(), z.unknown()).openapi({
        description: 'What the vendor would post to `/endpoint`',
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

export const destinationOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/destinations',
    serviceMethods: ['routing.listDestinations'],
    summary: 'List destinations, the oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(destination),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.routing.listDestinations({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'post',
    path: '/destinations',
    serviceMethods: ['routing.addDestination'],
    summary: 'Add a destination of messages',
    text: 'It is sent nothing before it is verified.',
    body: z.strictObject({
      id: newId,
      accountId,
      name,
      url: url.optional(),
      development: z.boolean().optional().openapi({ description: 'Whether plain http is allowed' }),
      token: token.optional(),
      method: method.optional(),
    }),
    examples: {
      'A hospital’s system': {
        id: EXAMPLE_IDS.fresh,
        accountId: EXAMPLE_IDS.account,
        name: 'Hospital EMR',
        url: 'https://emr.hospital.example/latchkey',
        token: 'agreed-with-the-hospital',
      },
    },
    response: destination,
    creates: true,
    run: ({ services, body }) => services.routing.addDestination(body),
  }),
  defineOperation({
    method: 'get',
    path: '/destinations/{id}',
    serviceMethods: ['routing.findDestination'],
    summary: 'Look at a destination',
    response: destination,
    run: ({ services, id }) => services.routing.findDestination(id),
  }),
  defineOperation({
    method: 'put',
    path: '/destinations/{id}/name',
    serviceMethods: ['routing.renameDestination'],
    summary: 'Rename a destination',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'Hospital EMR, north' } },
    response: destination,
    run: ({ services, id, body }) => services.routing.renameDestination(id, body.name),
  }),
  defineOperation({
    method: 'put',
    path: '/destinations/{id}/url',
    serviceMethods: ['routing.setDestinationUrl'],
    summary: 'Send to another URL',
    text: 'Another URL is another party: it is to be verified anew.',
    body: z.strictObject({ url }),
    examples: { 'It has moved': { url: 'https://emr2.hospital.example/latchkey' } },
    response: destination,
    run: ({ services, id, body }) => services.routing.setDestinationUrl(id, body.url),
  }),
  defineOperation({
    method: 'put',
    path: '/destinations/{id}/token',
    serviceMethods: ['routing.setVerificationToken'],
    summary: 'Agree on another verification token',
    text: 'Another token is another agreement: it is to be verified anew.',
    body: z.strictObject({ token, method: method.optional() }),
    examples: { 'A new one': { token: 'agreed-anew', method: 'GET' } },
    response: destination,
    run: ({ services, id, body }) =>
      services.routing.setVerificationToken(id, body.token, body.method),
  }),
  defineOperation({
    method: 'post',
    path: '/destinations/{id}/verify',
    serviceMethods: ['routing.verify'],
    summary: 'Ask a destination to repeat a challenge',
    text: 'The answer says what it was asked and what it answered, whether or not it is verified now.',
    response: handshake,
    run: ({ services, id }) => services.routing.verify(id),
  }),
  defineOperation({
    method: 'post',
    path: '/destinations/{id}/vouch',
    serviceMethods: ['routing.setDestinationVerified'],
    summary: 'Take a destination for verified, on your own word',
    response: destination,
    run: ({ services, id }) => services.routing.setDestinationVerified(id, true),
  }),
  defineOperation({
    method: 'post',
    path: '/destinations/{id}/doubt',
    serviceMethods: ['routing.setDestinationVerified'],
    summary: 'Take a destination for verified no longer',
    text: 'It is sent nothing until it is verified again.',
    response: destination,
    run: ({ services, id }) => services.routing.setDestinationVerified(id, false),
  }),
]

const subscriptionState = z.object({ id: z.string(), status: z.enum(['active', 'paused']) })

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
