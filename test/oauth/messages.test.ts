import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedSigningClient } from '../support/oauth.ts'
import { requestToken } from '../support/oauth-tokens.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
  unwrap,
} from '../support/server.ts'

/* Tokens of OAuth clients at /endpoint and /query. */

let server: TestServer
let legacy: Awaited<ReturnType<typeof seedKey>>
let secondSourceId: string
beforeAll(async () => {
  server = await createTestServer()
  legacy = await seedKey(server)
  const { accountId, destinationId } = legacy
  secondSourceId = unwrap(await server.sources.add({ accountId, name: 'Second' })).id
  unwrap(await server.subscriptions.create({ sourceId: secondSourceId, destinationId }))
})
afterAll(() => server.close())

type ClientSettings = Parameters<typeof seedSigningClient>[1]

async function createClient(settings: ClientSettings = {}) {
  const client = await seedSigningClient(server, settings, [], { ownerId: legacy.ownerId })
  return {
    ...client,
    requestToken: (scope: string) => requestToken(server, client, scope),
    accessToken: await requestToken(server, client),
  }
}

async function send(
  accessToken: string,
  meta: object = {},
  headers: Readonly<Record<string, string>> = {},
) {
  const response = await server.call('/endpoint', {
    body: JSON.stringify(createDeviceNewMessage(legacy.destinationId, meta)),
    headers: { Authorization: `Bearer ${accessToken}`, ...headers },
  })
  const body = (await response.json()) as {
    readonly errorDetail?: string
    readonly Meta: { readonly Source?: { ID: string }; readonly Errors?: { Text: string }[] }
  }
  return { status: response.status, body, headers: response.headers }
}
const fromSource = (ID: string) => ({ Source: { ID } })

