import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createBasicHeader,
  ISSUER,
  SECRET_CLIENT,
  type SigningClient,
  seedClient,
  seedSigningClient,
} from '../support/oauth.ts'
import {
  createProof,
  INTROSPECTION_PATH,
  introspect,
  post,
  requestToken,
  revoke,
} from '../support/oauth-tokens.ts'
import {
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
} from '../support/server.ts'

let server: TestServer
let client: SigningClient
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
  client = await seedSigningClient(server, { scopes: ['fhir:production', 'introspect'] })
})
afterAll(() => server.close())

const createClient = (
  settings: Parameters<typeof seedSigningClient>[1],
  ownerId = client.ownerId,
): Promise<SigningClient> => seedSigningClient(server, settings, [], { ownerId })
const INACTIVE = { active: false }
const SECONDS_NOW = () => Math.floor(server.clock() / 1000)

describe('an introspected token', () => {
  test.each(['jwt', 'opaque'] as const)('of a client, as %s, is described flat', async (form) => {
    for (const audience of [null, 'https://fhir.example']) {
      const scopes = ['fhir:staging', 'system/*.rs']
      const other = await createClient({ tokenStrategy: form, scopes, audience })
      const iat = SECONDS_NOW()
      const token = await requestToken(server, other, 'fhir:staging')
      expect(await introspect(server, client, token)).toEqual({
        active: true,
        client_id: other.clientId,
        sub: other.clientId,
        scope: 'fhir:staging',
        exp: iat + 300,
        iat,
        iss: ISSUER,
        aud: audience ?? ISSUER,
        token_type: 'Bearer',
      })
    }
  })

  test.each(['jwt', 'opaque'])(
    'of an exchange, as %s, is described without a scope',
    async (form) => {
      const exchange = await createTestServer({ LATCHKEY_ACCESS_TOKENS: form })
      const key = await seedKey(exchange)
      const asker = await seedSigningClient(exchange, {}, [], { ownerId: key.ownerId })
      const answer = await exchange.authenticate(key.apiKey, key.secret)
      const { accessToken, refreshToken } = (await answer.json()) as TokenResponse
      const iat = Math.floor(exchange.clock() / 1000)
      expect(await introspect(exchange, asker, accessToken)).toEqual({
        active: true,
        client_id: key.apiKey,
        sub: key.keyId,
        exp: iat + 86_400,
        iat,
        iss: ISSUER,
        aud: ISSUER,
        token_type: 'Bearer',
      })
      expect(await introspect(exchange, asker, refreshToken)).toEqual(INACTIVE)
      await exchange.refresh(key.apiKey, refreshToken)
      expect(await introspect(exchange, asker, accessToken)).toMatchObject({ active: true })
      await exchange.close()
    },
  )

  test('is inactive, and nothing else, whatever is wrong with it', async () => {
    const stranger = await seedSigningClient(server)
    const disabled = await createClient({})
    const disabledToken = await requestToken(server, disabled)
    await server.keys.disable(disabled.keyId)
    const revokedToken = await requestToken(server, client)
    await revoke(server, client, revokedToken)
    const alive = await requestToken(server, client)
    for (const token of [
      await requestToken(server, stranger),
      disabledToken,
      revokedToken,
      `${alive}x`,
      alive.slice(0, -8),
      'at_AAAA',
      '-',
      'a.b.c',
      ' ',
    ]) {
      expect([token, await introspect(server, client, token)]).toEqual([token, INACTIVE])
    }
    server.clock.advance(299_000)
    expect(await introspect(server, client, alive)).toMatchObject({ active: true })
    server.clock.advance(1_000)
    expect(await introspect(server, client, alive)).toEqual(INACTIVE)
  })

  test('names only the scopes that its client still has', async () => {
    const other = await createClient({ scopes: ['fhir:staging', 'fhir:production'] })
    const token = await requestToken(server, other)
    await server.keys.edit(other.keyId, { oauthClient: { scopes: ['fhir:staging'] } })
    expect(await introspect(server, client, token)).toMatchObject({ scope: 'fhir:staging' })
  })

  test('does not count as used, and is not bound to the address of the asker', async () => {
    const other = await createClient({})
    const token = await requestToken(server, other)
    await server.flushCounters()
    const { lastUsedAt } = (await server.storage.findKeySummary(other.keyId)) ?? {}
    server.clock.advance(60_000)
    expect(await introspect(server, client, token)).toMatchObject({ active: true })
    await server.flushCounters()
    expect((await server.storage.findKeySummary(other.keyId))?.lastUsedAt).toBe(lastUsedAt)
  })
})

