import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AssertionChanges,
  createClientKeyPair,
  ISSUER,
  postAssertion,
  REFUSALS,
  type SigningClient,
  STANDARD_TOKEN_PATH,
  seedSigningClient,
  signAssertion,
  TOKEN_PATHS,
  VENDOR_TOKEN_PATH,
} from '../support/oauth.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/* The rules for client assertions: each row at both token endpoints. */

let server: TestServer
let client: SigningClient
beforeAll(async () => {
  // The rows are many failures of one address.
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
  client = await seedSigningClient(server)
})
afterAll(() => server.close())

const readSeconds = () => Math.floor(server.clock() / 1000)

type Changes = AssertionChanges | (() => AssertionChanges | Promise<AssertionChanges>)

async function request(path: string, changes: Changes) {
  const made = typeof changes === 'function' ? await changes() : changes
  return postAssertion(server, path, await signAssertion(client, server.clock(), made))
}

const claims = (values: Record<string, unknown>): AssertionChanges => ({ claims: values })
const header = (values: Record<string, unknown>): AssertionChanges => ({ header: values })

interface Row {
  readonly name: string
  readonly changes: Changes
  /** The refusal at both endpoints; null if it is accepted. */
  readonly vendor: 'assertion' | 'kid' | 'key' | null
  readonly standard: 'assertion' | 'kid' | 'key' | null
}

const both = (name: string, changes: Changes, refusal: Row['vendor'] = null): Row => ({
  name,
  changes,
  vendor: refusal,
  standard: refusal,
})

const NOBODY = crypto.randomUUID()

const ROWS: readonly Row[] = [
  both('as documented', {}),

  both('typ JWT', header({ typ: 'JWT' })),
  both('typ client-authentication+jwt', header({ typ: 'client-authentication+jwt' })),
  both('typ at+jwt', header({ typ: 'at+jwt' }), 'assertion'),
  {
    name: 'no kid, and one key',
    changes: header({ kid: undefined }),
    vendor: 'kid',
    standard: null,
  },
  both('another kid', header({ kid: 'other' }), 'key'),
  both('a kid that is a path', header({ kid: '../../../etc/passwd' }), 'key'),
  both('jku of a client without a URL', header({ jku: 'https://evil.example/jwks' }), 'key'),
  both('crit', header({ crit: ['b64'], b64: true }), 'assertion'),

  both('no iss', claims({ iss: undefined }), 'key'),
  both('iss and sub of nobody', claims({ iss: NOBODY, sub: NOBODY }), 'key'),
  both('iss that is not sub', claims({ iss: NOBODY }), 'assertion'),
  both('no sub', claims({ sub: undefined }), 'assertion'),
  both('sub of another', claims({ sub: crypto.randomUUID() }), 'assertion'),

  { name: 'no aud', changes: claims({ aud: undefined }), vendor: null, standard: 'assertion' },
  both('aud: the vendor’s token URL', claims({ aud: `${ISSUER}${VENDOR_TOKEN_PATH}` })),
  both('aud: the standard’s token URL', claims({ aud: `${ISSUER}${STANDARD_TOKEN_PATH}` })),
  both('aud: a list of ours', claims({ aud: [ISSUER, `${ISSUER}${STANDARD_TOKEN_PATH}`] })),
  both(
    'aud: a list with a stranger',
    claims({ aud: [ISSUER, 'https://other.example'] }),
    'assertion',
  ),
  both('aud: an empty list', claims({ aud: [] }), 'assertion'),
  both('aud: with a trailing slash', claims({ aud: `${ISSUER}/` }), 'assertion'),
  both('aud: another server', claims({ aud: 'https://other.example' }), 'assertion'),

  both('iat 309 s ago', () => claims({ iat: readSeconds() - 309 })),
  both('iat 311 s ago', () => claims({ iat: readSeconds() - 311 }), 'assertion'),
  both('iat 9 s ahead', () => claims({ iat: readSeconds() + 9 })),
  both('iat 61 s ahead', () => claims({ iat: readSeconds() + 62 }), 'assertion'),
  both('no iat', claims({ iat: undefined })),
  both('iat that is text', claims({ iat: 'now' }), 'assertion'),

  { name: 'no exp', changes: claims({ exp: undefined }), vendor: null, standard: 'assertion' },
  both('exp an hour ahead', () => claims({ exp: readSeconds() + 3600 })),
  both('exp 1 s ago', () => claims({ exp: readSeconds() - 1 }), 'assertion'),
  both(
    'exp 400 s ahead without iat',
    () => claims({ iat: undefined, exp: readSeconds() + 400 }),
    'assertion',
  ),
  both('neither iat nor exp', claims({ iat: undefined, exp: undefined }), 'assertion'),

  both('nbf 9 s ahead', () => claims({ nbf: readSeconds() + 9 })),
  both('nbf 61 s ahead', () => claims({ nbf: readSeconds() + 62 }), 'assertion'),

  { name: 'no jti', changes: claims({ jti: undefined }), vendor: null, standard: 'assertion' },
  both('jti of 255 characters', () => claims({ jti: crypto.randomUUID().padEnd(255, 'x') })),
  both('jti of 256 characters', claims({ jti: 'x'.repeat(256) }), 'assertion'),
  both('jti that is a number', claims({ jti: 7 }), 'assertion'),
  both('an empty jti', claims({ jti: '' }), 'assertion'),

  both(
    'the signature of another key with its kid',
    async () => ({ pair: await createClientKeyPair('ES384', client.pair.kid) }),
    'assertion',
  ),
  both(
    'ES256 with the kid of a P-384 key',
    async () => ({ pair: await createClientKeyPair('ES256', client.pair.kid) }),
    'key',
  ),
  both(
    'RS256 with the kid of an EC key',
    async () => ({ pair: await createClientKeyPair('RS256', client.pair.kid) }),
    'key',
  ),
  both(
    'the kid of another client',
    async () => ({ pair: (await seedSigningClient(server)).pair }),
    'key',
  ),
]

describe.each(TOKEN_PATHS)('%s judges an assertion', (path) => {
  const isVendor = path === VENDOR_TOKEN_PATH
  test.each(ROWS)('with $name', async ({ changes, vendor, standard }) => {
    const { status, body } = await request(path, changes)
    const refusal = isVendor ? vendor : standard
    if (refusal === null) {
      expect(body).toEqual({
        access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
        scope: 'fhir:production',
        token_type: 'Bearer',
        expires_in: 300,
      })
      expect(status).toBe(200)
    } else {
      expect(body).toEqual(REFUSALS[path][refusal])
      expect(status).toBe(400)
    }
  })

  test.each(['RS256', 'RS384', 'PS384', 'ES256', 'ES512', 'EdDSA', 'Ed25519'])(
    'signed with %s by a key of its own',
    async (algorithm) => {
      const pair = await createClientKeyPair(algorithm)
      const other = await seedSigningClient(server, {}, [pair])
      const { status } = await postAssertion(
        server,
        path,
        await signAssertion(other, server.clock()),
      )
      expect(status).toBe(200)
    },
  )
})
