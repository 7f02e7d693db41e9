import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROLES } from '../../src/domain/role.ts'
import type { Operation } from '../../src/operations/define.ts'
import { EXAMPLE_IDS } from '../../src/operations/fields.ts'
import { OPERATIONS } from '../../src/operations/registry.ts'
import { createAdminClient, issueApiToken } from '../support/admin-client.ts'
import { collectTexts, readAllRows, toRowText } from '../support/database/data-folder.ts'
import { toChunks } from '../support/imports.ts'
import { seedExampleIds, type TestApiDocument } from '../support/openapi.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { createTestCaller, findSignedInUser, seedUser } from '../support/users.ts'

/*
 * Every operation, as every role of one account, with the ids of another account in each place that
 * takes an id: the answer is that for an id that does not exist.
 */

type ExampleIds = Awaited<ReturnType<typeof seedExampleIds>>
/** A request of an operation, as it is sent. */
interface OperationInput {
  /** The place that has the asked id, such as `query accountId`. */
  readonly place: string
  readonly id: string
  readonly query: Readonly<Record<string, string>>
  readonly body: object | undefined
}
type PerformRequest = (operation: Operation, input: OperationInput) => Promise<string>

let server: TestServer
let ownIds: ExampleIds
let document: TestApiDocument
let otherIds: readonly string[]
/** Every text that is in the other account's rows and nowhere else. */
let otherTexts: readonly string[]

beforeAll(async () => {
  server = await createTestServer()
  document = (await (
    await server.call('/admin/v1/openapi.json', { method: 'GET' })
  ).json()) as TestApiDocument
  ownIds = await seedExampleIds(server)
  const before = readAllRows(server.dir)
  const knownRows = new Set(before.map(toRowText))
  const knownTexts = collectTexts(before)
  const ids = await seedExampleIds(server)
  const signedIn = await seedUser(server, { accountId: ids.account })
  const { token } = await issueApiToken(server, signedIn)
  const rows = readAllRows(server.dir).filter((row) => !knownRows.has(toRowText(row)))
  otherTexts = [...collectTexts(rows)].filter((text) => !knownTexts.has(text))
  const { publicId } = (await server.storage.findKeySummary(ids.key)) ?? { publicId: '' }
  const { fresh: _, ...stored } = { ...ids, token: token.id, administrator: signedIn.user.id }
  otherIds = [...Object.values(stored), publicId]
  expect(otherTexts).toEqual(expect.arrayContaining([...otherIds]))
})
afterAll(() => server.close())

/** An id that does not exist, at the same place of each order as one that does. */
const createMissingId = (id: string) => `${id.slice(0, -1)}${id.endsWith('0') ? '1' : '0'}`

const replaceAllIds = (text: string, ids: Partial<ExampleIds>) =>
  Object.entries(ids).reduce(
    (replaced, [name, id]) => replaced.replaceAll(EXAMPLE_IDS[name as keyof ExampleIds], id),
    text,
  )

/** Members that take an id, or a text that is searched for in ids. */
const ID_MEMBER = /(?:Id|^after|^seen|^subject|^actor|^text)$/
/** Members that name a new row: whether the whole server has such a row already, it must tell. */
const NEW_NAMES = new Set(['id', 'publicId'])

const NEW_KEY = { id: EXAMPLE_IDS.fresh, ownerId: EXAMPLE_IDS.user, name: 'A key' }
/** Keys that belong to what no example of `keys.create` has. */
const KEY_EXAMPLES = [
  { ...NEW_KEY, keyType: 'redox', sourceId: EXAMPLE_IDS.source },
  { ...NEW_KEY, keyType: 'opendental', developerId: EXAMPLE_IDS.developer },
]

/** Query members with which an operation finds rows of both accounts, where its examples find none. */
const getReachingQuery = ({ id }: Operation): Readonly<Record<string, string>> =>
  id === 'users.search'
    ? { text: 'clinic' }
    : id === 'dashboard.traffic'
      ? { since: '2020-01-01T00:00:00.000Z' }
      : {}

