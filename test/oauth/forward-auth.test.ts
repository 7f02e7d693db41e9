import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedSigningClient } from '../support/oauth.ts'
import { requestToken, revoke } from '../support/oauth-tokens.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

/* Tokens of OAuth clients at the door of a proxy. */

let server: TestServer
let ownerId: string
let accountId: string
let siteIds: string[]
let sourceIds: string[]
beforeAll(async () => {
  server = await createTestServer()
  accountId = unwrap(await server.accounts.create({ name: 'Vendor Health' })).id
  const owner = { accountId, email: 'owner@vendor.example', role: 'engineer' } as const
  ownerId = unwrap(await server.users.add(owner)).id
  const add = async (kind: 'sites' | 'sources', name: string) =>
    unwrap(await server[kind].add({ accountId, name })).id
  siteIds = [await add('sites', 'North'), await add('sites', 'South')].sort()
  sourceIds = [await add('sources', 'Feed'), await add('sources', 'Lab')].sort()
})
afterAll(() => server.close())

const createClient = (settings: Parameters<typeof seedSigningClient>[1]) =>
  seedSigningClient(server, settings, [], { ownerId })

async function ask(token: string, gate = 'any', method = 'GET') {
  const response = await server.call(`/forward-auth/${gate}`, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      'X-Latchkey-Scope': 'system/*.cruds',
      'X-Latchkey-Site': 'another',
    },
  })
  const identity = [...response.headers].filter(([name]) => name.startsWith('x-latchkey-'))
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    identity: Object.fromEntries(identity),
  }
}

test.each(['jwt', 'opaque'] as const)(
  'a %s token passes with its client, scopes, sources and sites',
  async (tokenStrategy) => {
    const scopes = ['fhir:production', 'system/Patient.rs', 'introspect']
    const client = await createClient({ tokenStrategy, scopes, siteIds, sourceIds })
    const token = await requestToken(server, client, 'fhir:production system/Patient.rs')
    for (const [gate, method] of [
      ['any', 'GET'],
      ['redox', 'POST'],
      ['any', 'DELETE'],
    ] as const) {
      expect(await ask(token, gate, method)).toEqual({
        status: 200,
        challenge: null,
        identity: {
          'x-latchkey-account': accountId,
          'x-latchkey-site': siteIds.join(','),
          'x-latchkey-source': sourceIds.join(','),
          'x-latchkey-scope': 'fhir:production system/Patient.rs',
          'x-latchkey-key': client.clientId,
          'x-latchkey-owner': ownerId,
          'x-latchkey-key-type': 'oauth',
        },
      })
    }
    await revoke(server, client, token)
    expect(await ask(token)).toMatchObject({ status: 401, identity: {} })
  },
)

test('a token without sites and sources passes with empty headers for them', async () => {
  const client = await createClient({ scopes: ['system/*.rs'] })
  const { status, identity } = await ask(await requestToken(server, client))
  expect([status, identity]).toMatchObject([
    200,
    { 'x-latchkey-site': '', 'x-latchkey-source': '', 'x-latchkey-scope': 'system/*.rs' },
  ])
})

test('a token for the service behind passes, though it opens no surface of this server', async () => {
  const client = await createClient({
    scopes: ['fhir:production'],
    audience: 'https://service.example',
    sourceIds: sourceIds.slice(0, 1),
  })
  const token = await requestToken(server, client)
  expect((await ask(token)).status).toBe(200)
  const headers = { Authorization: `Bearer ${token}` }
  expect((await server.call('/endpoint', { body: '{}', headers })).status).toBe(401)
})

test('a token that is only for this server itself is refused', async () => {
  const client = await createClient({ scopes: ['introspect'] })
  expect(await ask(await requestToken(server, client))).toEqual({
    status: 403,
    challenge:
      'Bearer realm="Latchkey", error="insufficient_scope", ' +
      'scope="fhir:development fhir:staging fhir:production"',
    identity: {},
  })
})
