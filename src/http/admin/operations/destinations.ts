import { z } from '@hono/zod-openapi'
import type { Handshake } from '../../../service/messages/routing.ts'
import type { DestinationSummary } from '../../../service/ports/routing.ts'
import { defineOperation, type Operation } from '../operation.ts'
import {
  accountFilter,
  accountId,
  createdAt,
  createListSchema,
  EXAMPLE_IDS,
  existingId,
  id,
  instantOrNull,
  name,
  newId,
  pageParameters,
  readPage,
} from './fields.ts'

const method = z.enum(['POST', 'GET']).openapi({
  description: 'Of its verification handshake',
})
const verifiedAt = instantOrNull('Since when it may be sent messages')

const url = z.string().nullable().openapi({ description: 'Null where none is set' })

const destination = z
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

const handshake = z
  .object({
    verified: z.boolean(),
    asked: z.object({ method, url: z.string().nullable() }),
    answered,
    ms: z.number().int().openapi({ description: 'How long the answer took' }),
    destination,
  } satisfies Record<keyof Handshake, z.ZodType>)
  .openapi('Handshake')

const newUrl = z.string().openapi({ description: 'https; plain http only for `development`' })
const newToken = z.string().openapi({
  description:
    'The verification token that was agreed on with it. It is kept sealed, and not shown.',
})

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
      accountId: existingId,
      name,
      url: newUrl.optional(),
      development: z.boolean().optional().openapi({ description: 'Whether plain http is allowed' }),
      token: newToken.optional(),
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
    body: z.strictObject({ url: newUrl }),
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
    body: z.strictObject({ token: newToken, method: method.optional() }),
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