describe('a resource server', () => {
  test('authenticates by a secret, by an assertion for this endpoint, or by a token', async () => {
    const { ownerId } = client
    const token = await requestToken(server, client)
    const basic = await seedClient(server, SECRET_CLIENT, { ownerId })
    const inBody = await seedClient(
      server,
      { ...SECRET_CLIENT, authenticationMethod: 'client_secret_post' },
      { ownerId },
    )
    const requests = [
      post(server, INTROSPECTION_PATH, { token }, createBasicHeader(basic.clientId, basic.secret)),
      post(server, INTROSPECTION_PATH, {
        token,
        client_id: inBody.clientId,
        client_secret: inBody.secret,
      }),
      post(server, INTROSPECTION_PATH, {
        token,
        ...(await createProof(client, server.clock(), ISSUER + INTROSPECTION_PATH)),
      }),
      post(server, INTROSPECTION_PATH, { token }, { Authorization: `Bearer ${token}` }),
    ]
    for (const { status, text, headers } of await Promise.all(requests)) {
      expect([status, JSON.parse(text).active]).toEqual([200, true])
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  test('that proves nothing is refused with 401 and a challenge', async () => {
    const token = await requestToken(server, client)
    const expired = await requestToken(server, client)
    server.clock.advance(301_000)
    const bearer = (value: string) => ({ Authorization: `Bearer ${value}` })
    const invalid = 'Bearer realm="Latchkey", error="invalid_token"'
    for (const [what, parameters, headers, error, challenge] of [
      ['nothing', {}, {}, 'invalid_client', 'Bearer realm="Latchkey"'],
      ['another secret', {}, createBasicHeader(client.clientId, 'x'), 'invalid_client', /^Basic /],
      [
        'another assertion',
        await createProof(client, server.clock(), 'https://other.example'),
        {},
        'invalid_client',
        'Bearer realm="Latchkey"',
      ],
      ['an expired token', {}, bearer(expired), 'invalid_token', invalid],
      ['no token of ours', {}, bearer('abc'), 'invalid_token', invalid],
    ] as const) {
      const answer = await post(server, INTROSPECTION_PATH, { token, ...parameters }, headers)
      expect([what, answer.status, JSON.parse(answer.text).error]).toEqual([what, 401, error])
      expect(answer.headers.get('www-authenticate')).toMatch(challenge)
    }
    const scopeless = await requestToken(server, client, 'fhir:production')
    const answer = await post(server, INTROSPECTION_PATH, { token }, bearer(scopeless))
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([401, 'insufficient_scope'])
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer realm="Latchkey", error="insufficient_scope", scope="introspect"',
    )
  })

  test('gets the reason if its request is invalid', async () => {
    const proof = await createProof(client, server.clock())
    const basic = createBasicHeader(client.clientId, 'x')
    for (const [parameters, headers, description] of [
      [{}, {}, 'token is missing.'],
      [{ token: '' }, {}, 'token is missing.'],
      [{ token: 'x' }, basic, 'The client authenticates in two ways.'],
      [{ token: 'x' }, { Authorization: 'Bearer x' }, 'The client authenticates in two ways.'],
    ] as const) {
      const answer = await post(server, INTROSPECTION_PATH, { ...proof, ...parameters }, headers)
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        400,
        { error: 'invalid_request', error_description: description },
      ])
    }
    const { status, headers } = await server.call(INTROSPECTION_PATH, { method: 'GET' })
    expect([status, headers.get('allow')]).toEqual([405, 'POST'])
  })
})
