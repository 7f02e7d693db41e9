import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApiDocument } from '../../../src/http/admin/openapi-document.ts'
import { OPERATIONS } from '../../../src/operations/registry.ts'
import { StorageUnavailableError } from '../../../src/service/ports/storage.ts'
import { seedAdminClient } from '../../support/admin-client.ts'
import {
  createResponseValidator,
  listExampleRequests,
  type TestApiDocument,
} from '../../support/openapi.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../../support/server.ts'

const document = JSON.parse(JSON.stringify(createApiDocument(OPERATIONS, ''))) as TestApiDocument
const validator = createResponseValidator(document)

let server: TestServer
let operator: Awaited<ReturnType<typeof seedAdminClient>>
beforeAll(async () => {
  server = await createTestServer()
  operator = await seedAdminClient(server)
})
afterAll(() => server.close())

const JSON_BODY = { 'Content-Type': 'application/json' }

describe('a body with an error is refused', () => {
  test.each<[string, number, string, Record<string, string>, string]>([
    ['no JSON', 400, '{"name":', JSON_BODY, 'the body is not valid JSON'],
    ['a member twice', 400, '{"name":"a","name":"b"}', JSON_BODY, '"name" is repeated'],
    [
      'nested too deep',
      400,
      `${'['.repeat(600)}${']'.repeat(600)}`,
      JSON_BODY,
      'the body is nested deeper than 64 levels',
    ],
    [
      'not UTF-8 as it says',
      415,
      '{"name":"a"}',
      { 'Content-Type': 'text/plain' },
      'send the body as JSON, with Content-Type: application/json',
    ],
    [
      'a form',
      415,
      'name=a',
      { 'Content-Type': 'application/x-www-form-urlencoded' },
      'send the body as JSON, with Content-Type: application/json',
    ],
    [
      'compressed',
      415,
      '{"name":"a"}',
      { ...JSON_BODY, 'Content-Encoding': 'gzip' },
      'send the body without Content-Encoding: it must not be compressed',
    ],
    [
      'over 64 KiB',
      413,
      `{"name":"${'a'.repeat(65_536)}"}`,
      JSON_BODY,
      'the body must not be longer than 65536 bytes',
    ],
    ['an unknown member', 422, '{"name":"a","nmae":"b"}', JSON_BODY, '#/nmae: is unknown'],
    ['a member of another type', 422, '{"name":7}', JSON_BODY, '#/name: must be text'],
    ['a member that is missing', 422, '{}', JSON_BODY, '#/name: is required'],
    ['nothing', 422, '', {}, '#/name: is required'],
    ['a list', 422, '[]', JSON_BODY, 'the request: must be an object'],
    ['null', 422, 'null', JSON_BODY, 'the request: must be an object'],
    [
      'a prototype',
      422,
      '{"name":"a","__proto__":{"id":"b"}}',
      JSON_BODY,
      '#/__proto__: is unknown',
    ],
    [
      'a name of 10,000 characters',
      422,
      `{"name":"${'a'.repeat(10_000)}"}`,
      JSON_BODY,
      '#/name: the name must not be longer than 200 characters',
    ],
    ['an id that is none', 422, '{"name":"a","id":"b"}', JSON_BODY, '#/id: must be a UUID'],
  ])('%s', async (_, status, body, headers, detail) => {
    const before = await server.accounts.list({ limit: 1000 })
    const answer = await operator.callApi('POST', '/accounts', body, headers)
    expect(answer.body).toMatchObject({ status, detail })
    expect(answer.status).toBe(status)
    expect(validator.validateProblem(answer.body)).toBeNull()
    expect(await server.accounts.list({ limit: 1000 })).toEqual(before)
  })

  test('every invalid member is named with its path', async () => {
    const { body } = await operator.callApi('POST', '/keys', { keyType: 'redx', name: 1, 'a/b': 2 })
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '#/a~1b',
      '#/keyType',
      '#/name',
      '#/ownerId',
    ])
  })
})

