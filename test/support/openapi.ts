import { join } from 'node:path'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { EXAMPLE_IDS } from '../../src/operations/fields.ts'
import { issueApiToken, type seedAdminClient } from './admin-client.ts'
import { executeSql } from './database/data-folder.ts'
import { seedSigningClient } from './oauth.ts'
import { type TestServer, unwrap } from './server.ts'
import { seedTenant } from './tenancy/tenant.ts'
import { enrollTotpApp, findSignedInUser, seedUser, signInUser } from './users.ts'

/** The document, as far as tests read it. */
export interface TestApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, TestApiOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}

export interface TestApiOperation {
  readonly operationId: string
  readonly summary: string
  readonly 'x-permission'?: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: 'path' | 'query'
    readonly required: boolean
    readonly schema: { readonly example?: string }
  }[]
  readonly requestBody?: {
    readonly content: {
      readonly 'application/json': {
        readonly examples: Readonly<Record<string, { readonly value: object }>>
      }
    }
  }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, object>> }>
  >
}

/** A request that the document shows. */
export interface ExampleRequest {
  readonly title: string
  readonly method: string
  readonly path: string
  readonly operation: TestApiOperation
  readonly target: string
  readonly body: object | undefined
}

/** Every request that the document shows: one for each example of a body, or one without. */
export function listExampleRequests({ paths }: TestApiDocument): ExampleRequest[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const bodies = operation.requestBody?.content['application/json']?.examples ?? {
        '': { value: undefined },
      }
      return Object.entries(bodies).map(([name, { value: body }]) => ({
        title: `${operation.summary}${name === '' ? '' : `: ${name}`}`,
        method: method.toUpperCase(),
        path,
        operation,
        body,
        target: buildExampleTarget(path, operation),
      }))
    }),
  )
}

/** The path with the examples of its parameters, and of every parameter that it cannot do without. */
function buildExampleTarget(path: string, { parameters = [] }: TestApiOperation): string {
  const getExample = (name: string) => {
    const found = parameters.find((parameter) => parameter.name === name)?.schema.example
    if (found === undefined) throw new Error(`${path} shows no ${name}`)
    return encodeURIComponent(found)
  }
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map(({ name }) => `${name}=${getExample(name)}`)
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => getExample(name))
  return [filled, ...(query.length > 0 ? [query.join('&')] : [])].join('?')
}

/** Holds answers against the document: what is wrong with one, or null. */
export function createResponseValidator(document: TestApiDocument) {
  const ajv = new Ajv2020.default({ strict: false, allErrors: true })
  addFormats.default(ajv)
  ajv.addSchema(document, 'api')
  const buildReference = (...steps: readonly (string | number)[]) =>
    `api#/${steps.map((step) => encodeURIComponent(String(step).replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`

  return {
    validateResponse(
      { path, method }: Pick<ExampleRequest, 'path' | 'method'>,
      status: number,
      value: unknown,
    ) {
      const steps = ['paths', path, method.toLowerCase(), 'responses', status, 'content']
      return validate(buildReference(...steps, 'application/json', 'schema'), value)
    },
    validateProblem: (value: unknown) =>
      validate(buildReference('components', 'schemas', 'Problem'), value),
  }

  function validate(reference: string, value: unknown): string | null {
    const validate = ajv.getSchema(reference) ?? ajv.compile({ $ref: reference })
    return validate(value) ? null : ajv.errorsText(validate.errors)
  }
}

type ExampleIds = { -readonly [Name in keyof typeof EXAMPLE_IDS]: string }

/** A new account in which each thing is there that the examples name. */
export async function seedExampleIds(server: TestServer): Promise<ExampleIds> {
  const tenant = await seedTenant(server)
  return {
    account: tenant.accountId,
    user: tenant.engineerId,
    site: tenant.siteId,
    developer: tenant.developerId,
    allowlistEntry: tenant.ruleId,
    source: tenant.sourceId,
    destination: tenant.destinationId,
    subscription: tenant.subscriptionId,
    key: tenant.keyId,
    keyEvent: tenant.keyEventId,
    message: tenant.messageId,
    import: tenant.importId,
    request: tenant.requestId,
    token: crypto.randomUUID(),
    sunset: tenant.sunsetId,
    fresh: crypto.randomUUID(),
  }
}

type OperatorClient = Awaited<ReturnType<typeof seedAdminClient>>
type PrepareOperation = (
  server: TestServer,
  ids: ExampleIds,
  operator: OperatorClient,
) => Promise<Partial<ExampleIds>>

/** Changes that some operations need before their example works. */
export const OPERATION_PREPARATIONS: Readonly<Record<string, PrepareOperation>> = {
  keysTestJwks: async (server) => ({ key: (await seedSigningClient(server)).keyId }),
  // A site or developer that a key belongs to stays.
  sitesDelete: async ({ sites }, { account: accountId }) => ({
    site: unwrap(await sites.add({ accountId, name: 'Empty' })).id,
  }),
  developersDelete: async ({ developers }, { account: accountId }) => ({
    developer: unwrap(await developers.add({ accountId, name: 'Empty' })).id,
  }),
  sourcesDelete: async ({ sources }, { account: accountId }) => ({
    source: unwrap(await sources.add({ accountId, name: 'Empty' })).id,
  }),
  destinationsDelete: async ({ destinations }, { account: accountId }) => ({
    destination: unwrap(await destinations.add({ accountId, name: 'Empty' })).id,
  }),
  usersDelete: async (server) => {
    const { user } = await seedUser(server)
    unwrap(await server.users.deactivate(user.id))
    return { user: user.id }
  },
  accountsDelete: async ({ accounts }) => {
    const { id } = unwrap(await accounts.create({ name: 'Empty' }))
    unwrap(await accounts.setStatus(id, 'closed'))
    return { account: id }
  },
  // Keys of two key types alone can be deleted.
  keysDelete: async ({ keys }, { account: accountId }) => {
    const [key] = await keys.list({ accountId, keyType: 'practice', limit: 1 })
    return key === undefined ? {} : { key: key.id }
  },
  // A subscription with queued messages cannot be deleted.
  subscriptionsDelete: async ({ subscriptions }, { subscription }) => {
    unwrap(await subscriptions.purgeQueue(subscription))
    return {}
  },
  // A queued message cannot be replayed.
  messagesReplay: async ({ messages }, { message }) => {
    unwrap(await messages.skip(message))
    return {}
  },
  usersResetSecondFactor: async (server) => {
    const testUser = await seedUser(server)
    const { secret } = await signInUser(server, testUser)
    await enrollTotpApp(server, await findSignedInUser(server, secret))
    return { user: testUser.user.id }
  },
  // There is something to accept only where the chain ends before what was signed.
  auditAcceptRestore: async (server) => {
    await server.sealAudit()
    executeSql(
      join(server.dir, 'latchkey.db'),
      `DELETE FROM audit_checkpoints;
       UPDATE audit_events SET sequence = NULL, seal = NULL;
       UPDATE audit_chain SET sequence = 0, seal = ''`,
    )
    return {}
  },
  meRevokeToken: async (server, _, operator) => ({
    token: (await issueApiToken(server, operator)).token.id,
  }),
}

/** The same, with other ids where the examples have theirs. */
export const replaceExampleIds = (text: string, ids: ExampleIds): string =>
  Object.entries(EXAMPLE_IDS).reduce(
    (filled, [name, example]) => filled.replaceAll(example, ids[name as keyof ExampleIds]),
    text,
  )
