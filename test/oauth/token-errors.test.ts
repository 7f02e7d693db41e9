import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ASSERTION_TYPE,
  createBasicHeader,
  FORM_TYPE,
  postAssertion,
  postForm,
  REFUSALS,
  readTokenAnswer,
  type SigningClient,
  STANDARD_TOKEN_PATH,
  seedSigningClient,
  signAssertion,
  TOKEN_PATHS,
  toForm,
  VENDOR_TOKEN_PATH,
} from '../support/oauth.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

/* The errors of both token endpoints, to the letter. */

let server: TestServer
let client: SigningClient
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
  client = await seedSigningClient(server)
})
afterAll(() => server.close())

const vendor = (description: string) => ({
  error: 'invalid_request',
  error_description: description,
  error_uri: '',
})
const standard = (error: string, description: string) => ({ error, error_description: description })
const NOT_AUTHENTICATED = standard('invalid_client', 'The client could not be authenticated.')

type Form = Readonly<Record<string, string | undefined>>

interface Row {
  readonly name: string
  readonly form: Form
  readonly expected: Readonly<Record<(typeof TOKEN_PATHS)[number], object>>
}

const ROWS: readonly Row[] = [
  {
    name: 'no grant type',
    form: { grant_type: undefined },
    expected: {
      [VENDOR_TOKEN_PATH]: vendor('Missing grant_type parameter'),
      [STANDARD_TOKEN_PATH]: standard('invalid_request', 'grant_type is missing.'),
    },
  },
  {
    name: 'an empty grant type',
    form: { grant_type: '' },
    expected: {
      [VENDOR_TOKEN_PATH]: vendor('Missing grant_type parameter'),
      [STANDARD_TOKEN_PATH]: standard('invalid_request', 'grant_type is missing.'),
    },
  },
  {
    name: 'another grant type',
    form: { grant_type: 'authorization_code' },
    expected: {
      [VENDOR_TOKEN_PATH]: vendor("The grant_type parameter should equal 'client_credentials'"),
      [STANDARD_TOKEN_PATH]: standard(
        'unsupported_grant_type',
        'grant_type must be client_credentials.',
      ),
    },
  },
  {
    name: 'no assertion type',
    form: { client_assertion_type: undefined },
    expected: {
      [VENDOR_TOKEN_PATH]: vendor('Missing client assertion type'),
      [STANDARD_TOKEN_PATH]: NOT_AUTHENTICATED,
    },
  },
  {
    name: 'another assertion type',
    form: { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
    expected: {
      [VENDOR_TOKEN_PATH]: vendor('Invalid client assertion type'),
      [STANDARD_TOKEN_PATH]: NOT_AUTHENTICATED,
    },
  },
  {
    name: 'no assertion',
    form: { client_assertion: undefined },
    expected: {
      [VENDOR_TOKEN_PATH]: vendor('Missing client assertion'),
      [STANDARD_TOKEN_PATH]: NOT_AUTHENTICATED,
    },
  },
  {
    name: 'a scope that was never granted',
    form: { scope: 'fhir:development' },
    expected: {
      [VENDOR_TOKEN_PATH]: REFUSALS[VENDOR_TOKEN_PATH].scope,
      [STANDARD_TOKEN_PATH]: REFUSALS[STANDARD_TOKEN_PATH].scope,
    },
  },
  {
    name: 'the client_id of another client',
    form: { client_id: crypto.randomUUID() },
    expected: {
      [VENDOR_TOKEN_PATH]: vendor('client_id names another client.'),
      [STANDARD_TOKEN_PATH]: standard('invalid_request', 'client_id names another client.'),
    },
  },
  {
    name: 'a secret beside the assertion',
    form: { client_secret: 'x'.repeat(20) },
    expected: {
      [VENDOR_TOKEN_PATH]: vendor('The client authenticates in two ways.'),
      [STANDARD_TOKEN_PATH]: standard('invalid_request', 'The client authenticates in two ways.'),
    },
  },
]

const signForm = async (): Promise<Form> => ({
  grant_type: 'client_credentials',
  client_assertion_type: ASSERTION_TYPE,
  client_assertion: await signAssertion(client, server.clock()),
})

describe.each(TOKEN_PATHS)('%s', (path) => {
  const isVendor = path === VENDOR_TOKEN_PATH

  test.each(ROWS)('refuses $name with 400 and its words', async ({ form, expected }) => {
    const answer = await postForm(server, path, { ...(await signForm()), ...form })
    expect(answer.body).toEqual(expected[path])
    expect(answer.status).toBe(400)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answer.headers.get('www-authenticate')).toBeNull()
  })

  test.each(['application/json', 'text/plain', 'multipart/form-data', ''])(
    'refuses the content type %j, whatever the body',
    async (type) => {
      const body = toForm(await signForm())
      const answer = await readTokenAnswer(
        await server.call(path, { body, headers: { 'Content-Type': type } }),
      )
      expect(answer.status).toBe(400)
      expect(answer.body).toEqual(
        isVendor
          ? vendor('x-www-form-urlencoded content-type required')
          : standard('invalid_request', 'The body must be application/x-www-form-urlencoded.'),
      )
    },
  )

  test.each([`${FORM_TYPE}; charset=utf-8`, `${FORM_TYPE.toUpperCase()};charset=ISO-8859-1`])(
    'accepts the content type %j',
    async (type) => {
      const body = toForm(await signForm())
      const response = await server.call(path, { body, headers: { 'Content-Type': type } })
      expect(response.status).toBe(200)
    },
  )

  test('ignores unknown parameters and empty ones', async () => {
    const answer = await postForm(server, path, {
      ...(await signForm()),
      resource: 'x',
      scope: '',
      client_id: '',
    })
    expect(answer.status).toBe(200)
    expect(answer.body.scope).toBe('fhir:production')
  })

  test('accepts its own client_id beside the assertion, in any case', async () => {
    const client_id = client.clientId.toUpperCase()
    const answer = await postForm(server, path, { ...(await signForm()), client_id })
    expect(answer.status).toBe(200)
  })

  test.each(['scope', 'grant_type', 'client_id', 'resource'])('refuses %s twice', async (name) => {
    const body = `${toForm(await signForm())}&${name}=a&${name}=a`
    const answer = await readTokenAnswer(
      await server.call(path, { body, headers: { 'Content-Type': FORM_TYPE } }),
    )
    expect(answer.status).toBe(400)
    expect(answer.body).toEqual(
      isVendor
        ? vendor('A parameter is repeated.')
        : standard('invalid_request', 'A parameter is repeated.'),
    )
  })

  test('refuses HTTP Basic beside the assertion', async () => {
    const headers = createBasicHeader(client.clientId, 'x'.repeat(20))
    const answer = await postForm(server, path, await signForm(), headers)
    expect(answer.status).toBe(400)
    expect(answer.body.error).toBe('invalid_request')
  })

  test.each(['disable', 'revoke'] as const)(
    'answers a client after %s as one that is unknown',
    async (verb) => {
      const other = await seedSigningClient(server)
      unwrap(await server.keys[verb](other.keyId))
      const assertion = await signAssertion(other, server.clock())
      const answer = await postAssertion(server, path, assertion)
      expect(answer.status).toBe(400)
      expect(answer.body).toEqual(REFUSALS[path].key)
    },
  )

  test('answers a client whose key has expired as one that is unknown', async () => {
    const other = await seedSigningClient(server)
    unwrap(await server.keys.edit(other.keyId, { expiresAt: server.clock() + 1000 }))
    server.clock.advance(1000)
    const assertion = await signAssertion(other, server.clock())
    expect((await postAssertion(server, path, assertion)).body).toEqual(REFUSALS[path].key)
  })

  test('takes POST only', async () => {
    const answer = await readTokenAnswer(await server.call(path, { method: 'GET' }))
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('POST')
    expect(answer.body.error).toBe('invalid_request')
  })

  test('reports the exact failure in the audit and on the key’s page, and not to the caller', async () => {
    const other = await seedSigningClient(server)
    const claims = { aud: 'https://other.example' }
    const assertion = await signAssertion(other, server.clock(), { claims })
    const answer = await postAssertion(server, path, assertion)
    expect(answer.body).toEqual(REFUSALS[path].assertion)
    await server.flushAuditEvents()
    const why = 'its aud is "https://other.example", expected https://latchkey.example'
    const [event] = await server.storage.listEvents({ subject: other.keyId, limit: 1 })
    expect(event).toMatchObject({
      action: 'key.refused',
      accountId: other.accountId,
      facts: {
        surface: 'token',
        path,
        reason: 'assertion_invalid',
        why: 'audience_other',
        detail: why,
      },
    })
    const key = unwrap(await server.keys.find(other.keyId))
    expect(key.oauthClient?.lastRefusal).toEqual({
      at: server.clock(),
      why: `audience_other: ${why}`,
    })
    const { decisions } = unwrap(
      await server.audit.explain(answer.headers.get('x-request-id') ?? ''),
    )
    expect(JSON.stringify(decisions)).toContain('The client assertion was refused (audience_other)')
  })
})

test.each(TOKEN_PATHS)('%s limits failures by address, but never a proven client', async (path) => {
  const limited = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '3' })
  try {
    const own = await seedSigningClient(limited)
    const forge = async () =>
      postAssertion(
        limited,
        path,
        await signAssertion(own, limited.clock(), { header: { kid: 'other' } }),
      )
    const statuses = []
    for (let n = 0; n < 5; n++) statuses.push((await forge()).status)
    expect(statuses).toEqual([400, 400, 400, 429, 429])
    const refused = await forge()
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(refused.body.error).toBe('invalid_request')
    const assertion = await signAssertion(own, limited.clock())
    expect((await postAssertion(limited, path, assertion)).status).toBe(200)
  } finally {
    await limited.close()
  }
})