describe('an error that a service finds names the member', () => {
  test.each([
    ['that is missing', { keyType: 'redox' }, '#/sourceId', 'a key of this type needs a source'],
    [
      'that must not be there',
      { keyType: 'practice', siteId: 'x' },
      '#/siteId',
      'keys of this type have no site',
    ],
    [
      'of a member',
      { keyType: 'oauth', oauthClient: { scopes: [] } },
      '#/oauthClient/scopes',
      'a client needs at least one scope',
    ],
    [
      'of a member that another key type has',
      { keyType: 'xdent', oauthClient: { audience: 'a' } },
      '#/oauthClient/audience',
      'keys of this type (xdent) have no settings of an OAuth client',
    ],
  ])('%s', async (_, input, pointer, detail) => {
    const { id: accountId } = unwrap(await server.accounts.create({ name: 'Members' }))
    const email = 'owner@members.example'
    const user = { accountId, email, role: 'engineer', username: crypto.randomUUID() } as const
    const { id: ownerId } = unwrap(await server.users.add(user))
    const { status, body } = await operator.callApi('POST', '/keys', {
      ownerId,
      name: 'Key',
      ...input,
    })
    expect({ status, errors: body.errors }).toEqual({ status: 422, errors: [{ pointer, detail }] })
    expect(validator.validateProblem(body)).toBeNull()
  })
})

describe('a query with an error is refused', () => {
  test.each([
    ['limit=0', 'limit: must be a number from 1 to 500'],
    ['limit=501', 'limit: must be a number from 1 to 500'],
    ['limit=1e2', 'limit: must be a number from 1 to 500'],
    ['limit=1&limit=2', 'limit: is repeated'],
    ['limti=1', 'limti: is unknown'],
    ['status=gone', 'status: must be one of enabled, disabled, revoked'],
    ['unusedSince=yesterday', 'unusedSince: must be a time such as 2027-01-31T12:00:00Z'],
  ])('%s', async (query, detail) => {
    const { status, body } = await operator.callApi('GET', `/keys?${query}`)
    expect({ status, detail: body.detail }).toEqual({ status: 422, detail })
    expect(validator.validateProblem(body)).toBeNull()
  })
})

test('an unknown path is 404, and an unsupported method 405 with Allow', async () => {
  const nowhere = await operator.callApi('GET', '/kyes')
  expect({ status: nowhere.status, title: nowhere.body.title }).toEqual({
    status: 404,
    title: 'Not found',
  })
  const put = await operator.callApi('PUT', '/keys', {})
  expect({ status: put.status, allow: put.headers.get('allow') }).toEqual({
    status: 405,
    allow: 'GET, POST, HEAD',
  })
  const head = await operator.callApi('HEAD', '/keys')
  expect({ status: head.status, text: head.text }).toEqual({ status: 200, text: '' })
})

test('a repeated creation creates no second resource and shows no secret', async () => {
  const { accountId } = operator
  const owner = unwrap(
    await server.users.add({ accountId, email: 'e@acme.example', role: 'engineer' }),
  )
  const [id, name] = [crypto.randomUUID(), 'Twice']
  const site = { id, accountId, name }
  expect((await operator.callApi('POST', '/sites', site)).status).toBe(201)
  const repeat = await operator.callApi('POST', '/sites', site)
  expect([repeat.status, repeat.body.detail]).toEqual([409, `there is a site ${id} already`])

  const key = { id, keyType: 'xdent', ownerId: owner.id, name }
  const made = await operator.callApi('POST', '/keys', key)
  expect(made.status).toBe(201)
  const twice = await operator.callApi('POST', '/keys', key)
  expect([twice.status, twice.text.includes(made.body.secret)]).toEqual([409, false])
  const { body } = await operator.callApi('GET', `/keys?ownerId=${owner.id}`)
  expect(body.items).toHaveLength(1)
})