/** The requests of an operation that have the id, each in another place, and own ids in all others. */
function listInputs(operation: Operation, id: string): OperationInput[] {
  const { parameters = [] } = document.paths[operation.path]?.[operation.method] ?? {}
  const required = parameters.filter((parameter) => parameter.required)
  const listExamples = (place: 'path' | 'query') =>
    required
      .filter((parameter) => parameter.in === place)
      .map(({ name, schema: { example = '' } }) => [name, example] as const)
  const [[, exampleId] = ['', '']] = listExamples('path')
  const query = { ...Object.fromEntries(listExamples('query')), ...getReachingQuery(operation) }
  const examples = [
    ...Object.values(operation.examples),
    ...(operation.id === 'keys.create' ? KEY_EXAMPLES : []),
  ]
  const bodies = operation.body === null ? [undefined] : examples.length > 0 ? examples : [{}]
  const create = (input: Partial<OperationInput>, ids: Partial<ExampleIds> = {}) => {
    const [body] = bodies
    const all = { place: '', id: exampleId, query, body, ...input }
    const own = { ...ownIds, fresh: crypto.randomUUID(), ...ids }
    return JSON.parse(replaceAllIds(JSON.stringify(all), own)) as OperationInput
  }
  const listMembers = (shape: object) =>
    Object.keys(shape).filter((name) => ID_MEMBER.test(name) && !NEW_NAMES.has(name))
  const named = Object.entries(EXAMPLE_IDS).filter(([name]) => name !== 'fresh')
  return [
    ...(operation.path.includes('{id}') ? [create({ place: 'path', id })] : []),
    ...listMembers(operation.query.shape).map((name) =>
      create({ place: `query ${name}`, query: { ...query, [name]: id } }),
    ),
    ...bodies.flatMap((body) =>
      body === undefined
        ? []
        : [
            ...listMembers(operation.body?.shape ?? {}).map((name) =>
              create({ place: `body ${name}`, body: { ...body, [name]: id } }),
            ),
            // Ids inside other members, such as a message.
            ...named
              .filter(
                ([, example]) =>
                  JSON.stringify(body).includes(example) && !Object.values(body).includes(example),
              )
              .map(([name]) => create({ place: `the ${name} in the body`, body }, { [name]: id })),
          ],
    ),
  ]
}

/** Performs requests by the API. */
const createApiPerformer =
  (token: string): PerformRequest =>
  async ({ method, path, uploadTypes }, { id, query, body }) => {
    const target = `${path.replace('{id}', encodeURIComponent(id))}?${new URLSearchParams(query)}`
    const callApi = createAdminClient(server, token)
    const [contentType] = Object.keys(uploadTypes ?? {})
    const response = await (contentType === undefined
      ? callApi(method.toUpperCase(), target, body)
      : callApi(method.toUpperCase(), target, '\n', { 'Content-Type': contentType }))
    return `${response.status} ${response.text}`
  }

/** Performs requests as an operator who has chosen the account. The API shows operators all accounts. */
function createScopedPerformer(
  actor: string,
  user: Awaited<ReturnType<typeof findSignedInUser>>,
): PerformRequest {
  const services = server.servicesFor({ actor, role: 'operator', accountId: ownIds.account })
  return async (operation, { id, query, body = {} }) => {
    const result = await operation
      .perform({
        services,
        signedIn: { user, sessions: server.signInServices.sessions },
        caller: createTestCaller(),
        signal: new AbortController().signal,
        loadTestMessages: server.loadTestMessages,
        id,
        query,
        body,
        upload: { type: 'application/jsonl', bytes: toChunks('\n') },
      })
      .catch(String)
    return JSON.stringify(result)
  }
}

