import { z } from '@hono/zod-openapi'
import type { Handshake } from '../../../service/messages/destinations.ts'
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
  description: 'Method of the verification handshake',
})
const verifiedAt = instantOrNull('Time of verification; null if it is not verified')

const url = z.string().nullable().openapi({ description: 'Null if none is set' })

const destination = z
  .object({
    id,
    accountId,
    name,
    url,
    development: z.boolean().openapi({ description: 'True if plain http is allowed' }),
    verifiedAt,
    method,
    hasToken: z.boolean().openapi({ description: 'True if a verification token is set' }),
    createdAt,
  } satisfies Record<keyof DestinationSummary, z.ZodType>)
  .openapi('Destination')

const challenged = z.boolean().openapi({ description: 'True if it repeated the challenge' })
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
    ms: z.number().int().openapi({ description: 'Milliseconds until the response' }),
    destination,
  } satisfies Record<keyof Handshake, z.ZodType>)
  .openapi('Handshake')

const newUrl = z.string().openapi({ description: 'https; plain http only for `development`' })
const newToken = z.string().openapi({
  description:
    'The verification token agreed on with the destination. It is stored encrypted and never shown.',
})

export const destinationOperations: readonly Operation[] = [
  defineOperation({
    method: 'get',
    path: '/destinations',
    serviceMethods: ['destinations.list'],
    summary: 'List destinations, oldest first',
    query: z.strictObject({ ...pageParameters, ...accountFilter }),
    response: createListSchema(destination),
    run: ({ services, query: { accountId, ...page } }) =>
      readPage(page, (pageQuery) => services.destinations.list({ ...pageQuery, accountId })),
  }),
  defineOperation({
    method: 'post',
    path: '/destinations',
    serviceMethods: ['destinations.add'],
    summary: 'Add a destination',
    text: 'It receives no messages before it is verified.',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      name,
      url: newUrl.optional(),
      development: z.boolean().optional().openapi({ description: 'True if plain http is allowed' }),
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
    run: ({ services, body }) => services.destinations.add(body),
  }),
  defineOperation({
    method: 'get',
    path: '/destinations/{id}',
    serviceMethods: ['destinations.find'],
    summary: 'Get a destination',
    response: destination,
    run: ({ services, id }) => services.destinations.find(id),
  }),
  defineOperation({
    method: 'put',
    path: '/destinations/{id}/name',
    serviceMethods: ['destinations.rename'],
    summary: 'Rename a destination',
    body: z.strictObject({ name }),
    examples: { 'A new name': { name: 'Hospital EMR, north' } },
    response: destination,
    run: ({ services, id, body }) => services.destinations.rename(id, body.name),
  }),
  defineOperation({
    method: 'put',
    path: '/destinations/{id}/url',
    serviceMethods: ['destinations.setUrl'],
    summary: 'Change the URL of a destination',
    text: 'The destination must be verified again.',
    body: z.strictObject({ url: newUrl }),
    examples: { 'A new URL': { url: 'https://emr2.hospital.example/latchkey' } },
    response: destination,
    run: ({ services, id, body }) => services.destinations.setUrl(id, body.url),
  }),
  defineOperation({
    method: 'put',
    path: '/destinations/{id}/token',
    serviceMethods: ['destinations.setVerificationToken'],
    summary: 'Change the verification token of a destination',
    text: 'The destination must be verified again.',
    body: z.strictObject({ token: newToken, method: method.optional() }),
    examples: { 'A new token': { token: 'agreed-anew', method: 'GET' } },
    response: destination,
    run: ({ services, id, body }) =>
      services.destinations.setVerificationToken(id, body.token, body.method),
  }),
  defineOperation({
    method: 'post',
    path: '/destinations/{id}/verify',
    serviceMethods: ['destinations.verify'],
    summary: 'Verify a destination',
    text: 'Sends a challenge that the destination must repeat. The response shows the request and its result, also if the verification failed.',
    response: handshake,
    run: ({ services, id }) => services.destinations.verify(id),
  }),
  defineOperation({
    method: 'post',
    path: '/destinations/{id}/vouch',
    serviceMethods: ['destinations.setVerified'],
    summary: 'Mark a destination as verified',
    response: destination,
    run: ({ services, id }) => services.destinations.setVerified(id, true),
  }),
  defineOperation({
    method: 'post',
    path: '/destinations/{id}/doubt',
    serviceMethods: ['destinations.setVerified'],
    summary: 'Mark a destination as unverified',
    text: 'It receives no messages until it is verified again.',
    response: destination,
    run: ({ services, id }) => services.destinations.setVerified(id, false),
  }),
]