test('the second of two concurrent edits of a key gets 409', async () => {
  const { accountId } = operator
  const email = `${crypto.randomUUID()}@acme.example`
  const owner = unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
  const input = { keyType: 'xdent', ownerId: owner.id, name: 'Shared' }
  const { key } = (await operator.callApi('POST', '/keys', input)).body
  const edit = (name: string) =>
    operator.callApi('PATCH', `/keys/${key.id}`, { name, seen: key.eventId })
  expect((await edit('First')).status).toBe(200)
  const second = await edit('Second')
  expect([second.status, second.body.detail]).toEqual([
    409,
    `key ${key.publicId} was changed by another user: check it and try again`,
  ])
  expect((await operator.callApi('GET', `/keys/${key.publicId}`)).body.name).toBe('First')
})

test('the pages of a list contain each item once', async () => {
  const { callApi, accountId } = await seedAdminClient(server, 'administrator')
  const names = Array.from({ length: 7 }, (_, n) => `Site ${n}`)
  for (const name of names) await callApi('POST', '/sites', { accountId, name })
  const found: string[] = []
  let after: string | null = null
  do {
    const next: string = after === null ? '' : `&after=${after}`
    const { body } = await callApi('GET', `/sites?limit=3${next}`)
    found.push(...body.items.map(({ name }: { name: string }) => name))
    after = body.next
  } while (after !== null)
  expect(found).toEqual(names)
})

/** The requests of the OpenAPI document, whose example ids do not exist here. */
const ofOne = listExampleRequests(document).filter(
  ({ method, path }) => method === 'GET' && path.includes('{id}'),
)

test.each(ofOne)('$path is 404 for an unknown id, also for a list', async ({ target }) => {
  const { status, body } = await operator.callApi('GET', target)
  expect([status, validator.validateProblem(body)]).toEqual([404, null])
})

test.each([
  ['the database is away', new StorageUnavailableError('away'), 503, '5'],
  ['the server has a bug', new Error('a bug with a secret in it'), 500, null],
])('where %s, the answer says so and no more', async (_, error, status, retryAfter) => {
  const { storage } = server
  const working = storage.listSites
  storage.listSites = () => Promise.reject(error)
  const answer = await operator.callApi('GET', '/sites')
  storage.listSites = working
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([status, retryAfter])
  expect(validator.validateProblem(answer.body)).toBeNull()
  expect(answer.text).not.toContain(error.message)
})

describe('a test message', () => {
  const message = (destinationId: string, test: boolean) => ({
    message: {
      Meta: {
        DataModel: 'Device',
        EventType: 'New',
        Test: test,
        Destinations: [{ ID: destinationId }],
      },
      Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a' },
    },
  })

  test('is checked, stored and answered like a vendor’s message', async () => {
    const { sourceId, destinationId } = await seedKey(server)
    const path = `/sources/${sourceId}/test-messages`
    const { body } = await operator.callApi('POST', path, message(destinationId, true))
    expect(body).toMatchObject({ status: 200, refusal: null })
    const stored = await operator.callApi('GET', `/messages/${body.messageId}`)
    expect(stored.body).toMatchObject({ sourceId, test: true, deliveries: [{ status: 'queued' }] })
  })

  test('returns the reason of its refusal', async () => {
    const { sourceId, destinationId } = await seedKey(server)
    const path = `/sources/${sourceId}/test-messages`
    const { status, body } = await operator.callApi('POST', path, message(destinationId, false))
    expect(status).toBe(200)
    expect(body).toMatchObject({
      messageId: null,
      status: 400,
      refusal: { reason: 'field_invalid' },
    })
  })

  test('is refused if the source has no key', async () => {
    const { accountId } = operator
    const source = unwrap(await server.sources.add({ accountId, name: 'No key' }))
    const path = `/sources/${source.id}/test-messages`
    const { status, body } = await operator.callApi(
      'POST',
      path,
      message(crypto.randomUUID(), true),
    )
    expect([status, body.title]).toEqual([409, 'The current state does not allow this'])
  })
})