/** Ids of requests and of new rows, and the serial numbers of messages. */
const maskNewIds = (answer: string) =>
  answer.replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|\d{10,}/g, '…')

const listOtherRows = () =>
  readAllRows(server.dir)
    .map(toRowText)
    .filter((row) => otherTexts.some((text) => row.includes(text)))

test('no operation reveals to a role which ids another account has, or changes anything of it', async () => {
  const performers = new Map<string, PerformRequest>()
  for (const role of ROLES) {
    const testUser = await seedUser(server, { role, accountId: ownIds.account })
    const { secret } = await issueApiToken(server, testUser)
    const signedIn = await findSignedInUser(server, secret, 'token')
    performers.set(
      role,
      role === 'operator'
        ? createScopedPerformer(testUser.user.id, signedIn)
        : createApiPerformer(secret),
    )
  }
  const before = listOtherRows()
  const differences: string[] = []
  let requests = 0
  for (const [role, perform] of performers) {
    for (const operation of OPERATIONS) {
      for (const id of otherIds) {
        const missingId = createMissingId(id)
        const missingInputs = listInputs(operation, missingId)
        for (const [n, input] of listInputs(operation, id).entries()) {
          const missingInput = missingInputs[n]
          if (missingInput === undefined) throw new Error(`${operation.id} differs by the id`)
          const answer = (await perform(operation, input)).replaceAll(id, '…')
          const missing = (await perform(operation, missingInput)).replaceAll(missingId, '…')
          requests += 2
          const leaks = otherTexts.filter((text) => text !== id && answer.includes(text))
          if (leaks.length > 0 || maskNewIds(answer) !== maskNewIds(missing))
            differences.push(
              `${operation.id}, as ${role}: ${JSON.stringify({ input, answer, missing })}`,
            )
        }
      }
    }
  }
  console.log(
    `${requests} requests of ${OPERATIONS.length} operations as ${performers.size} roles: ${differences.length} differences`,
  )
  expect(requests).toBeGreaterThan(10_000)
  expect(differences).toEqual([])
  expect(listOtherRows()).toEqual(before)
})

test('each id of these requests exists: an operator with all accounts gets another answer', async () => {
  const { secret } = await issueApiToken(
    server,
    await seedUser(server, { role: 'operator', accountId: ownIds.account }),
  )
  const perform = createApiPerformer(secret)
  const places = new Map<string, boolean>()
  // A user's own access is the same for every role.
  for (const operation of OPERATIONS.filter(({ serviceMethods }) => serviceMethods.length > 0)) {
    for (const id of otherIds) {
      const missingId = createMissingId(id)
      const missingInputs = listInputs(operation, missingId)
      for (const [n, input] of listInputs(operation, id).entries()) {
        const place = `${operation.id}: ${input.place}`
        const missingInput = missingInputs[n]
        // The ids of rows are random, so that a cursor has rows after it by chance.
        if (input.place === 'query after') continue
        if (places.get(place) === true || missingInput === undefined) continue
        const answer = (await perform(operation, input)).replaceAll(id, '…')
        const missing = (await perform(operation, missingInput)).replaceAll(missingId, '…')
        places.set(place, maskNewIds(answer) !== maskNewIds(missing))
      }
    }
  }
  const alike = [...places].filter(([, differs]) => !differs).map(([place]) => place)
  // Last changes of another key, sources and sites of another account than the plan's, destinations that the message was not for, and texts that
  // ids are not searched for by.
  expect(alike).toMatchInlineSnapshot(`
    [
      "keys.edit: body seen",
      "keys.rotateSecret: body seen",
      "sunset.plan: query sourceId",
      "sunset.plan: query siteId",
      "sunset.set: body sourceId",
      "sunset.set: body siteId",
      "sources.sendTestMessage: the destination in the body",
      "messages.skip: body destinationId",
      "messages.replay: body destinationId",
      "users.search: query text",
    ]
  `)
})
