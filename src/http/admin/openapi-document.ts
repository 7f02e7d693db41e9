import { z } from '@hono/zod-openapi'
import { findOperationPermission, type Operation } from '../../operations/define.ts'
import { EXAMPLE_IDS } from '../../operations/fields.ts'
import { OPERATION_GROUPS } from '../../operations/groups.ts'
import { buildOpenApiDocument, type OpenApiRoute } from '../openapi/document.ts'
import { API_PROBLEMS, type ApiProblemKind, PROBLEM_CONTENT_TYPE } from './problem.ts'

/** The version of the API: within it, members may be added, but none is removed or changed. */
const API_VERSION = '1.0.0'

const API_DESCRIPTION = [
  'Everything that the console and the command line do, for programs: the same services and permissions.',
  'Send `Authorization: Bearer` with an API token. Create a token in the console, under Profile and security.',
  'A token has the permissions that its owner has at each request. Times are RFC 3339. Lists return `items` and `next`:',
  'send `next` as `after` to get the next page, and `limit` for up to 500 items in a page (default 100). Errors are problem details (RFC 9457) with the request id.',
  'A creation takes an `id`, a UUID of your choice: a repeated request then creates no second resource (409).',
  'Unknown members and parameters are refused, so that a misspelling is not ignored.',
].join('\n')

const inputErrorSchema = z.object({
  pointer: z
    .string()
    .optional()
    .openapi({ description: 'JSON Pointer to the place in the body (RFC 6901)' }),
  parameter: z.string().optional(),
  detail: z.string(),
})

const problemSchema = z
  .object({
    type: z.string().openapi({ description: 'URL that explains this kind of problem' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().openapi({ description: 'The problem, and how to solve it' }),
    requestId: z.string(),
    permission: z
      .string()
      .optional()
      .openapi({ description: 'The permission that your role lacks' }),
    errors: z.array(inputErrorSchema).optional(),
    retryAfterSeconds: z.number().int().optional(),
  })
  .openapi('Problem')

/** Creates the OpenAPI 3.1 document of every operation. */
export const createApiDocument = (operations: readonly Operation[], url: string) =>
  buildOpenApiDocument(
    {
      info: {
        title: 'Latchkey management API',
        version: API_VERSION,
        description: API_DESCRIPTION,
      },
      servers: [{ url: `${url}/admin/v1` }],
      tags: Object.values(OPERATION_GROUPS).map(({ title, about }) => ({
        name: title,
        description: about,
      })),
      security: [{ token: [] }],
    },
    operations.map(createRouteConfig),
    (registry) => {
      registry.registerComponent('securitySchemes', 'token', {
        type: 'http',
        scheme: 'bearer',
        description:
          'The API token of a user, or the access token of an OAuth client with `admin:` scopes',
      })
      for (const [kind, { status, title, about }] of Object.entries(API_PROBLEMS)) {
        registry.registerComponent('responses', kind, {
          description: `${status}: ${title}. ${about}`,
          content: { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
        })
      }
      registry.register('Problem', problemSchema)
    },
  )

function createRouteConfig(operation: Operation): OpenApiRoute {
  const { id, method, path, summary, text, status, response } = operation
  const [group = ''] = id.split('.')
  const permission = findOperationPermission(operation)
  return {
    method,
    path,
    operationId: toCamelCase(id),
    tags: [OPERATION_GROUPS[group as keyof typeof OPERATION_GROUPS].title],
    summary,
    ...(text === undefined ? {} : { description: text }),
    ...(permission === null ? {} : { 'x-permission': permission }),
    request: {
      query: operation.query,
      ...(path.includes('{id}') ? { params: z.object({ id: createPathIdSchema(path) }) } : {}),
      ...createRequestBody(operation),
    },
    responses: {
      [status]:
        response === null
          ? { description: 'Done' }
          : { description: 'Done', content: { [response.type]: { schema: response.schema } } },
      ...createProblemResponses(operation),
    },
  }
}

function createRequestBody({ body, examples, uploadTypes }: Operation) {
  if (uploadTypes !== undefined) {
    const media = Object.entries(uploadTypes).map(([type, description]) => [
      type,
      { schema: z.string().openapi({ description }) },
    ])
    return { body: { required: true, content: Object.fromEntries(media) } }
  }
  if (body === null) return {}
  const exampleEntries = Object.entries(examples).map(([name, value]) => [name, { value }])
  const media = { schema: body, examples: Object.fromEntries(exampleEntries) }
  return { body: { required: true, content: { 'application/json': media } } }
}

/** Lists the problems that an operation can be refused with. */
function createProblemResponses({ method, path, serviceMethods, body, uploadTypes }: Operation) {
  const changes = method !== 'get'
  const kinds: (ApiProblemKind | false)[] = [
    'unauthorized',
    serviceMethods.length > 0 && 'forbidden',
    (changes || path.includes('{id}')) && 'not_found',
    changes && 'conflict',
    ...(body === null ? [] : (['unreadable', 'too_large', 'not_json'] as const)),
    uploadTypes !== undefined && 'unsupported_file',
    'invalid',
    'too_many',
    'broken',
    'unavailable',
  ]
  const possibleKinds = kinds.filter((kind) => kind !== false)
  return Object.fromEntries(
    possibleKinds.map((kind) => [
      API_PROBLEMS[kind].status,
      { $ref: `#/components/responses/${kind}` },
    ]),
  )
}

/** The example id, by the first segment of a path. */
const EXAMPLE_ID_BY_PATH: Readonly<Record<string, string>> = {
  accounts: EXAMPLE_IDS.account,
  'ip-allowlist': EXAMPLE_IDS.allowlistEntry,
  users: EXAMPLE_IDS.user,
  sites: EXAMPLE_IDS.site,
  developers: EXAMPLE_IDS.developer,
  sources: EXAMPLE_IDS.source,
  destinations: EXAMPLE_IDS.destination,
  subscriptions: EXAMPLE_IDS.subscription,
  keys: EXAMPLE_IDS.key,
  imports: EXAMPLE_IDS.import,
  messages: EXAMPLE_IDS.message,
  requests: EXAMPLE_IDS.request,
  sunsets: EXAMPLE_IDS.sunset,
  me: EXAMPLE_IDS.token,
}

const createPathIdSchema = (path: string) =>
  z.string().openapi({ example: EXAMPLE_ID_BY_PATH[path.split('/')[1] ?? ''] })

/** Names the method of a generated client: `keysRotateSecret`. */
const toCamelCase = (id: Operation['id']): string =>
  id.replaceAll(/[.-](\w)/g, (_, letter: string) => letter.toUpperCase())
