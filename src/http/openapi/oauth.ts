import { z } from '@hono/zod-openapi'
import type { OpenApiRoute } from './document.ts'
import {
  challengeHeaders,
  describeResponse,
  retryHeaders,
  UNAVAILABLE_TEXT,
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

/** The proof of the client's identity, where it has a choice. */
const clientFields = {
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  client_assertion_type: assertionFields.client_assertion_type.optional(),
  client_assertion: assertionFields.client_assertion.optional(),
}

const tokenRequest = z
  .object({
    grant_type: z.literal('client_credentials'),
    scope: z.string().optional().openapi({ description: 'All scopes of the client if absent' }),
    ...clientFields,
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
    error: z.enum([
      'invalid_request',
      'invalid_client',
      'invalid_scope',
      'unsupported_grant_type',
      'invalid_token',
      'insufficient_scope',
    ]),
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

const managementRequest = z
  .object({
    token: z.string(),
    token_type_hint: z.string().optional().openapi({ description: 'Is ignored' }),
    ...clientFields,
  })
  .openapi('TokenManagementRequest')

const introspectionResponse = z
  .object({
    active: z.boolean(),
    client_id: z.string().optional(),
    sub: z.string().optional().openapi({ description: 'The id of the key' }),
    scope: z.string().optional().openapi({ description: 'Absent for the token of a legacy key' }),
    exp: z.number().int().optional(),
    iat: z.number().int().optional(),
    iss: z.string().optional(),
    aud: z.string().optional(),
    token_type: z.literal('Bearer').optional(),
  })
  .openapi('IntrospectionResponse', {
    description: 'Only active is there if the token is not active, or is of another account',
  })

const describeErrors = (schema: z.ZodType): OpenApiRoute['responses'] => ({
  400: describeResponse('The request or its proof of the client is not valid', schema),
  413: describeResponse('The body is too long', schema),
  429: describeResponse('Too many failures', schema, { headers: retryHeaders }),
  500: describeResponse('The server failed', schema),
  503: describeResponse(UNAVAILABLE_TEXT, schema, {
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
    accessToken: {
      type: 'http',
      scheme: 'bearer',
      description: 'An access token with the scope introspect',
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
      path: '/oauth2/introspect',
      operationId: 'introspectToken',
      summary: 'Look up an access token of the account (RFC 7662)',
      security: [{ clientSecret: [] }, { accessToken: [] }, {}],
      request: describeForm(managementRequest),
      responses: {
        200: describeResponse('What the token stands for', introspectionResponse),
        ...describeErrors(oauthError),
        401: describeResponse('The client or the access token is not valid', oauthError, {
          headers: challengeHeaders,
        }),
      },
    },
    {
      method: 'post',
      path: '/oauth2/revoke',
      operationId: 'revokeToken',
      summary: 'End a token of the client (RFC 7009)',
      security: [{ clientSecret: [] }, {}],
      request: describeForm(managementRequest),
      responses: {
        200: { description: 'The token is not valid, whatever it was' },
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
