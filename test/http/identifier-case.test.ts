import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAdminClient, seedAdminClient } from '../support/admin-client.ts'
import { seedOwnerKey } from '../support/key-seeds.ts'
import { parseTokens } from '../support/responses.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  unwrap,
} from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

describe('a request path', () => {
  test.each([
    ['/auth/authenticate', '/auth/refreshToken', '/endpoint', '/query'],
    ['/auth/authenticate/', '/auth/refreshToken/', '/endpoint/', '/query/'],
    ['/AUTH/Authenticate', '/auth/refreshtoken', '/Endpoint', '/QUERY'],
    ['/Auth/AUTHENTICATE/?a=b', '/Auth/RefreshToken/?', '/ENDPOINT/?x', '/Query/?y=/'],
  ])(
    'is matched regardless of case and a trailing slash: %s, %s, %s and %s',
    async (exchange, refresh, endpoint, query) => {
      const { apiKey, secret, destinationId } = await seedKey(server)
      const post = (path: string, body: object, token = '') =>
        server.call(path, {
          body: JSON.stringify(body),
          headers: { Authorization: `Bearer ${token}` },
        })
      const first = await parseTokens(await post(exchange, { apiKey, secret }))
      const { refreshToken } = first
      const second = await parseTokens(await post(refresh, { apiKey, refreshToken }))
      for (const path of [endpoint, query]) {
        expect(
          (await post(path, createDeviceNewMessage(destinationId), second.accessToken)).status,
        ).toBe(200)
      }
    },
  )

  test.each([
    '/auth/authenticate//',
    '/auth//authenticate',
    '/auth/authenticates',
    '/endpoint/x',
    '/endpoints',
    '/Health',
    '/health/',
    '/READY',
    '/Forward-Auth/xenrad',
    '/.Well-Known/jwks.json',
    '/Fhir/metadata',
    '/APIKEYS',
  ])(
    'is matched exactly outside of the four message routes, so that %s is answered with 404',
    async (path) => {
      const { status } = await server.call(path, { method: 'GET' })
      expect(status).toBe(404)
    },
  )

  test('is recorded in the audit as it is registered, whatever case was sent', async () => {
    const { apiKey, keyId } = await seedKey(server)
    await server.call('/AUTH/authenticate/', { body: JSON.stringify({ apiKey, secret: 'wrong' }) })
    await server.flushAuditEvents()
    const [refused] = await server.storage.listEvents({ actor: keyId, limit: 1 })
    expect(refused?.facts.path).toBe('/auth/authenticate')
  })
})

