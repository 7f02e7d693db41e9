import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ASSERTION_TYPE,
  createAssertionClaims,
  createClientKeyPair,
  FORM_TYPE,
  postAssertion,
  REFUSALS,
  readTokenAnswer,
  type SigningClient,
  seedSigningClient,
  signAssertion,
  TOKEN_PATHS,
  toForm,
} from '../support/oauth.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/* Assertions and bodies that no honest client sends. */

let server: TestServer
let client: SigningClient
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
  client = await seedSigningClient(server)
})
afterAll(() => server.close())

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const createClaims = () => createAssertionClaims(client, server.clock())

/** An assertion with this header and no honest signature. */
const forge = (header: object, claims: unknown = createClaims(), signature = 'AAAA') =>
  `${encode(header)}.${encode(claims)}.${signature}`

const HOSTILE: readonly (readonly [string, () => string | Promise<string>])[] = [
  ['alg none', () => forge({ alg: 'none', kid: client.pair.kid }, createClaims(), '')],
  ['no alg', () => forge({ kid: client.pair.kid })],
  [
    'HS256 with the public key as the secret',
    () =>
      new SignJWT(createClaims())
        .setProtectedHeader({ alg: 'HS256', kid: client.pair.kid })
        .sign(new TextEncoder().encode(JSON.stringify(client.pair.jwk))),
  ],
  ['HS384', () => forge({ alg: 'HS384', kid: client.pair.kid })],
  ['b64: false', () => forge({ alg: 'ES384', kid: client.pair.kid, b64: false, crit: ['b64'] })],
  [
    'a nested JWS',
    async () => {
      const inner = await signAssertion(client, server.clock())
      return forge({ alg: 'ES384', kid: client.pair.kid, cty: 'JWT' }, inner)
    },
  ],
  [
    'an embedded key',
    async () => {
      const pair = await createClientKeyPair()
      const header = { alg: 'ES384', kid: client.pair.kid, jwk: pair.jwk }
      return new SignJWT(createClaims()).setProtectedHeader(header).sign(pair.privateKey)
    },
  ],
  ['two parts', () => 'e30.e30'],
  ['five parts (JWE)', () => 'e30.e30.e30.e30.e30'],
  ['text', () => 'assertion'],
  ['a header that is a list', () => forge([])],
  ['claims that are a list', () => forge({ alg: 'ES384', kid: client.pair.kid }, [])],
  ['claims that are null', () => forge({ alg: 'ES384', kid: client.pair.kid }, 'null')],
  [
    'an iss that no text can be made of',
    () =>
      forge({ alg: 'ES384', kid: client.pair.kid }, { ...createClaims(), iss: { toString: 1 } }),
  ],
  [
    'claims that are nested 5,000 times',
    () => {
      const text = JSON.stringify({ ...createClaims(), aud: 'deep' })
      const deep = text.replace('"deep"', '['.repeat(5000) + ']'.repeat(5000))
      return forge({ alg: 'ES384', kid: client.pair.kid }, deep)
    },
  ],
  ['padded base64', async () => `${await signAssertion(client, server.clock())}=`],
  [
    'another spelling of the signature’s last character',
    async () => (await signAssertion(client, server.clock())).replace(/.$/, '*'),
  ],
  [
    'an empty signature',
    async () => (await signAssertion(client, server.clock())).replace(/\.[^.]*$/, '.'),
  ],
]

describe.each(TOKEN_PATHS)('%s', (path) => {
  test.each(HOSTILE)('refuses an assertion with %s', async (_, create) => {
    const { status, body } = await postAssertion(server, path, await create())
    expect(status).toBe(400)
    expect(['assertion', 'kid', 'key'].map((kind) => REFUSALS[path][kind as 'kid'])).toContainEqual(
      body,
    )
  })

  test.each([100_000, 1_000_000])('refuses a body of %d bytes unread', async (length) => {
    const claims = { jti: 'x'.repeat(length) }
    const client_assertion = await signAssertion(client, server.clock(), { claims })
    const { status, body } = await readTokenAnswer(
      await server.call(path, {
        body: toForm({
          grant_type: 'client_credentials',
          client_assertion_type: ASSERTION_TYPE,
          client_assertion,
        }),
        headers: { 'Content-Type': FORM_TYPE },
      }),
    )
    expect(status).toBe(413)
    expect(body.error).toBe('invalid_request')
  })

  test('refuses bytes that are not UTF-8, and an encoded body', async () => {
    for (const [body, headers] of [
      [new Uint8Array([0x61, 0x3d, 0xff]), {}],
      ['grant_type=client_credentials', { 'Content-Encoding': 'gzip' }],
    ] as const) {
      const answer = await readTokenAnswer(
        await server.call(path, { body, headers: { 'Content-Type': FORM_TYPE, ...headers } }),
      )
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
    }
  })
})

describe('a pasted JWK Set', () => {
  const refuse = async (jwks: unknown) => {
    const { ownerId } = client
    const text = typeof jwks === 'string' ? jwks : JSON.stringify(jwks)
    const created = await server.keys.create({
      keyType: 'oauth',
      ownerId,
      name: 'pasted',
      oauthClient: { jwks: text, scopes: ['fhir:production'] },
    })
    return created.ok ? null : `${created.failure.problem}: ${created.failure.message}`
  }

  test('with a private key, a short RSA key, a key for encryption or a repeated kid is refused', async () => {
    const { jwk, privateKey } = client.pair
    const { exportJWK } = await import('jose')
    const secret = { ...(await exportJWK(privateKey)), kid: 'k' }
    const refusals = [
      await refuse({ keys: [secret] }),
      await refuse({ keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'k' }] }),
      await refuse({ keys: [{ ...jwk, use: 'enc' }] }),
      await refuse({ keys: [jwk, jwk] }),
      await refuse({ keys: [] }),
      await refuse({}),
      await refuse('[]'),
      await refuse('not json'),
      await refuse(`{"keys":[{"kty":${'['.repeat(30_000)}${']'.repeat(30_000)}}]}`),
    ]
    for (const refusal of refusals) expect(refusal).toMatch(/^invalid: the JWK Set /)
    expect(JSON.stringify(refusals)).not.toContain(secret.d)
  })

  test('or its URL is needed, and the URL is https', async () => {
    const { ownerId } = client
    for (const jwksUrl of [
      'http://vendor.example/jwks',
      'https://u:p@vendor.example/',
      'x',
      null,
    ]) {
      const created = await server.keys.create({
        keyType: 'oauth',
        ownerId,
        name: 'url',
        oauthClient: { jwksUrl, scopes: ['fhir:production'] },
      })
      expect(created).toMatchObject({ ok: false, failure: { problem: 'invalid' } })
    }
  })
})
