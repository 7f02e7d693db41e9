import { OpenAPIHono } from '@hono/zod-openapi'

/** The parts of an OpenAPI 3.1 document that this server reads. */
export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly servers: readonly { readonly url: string }[]
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, OpenApiSchema>>
    readonly responses: Readonly<Record<string, { readonly description: string }>>
  }
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly 'x-permission'?: string
  readonly parameters?: readonly OpenApiParameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, OpenApiMediaType>> }
  readonly responses: Readonly<
    Record<
      string,
      { readonly $ref?: string; readonly content?: Readonly<Record<string, OpenApiMediaType>> }
    >
  >
}

export interface OpenApiParameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly schema: OpenApiSchema
}

interface OpenApiMediaType {
  readonly schema: OpenApiSchema
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>
}

export interface OpenApiSchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly description?: string
  readonly enum?: readonly (string | number | null)[]
  readonly const?: string
  readonly default?: string | number
  readonly example?: string | number
  readonly properties?: Readonly<Record<string, OpenApiSchema>>
  readonly required?: readonly string[]
  readonly items?: OpenApiSchema
  readonly anyOf?: readonly OpenApiSchema[]
  readonly oneOf?: readonly OpenApiSchema[]
}

type RouteConfig = Parameters<OpenAPIHono['openAPIRegistry']['registerPath']>[0]
type Registry = OpenAPIHono['openAPIRegistry']
type DocumentConfig = Parameters<OpenAPIHono['getOpenAPI31Document']>[0]

/** A request of a document, with the answers to it. */
export type OpenApiRoute = RouteConfig & { readonly operationId: string }

/** Builds an OpenAPI 3.1 document. `registerComponents` adds what the routes refer to by name. */
export function buildOpenApiDocument(
  config: Omit<DocumentConfig, 'openapi'>,
  routes: readonly OpenApiRoute[],
  registerComponents: (registry: Registry) => void,
) {
  const { openAPIRegistry, getOpenAPI31Document } = new OpenAPIHono()
  registerComponents(openAPIRegistry)
  for (const route of routes) openAPIRegistry.registerPath(route)
  return getOpenAPI31Document({ openapi: '3.1.0', ...config })
}