describe('an id', () => {
  test('that is a UUID names one key in every case: exchange, refresh, message', async () => {
    const key = await seedKey(server)
    const apiKey = key.apiKey.toUpperCase()
    const first = await parseTokens(await server.authenticate(apiKey, key.secret))
    const { accessToken } = await parseTokens(await server.refresh(apiKey, first.refreshToken))
    const message = createDeviceNewMessage(key.destinationId.toUpperCase(), {
      Source: { ID: key.sourceId.toUpperCase() },
    })
    const answer = await server.endpoint(accessToken, message)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      Meta: { Source: { ID: key.sourceId }, Destinations: [{ ID: key.destinationId }] },
    })
  })

  test('that is a UUID names one destination in every case: twice in a message is refused', async () => {
    const key = await seedKey(server)
    const { accessToken } = await parseTokens(await server.authenticate(key.apiKey, key.secret))
    const answer = await server.endpoint(
      accessToken,
      createDeviceNewMessage(key.destinationId, {
        Destinations: [{ ID: key.destinationId }, { ID: key.destinationId.toUpperCase() }],
      }),
    )
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('Meta.Destinations[1].ID')
  })

  test('that is an imported UUID is stored in lower case', async () => {
    const { ownerId, accountId } = await seedKey(server)
    const publicId = crypto.randomUUID().toUpperCase()
    const source = unwrap(await server.sources.add({ accountId, name: 'Imported' }))
    const input = { keyType: 'redox', ownerId, sourceId: source.id, name: 'imported' } as const
    const created = unwrap(await server.keys.create({ ...input, publicId }))
    expect(created.key.publicId).toBe(publicId.toLowerCase())
    await parseTokens(await server.authenticate(publicId, created.secret))
    const other = unwrap(await server.sources.add({ accountId, name: 'Other' }))
    const repeat = await server.keys.create({
      ...input,
      sourceId: other.id,
      publicId: publicId.toLowerCase(),
    })
    expect(repeat.ok).toBe(false)
  })

  test('that is not a UUID keeps its case', async () => {
    const { ownerId, accountId } = await seedKey(server)
    const source = unwrap(await server.sources.add({ accountId, name: 'Imported' }))
    const created = unwrap(
      await server.keys.create({
        keyType: 'redox',
        ownerId,
        sourceId: source.id,
        name: 'imported',
        publicId: 'Partner-SEVEN',
      }),
    )
    expect(created.key.publicId).toBe('Partner-SEVEN')
    expect((await server.authenticate('partner-seven', created.secret)).status).toBe(401)
    expect((await server.authenticate('Partner-SEVEN', created.secret)).status).toBe(200)
  })

  test('that is a UUID names one XDENT KeyId in every case', async () => {
    const { publicId, secret } = await seedOwnerKey(server, 'xdent')
    const headers = { 'X-Api-Key': `${publicId.toUpperCase()}.${secret}` }
    const answer = await server.call('/api/v1/Identity', { method: 'GET', headers })
    expect(await answer.json()).toMatchObject({ KeyId: publicId })
  })

  test('that is a UUID names one resource in every case in the management API', async () => {
    const { secret } = await seedAdminClient(server)
    const ask = createAdminClient(server, secret)
    const key = await seedKey(server)
    const toUpperCase = (text: string) => text.toUpperCase()
    for (const id of [key.keyId, key.apiKey]) {
      expect((await ask('GET', `/keys/${toUpperCase(id)}`)).body.id).toBe(key.keyId)
    }
    const listed = await ask(
      'GET',
      `/keys?ownerId=${toUpperCase(key.ownerId)}&accountId=${toUpperCase(key.accountId)}`,
    )
    expect(listed.body.items).toHaveLength(1)
    const added = await ask('POST', '/sources', {
      name: 'Ward',
      accountId: toUpperCase(key.accountId),
      id: toUpperCase(crypto.randomUUID()),
    })
    expect(added.body).toMatchObject({ accountId: key.accountId })
    expect(added.body.id).toBe(added.body.id.toLowerCase())
    const subscribed = await ask('POST', '/subscriptions', {
      sourceId: toUpperCase(added.body.id),
      destinationId: toUpperCase(key.destinationId),
    })
    expect(subscribed.body).toMatchObject({ destination: { id: key.destinationId } })
    await ask('PUT', `/sources/${toUpperCase(added.body.id)}/name`, { name: 'Ward 2' })
    const events = await ask('GET', `/audit?subject=${toUpperCase(added.body.id)}`)
    expect(events.body.items.map(({ action }: { action: string }) => action)).toEqual([
      'source.renamed',
      'source.created',
    ])
  })
})

test('a token gives no access to a key that got the public id of its own key', async () => {
  const old = await seedKey(server)
  const next = await seedKey(server, { accountId: old.accountId })
  const { accessToken } = await parseTokens(await server.authenticate(old.apiKey, old.secret))
  // As the migration to one spelling does it where two keys differed in case alone.
  const db = new Database(join(server.dir, 'latchkey.db'))
  const rename = db.prepare('UPDATE keys SET public_id = ? WHERE id = ?')
  rename.run(`${old.apiKey}.${old.keyId}`, old.keyId)
  rename.run(old.apiKey, next.keyId)
  db.exec('UPDATE authority SET version = version + 1')
  db.close()
  expect((await server.authenticate(old.apiKey, next.secret)).status).toBe(200)
  const send = ({ sourceId, destinationId }: typeof old) =>
    server.endpoint(
      accessToken,
      createDeviceNewMessage(destinationId, { Source: { ID: sourceId } }),
    )
  expect((await send(next)).status).toBe(403)
  expect((await send({ ...next, sourceId: old.sourceId })).status).toBe(403)
  // A token names its key by the row, whose id never passes on.
  expect((await send(old)).status).toBe(200)
})
