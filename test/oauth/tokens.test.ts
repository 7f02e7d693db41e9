import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { OAuthClientInput } from '../../src/service/keys/oauth-client.ts'
import {
  createClientKeyPair,
  ISSUER,
  postAssertion,
  postForm,
  REFUSALS,
  STANDARD_TOKEN_PATH,
  seedClient,
  seedSigningClient,
  signAssertion,
  TOKEN_PATHS,
} from '../support/oauth.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

/* The scopes that a client gets, and the forms of its tokens. */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
})
afterAll(() => server.close())

async function requestToken(path: string, settings: OAuthClientInput, scope?: string) {
  const client = await seedSigningClient(server, settings)
  const assertion = await signAssertion(client, server.clock())
  return { client, ...(await postAssertion(server, path, assertion, { scope })) }
}

const REGISTERED = ['fhir:production', 'system/Patient.read', 'system/Observation.rs', 'introspect']

describe.each(TOKEN_PATHS)('the scopes of a client at %s', (path) => {
  test.each([
    ['none asked: all', undefined, REGISTERED.join(' ')],
    ['an empty scope: all', '', REGISTERED.join(' ')],
    ['one asked', 'fhir:production', 'fhir:production'],
    ['more asked than granted', 'fhir:production fhir:staging', 'fhir:production'],
    ['the same in the grammar of v2', 'system/Patient.rs', 'system/Patient.rs'],
    ['a part of the letters', 'system/Observation.r', 'system/Observation.r'],
    ['more letters than granted', 'system/Patient.cruds', 'system/Patient.rs'],
    ['twice the same', 'introspect introspect', 'introspect'],
  ])('%s', async (_, asked, granted) => {
    const { status, body } = await requestToken(path, { scopes: REGISTERED }, asked)
    expect([status, body.scope]).toEqual([200, granted])
  })

  test.each([
    'fhir:staging',
    'system/Encounter.read',
    'system/Patient.rs?status=active',
    'user/Patient.read',
    'system/Patient.sr',
    'openid',
    'admin:keys.read',
  ])('never %s', async (asked) => {
    const { status, body } = await requestToken(path, { scopes: REGISTERED }, asked)
    expect(status).toBe(400)
    expect(body).toEqual(REFUSALS[path].scope)
  })
})

test('system scopes are only for clients that sign assertions', async () => {
  const refused = server.keys.create({
    keyType: 'oauth',
    ownerId: (await seedSigningClient(server)).ownerId,
    name: 'secret',
    oauthClient: { authenticationMethod: 'client_secret_post', scopes: ['system/*.read'] },
  })
  expect(await refused).toMatchObject({ ok: false, failure: { problem: 'invalid' } })
})

test('a client cannot have an algorithm that the key ring has no key for', async () => {
  const { keyId, ownerId } = await seedSigningClient(server)
  const oauthClient = { signingAlgorithm: 'RS256' } as const
  const { jwk } = await createClientKeyPair()
  const jwks = JSON.stringify({ keys: [jwk] })
  const created = await server.keys.create({
    keyType: 'oauth',
    ownerId,
    name: 'RS256',
    oauthClient: { ...oauthClient, jwks, scopes: ['fhir:production'] },
  })
  const message = expect.stringContaining('latchkey keyring rotate RS256')
  for (const result of [created, await server.keys.edit(keyId, { oauthClient })]) {
    expect(result).toMatchObject({ ok: false, failure: { problem: 'invalid', message } })
  }
})

const readKeySet = async () => {
  const response = await server.call('/.well-known/jwks.json', { method: 'GET' })
  return createLocalJWKSet((await response.json()) as JSONWebKeySet)
}

describe('a JWT of a client', () => {
  test.each([
    ['ES256', 'at+jwt'],
    ['ES256', 'JWT'],
    ['EdDSA', 'at+jwt'],
  ] as const)(
    'is signed with %s, has the type %s, and the claims of RFC 9068',
    async (signingAlgorithm, tokenTypeHeader) => {
      const settings = {
        signingAlgorithm,
        tokenTypeHeader,
        tokenLifetimeSeconds: 3600,
        audience: 'https://api.example',
      }
      const { client, body } = await requestToken(STANDARD_TOKEN_PATH, settings)
      const token = String(body.access_token)
      expect(body.expires_in).toBe(3600)
      expect(decodeProtectedHeader(token)).toMatchObject({
        alg: signingAlgorithm,
        typ: tokenTypeHeader,
      })
      const { payload } = await jwtVerify(token, await readKeySet(), {
        issuer: ISSUER,
        audience: 'https://api.example',
        typ: tokenTypeHeader,
        currentDate: new Date(server.clock()),
      })
      const seconds = Math.floor(server.clock() / 1000)
      expect(payload).toMatchObject({
        sub: client.clientId,
        client_id: client.clientId,
        scope: 'fhir:production',
        iat: seconds,
        exp: seconds + 3600,
        jti: expect.any(String),
      })
    },
  )

  test('has this server as its audience by default', async () => {
    const { body } = await requestToken(STANDARD_TOKEN_PATH, {})
    const { payload } = await jwtVerify(String(body.access_token), await readKeySet(), {
      currentDate: new Date(server.clock()),
    })
    expect(payload.aud).toBe(ISSUER)
  })
})

test('an opaque token of a client has its prefix and lifetime', async () => {
  const settings = { tokenStrategy: 'opaque', tokenLifetimeSeconds: 60 } as const
  const { body } = await requestToken(STANDARD_TOKEN_PATH, settings)
  expect(body).toMatchObject({ access_token: expect.stringMatching(/^at_/), expires_in: 60 })
})

test('each issued token is recorded with its id and scope, and counted as a use', async () => {
  const { client } = await requestToken(STANDARD_TOKEN_PATH, {})
  await server.flushAuditEvents()
  await server.flushCounters()
  const events = await server.storage.listEvents({ subject: client.keyId, limit: 9 })
  expect(events.find(({ action }) => action === 'token.issued')).toMatchObject({
    accountId: client.accountId,
    facts: { surface: 'token', path: STANDARD_TOKEN_PATH, scope: 'fhir:production' },
  })
  expect(unwrap(await server.keys.find(client.keyId)).lastUsedAt).toBe(server.clock())
})

test('a client beyond its account’s IP allowlist is answered as an unknown one', async () => {
  const { accountId, clientId, secret } = await seedClient(server, {
    authenticationMethod: 'client_secret_post',
    scopes: ['fhir:production'],
  })
  unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.0/24', note: '' }))
  unwrap(await server.ipAllowlist.setEnforced(accountId, true))
  const request = (address: string) =>
    postForm(
      server,
      STANDARD_TOKEN_PATH,
      { client_id: clientId, client_secret: secret },
      {},
      address,
    )
  expect((await request('198.51.100.7')).status).toBe(200)
  expect((await request('203.0.113.7')).body.error).toBe('invalid_client')
})
