import { z } from '@hono/zod-openapi'
import { ok } from '../../../domain/failure.ts'
import { EXAMPLE } from '../ids.ts'
import { type Operation, operation } from '../operation.ts'
import {
  existingId,
  isId,
  isTrue,
  listOf,
  ofAccount,
  paged,
  paging,
  whole,
} from '../schema/common.ts'
import { attempt, deliveryStatus, message, openedMessage } from '../schema/messages.ts'

const decoder = new TextDecoder()

const toWhom = z.strictObject({
  destinationId: existingId.optional().openapi({
    description: 'To this destination alone; to all of them where it is left out',
  }),
})
const examples = {
  'To all': {},
  'To one': { destinationId: EXAMPLE.destination },
}

export const messages: readonly Operation[] = [
  operation({
    method: 'get',
    path: '/messages',
    verbs: ['messages.list'],
    summary: 'List messages, the newest first',
    query: z.strictObject({
      ...paging,
      ...ofAccount,
      sourceId: isId,
      destinationId: isId,
      subscriptionId: isId,
      status: deliveryStatus.optional().openapi({ description: 'With a delivery of this status' }),
      test: isTrue.openapi({ description: 'Whether it was sent as a test' }),
    }),
    answer: listOf(message),
    run: ({ desk, query: { limit, after, test, ...asked } }) =>
      paged({ limit, after }, (page) =>
        desk.messages.list({ ...page, ...asked, test: test && test === 'true' }),
      ),
  }),
  operation({
    method: 'get',
    path: '/messages/{id}',
    verbs: ['messages.find'],
    summary: 'Look at a message, and where it stands',
    answer: message,
    run: ({ desk, id }) => desk.messages.find(id),
  }),
  operation({
    method: 'get',
    path: '/messages/{id}/attempts',
    verbs: ['messages.attempts'],
    summary: 'See what came of the last attempts to deliver a message',
    text: 'The newest first; 50 at most.',
    answer: listOf(attempt),
    run: async ({ desk, id }) => {
      const attempts = await desk.messages.attempts(id)
      return attempts.ok ? whole(attempts.value) : attempts
    },
  }),
  operation({
    method: 'post',
    path: '/messages/{id}/skip',
    verbs: ['messages.skip'],
    summary: 'Never send a message that still waits',
    body: toWhom,
    examples,
    answer: message,
    run: ({ desk, id, body }) => desk.messages.skip(id, body.destinationId),
  }),
  operation({
    method: 'post',
    path: '/messages/{id}/replay',
    verbs: ['messages.replay'],
    summary: 'Send a message once more',
    text: 'After what is queued; not to who has yet to receive it.',
    body: toWhom,
    examples,
    answer: message,
    run: ({ desk, id, body }) => desk.messages.replay(id, body.destinationId),
  }),
  operation({
    method: 'post',
    path: '/messages/{id}/open',
    verbs: ['messages.open'],
    summary: 'Read the payload of a message',
    text: 'It may be health data: each reading is in the audit.',
    answer: openedMessage,
    run: async ({ desk, id }) => {
      const opened = await desk.messages.open(id)
      if (!opened.ok) return opened
      const { message, payload } = opened.value
      return ok({ message, payload: decoder.decode(payload) })
    },
  }),
]
