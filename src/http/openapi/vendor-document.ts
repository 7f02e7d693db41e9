import { z } from '@hono/zod-openapi'
import type { Surface } from '../../domain/key-type.ts'
import type { OpenApiRoute } from './document.ts'

/** The requests of one kind of client, and how it authenticates. */
export interface VendorDocument {
  readonly title: string
  readonly description: string
  /** How a request proves its key; a route may name another way, or none. */
  readonly security: Readonly<Record<string, SecurityScheme>>
  readonly routes: readonly VendorRoute[]
}

export interface VendorRoute extends OpenApiRoute {
  /** The surface that answers it; none if this server answers by itself. */
  readonly surface?: Surface
}

type SecurityScheme =
  | { readonly type: 'http'; readonly scheme: string; readonly description: string }
  | {
      readonly type: 'apiKey'
      readonly in: 'header'
      readonly name: string
      readonly description: string
    }

type Responses = OpenApiRoute['responses']
type Response = Responses[string]

export const describeResponse = (
  description: string,
  schema: z.ZodType,
  {
    type = 'application/json',
    headers,
  }: { readonly type?: string; readonly headers?: z.ZodObject } = {},
): Response => ({
  description,
  ...(headers !== undefined && { headers }),
  content: { [type]: { schema } },
})

export const retryHeaders = z.object({
  'Retry-After': z.string().openapi({ description: 'Seconds to wait' }),
})
export const challengeHeaders = z.object({ 'WWW-Authenticate': z.string() })

export const UNAVAILABLE_TEXT =
  'The server is busy, its database is not available, or a planned brownout refuses keys that will be retired'

/** On every answer to the holder of a key that will be retired. */
export const sunsetHeaders = z.object({
  Deprecation: z.string().optional().openapi({
    description: 'When the key is deprecated: @ and Unix seconds (RFC 9745)',
  }),
  Sunset: z.string().optional().openapi({
    description: 'When the key will be refused: an HTTP date (RFC 8594)',
  }),
  Link: z.string().optional().openapi({ description: 'A page about both' }),
})

/** The responses of every surface to a key that is presented with the request. */
export function describeRefusals(
  schema: z.ZodType,
  options: { readonly type?: string; readonly hasChallenge: boolean },
): Responses {
  const { type, hasChallenge } = options
  const describe = (description: string, headers?: z.ZodObject) =>
    describeResponse(description, schema, {
      ...(type !== undefined && { type }),
      ...(headers !== undefined && { headers }),
    })
  return {
    401: describe(
      'The key is missing, wrong or no longer valid',
      hasChallenge ? challengeHeaders : undefined,
    ),
    403: describe('The key must not do that, or not from this address'),
    429: describe('Too many requests, or too many failures', retryHeaders),
    500: describe('The server failed'),
    503: describe(UNAVAILABLE_TEXT, retryHeaders.extend(sunsetHeaders.shape)),
  }
}

/** Beside those, the responses of a path that a service behind this server answers. */
export function describeProxyRefusals(schema: z.ZodType, type?: string): Responses {
  const describe = (description: string) =>
    describeResponse(description, schema, type === undefined ? {} : { type })
  return {
    502: describe('The service behind this server did not answer as it should'),
    504: describe('The service behind this server did not answer in time'),
    default: { description: 'The answer of the service behind this server, unchanged' },
  }
}

/** The requests for data that a service behind this server answers, as its own documentation says. */
export const describeDataRoutes = (
  surface: Surface,
  prefix: string,
  responses: Responses,
): readonly VendorRoute[] =>
  (['get', 'post', 'put', 'delete'] as const).map((method) => ({
    method,
    path: `${prefix}/{resource}`,
    surface,
    operationId: `${method}Data`,
    summary: 'Use the data, as the service behind this server documents it',
    request: { params: z.object({ resource: z.string() }) },
    responses,
  }))
