import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import { EXAMPLE } from './ids.ts'
import type { Operation } from './operation.ts'
import type { Group } from './operations.ts'
import { PROBLEM_TYPE, PROBLEMS, type ProblemKind } from './problem.ts'
import { permissionOf } from './verbs.ts'

/** The version of what is promised: a member may come, none goes or changes. */
const VERSION = '1.0.0'

const ABOUT = [
  'All that the console and the command line do, for programs: the same services, the same permissions.',
  'Send `Authorization: Bearer` and an API token, which you make in the console under “Your sign-in”.',
  'A token may do what its owner may, as long as the owner may. Times are RFC 3339. Lists answer `items` and `next`:',
  'send `next` as `after` for the next page, and `limit` for pages of up to 500 (100 where it is left out). What cannot be done is told as a problem (RFC 9457), with the request id.',
  'Unknown members and parameters are refused, so that a slip of the pen is not taken for a wish.',
].join('\n')

const wrong = z.object({
  pointer: z.string().optional().openapi({ description: 'Where in the body (RFC 6901)' }),
  parameter: z.string().optional(),
  detail: z.string(),
})

const problem = z
  .object({
    type: z.string().openapi({ description: 'Where one reads of problems of this kind' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().openapi({ description: 'What is wrong, and what would help' }),
    requestId: z.string(),
    permission: z.string().optional().openapi({ description: 'What your role lacks' }),
    errors: z.array(wrong).optional(),
    retryAfterSeconds: z.number().int().optional(),
  })
  .openapi('Problem')

/** The document of all that can be asked for (OpenAPI 3.1). */
export function documentOf(groups: readonly Group[], url: string) {
  const { openAPIRegistry: registry, getOpenAPI31Document } = new OpenAPIHono()
  registry.registerComponent('securitySchemes', 'token', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API token of yours',
  })
  for (const [kind, { status, title, about }] of Object.entries(PROBLEMS)) {
    registry.registerComponent('responses', kind, {
      description: `${status}: ${title}. ${about}`,
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    })
  }
  registry.register('Problem', problem)
  for (const { name, operations } of groups) {
    for (const operation of operations) registry.registerPath(routeOf(operation, name))
  }
  return getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Latchkey management API', version: VERSION, description: ABOUT },
    servers: [{ url: `${url}/admin/v1` }],
    tags: groups.map(({ name, about }) => ({ name, description: about })),
    security: [{ token: [] }],
  })
}

function routeOf(operation: Operation, tag: string) {
  const { method, path, verbs, summary, text, status, answer } = operation
  const [verb] = verbs
  const permission = verb === undefined ? undefined : permissionOf(verb)
  return createRoute({
    method,
    path,
    operationId: operationIdOf(operation),
    tags: [tag],
    summary,
    ...(text === undefined ? {} : { description: text }),
    ...(permission === undefined ? {} : { 'x-permission': permission }),
    request: {
      query: operation.query,
      ...(path.includes('{id}') ? { params: z.object({ id: pathId(path) }) } : {}),
      ...bodyOf(operation),
    },
    responses: {
      [status]:
        answer === null
          ? { description: 'Done' }
          : { description: 'Done', content: { [answer.type]: { schema: answer.schema } } },
      ...problemsOf(operation),
    },
  })
}

function bodyOf({ body, examples }: Operation) {
  if (body === null) return {}
  const shown = Object.entries(examples).map(([name, value]) => [name, { value }])
  const media = { schema: body, examples: Object.fromEntries(shown) }
  return { body: { required: true, content: { 'application/json': media } } }
}

/** What each can be refused with. */
function problemsOf({ method, path, verbs, body }: Operation) {
  const changes = method !== 'get'
  const kinds: (ProblemKind | false)[] = [
    'unauthorized',
    verbs.length > 0 && 'forbidden',
    (changes || path.includes('{id}')) && 'not_found',
    changes && 'conflict',
    ...(body === null ? [] : (['unreadable', 'too_large', 'not_json'] as const)),
    'invalid',
    'too_many',
    'broken',
    'unavailable',
  ]
  const its = kinds.filter((kind) => kind !== false)
  return Object.fromEntries(
    its.map((kind) => [PROBLEMS[kind].status, { $ref: `#/components/responses/${kind}` }]),
  )
}

/** Whose ids are on a path that begins so. */
const NAMED: Readonly<Record<string, string>> = {
  accounts: EXAMPLE.account,
  addresses: EXAMPLE.address,
  users: EXAMPLE.user,
  sites: EXAMPLE.site,
  developers: EXAMPLE.developer,
  sources: EXAMPLE.source,
  destinations: EXAMPLE.destination,
  subscriptions: EXAMPLE.subscription,
  feeds: EXAMPLE.subscription,
  keys: EXAMPLE.key,
  messages: EXAMPLE.message,
  requests: EXAMPLE.request,
  me: EXAMPLE.token,
}

const pathId = (path: string) => z.string().openapi({ example: NAMED[path.split('/')[1] ?? ''] })

/** `postKeysByIdRotate`: what a generated client calls it by. */
function operationIdOf({ method, path }: Operation): string {
  const words = path.replaceAll('{id}', 'by-id').split(/[/-]/).filter(Boolean)
  return method + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('')
}
