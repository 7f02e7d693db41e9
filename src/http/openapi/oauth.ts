import { z } from '@hono/zod-openapi'
import type { OpenApiRoute } from './document.ts'
import {
  challengeHeaders,
  describeResponse,
  retryHeaders,
  type VendorDocument,
} from './vendor-document.ts'

const tokenResponse = z
  .object({
    access_token: z.string(),
    scope: z
      .string()
      .optional()
      .openapi({ description: 'The granted scopes; absent for a legacy key, which has none' }),
    token_type: z.literal('Bearer'),
    expires_in: z.number().int().openapi({ description: 'Seconds' }),
  })
  .openapi('TokenResponse')

const assertionFields = {
  client_assertion_type: z.literal('urn:ietf:params:oauth:client-assertion-type:jwt-bearer'),
  client_assertion: z.string().openapi({ description: 'A JWT that the client signed (RFC 7523)' }),
}

const tokenRequest = z
  .object({
    grant_type: z.literal('client_credentials'),
    scope: z.string().optional().openapi({ description: 'All scopes of the client if absent' }),
    client_id: z.string().optional(),
    client_secret: z.string().optional(),
    client_assertion_type: assertionFields.client_assertion_type.optional(),
    client_assertion: assertionFields.client_assertion.optional(),
  })
  .openapi('TokenRequest')

const vendorTokenRequest = z
  .object({
    grant_type: z.literal('client_credentials'),
    scope: tokenRequest.shape.scope,
    ...assertionFields,
  })
  .openapi('VendorTokenRequest')

const oauthError = z
  .object({
    error: z.enum(['invalid_request', 'invalid_client', 'invalid_scope', 'unsupported_grant_type']),
    error_description: z.string(),
  })
  .openapi('OAuthError')

const vendorError = z
  .object({
    error: z.enum(['invalid_request', 'invalid_scope']),
    error_description: z.string(),
    error_uri: z.literal(''),
  })
  .openapi('VendorOAuthError')

const describeErrors = (schema: z.ZodType): OpenApiRoute['responses'] => ({
  400: describeResponse('The request or its proof of the client is not valid', schema),
  413: describeResponse('The body is too long', schema),
  429: describeResponse('Too many failures', schema, { headers: retryHeaders }),
  500: describeResponse('The server failed', schema),
  503: describeResponse('The server is busy, or its database is not available', schema, {
    headers: retryHeaders,
  }),
})

const describeForm = (schema: z.ZodType): NonNullable<OpenApiRoute['request']> => ({
  body: { required: true, content: { 'application/x-www-form-urlencoded': { schema } } },
})

export const oauthDocument: VendorDocument = {
  title: 'OAuth 2.0 for clients',
  description:
    'Request access tokens by the client credentials grant. A client proves its identity by private_key_jwt, client_secret_basic or client_secret_post, as it is registered.',
  security: {
    clientSecret: {
      type: 'http',
      scheme: 'basic',
      description: 'The client id and secret of a client that is registered for it',
    },
  },
  routes: [
    {
      method: 'post',
      path: '/oauth2/token',
      operationId: 'requestToken',
      summary: 'Request an access token (RFC 6749 §4.4)',
      security: [{ clientSecret: [] }, {}],
      request: describeForm(tokenRequest),
      responses: {
        200: describeResponse('The access token', tokenResponse),
        ...describeErrors(oauthError),
        401: describeResponse('The client id or secret is wrong', oauthError, {
          headers: challengeHeaders,
        }),
      },
    },
    {
      method: 'post',
      path: '/v2/auth/token',
      operationId: 'requestVendorToken',
      summary: 'Request an access token, with the errors that the vendor documents',
      security: [],
      request: describeForm(vendorTokenRequest),
      responses: {
        200: describeResponse('The access token', tokenResponse),
        ...describeErrors(vendorError),
      },
    },
  ],
}
