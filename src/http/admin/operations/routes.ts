import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { notFound } from '../../../service/operator.ts'
import { EXAMPLE } from '../ids.ts'
import { type Operation, operation, silent } from '../operation.ts'
import {
  existingId,
  isId,
  listOf,
  name,
  newId,
  ofAccount,
  paged,
  paging,
} from '../schema/common.ts'
import { key } from '../schema/keys.ts'
import { tested } from '../schema/messages.ts'
import {
  destination,
  feed,
  handshake,
  method,
  receiver,
  source,
  subscription,
} from '../schema/routes.ts'

const accountId = existingId
const url = z.string().openapi({ description: 'https; plain http only for `development`' })
const token = z.string().openapi({
  description:
    'The verification token that was agreed on with it. It is kept sealed, and not shown.',
})

export const sources: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/sources',
    verbs: ['routes.listSources'],
    summary: 'List sources, the oldest first',
    query: z.strictObject({ ...paging, ...ofAccount }),
    answer: listOf(source),
    run: ({ desk, query: { accountId, ...page } }) =>
      paged(page, (its) => desk.routes.listSources({ ...its, accountId })),
  }),
  operation({
    method: 'post',
    path: '/sources',
    verbs: ['routes.addSource'],
    summary: 'Add a source of messages',
    body: z.strictObject({ id: newId, accountId, name }),
    examples: {
      'A ward’s system': { id: EXAMPLE.fresh, accountId: EXAMPLE.account, name: 'Ward monitors' },
    },
    answer: source,
    creates: true,
    run: ({ desk, body }) => desk.routes.addSource(body),
  }),
  operation({
    method: 'get',
    path: '/sources/{id}',
    verbs: ['routes.findSource'],
    summary: 'Look at a source',
    answer: source,
    run: ({ desk, id }) => desk.routes.findSource(id),
  }),
  operation({
    method: 'put',
    path: '/sources/{id}/name',
    verbs: ['routes.renameSource'],
    summary: 'Rename a source',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'Ward monitors, second floor' } },
    answer: source,
    run: ({ desk, id, body }) => desk.routes.renameSource(id, body.name),
  }),
  operation({
    method: 'get',
    path: '/sources/{id}/key',
    verbs: ['routes.findKeyOf'],
    summary: 'See which key sends as a source',
    answer: key,
    run: async ({ desk, id }) => {
      const found = await desk.routes.findKeyOf(id)
      if (!found.ok) return found
      return found.value === null ? notFound(`source ${id} has no key`) : ok(found.value)
    },
  }),
  operation({
    method: 'post',
    path: '/sources/{id}/test-messages',
    verbs: ['messages.sendTest'],
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
            Destinations: [{ ID: EXAMPLE.destination }],
          },
          Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
        },
      },
    },
    answer: tested,
    run: async ({ desk, id, body, caller, signal, testBench }) => {
      const message = { sourceId: id, text: JSON.stringify(body.message) }
      const done = await testBench.send(desk, message, caller, signal)
      if (!done.ok) return done
      const { messageId, reply, refusal } = done.value
      return ok({ messageId, status: reply.status, answer: reply.body, refusal })
    },
  }),
]

export const destinations: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/destinations',
    verbs: ['routes.listDestinations'],
    summary: 'List destinations, the oldest first',
    query: z.strictObject({ ...paging, ...ofAccount }),
    answer: listOf(destination),
    run: ({ desk, query: { accountId, ...page } }) =>
      paged(page, (its) => desk.routes.listDestinations({ ...its, accountId })),
  }),
  operation({
    method: 'post',
    path: '/destinations',
    verbs: ['routes.addDestination'],
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
        id: EXAMPLE.fresh,
        accountId: EXAMPLE.account,
        name: 'Hospital EMR',
        url: 'https://emr.hospital.example/latchkey',
        token: 'agreed-with-the-hospital',
      },
    },
    answer: destination,
    creates: true,
    run: ({ desk, body }) => desk.routes.addDestination(body),
  }),
  operation({
    method: 'get',
    path: '/destinations/{id}',
    verbs: ['routes.findDestination'],
    summary: 'Look at a destination',
    answer: destination,
    run: ({ desk, id }) => desk.routes.findDestination(id),
  }),
  operation({
    method: 'put',
    path: '/destinations/{id}/name',
    verbs: ['routes.renameDestination'],
    summary: 'Rename a destination',
    body: z.strictObject({ name }),
    examples: { 'Another name': { name: 'Hospital EMR, north' } },
    answer: destination,
    run: ({ desk, id, body }) => desk.routes.renameDestination(id, body.name),
  }),
  operation({
    method: 'put',
    path: '/destinations/{id}/url',
    verbs: ['routes.moveDestination'],
    summary: 'Send to another URL',
    text: 'Another URL is another party: it is to be verified anew.',
    body: z.strictObject({ url }),
    examples: { 'It has moved': { url: 'https://emr2.hospital.example/latchkey' } },
    answer: destination,
    run: ({ desk, id, body }) => desk.routes.moveDestination(id, body.url),
  }),
  operation({
    method: 'put',
    path: '/destinations/{id}/token',
    verbs: ['routes.setToken'],
    summary: 'Agree on another verification token',
    text: 'Another token is another agreement: it is to be verified anew.',
    body: z.strictObject({ token, method: method.optional() }),
    examples: { 'A new one': { token: 'agreed-anew', method: 'GET' } },
    answer: destination,
    run: ({ desk, id, body }) => desk.routes.setToken(id, body.token, body.method),
  }),
  operation({
    method: 'post',
    path: '/destinations/{id}/verify',
    verbs: ['routes.verify'],
    summary: 'Ask a destination to repeat a challenge',
    text: 'The answer says what it was asked and what it answered, whether or not it is verified now.',
    answer: handshake,
    run: ({ desk, id }) => desk.routes.verify(id),
  }),
  operation({
    method: 'post',
    path: '/destinations/{id}/vouch',
    verbs: ['routes.setVerified'],
    summary: 'Take a destination for verified, on your own word',
    answer: destination,
    run: ({ desk, id }) => desk.routes.setVerified(id, true),
  }),
  operation({
    method: 'post',
    path: '/destinations/{id}/doubt',
    verbs: ['routes.setVerified'],
    summary: 'Take a destination for verified no longer',
    text: 'It is sent nothing until it is verified again.',
    answer: destination,
    run: ({ desk, id }) => desk.routes.setVerified(id, false),
  }),
]