describe.each(['jwt', 'opaque'] as const)('a %s token of a client', (tokenStrategy) => {
  test('with one source sends as it, with or without its name', async () => {
    const { accessToken } = await createClient({
      tokenStrategy,
      sourceIds: [secondSourceId],
    })
    for (const meta of [{}, fromSource(secondSourceId)]) {
      const { status, body } = await send(accessToken, meta)
      expect([status, body.Meta.Source]).toEqual([200, { ID: secondSourceId }])
    }
  })

  test('with several sources names one in Meta or in the header, in any case', async () => {
    const sourceIds = [legacy.sourceId, secondSourceId]
    const { accessToken } = await createClient({ tokenStrategy, sourceIds })
    for (const sourceId of sourceIds) {
      for (const [meta, headers] of [
        [fromSource(sourceId), {}],
        [{}, { 'Redox-Source-Id': sourceId }],
        [{}, { 'REDOX-SOURCE-ID': sourceId.toUpperCase() }],
        [fromSource(sourceId), { 'redox-source-id': sourceId }],
      ] as const) {
        const { status, body } = await send(accessToken, meta, headers)
        expect([status, body.Meta.Source]).toEqual([200, { ID: sourceId }])
      }
    }
    const unnamed = await send(accessToken)
    expect([unnamed.status, unnamed.body.errorDetail]).toEqual([
      400,
      'Required field missing - Meta.Source.ID in Device:New',
    ])
    const different = await send(accessToken, fromSource(legacy.sourceId), {
      'Redox-Source-Id': secondSourceId,
    })
    expect([different.status, different.body.errorDetail]).toEqual([
      400,
      'Invalid field - Meta.Source.ID is not the source of the header Redox-Source-Id in Device:New',
    ])
  })

  test('is refused for a source that its client does not have', async () => {
    const { accessToken } = await createClient({
      tokenStrategy,
      sourceIds: [secondSourceId],
    })
    for (const headers of [{}, { 'Redox-Source-Id': legacy.sourceId }]) {
      const meta = 'Redox-Source-Id' in headers ? {} : fromSource(legacy.sourceId)
      const { status, body } = await send(accessToken, meta, headers)
      expect([status, body.Meta.Errors?.[0]?.Text]).toEqual([
        403,
        `The access token is not for the source ${legacy.sourceId}.`,
      ])
    }
  })

  test('is refused with both errorDetail and Meta.Errors', async () => {
    const { accessToken, keyId } = await createClient({
      tokenStrategy,
      sourceIds: [secondSourceId],
    })
    server.clock.advance(301_000)
    const expired = await send(accessToken)
    expect(expired.status).toBe(401)
    expect(expired.headers.get('www-authenticate')).toBe(
      'Bearer realm="Latchkey", error="invalid_token"',
    )
    const text = 'The access token is missing, invalid or expired.'
    expect(expired.body).toEqual({
      errorDetail: text,
      Meta: {
        Errors: [{ ID: expect.any(Number), Text: text, Type: 'message', Module: 'Send' }],
      },
    })
    await server.flushAuditEvents()
    const [event] = await server.storage.listEvents({ subject: keyId, limit: 1 })
    expect(event).toMatchObject({ action: 'key.refused', facts: { reason: 'token_expired' } })
  })

  test('is refused without a scope of messages', async () => {
    const { requestToken } = await createClient({
      tokenStrategy,
      sourceIds: [secondSourceId],
      scopes: ['fhir:staging', 'introspect', 'system/*.cruds'],
    })
    expect((await send(await requestToken('fhir:staging introspect'))).status).toBe(200)
    const { status, headers, body } = await send(await requestToken('introspect system/*.cruds'))
    expect([status, body.errorDetail]).toEqual([
      403,
      'The access token does not have the scope for this.',
    ])
    expect(headers.get('www-authenticate')).toBe(
      'Bearer realm="Latchkey", error="insufficient_scope", ' +
        'scope="fhir:development fhir:staging fhir:production"',
    )
  })

  test('ends at the next request when its scope, its source or its key goes', async () => {
    const settings = { tokenStrategy, sourceIds: [secondSourceId] }
    const changes: [
      status: number,
      (key: Awaited<ReturnType<typeof createClient>>, eventId: string) => Promise<unknown>,
    ][] = [
      [
        403,
        ({ keyId }, seen) =>
          server.keys.edit(keyId, { seen, oauthClient: { scopes: ['fhir:staging'] } }),
      ],
      [
        403,
        ({ keyId }, seen) =>
          server.keys.edit(keyId, { seen, oauthClient: { sourceIds: [legacy.sourceId] } }),
      ],
      [401, ({ keyId }) => server.keys.disable(keyId)],
    ]
    for (const [status, change] of changes) {
      const client = await createClient({
        ...settings,
        scopes: ['fhir:production'],
      })
      const named = fromSource(secondSourceId)
      expect((await send(client.accessToken, named)).status).toBe(200)
      const { eventId } = unwrap(await server.keys.find(client.keyId))
      await change(client, eventId)
      expect((await send(client.accessToken, named)).status).toBe(status)
    }
  })

  test('for another audience opens no surface of this server', async () => {
    const settings = { tokenStrategy, sourceIds: [secondSourceId] }
    for (const [audience, status] of [
      ['https://other.example', 401],
      ['https://latchkey.example.evil.example', 401],
      ['https://latchkey.example/fhir', 200],
    ] as const) {
      const { accessToken } = await createClient({ ...settings, audience })
      expect([audience, (await send(accessToken)).status]).toEqual([audience, status])
    }
  })
})

test('a client without a source sends nothing, and its refusal does not ask for another token', async () => {
  const { accessToken } = await createClient()
  const { status, body, headers } = await send(accessToken)
  expect([status, body.errorDetail]).toEqual([
    403,
    'The access token may not do that: it has no source.',
  ])
  expect(headers.get('WWW-Authenticate')).toBe(null)
})

test('a legacy key works beside a client of its source, as before', async () => {
  await createClient({ sourceIds: [legacy.sourceId, secondSourceId] })
  const answer = await server.authenticate(legacy.apiKey, legacy.secret)
  const { accessToken } = (await answer.json()) as TokenResponse
  const { status, body } = await send(accessToken, {}, { 'Redox-Source-Id': secondSourceId })
  expect([status, body.Meta.Source]).toEqual([200, { ID: legacy.sourceId }])
  const refused = await send(accessToken, fromSource(secondSourceId))
  expect([refused.status, Object.keys(refused.body)]).toEqual([403, ['Meta']])
})
