import { z } from '@hono/zod-openapi'
import type { OpenApiRoute } from './document.ts'
import {
  challengeHeaders,
  describeResponse,
  retryHeaders,
  sunsetHeaders,
  UNAVAILABLE_TEXT,
  type VendorDocument,
} from './vendor-document.ts'

const tokens = z
  .object({
    accessToken: z.string().openapi({ description: 'Valid for 24 hours' }),
    expires: z.iso.datetime().openapi({ description: 'End of the access token' }),
    refreshToken: z.string().openapi({
      description: 'Valid until it is used, at most 7 days; each refresh returns the next one',
    }),
  })
  .openapi('Tokens')

const tokenError = z.object({ message: z.string() }).openapi('TokenError')

const tokenResponses: OpenApiRoute['responses'] = {
  200: describeResponse('The tokens', tokens, { headers: sunsetHeaders }),
  400: describeResponse('A field is missing, or the body cannot be read', tokenError),
  401: describeResponse('The credentials are not valid', z.literal('Invalid request'), {
    type: 'text/html; charset=utf-8',
  }),
  413: describeResponse('The body is too long', tokenError),
  429: describeResponse('Too many failures', tokenError, { headers: retryHeaders }),
  500: describeResponse('The server failed', tokenError),
  503: describeResponse(UNAVAILABLE_TEXT, tokenError, {
    headers: retryHeaders.extend(sunsetHeaders.shape),
  }),
}

const describeTokenRequest = (schema: z.ZodType): NonNullable<OpenApiRoute['request']> => ({
  body: {
    required: true,
    content: {
      'application/json': { schema },
      'application/x-www-form-urlencoded': { schema },
    },
  },
})

const id = z.object({ ID: z.string() })
const namedId = z.object({ ID: z.string(), Name: z.string() })
const logs = z
  .array(z.object({ ID: z.string(), AttemptID: z.string() }))
  .openapi({ description: 'One for each destination, in their order' })

const message = z
  .looseObject({
    Meta: z.looseObject({
      DataModel: z.string(),
      EventType: z.string(),
      EventDateTime: z.iso.datetime().optional(),
      Test: z.boolean().optional(),
      Source: z
        .looseObject({ ID: z.string() })
        .optional()
        .openapi({ description: 'Required if your account has several keys' }),
      Destinations: z
        .array(z.looseObject({ ID: z.string() }))
        .min(1)
        .max(100),
      FacilityCode: z.string().nullish(),
    }),
  })
  .openapi('Message', { description: 'Meta, and the payload of the data model' })

const receipt = z
  .looseObject({
    Meta: z.looseObject({
      DataModel: z.string(),
      EventType: z.string(),
      Message: z.looseObject({ ID: z.number().int() }),
      Source: id,
      Destinations: z.array(namedId),
      Logs: logs,
    }),
  })
  .openapi('Receipt', {
    description: 'Meta alone; for a query, also the payload that the destination answered',
  })

const messageError = z
  .object({
    errorDetail: z
      .string()
      .optional()
      .openapi({ description: 'The text of the error, for the token of an OAuth client' }),
    Meta: z.object({
      DataModel: z.string().optional(),
      EventType: z.string().optional(),
      Message: z.object({ ID: z.number().int() }).optional(),
      Source: z.object({ ID: z.string(), Name: z.string().optional() }).optional(),
      Destinations: z
        .array(z.object({ ID: z.string().optional(), Name: z.string().optional() }))
        .optional(),
      Logs: logs.optional(),
      Errors: z.array(
        z.object({
          ID: z.number().int(),
          Text: z.string(),
          Type: z.enum(['message', 'query', 'transmission']),
          Module: z.enum(['DataModels', 'Subscriptions', 'Send']),
        }),
      ),
    }),
  })
  .openapi('MessageError')

const messageResponses: OpenApiRoute['responses'] = {
  200: describeResponse('The message is stored, or the query was answered', receipt, {
    headers: sunsetHeaders,
  }),
  ...describeMessageErrors({
    400: 'A field is missing or invalid, or the destination refused the message',
    403: 'The access token lacks a scope or a source, or the source or a destination is not one of your subscriptions',
    404: 'There is no such event',
    413: 'The message is too long',
    500: 'The server failed',
    502: 'The destination of a query did not answer as it should',
    504: 'The destination of a query did not answer in time',
  }),
  401: describeResponse('The access token is missing, invalid or expired', messageError, {
    headers: challengeHeaders,
  }),
  429: describeResponse('Too many requests', messageError, { headers: retryHeaders }),
  503: describeResponse('The server is busy, or its database is not available', messageError, {
    headers: retryHeaders,
  }),
}

function describeMessageErrors(
  descriptions: Readonly<Record<number, string>>,
): OpenApiRoute['responses'] {
  return Object.fromEntries(
    Object.entries(descriptions).map(([status, text]) => [
      status,
      describeResponse(text, messageError),
    ]),
  )
}

const sourceHeader = z.object({
  'Redox-Source-Id': z
    .string()
    .optional()
    .openapi({ description: 'The source of an OAuth client that has several, if not in Meta' }),
})

const sendMessage = {
  method: 'post',
  request: {
    headers: sourceHeader,
    body: { required: true, content: { 'application/json': { schema: message } } },
  },
  responses: messageResponses,
} as const

export const redoxDocument: VendorDocument = {
  title: 'Redox-style exchange and messages',
  description:
    'Exchange an API key and its secret for two tokens, refresh them, and send messages with the access token.',
  security: {
    accessToken: {
      type: 'http',
      scheme: 'bearer',
      description: 'An access token of the exchange, or of an OAuth client with a fhir:… scope',
    },
  },
  routes: [
    {
      method: 'post',
      path: '/auth/authenticate',
      operationId: 'authenticate',
      summary: 'Exchange a key and its secret for tokens',
      security: [],
      request: describeTokenRequest(
        z.object({ apiKey: z.string(), secret: z.string() }).openapi('KeyAndSecret'),
      ),
      responses: tokenResponses,
    },
    {
      method: 'post',
      path: '/auth/refreshToken',
      operationId: 'refreshToken',
      summary: 'Exchange a refresh token for the next tokens',
      description: 'Repeat the request if its answer was lost: the same answer comes again.',
      security: [],
      request: describeTokenRequest(
        z.object({ apiKey: z.string(), refreshToken: z.string() }).openapi('KeyAndRefreshToken'),
      ),
      responses: tokenResponses,
    },
    {
      ...sendMessage,
      path: '/endpoint',
      operationId: 'sendMessage',
      summary: 'Send a message',
    },
    {
      ...sendMessage,
      path: '/query',
      operationId: 'sendQuery',
      summary: 'Send a query, and wait for the answer of its destination',
    },
  ],
}