const standing = z.object({ id: z.string(), status: z.enum(['active', 'paused']) })

export const subscriptions: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/subscriptions',
    verbs: ['routes.listSubscriptions'],
    summary: 'List subscriptions, the oldest first',
    query: z.strictObject({
      ...paging,
      ...ofAccount,
      sourceId: isId.openapi({ description: 'Of this source only' }),
    }),
    answer: listOf(subscription),
    run: ({ desk, query: { accountId, sourceId, ...page } }) =>
      paged(page, (its) => desk.routes.listSubscriptions({ ...its, accountId, sourceId })),
  }),
  operation({
    method: 'post',
    path: '/subscriptions',
    verbs: ['routes.subscribe'],
    summary: 'Let a source send to a destination',
    body: z.strictObject({
      id: newId,
      sourceId: existingId,
      destinationId: existingId,
      dataModel: z.string().optional().openapi({ description: 'Left out for every data model' }),
    }),
    examples: {
      'Scheduling alone': {
        id: EXAMPLE.fresh,
        sourceId: EXAMPLE.source,
        destinationId: EXAMPLE.destination,
        dataModel: 'Scheduling',
      },
    },
    answer: subscription,
    creates: true,
    run: ({ desk, body }) => desk.routes.subscribe(body),
  }),
  operation({
    method: 'get',
    path: '/subscriptions/{id}',
    verbs: ['routes.findSubscription'],
    summary: 'Look at a subscription',
    answer: subscription,
    run: ({ desk, id }) => desk.routes.findSubscription(id),
  }),
  operation({
    method: 'get',
    path: '/subscriptions/{id}/receiver',
    verbs: ['routes.findReceiver'],
    summary: 'See who receives what a subscription sends',
    text: 'The destination may be another account’s.',
    answer: receiver,
    run: ({ desk, id }) => desk.routes.findReceiver(id),
  }),
  operation({
    method: 'get',
    path: '/subscriptions/{id}/feed',
    verbs: ['routes.findFeed'],
    summary: 'See how the feed of a subscription is doing',
    answer: feed,
    run: ({ desk, id }) => desk.routes.findFeed(id),
  }),
  operation({
    method: 'post',
    path: '/subscriptions/{id}/pause',
    verbs: ['routes.setSubscriptionStatus'],
    summary: 'Pause a subscription',
    text: 'What is queued waits; new messages to it are refused.',
    answer: standing,
    run: ({ desk, id }) => desk.routes.setSubscriptionStatus(id, 'paused'),
  }),
  operation({
    method: 'post',
    path: '/subscriptions/{id}/resume',
    verbs: ['routes.setSubscriptionStatus'],
    summary: 'Resume a subscription',
    text: 'What is queued is due at once: of one that was not paused, too.',
    answer: standing,
    run: ({ desk, id }) => desk.routes.setSubscriptionStatus(id, 'active'),
  }),
  operation({
    method: 'post',
    path: '/subscriptions/{id}/purge',
    verbs: ['routes.purge'],
    summary: 'Empty the queue of a subscription',
    text: 'Nothing that is queued now is ever sent.',
    answer: feed,
    run: ({ desk, id }) => desk.routes.purge(id),
  }),
  silent({
    method: 'delete',
    path: '/subscriptions/{id}',
    verbs: ['routes.unsubscribe'],
    summary: 'End a subscription',
    text: 'Only one that has nothing queued.',
    run: ({ desk, id }) => desk.routes.unsubscribe(id),
  }),
]
