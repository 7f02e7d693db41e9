import type { Facts } from '../../../../service/ports.ts'
import type { Telling } from './telling.ts'

/** The way of messages: where they come from, where they go, and what people do with one. */
export const ROUTES = {
  'source.created': ['plain', 'The source was created.'],
  'source.renamed': ['plain', ({ name }) => `The source is now called ${name}.`],
  'destination.created': ['plain', 'The destination was created.'],
  'destination.renamed': ['plain', ({ name }) => `The destination is now called ${name}.`],
  'destination.moved': ['warn', 'The destination has another address: it is to be verified anew.'],
  'destination.token_changed': [
    'warn',
    'The destination has another token: it is to be verified anew.',
  ],
  'destination.verified': ['good', 'The destination met the challenge: it is verified.'],
  'destination.not_verified': [
    'bad',
    ({ status }) =>
      typeof status === 'number'
        ? `The destination did not meet the challenge: it answered ${status}.`
        : 'The destination did not meet the challenge: it did not answer.',
  ],
  'destination.vouched_for': [
    'warn',
    'The destination was taken for verified without a challenge.',
  ],
  'destination.doubted': ['warn', 'The destination is no longer taken for verified.'],
  'subscription.created': [
    'plain',
    ({ sourceId, destinationId, dataModel }) =>
      `What ${sourceId} sends goes to ${destinationId}: ${dataModel ?? 'all data models'}.`,
  ],
  'subscription.paused': ['warn', 'The feed was paused.'],
  'subscription.resumed': ['good', 'The feed was resumed.'],
  'subscription.purged': ['bad', 'All that waited in the feed was dropped.'],
  'subscription.removed': ['bad', 'The feed was removed.'],
  'message.test_sent': [
    'plain',
    ({ dataModel, eventType }) => `A test message was sent: ${dataModel}, ${eventType}.`,
  ],
  'message.opened': ['warn', 'The payload of the message was opened.'],
  'message.replayed': ['plain', (facts) => `The message is sent once more${to(facts)}.`],
  'message.skipped': ['warn', (facts) => `The message is not sent any more${to(facts)}.`],
} as const satisfies Record<string, Telling>

const to = ({ destinationId }: Facts): string =>
  destinationId === undefined ? '' : `, to ${destinationId}`
