import { createRemoteJWKSet } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ASSERTION_ALGORITHMS } from '../../src/domain/client-assertion.ts'
import { isScope } from '../../src/domain/scope.ts'
import { ISSUER } from '../support/oauth.ts'
import {
  createTestServer,
  type LiveServer,
  startLiveServer,
  type TestServer,
} from '../support/server.ts'

/*
 * The documents that clients and services discover, of an issuer without a path, and of one with a path.
 */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const get = (path: string, method = 'GET') => server.call(path, { method })
const readJson = async (path: string) => (await get(path)).json()

const SCOPES = [
  'fhir:development',
  'fhir:staging',
  'fhir:production',
  'system/*.cruds',
  'system/*.rs',
  'system/*.read',
  'system/*.write',
  'system/*.*',
]

const expectServerMetadata = (issuer: string) => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  token_endpoint: `${issuer}/oauth2/token`,
  token_endpoint_auth_methods_supported: [
    'private_key_jwt',
    'client_secret_basic',
    'client_secret_post',
  ],
  token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
  grant_types_supported: ['client_credentials'],
  response_types_supported: [],
  scopes_supported: [...SCOPES, 'introspect'],
  code_challenge_methods_supported: ['S256'],
})

describe('the metadata of the server', () => {
  test.each(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])(
    'is at %s, and names only endpoints that answer',
    async (path) => {
      const metadata = (await readJson(path)) as Record<string, unknown>
      expect(metadata).toMatchObject(expectServerMetadata(ISSUER))
      for (const [name, url] of Object.entries(metadata)) {
        if (!name.endsWith('_endpoint')) continue
        const { pathname } = new URL(String(url))
        expect((await get(pathname, 'POST')).status).not.toBe(404)
      }
      expect((await get(`${path}/other`)).status).toBe(404)
    },
  )

  test('announces scopes that a client can be registered with', () => {
    expect(SCOPES.filter((scope) => !isScope(scope))).toEqual([])
  })
})

test('the metadata of the FHIR surface is that of SMART backend services, without an issuer', async () => {
  const metadata = await readJson('/fhir/.well-known/smart-configuration')
  expect(metadata).toMatchObject({
    token_endpoint: `${ISSUER}/oauth2/token`,
    grant_types_supported: ['client_credentials'],
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: [...ASSERTION_ALGORITHMS],
    scopes_supported: SCOPES.slice(3),
    code_challenge_methods_supported: ['S256'],
    capabilities: ['client-confidential-asymmetric', 'permission-v1', 'permission-v2'],
  })
  expect(metadata).not.toHaveProperty('issuer')
})

test.each([
  ['', ISSUER],
  ['/', `${ISSUER}/`],
  ['/fhir', `${ISSUER}/fhir`],
  ['/fhir/', `${ISSUER}/fhir/`],
])(
  'the metadata of the resource at %j names the URL that was asked for',
  async (path, resource) => {
    expect(await readJson(`/.well-known/oauth-protected-resource${path}`)).toEqual({
      resource,
      authorization_servers: [ISSUER],
      scopes_supported: SCOPES,
      bearer_methods_supported: ['header'],
    })
  },
)

test('there is no metadata of another resource', async () => {
  expect((await get('/.well-known/oauth-protected-resource/other')).status).toBe(404)
})

describe('each document', () => {
  test.each([
    ['/.well-known/oauth-authorization-server', 'application/json'],
    ['/.well-known/openid-configuration', 'application/json'],
    ['/.well-known/oauth-protected-resource', 'application/json'],
    ['/fhir/.well-known/smart-configuration', 'application/json'],
    ['/.well-known/jwks.json', 'application/jwk-set+json'],
  ])('is for scripts of any origin, and may be kept for 5 minutes: %s', async (path, type) => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers } = await get(path, method)
      expect(status).toBe(200)
      expect(headers.get('content-type')).toBe(type)
      expect(headers.get('access-control-allow-origin')).toBe('*')
      expect(headers.get('cache-control')).toBe('public, max-age=300')
    }
    const preflight = await get(path, 'OPTIONS')
    expect(preflight.status).toBe(200)
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET')
  })
})

test('the published keys say their kid, algorithm and use, and nothing private', async () => {
  const { keys } = (await readJson('/.well-known/jwks.json')) as {
    keys: Record<string, unknown>[]
  }
  expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(['ES256', 'EdDSA']))
  for (const key of keys) {
    expect(key).toMatchObject({ kid: expect.any(String), use: 'sig' })
    for (const member of ['d', 'p', 'q', 'k']) expect(key).not.toHaveProperty(member)
  }
})

describe('an issuer with a path', () => {
  const issuer = 'https://api.example/base'
  let live: LiveServer
  beforeAll(async () => {
    live = await startLiveServer({ LATCHKEY_URL: issuer })
  })
  afterAll(() => live?.close())

  test.each([
    // RFC 8414 §3.1 inserts, OpenID Connect Discovery appends; a proxy may remove the path.
    '/.well-known/oauth-authorization-server/base',
    '/.well-known/openid-configuration/base',
    '/base/.well-known/oauth-authorization-server',
    '/base/.well-known/openid-configuration',
    '/.well-known/openid-configuration',
  ])('has its metadata at %s', async (path) => {
    const answer = await fetch(live.url + path)
    expect(await answer.json()).toMatchObject(expectServerMetadata(issuer))
  })

  test.each([
    ['/.well-known/oauth-protected-resource/base', issuer],
    ['/.well-known/oauth-protected-resource/base/fhir', `${issuer}/fhir`],
    ['/base/.well-known/oauth-protected-resource', issuer],
  ])('has the metadata of a resource at %s', async (path, resource) => {
    const answer = await fetch(live.url + path)
    expect(await answer.json()).toMatchObject({ resource, authorization_servers: [issuer] })
  })

  test('has its keys and SMART metadata below the path', async () => {
    const smart = await fetch(`${live.url}/base/fhir/.well-known/smart-configuration`)
    expect(await smart.json()).toMatchObject({ token_endpoint: `${issuer}/oauth2/token` })
    const jwks = createRemoteJWKSet(new URL(`${live.url}/base/.well-known/jwks.json`))
    await jwks.reload()
    expect(jwks.jwks()?.keys.length).toBeGreaterThan(3)
  })
})
