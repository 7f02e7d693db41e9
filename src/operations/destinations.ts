import { z } from 'zod'
import type { Handshake } from '../service/messages/routing.ts'
import type { DestinationSummary } from '../service/ports/routing.ts'
import { defineOperation, type Operation } from './define.ts'
import {
  accountId,
  createdAt,
  EXAMPLE_IDS,
  existingId,
  id,
  instantOrNull,
  name,
  newId,
} from './fields.ts'
import { definePlainOperations } from './resource.ts'

const method = z.enum(['POST', 'GET']).meta({
  title: 'Handshake method',
  description: 'Method of the verification handshake',
})
const newMethod = method.optional().meta({
  title: 'Handshake method',
  default: 'POST',
  description:
    'Method of the verification handshake: `POST` sends token and challenge as JSON, `GET` in the query',
})
const verifiedAt = instantOrNull('Time of verification; null if it is not verified')

const url = z.string().nullable().meta({ title: 'URL', description: 'Null if none is set' })

const destination = z
  .object({
    id,
    accountId,
    name,
    url,
    development: z.boolean().meta({
      title: 'Plain http',
      description: 'True if plain http is allowed',
    }),
    verifiedAt,
    method,
    hasToken: z.boolean().meta({
      title: 'Verification token',
      description: 'True if a verification token is set',
    }),
    createdAt,
  } satisfies Record<keyof DestinationSummary, z.ZodType>)
  .meta({ id: 'Destination' })

const challenged = z.boolean().meta({ description: 'True if it repeated the challenge' })
const httpStatus = z.number().int()

const response = z.discriminatedUnion('outcome', [
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
    request: z.object({ method, url: z.string().nullable() }),
    response,
    ms: z.number().int().meta({ description: 'Milliseconds until the response' }),
    destination,
  } satisfies Record<keyof Handshake, z.ZodType>)
  .meta({ id: 'Handshake' })

const newUrl = z.string().meta({
  title: 'URL',
  description: 'Messages are sent to it with POST. It must be https, unless plain http is allowed',
})
const newToken = z.string().meta({
  title: 'Verification token',
  description:
    'A secret shared with the destination. It is sent with every message, stored encrypted, and never shown',
  format: 'password',
})

const operations = definePlainOperations({
  group: 'destinations',
  article: 'a destination',
  schema: destination,
  columns: ['id', 'accountId', 'name', 'url', 'verifiedAt', 'createdAt'],
  newName: 'Hospital EMR, north',
  deleteText: 'A destination with a subscription or a stored message cannot be deleted.',
  getService: ({ destinations }) => destinations,
})

export const destinationOperations: readonly Operation[] = [
  operations.list,
  defineOperation({
    id: 'destinations.create',
    method: 'post',
    path: '/destinations',
    serviceMethods: ['destinations.add'],
    summary: 'Add a destination',
    text: 'A destination is a system that receives messages at a URL. It receives none before it is verified.',
    body: z.strictObject({
      id: newId,
      accountId: existingId,
      name,
      url: newUrl.optional(),
      development: z.boolean().optional().meta({
        title: 'Plain http',
        description: 'Allow plain http: for development only, never for patient data',
      }),
      token: newToken.optional(),
      method: newMethod,
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
  operations.show,
  operations.rename,
  defineOperation({
    id: 'destinations.setUrl',
    method: 'put',
    path: '/destinations/{id}/url',
    serviceMethods: ['destinations.setUrl'],
    summary: 'Change the URL of a destination',
    text: 'The destination must then be verified again.',
    body: z.strictObject({ url: newUrl }),
    examples: { 'A new URL': { url: 'https://emr2.hospital.example/latchkey' } },
    response: destination,
    run: ({ services, id, body }) => services.destinations.setUrl(id, body.url),
  }),
  defineOperation({
    id: 'destinations.setToken',
    method: 'put',
    path: '/destinations/{id}/token',
    serviceMethods: ['destinations.setVerificationToken'],
    summary: 'Change the verification token of a destination',
    text: 'The destination must then be verified again.',
    body: z.strictObject({ token: newToken, method: newMethod }),
    examples: { 'A new token': { token: 'agreed-anew', method: 'GET' } },
    response: destination,
    run: ({ services, id, body }) =>
      services.destinations.setVerificationToken(id, body.token, body.method),
  }),
  defineOperation({
    id: 'destinations.verify',
    method: 'post',
    path: '/destinations/{id}/verify',
    isSuccess: ({ verified }) => verified,
    serviceMethods: ['destinations.verify'],
    summary: 'Verify a destination',
    text: 'Sends a challenge that the destination must repeat. The response shows the request and its result, also if the verification failed.',
    response: handshake,
    run: ({ services, id }) => services.destinations.verify(id),
  }),
  defineOperation({
    id: 'destinations.markVerified',
    method: 'post',
    path: '/destinations/{id}/mark-verified',
    serviceMethods: ['destinations.setVerified'],
    summary: 'Mark a destination as verified',
    text: 'For a destination that cannot repeat a challenge. The audit records who marked it.',
    response: destination,
    run: ({ services, id }) => services.destinations.setVerified(id, true),
  }),
  defineOperation({
    id: 'destinations.markUnverified',
    method: 'post',
    path: '/destinations/{id}/mark-unverified',
    serviceMethods: ['destinations.setVerified'],
    summary: 'Mark a destination as unverified',
    text: 'It receives no messages until it is verified again.',
    response: destination,
    run: ({ services, id }) => services.destinations.setVerified(id, false),
  }),
  operations.delete,
]
