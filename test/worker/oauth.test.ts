import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composeApps } from '../../src/compose-apps.ts'
import { addRsaKeys } from '../../src/crypto/ring.ts'
import { ASSERTION_ALGORITHMS } from '../../src/domain/client-assertion.ts'
import { readConsoleAssets } from '../../src/node/package-file.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { createUpstreamFetch } from '../../src/node/upstream-fetch.ts'
import type { OAuthClientInput } from '../../src/service/keys/oauth-client.ts'
import { createTestRing } from '../support/keyring.ts'
import {
  type ClientKeyPair,
  createClientKeyPair,
  FORM_TYPE,
  ISSUER,
  postAssertion,
  REFUSALS,
  type SigningClient,
  STANDARD_TOKEN_PATH,
  seedClient,
  signAssertion,
} from '../support/oauth.ts'
import { introspect, requestToken as requestClientToken, revoke } from '../support/oauth-tokens.ts'
import { composeBesideWorker } from '../support/worker/node-beside.ts'
import {
  startWorkerd,
  type TestFetcher,
  toTestFetcher,
  type Workerd,
} from '../support/worker/workerd.ts'

/*
 * OAuth clients at the bundle in workerd, and beside it a Node server on the same D1 database with the same
 * key ring. The clients' key sets are at URLs, which workerd fetches.
 */

let workerd: Workerd
let worker: TestFetcher
let node: ReturnType<typeof composeBesideWorker>
let nodeApp: ReturnType<typeof composeApps>['app']
let pairs: readonly ClientKeyPair[]
let fetched: string[] = []

const KEY_SET_URL = 'https://vendor.example/jwks.json'

function answerKeySet(url: string): Response | Promise<Response> {
  fetched.push(url)
  const keys = JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) })
  switch (new URL(url).pathname) {
    case '/moved.json':
      return Response.redirect(KEY_SET_URL, 302)
    case '/long.json':
      return new Response(keys + ' '.repeat(70_000))
    case '/broken.json':
      return new Response('no', { status: 500 })
    default:
      return new Response(keys, { headers: { 'Cache-Control': 'max-age=60' } })
  }
}

const FHIR_URL = 'https://fhir.example/r4'

/** Answers with the request, as the service behind the FHIR surface received it. */
const answerFhir = async (request: Request): Promise<Response> =>
  Response.json({
    url: request.url,
    scope: request.headers.get('x-latchkey-scope'),
    site: request.headers.get('x-latchkey-site'),
    body: await request.text(),
  })

beforeAll(async () => {
  const ring = await addRsaKeys(nodePrimitives, await createTestRing(), 0)
  pairs = await Promise.all(ASSERTION_ALGORITHMS.map((name) => createClientKeyPair(name, name)))
  workerd = await startWorkerd({
    bindings: {
      LATCHKEY_URL: ISSUER,
      LATCHKEY_KEYRING_JSON: JSON.stringify(ring),
      LATCHKEY_UPSTREAM_FHIR: FHIR_URL,
    },
    outboundService: async (request) =>
      request.url.startsWith(FHIR_URL) ? answerFhir(request) : answerKeySet(request.url),
  })
  worker = toTestFetcher(await workerd.mf.getWorker('server'))
  node = composeBesideWorker({ publicUrl: ISSUER, engine: workerd.engine, ring })
  nodeApp = composeApps(node, {
    consoleAssets: readConsoleAssets(),
    upstreamFetch: createUpstreamFetch({ timeoutMs: 1000 }),
    getPeerAddress: () => '203.0.113.7',
  }).app
})
afterAll(() => workerd.dispose())

const servers = {
  worker: {
    call: (path: string, { body, headers, method = 'POST' }: RequestInit = {}) =>
      worker.fetch(`${ISSUER}${path}`, {
        method,
        headers: { 'CF-Connecting-IP': '203.0.113.7', ...(headers as Record<string, string>) },
        ...(body != null && { body }),
      }),
  },
  node: {
    call: async (path: string, { body, headers, method = 'POST' }: RequestInit = {}) =>
      nodeApp.request(path, { method, ...(headers && { headers }), ...(body != null && { body }) }),
  },
}

const seedUrlClient = (path = '/jwks.json', more: OAuthClientInput = {}) =>
  seedClient(node, {
    jwksUrl: new URL(path, KEY_SET_URL).href,
    scopes: ['fhir:production'],
    ...more,
  })

/** Requests a token with an assertion of this algorithm. */
async function requestToken(
  client: { clientId: string },
  algorithm: string,
  server: keyof typeof servers = 'worker',
) {
  const pair = pairs.find(({ kid }) => kid === algorithm)
  if (pair === undefined) throw new Error(`no pair for ${algorithm}`)
  const assertion = await signAssertion({ ...client, pair }, Date.now())
  return { assertion, ...(await postAssertion(servers[server], STANDARD_TOKEN_PATH, assertion)) }
}

