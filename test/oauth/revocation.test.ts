import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createBasicHeader,
  ISSUER,
  type SigningClient,
  seedSigningClient,
} from '../support/oauth.ts'
import {
  createProof,
  introspect,
  post,
  REVOCATION_PATH,
  requestToken,
  revoke,
} from '../support/oauth-tokens.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
} from '../support/server.ts'

let server: TestServer
let legacy: Awaited<ReturnType<typeof seedKey>>
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
  legacy = await seedKey(server)
})
afterAll(() => server.close())

const createClient = (tokenStrategy: 'jwt' | 'opaque' = 'jwt'): Promise<SigningClient> => {
  const { ownerId, sourceId } = legacy
  return seedSigningClient(server, { tokenStrategy, sourceIds: [sourceId] }, [], { ownerId })
}
const send = async (accessToken: string) =>
  (await server.endpoint(accessToken, createDeviceNewMessage(legacy.destinationId))).status

/** RFC 7009 §2.2: the same answer for every token. */
const DONE = { status: 200, text: '' }

describe('a revoked token', () => {
  test.each(['jwt', 'opaque'] as const)('of a client, as %s, ends alone', async (form) => {
    const client = await createClient(form)
    const [token, other] = [await requestToken(server, client), await requestToken(server, client)]
    expect([await send(token), await send(other)]).toEqual([200, 200])
    expect(await revoke(server, client, token)).toMatchObject(DONE)
    expect([await send(token), await send(other)]).toEqual([401, 200])
    expect(await introspect(server, client, token)).toEqual({ active: false })
    expect(await revoke(server, client, token)).toMatchObject(DONE)
    const events = await server.storage.listEvents({ subject: client.keyId, limit: 20 })
    const revocations = events.filter(({ action }) => action === 'token.revoked')
    expect(revocations).toMatchObject([
      { actor: client.keyId, accountId: legacy.accountId, facts: { address: '203.0.113.7' } },
    ])
    expect(await send(await requestToken(server, client))).toBe(200)
  })

  test('of a legacy key ends its grant: the refresh token, and every access token', async () => {
    for (const choose of [
      ({ refreshToken }: TokenResponse) => refreshToken,
      ({ accessToken }: TokenResponse) => accessToken,
    ]) {
      for (const rotations of [0, 1, 2]) {
        let pair = await exchange()
        const other = await exchange()
        const accessTokens = [pair.accessToken]
        for (let n = 0; n < rotations; n++) {
          const answer = await server.refresh(legacy.apiKey, pair.refreshToken)
          pair = (await answer.json()) as TokenResponse
          accessTokens.push(pair.accessToken)
        }
        for (const token of accessTokens) expect(await send(token)).toBe(200)
        expect(await revokeByLegacyKey(choose(pair))).toMatchObject(DONE)
        for (const token of accessTokens) expect(await send(token)).toBe(401)
        expect((await server.refresh(legacy.apiKey, pair.refreshToken)).status).toBe(401)
        expect(await send(other.accessToken)).toBe(200)
        expect((await server.refresh(legacy.apiKey, other.refreshToken)).status).toBe(200)
      }
    }
  })

  test('leaves the authority’s version as it is', async () => {
    const client = await createClient()
    const pair = await exchange()
    const token = await requestToken(server, client)
    const version = await server.storage.readAuthorityVersion()
    await revoke(server, client, token)
    await revokeByLegacyKey(pair.refreshToken)
    expect(await server.storage.readAuthorityVersion()).toBe(version)
  })
})

test('a token of another client, and every other text, is left alone with the same answer', async () => {
  const [client, other] = [await createClient(), await createClient('opaque')]
  const tokens = [
    await requestToken(server, other),
    await requestToken(server, await createClient()),
  ]
  const pair = await exchange()
  for (const token of [
    ...tokens,
    pair.accessToken,
    pair.refreshToken,
    'x',
    'at_x',
    'rt_x',
    'a.b.c',
  ]) {
    expect(await revoke(server, client, token)).toMatchObject(DONE)
  }
  for (const token of [...tokens, pair.accessToken]) expect(await send(token)).toBe(200)
  expect((await server.refresh(legacy.apiKey, pair.refreshToken)).status).toBe(200)
})

test('a client that proves nothing revokes nothing', async () => {
  const client = await createClient()
  const token = await requestToken(server, client)
  const wrongProof = await createProof(client, server.clock(), 'https://other.example')
  for (const [what, parameters, headers, status] of [
    ['nothing', { token }, {}, 400],
    ['an assertion for another server', { token, ...wrongProof }, {}, 400],
    ['a wrong secret', { token }, createBasicHeader(legacy.apiKey, 'x'), 401],
    ['its own token', { token }, { Authorization: `Bearer ${token}` }, 400],
  ] as const) {
    const answer = await post(server, REVOCATION_PATH, parameters, headers)
    expect([what, answer.status, JSON.parse(answer.text).error]).toEqual([
      what,
      status,
      'invalid_client',
    ])
  }
  expect(await send(token)).toBe(200)
  const proof = await createProof(client, server.clock(), ISSUER + REVOCATION_PATH)
  expect(await post(server, REVOCATION_PATH, proof)).toMatchObject({ status: 400 })
})

async function exchange(): Promise<TokenResponse> {
  const answer = await server.authenticate(legacy.apiKey, legacy.secret)
  return (await answer.json()) as TokenResponse
}

const revokeByLegacyKey = (token: string) =>
  post(server, REVOCATION_PATH, { token }, createBasicHeader(legacy.apiKey, legacy.secret))
