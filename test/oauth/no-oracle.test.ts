import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAssertionVerifier } from '../../src/crypto/assertion-verifier.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { createClientKeys } from '../../src/service/oauth/client-keys.ts'
import { createVerifyAssertion } from '../../src/service/oauth/verify-assertion.ts'
import type { AssertionVerifier } from '../../src/service/ports/crypto.ts'
import {
  type AssertionChanges,
  createBasicHeader,
  createClientKeyPair,
  ISSUER,
  postAssertion,
  postForm,
  REFUSALS,
  type SigningClient,
  STANDARD_TOKEN_PATH,
  seedClient,
  seedSigningClient,
  signAssertion,
  TOKEN_PATHS,
} from '../support/oauth.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../support/server.ts'

/* Answers, and the work for them, do not tell which clients exist, nor what stands against one. */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
})
afterAll(() => server.close())

const CLIENTS: readonly (readonly [
  string,
  () => Promise<Pick<SigningClient, 'clientId' | 'pair'>>,
])[] = [
  [
    'that does not exist',
    async () => ({ clientId: crypto.randomUUID(), pair: await createClientKeyPair() }),
  ],
  [
    'with another key',
    async () => ({ ...(await seedSigningClient(server)), pair: await createClientKeyPair() }),
  ],
  [
    'that is disabled',
    async () => {
      const client = await seedSigningClient(server)
      unwrap(await server.keys.disable(client.keyId))
      return client
    },
  ],
  [
    'whose account is closed',
    async () => {
      const client = await seedSigningClient(server)
      unwrap(await server.accounts.setStatus(client.accountId, 'closed'))
      return client
    },
  ],
  [
    'that has a secret',
    async () => {
      const settings = {
        authenticationMethod: 'client_secret_post',
        scopes: ['introspect'],
      } as const
      return { ...(await seedClient(server, settings)), pair: await createClientKeyPair() }
    },
  ],
  [
    'that is a legacy key',
    async () => ({
      clientId: (await seedKey(server)).apiKey,
      pair: await createClientKeyPair(),
    }),
  ],
]

/** Assertions that are wrong for every client, with their answers. */
const WRONG: readonly (readonly [string, AssertionChanges, 'assertion' | 'kid' | 'key'])[] = [
  ['for another server', { claims: { aud: 'https://other.example' } }, 'assertion'],
  ['that has ended', { claims: { iat: 1, exp: 2 } }, 'assertion'],
  ['with a long jti', { claims: { jti: 'x'.repeat(256) } }, 'assertion'],
  ['of another type', { header: { typ: 'at+jwt' } }, 'assertion'],
  ['with a kid that is no name', { header: { kid: '' } }, 'kid'],
  ['with a jku', { header: { jku: 'https://other.example/jwks.json' } }, 'key'],
]

describe.each(TOKEN_PATHS)('%s gives one answer to the assertion of a client', (path) => {
  test.each(WRONG)('%s, for every client', async (_, changes, kind) => {
    for (const [name, create] of [
      ...CLIENTS,
      ['that is known', () => seedSigningClient(server)] as const,
    ]) {
      const assertion = await signAssertion(await create(), server.clock(), changes)
      const { status, body } = await postAssertion(server, path, assertion)
      expect([name, status, body]).toEqual([name, 400, REFUSALS[path][kind]])
    }
  })

  test.each(CLIENTS)('%s', async (_, create) => {
    const assertion = await signAssertion(await create(), server.clock())
    const { status, body, headers } = await postAssertion(server, path, assertion)
    expect(status).toBe(400)
    expect(body).toEqual(REFUSALS[path].key)
    expect([...headers.keys()].sort()).toEqual([
      'cache-control',
      'content-type',
      'x-content-type-options',
      'x-request-id',
    ])
  })
})

test('a secret gets one answer, whatever is wrong with its client', async () => {
  const settings = { authenticationMethod: 'client_secret_basic', scopes: ['introspect'] } as const
  const [known, disabled, closed] = [
    await seedClient(server, settings),
    await seedClient(server, settings),
    await seedClient(server, settings),
  ]
  unwrap(await server.keys.disable(disabled.keyId))
  unwrap(await server.accounts.setStatus(closed.accountId, 'closed'))
  const signing = await seedSigningClient(server)
  const answers = []
  for (const [id, secret] of [
    [crypto.randomUUID(), known.secret],
    [known.clientId, `${known.secret}x`],
    [disabled.clientId, disabled.secret],
    [closed.clientId, closed.secret],
    [signing.clientId, known.secret],
    ['é', 'é'],
  ] as const) {
    const { status, body } = await postForm(
      server,
      STANDARD_TOKEN_PATH,
      {},
      createBasicHeader(id, secret),
    )
    answers.push([status, body])
  }
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
})

test.each(['RS256', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'])(
  'an unknown client costs one verification with %s, as a known one does',
  async (algorithm) => {
    const { clock } = server
    const real = createAssertionVerifier(nodePrimitives)
    let verifications = 0
    const verifier: AssertionVerifier = {
      ...real,
      isSigned(...args) {
        verifications++
        return real.isSigned(...args)
      },
      spendVerification(...args) {
        verifications++
        return real.spendVerification(...args)
      },
    }
    const verify = createVerifyAssertion({
      verifier,
      clientKeys: createClientKeys({
        clock,
        keepAlive: () => undefined,
        sendHttp: () => Promise.reject(new Error('no set is fetched')),
      }),
      clock,
    })
    const pair = await createClientKeyPair(algorithm)
    const clientId = crypto.randomUUID()
    const parsed = unwrap(real.parse(await signAssertion({ clientId, pair }, clock())))
    const expected = { profile: 'standard', audiences: [ISSUER] } as const
    const jwks = JSON.stringify({ keys: [pair.jwk] })
    const known = { clientId, keyId: 'known', jwksUrl: null, jwks }
    expect((await verify(parsed, known, expected)).ok).toBe(true)
    expect(verifications).toBe(1)
    expect((await verify(parsed, { ...known, jwks: null }, expected)).ok).toBe(false)
    expect(verifications).toBe(2)
  },
)
