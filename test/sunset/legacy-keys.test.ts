import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { seedSiteKey } from '../support/key-seeds.ts'
import { seedSigningClient } from '../support/oauth.ts'
import { requestToken } from '../support/oauth-tokens.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  unwrap,
} from '../support/server.ts'
import { DAY_MS } from '../support/time.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

/* The list that tells who still uses which legacy key, and who has moved to OAuth. */

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({ LATCHKEY_UPSTREAM_FHIR: upstream.url })
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

let vendor: Awaited<ReturnType<typeof seedKey>>
beforeEach(async () => {
  vendor = await seedKey(server)
})

async function findKey(accountId = vendor.accountId) {
  await server.flushCounters()
  const [key] = await server.sunsets.listKeys({ accountId, limit: 10 })
  return key
}

const authenticate = (userAgent: string) =>
  server.call('/auth/authenticate', {
    body: JSON.stringify({ apiKey: vendor.apiKey, secret: vendor.secret }),
    headers: { 'User-Agent': userAgent },
  })

const addSource = async (name: string) => {
  const { accountId, destinationId } = vendor
  const source = unwrap(await server.sources.add({ accountId, name }))
  unwrap(await server.subscriptions.create({ sourceId: source.id, destinationId }))
  return source.id
}

describe('a legacy key', () => {
  test('shows its last use and the program that used it', async () => {
    expect(await findKey()).toMatchObject({ lastUsedAt: null, userAgent: null, ready: false })
    await authenticate('nightly-export/3.1 (linux)')
    expect(await findKey()).toMatchObject({
      id: vendor.keyId,
      ownerEmail: expect.stringContaining('@acme.example'),
      sourceName: 'Acme Source',
      userAgent: 'nightly-export/3.1 (linux)',
      lastUsedAt: server.clock(),
      firstOAuthUseAt: null,
      lastOAuthUseAt: null,
    })
  })

  test('keeps a short User-Agent of printable characters alone', async () => {
    await authenticate(`long/${'1'.repeat(500)}`)
    expect((await findKey())?.userAgent).toBe(`long/${'1'.repeat(195)}`)
    await authenticate('tab\there')
    expect((await findKey())?.userAgent).toBe(`long/${'1'.repeat(195)}`)
  })

  test('that works as a client at the token endpoint is no use of OAuth', async () => {
    const { apiKey, secret } = vendor
    const form = {
      grant_type: 'client_credentials',
      client_id: apiKey,
      client_secret: secret ?? '',
    }
    const answer = await server.call('/oauth2/token', {
      body: new URLSearchParams(form).toString(),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'User-Agent': 'curl/8' },
    })
    expect(answer.status).toBe(200)
    expect(await findKey()).toMatchObject({ userAgent: 'curl/8', lastOAuthUseAt: null })
  })
})

describe('OAuth', () => {
  const seedClient = (sourceIds: string[], siteIds: string[] = []) =>
    seedSigningClient(
      server,
      { scopes: ['fhir:production', 'system/Patient.rs'], sourceIds, siteIds },
      [],
      { ownerId: vendor.ownerId },
    )
  const send = (token: string, more = {}) =>
    server.endpoint(token, createDeviceNewMessage(vendor.destinationId, more))

  test('makes a key ready from the first message of a client for its source, for seven days', async () => {
    const token = await requestToken(server, await seedClient([vendor.sourceId]))
    expect(await findKey()).toMatchObject({ ready: false })
    expect((await send(token)).status).toBe(200)
    const at = server.clock()
    expect(await findKey()).toMatchObject({ ready: true, firstOAuthUseAt: at, lastOAuthUseAt: at })
    server.clock.advance(7 * DAY_MS)
    expect(await findKey()).toMatchObject({ ready: false, firstOAuthUseAt: at, lastOAuthUseAt: at })
  })

  test('of a client with several sources counts for the one that the message names', async () => {
    const otherId = await addSource('Other')
    const token = await requestToken(server, await seedClient([vendor.sourceId, otherId]))
    expect((await send(token, { Source: { ID: otherId } })).status).toBe(200)
    expect(await findKey()).toMatchObject({ lastOAuthUseAt: null })
    expect((await send(token, { Source: { ID: vendor.sourceId } })).status).toBe(200)
    expect(await findKey()).toMatchObject({ lastOAuthUseAt: server.clock() })
  })

  test('does not count for a message that is refused', async () => {
    const token = await requestToken(server, await seedClient([vendor.sourceId]))
    expect((await server.endpoint(token, {})).status).toBe(400)
    expect(await findKey()).toMatchObject({ lastOAuthUseAt: null })
  })

  test('at the FHIR surface counts for the sites of the client, if its scopes allow the request', async () => {
    const site = await seedSiteKey(server)
    const client = await seedSigningClient(
      server,
      { scopes: ['system/Patient.rs'], siteIds: [site.siteId] },
      [],
      { ownerId: site.ownerId },
    )
    const token = await requestToken(server, client)
    const get = (path: string) =>
      server.call(path, { method: 'GET', headers: { Authorization: `Bearer ${token}` } })
    expect((await get('/fhir/Observation/1')).status).toBe(403)
    expect(await findKey(site.accountId)).toMatchObject({ ready: false })
    expect((await get('/fhir/Patient/1')).status).toBe(200)
    expect(await findKey(site.accountId)).toMatchObject({ ready: true })
  })

  test('behind a proxy counts for the only source of the client', async () => {
    const forward = async (sourceIds: string[]) => {
      const token = await requestToken(server, await seedClient(sourceIds))
      const headers = { Authorization: `Bearer ${token}` }
      expect((await server.call('/forward-auth', { method: 'GET', headers })).status).toBe(200)
      return (await findKey())?.lastOAuthUseAt
    }
    expect(await forward([vendor.sourceId, await addSource('Other')])).toBeNull()
    expect(await forward([vendor.sourceId])).toBe(server.clock())
  })
})
