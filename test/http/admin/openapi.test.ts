import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApiDocument } from '../../../src/http/admin/openapi-document.ts'
import { findPermission, type ServiceMethodName } from '../../../src/operations/define.ts'
import { OPERATIONS } from '../../../src/operations/registry.ts'
import { SERVICE_PERMISSIONS } from '../../../src/service/permissions.ts'
import { seedAdminClient } from '../../support/admin-client.ts'
import {
  createResponseValidator,
  type ExampleRequest,
  listExampleRequests,
  OPERATION_PREPARATIONS,
  replaceExampleIds,
  seedExampleIds,
  type TestApiDocument,
} from '../../support/openapi.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'

const URL_OF_TESTS = 'https://console.example'
const document = JSON.parse(
  JSON.stringify(createApiDocument(OPERATIONS, URL_OF_TESTS)),
) as TestApiDocument
const judge = createResponseValidator(document)
const exampleRequests = listExampleRequests(document)

let server: TestServer
let operator: Awaited<ReturnType<typeof seedAdminClient>>
let looked: Awaited<ReturnType<typeof seedExampleIds>>
beforeAll(async () => {
  server = await createTestServer()
  operator = await seedAdminClient(server)
  looked = await seedExampleIds(server)
})
afterAll(() => server.close())

describe('the OpenAPI document', () => {
  test('is OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate({ ...document })
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
  })

  test('is served by the server', async () => {
    const { status, body } = await operator.callApi('GET', '/openapi.json')
    expect(status).toBe(200)
    expect(body).toEqual(document)
  })

  test('gives every operation its own id', () => {
    const ids = new Set(exampleRequests.map(({ operation }) => operation.operationId))
    expect(ids.size).toBe(OPERATIONS.length)
  })

  test('shows an example of every body', () => {
    const without = OPERATIONS.filter(
      ({ body, examples }) => body !== null && Object.keys(examples).length === 0,
    ).map(({ path }) => path)
    expect(without).toEqual([])
  })
})

describe('every example of the document works and matches its response schema', () => {
  test.each(
    exampleRequests.map((each) => [`${each.method} ${each.path}`, each.title, each] as const),
  )('%s, %s', async (_, __, each) => {
    const { status, type, answered } = await testOperation(each)
    const [documented = ''] = Object.keys(each.operation.responses)
    expect(answered.text.includes('problem-') ? answered.text : status).toBe(Number(documented))
    if (type === undefined) expect(answered.text).toBe('')
    else if (type === 'application/json') {
      expect(judge.validateResponse(each, status, answered.body)).toBeNull()
    } else expect(answered.headers.get('content-type')).toBe(type)
  })
})

async function testOperation(each: ExampleRequest) {
  const changes = each.method !== 'GET'
  const its = changes ? await seedExampleIds(server) : looked
  const ids = {
    ...its,
    ...(await OPERATION_PREPARATIONS[each.operation.operationId]?.(server, its, operator)),
  }
  const body =
    each.body === undefined ? undefined : replaceExampleIds(JSON.stringify(each.body), ids)
  const [contentType = 'application/json'] = Object.keys(each.operation.requestBody?.content ?? {})
  const isFile = contentType !== 'application/json'
  const answered = await operator.callApi(
    each.method,
    replaceExampleIds(each.target, ids),
    isFile ? '\n' : body,
    isFile ? { 'Content-Type': contentType } : {},
  )
  const content = each.operation.responses[answered.status]?.content
  return { answered, status: answered.status, type: Object.keys(content ?? {})[0] }
}

/** Verbs of the desk for which there is no request, and why. */
const WITHOUT: Partial<Record<ServiceMethodName, string>> = {
  'users.inviteFirstOperator': 'as long as nobody can sign in, nobody has a token',
  'users.listSignInStatus': 'a column of the console’s list of people',
  'users.countKeys': 'GET /keys/count counts the keys of one owner',
  'sites.countKeys': 'GET /keys/count counts the keys of one site',
  'developers.countKeys': 'GET /keys/count counts the keys of one developer',
  'sunsets.find': 'GET /sunsets lists all that there is of each',
  'keys.list': 'GET /keys searches: it lists all that there are',
  'audit.findNames': 'everything is looked at by its id',
  'audit.findSubjectId': 'GET /keys/{id} takes a public id, GET /users/search a name',
  'dashboard.findSetupProgress': 'what the console says to who begins',
  'keys.listDailyUsesByKey': 'GET /keys/{id}/uses says it, of one key',
}

test('every service method has an operation, or a stated reason for having none', () => {
  const verbs = Object.entries(SERVICE_PERMISSIONS).flatMap(([service, permissions]) =>
    Object.keys(permissions).map((method) => `${service}.${method}` as ServiceMethodName),
  )
  const requestedOperations = new Set(OPERATIONS.flatMap(({ serviceMethods }) => serviceMethods))
  expect(
    verbs.filter((verb) => !requestedOperations.has(verb) && WITHOUT[verb] === undefined),
  ).toEqual([])
  expect(
    verbs.filter((verb) => requestedOperations.has(verb) && WITHOUT[verb] !== undefined),
  ).toEqual([])
})

test('every operation needs at most one permission', () => {
  for (const { serviceMethods, path } of OPERATIONS) {
    expect(new Set(serviceMethods.map(findPermission)).size, path).toBeLessThanOrEqual(1)
  }
})
