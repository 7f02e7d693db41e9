import { createRemoteJWKSet, customFetch, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  addRsaKeys,
  findUnpublishedKey,
  maintainRing,
  type Ring,
  revokeRingKey,
} from '../../src/crypto/ring.ts'
import { DAY_MS } from '../../src/domain/instant.ts'
import { SIGNING_ALGORITHMS } from '../../src/domain/oauth-client.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import {
  ISSUER,
  postAssertion,
  type SigningClient,
  STANDARD_TOKEN_PATH,
  seedSigningClient,
  signAssertion,
} from '../support/oauth.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/*
 * The signing keys rotate while clients get tokens. A verifier that fetches the published keys once a day
 * verifies all of them.
 */

let server: TestServer
let ring: Ring
let clients: readonly SigningClient[]
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
  const keys = server.ring.keys.map((key) => ({ ...key, createdAt: server.clock() }))
  ring = await addRsaKeys(nodePrimitives, { ...server.ring, keys }, server.clock())
  server.keyring.replace(ring)
  clients = await Promise.all(
    SIGNING_ALGORITHMS.map((signingAlgorithm) => seedSigningClient(server, { signingAlgorithm })),
  )
})
afterAll(() => server.close())

async function requestTokens(count: number): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const client = clients[n % clients.length] as SigningClient
      const assertion = await signAssertion(client, server.clock())
      return postAssertion(server, STANDARD_TOKEN_PATH, assertion)
    }),
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  return answers.map(({ body }) => String(body.access_token))
}

test('no token fails to verify while the signing keys rotate three times', async () => {
  let fetches = 0
  const keys = createRemoteJWKSet(new URL(`${ISSUER}/.well-known/jwks.json`), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    [customFetch]: async (url) => {
      fetches++
      return server.call(new URL(url).pathname, { method: 'GET' })
    },
  })
  const verify = async (tokens: readonly string[]) => {
    for (const token of tokens) {
      const currentDate = new Date(server.clock())
      await jwtVerify(token, keys, { issuer: ISSUER, audience: ISSUER, currentDate })
    }
  }
  const kids = new Set<string | undefined>()
  for (let rotation = 1; rotation <= 3; rotation++) {
    server.clock.advance(DAY_MS)
    await keys.reload()
    const before = await requestTokens(12)
    const during = requestTokens(12)
    expect(findUnpublishedKey(ring, 'sign', server.clock())).toBeUndefined()
    ring = await maintainRing(nodePrimitives, ring, 1, server.clock())
    server.keyring.replace(ring)
    const tokens = [...before, ...(await during), ...(await requestTokens(12))]
    await verify(tokens)
    for (const token of tokens) kids.add(decodeProtectedHeader(token).kid)
  }
  // Each algorithm signed with four keys, and each was known before it signed.
  expect(kids.size).toBe(4 * SIGNING_ALGORITHMS.length)
  expect(fetches).toBe(3)
})

test('a revoked signing key is no longer published, and the next one signs at once', async () => {
  const [client] = clients as [SigningClient]
  const request = async () =>
    postAssertion(server, STANDARD_TOKEN_PATH, await signAssertion(client, server.clock()))
  const { kid = '' } = decodeProtectedHeader(String((await request()).body.access_token))
  const listKids = () => server.keyring.publicKeys.map((key) => key.kid)
  expect(listKids()).toContain(kid)
  const leaked = server.keyring.currentId('ES256')
  const next = ring.keys.find(
    ({ use, state, jwk }) => use === 'sign' && state === 'next' && jwk.kty === 'EC',
  )
  const revoked = await revokeRingKey(nodePrimitives, ring, leaked, server.clock())
  if (revoked === null) throw new Error('it was not revoked')
  server.keyring.replace(revoked)
  expect(listKids()).not.toContain(leaked)
  const { access_token: token } = (await request()).body
  expect(decodeProtectedHeader(String(token)).kid).toBe(next?.id)
})