describe('a Worker', () => {
  test.each(ASSERTION_ALGORITHMS)('verifies an assertion with %s', async (algorithm) => {
    const { status, body } = await requestToken(await seedUrlClient(), algorithm)
    expect([status, body]).toMatchObject([200, { token_type: 'Bearer', scope: 'fhir:production' }])
  })

  test('fetches a key set once for requests that come together, and keeps it', async () => {
    const client = await seedUrlClient()
    fetched = []
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => requestToken(client, 'ES384')),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect((await requestToken(client, 'RS384')).status).toBe(200)
    expect(fetched).toEqual([KEY_SET_URL])
  })

  test.each(['/moved.json', '/long.json', '/broken.json'])(
    'refuses an assertion whose keys are at %s',
    async (path) => {
      const client = await seedUrlClient(path)
      fetched = []
      const { status, body } = await requestToken(client, 'ES384')
      expect([status, body]).toEqual([400, REFUSALS[STANDARD_TOKEN_PATH].key])
      expect(fetched).toEqual([new URL(path, KEY_SET_URL).href])
    },
  )

  test.each(['ES256', 'RS256', 'EdDSA'] as const)(
    'signs a token with %s that its published keys verify',
    async (signingAlgorithm) => {
      const client = await seedUrlClient('/jwks.json', { signingAlgorithm })
      const { body } = await requestToken(client, 'ES384')
      const jwks = await servers.worker.call('/.well-known/jwks.json', { method: 'GET' })
      const keys = createLocalJWKSet((await jwks.json()) as JSONWebKeySet)
      const { protectedHeader } = await jwtVerify(String(body.access_token), keys, {
        issuer: ISSUER,
        audience: ISSUER,
        typ: 'at+jwt',
      })
      expect(protectedHeader.alg).toBe(signingAlgorithm)
    },
  )
})

test('an assertion that a Worker accepted is refused on Node, and the other way around', async () => {
  const jwks = JSON.stringify({ keys: pairs.map(({ jwk }) => jwk) })
  const client = await seedClient(node, { jwks, scopes: ['fhir:production'] })
  for (const [first, second] of [
    ['worker', 'node'],
    ['node', 'worker'],
  ] as const) {
    const { status, assertion } = await requestToken(client, 'ES384', first)
    expect(status).toBe(200)
    const repeated = await postAssertion(servers[second], STANDARD_TOKEN_PATH, assertion)
    expect([repeated.status, repeated.body]).toEqual([400, REFUSALS[STANDARD_TOKEN_PATH].assertion])
  }
})

const CLOCK = { clock: Date.now }

async function seedPastedClient(settings: OAuthClientInput): Promise<SigningClient> {
  const pair = await createClientKeyPair()
  const jwks = JSON.stringify({ keys: [pair.jwk] })
  return { ...(await seedClient(node, { jwks, ...settings })), pair }
}

test.each(['jwt', 'opaque'] as const)(
  'a revoked %s token is refused at the next request, on a Worker and on Node',
  async (tokenStrategy) => {
    const client = await seedPastedClient({ tokenStrategy, scopes: ['introspect'] })
    for (const [first, second] of [
      ['worker', 'node'],
      ['node', 'worker'],
    ] as const) {
      const [here, there] = [
        { ...servers[first], ...CLOCK },
        { ...servers[second], ...CLOCK },
      ]
      const token = await requestClientToken(here, client)
      const other = await requestClientToken(there, client)
      for (const server of [here, there]) {
        expect(await introspect(server, client, token)).toMatchObject({
          active: true,
          scope: 'introspect',
        })
      }
      expect(await revoke(here, client, token)).toMatchObject({ status: 200, text: '' })
      for (const server of [there, here]) {
        expect(await introspect(server, client, token)).toEqual({ active: false })
        expect(await introspect(server, client, other)).toMatchObject({ active: true })
      }
    }
  },
)

test('a Worker judges the form of a FHIR search, and forwards it unchanged', async () => {
  const { accountId, ownerId } = await seedClient(node, { scopes: ['fhir:production'], ...SECRET })
  const added = await node.sites.add({ accountId, name: 'North' })
  const site = added.ok ? added.value.id : ''
  const pair = await createClientKeyPair()
  const settings = { jwks: JSON.stringify({ keys: [pair.jwk] }), siteIds: [site] }
  const scopes = ['system/Patient.rs']
  const seeded = await seedClient(node, { ...settings, scopes }, { ownerId })
  const server = { ...servers.worker, ...CLOCK }
  const token = await requestClientToken(server, { ...seeded, pair })
  const search = (body: string) =>
    server.call('/fhir/Patient/_search', {
      body,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': FORM_TYPE },
    })
  const answer = await search('name=x&_id=1')
  expect([answer.status, await answer.json()]).toEqual([
    200,
    { url: `${FHIR_URL}/fhir/Patient/_search`, scope: scopes[0], site, body: 'name=x&_id=1' },
  ])
  const refused = await search('name=x&_revinclude=Observation:patient')
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
    403,
    expect.stringContaining('scope="system/Observation.s"'),
  ])
})

const SECRET = { authenticationMethod: 'client_secret_basic' } as const
