import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createXdentHeaders, type OwnerKey, seedOwnerKey } from '../support/key-seeds.ts'
import {
  type CustomerKey,
  expectedOpendentalRefusal,
  type SeededDeveloper,
  seedCustomerKey,
  seedDeveloper,
} from '../support/opendental.ts'
import { expectedJsonResponse, readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

let offices: Awaited<ReturnType<typeof startHttpUpstream>>
let companies: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
let developer: SeededDeveloper
let office: CustomerKey
let company: OwnerKey
let companyKey: Record<string, string>
beforeAll(async () => {
  offices = await startHttpUpstream()
  companies = await startHttpUpstream()
  server = await createTestServer({
    LATCHKEY_UPSTREAM_OPENDENTAL: `${offices.url}/offices`,
    LATCHKEY_UPSTREAM_XDENT: companies.url,
  })
  developer = await seedDeveloper(server)
  office = await seedCustomerKey(server, developer)
  company = await seedOwnerKey(server, 'xdent')
  companyKey = createXdentHeaders(company.publicId, company.secret)
})
afterAll(async () => {
  await server.close()
  offices.close()
  companies.close()
})

/** Each call a while after the last one. */
const sendCall = (path: string, headers: Record<string, string>, method = 'GET', body?: string) => {
  server.clock.advance(5000)
  return server.call(path, { method, headers, ...(body !== undefined && { body }) })
}

describe('the shared path /api/v1 of Open Dental and XDENT', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    'is forwarded to the office with the identity of the key in place of the credential: %s',
    async (method) => {
      const body = method === 'GET' ? undefined : '{"LName":"Bixby"}'
      const headers = { ...office.headers, 'X-Latchkey-Site': 'mine' }
      const answer = await sendCall('/api/v1/patients/7?Limit=2', headers, method, body)
      expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
      const { headers: lines = [], body: received, ...line } = offices.requests.at(-1) ?? {}
      expect({ ...line, body: received?.toString() }).toEqual({
        method,
        url: '/offices/api/v1/patients/7?Limit=2',
        body: body ?? '',
      })
      const names = Object.fromEntries(lines)
      expect(names).toMatchObject({
        'x-latchkey-account': developer.accountId,
        'x-latchkey-key-type': 'opendental',
        'x-latchkey-key': office.publicId,
        'x-latchkey-owner': developer.ownerId,
        'x-latchkey-site': developer.siteId,
      })
      expect(names).not.toHaveProperty('authorization')
    },
  )

  test('goes to Open Dental with an ODFHIR header, and to XDENT with any other credential', async () => {
    const before = companies.requests.length
    expect((await sendCall('/api/v1/x', { ...office.headers, ...companyKey })).status).toBe(200)
    expect(companies.requests).toHaveLength(before)
    expect((await sendCall('/api/v1/x', companyKey)).status).toBe(200)
    expect(
      (await sendCall('/api/v1/x', { ...companyKey, Authorization: 'Basic YTpi' })).status,
    ).toBe(200)
    expect(companies.requests).toHaveLength(before + 2)
    expect(await (await sendCall('/api/v1/Identity', companyKey)).json()).toMatchObject({
      KeyId: company.publicId,
    })
  })

  test('answers an error in the format of the vendor whose credential was sent', async () => {
    expect(
      await readResponse(await sendCall('/api/v1/x', { Authorization: 'ODFHIR a/b' })),
    ).toEqual(expectedOpendentalRefusal(401, 'The keys in the Authorization header are not valid.'))
    expect(await readResponse(await sendCall('/api/v1/x', {}))).toEqual(
      expectedJsonResponse(400, {
        Code: 'MISSING_API_KEY',
        Message: 'The X-Api-Key header is missing.',
      }),
    )
  })

  test.each(['/api/v1/apikeysx', '/api/v1/xapikeys', '/api/v1/x/apikeys'])(
    'does not treat a similar path as the key list: %s',
    async (path) => {
      expect((await sendCall(path, office.headers)).status).toBe(200)
      expect(offices.requests.at(-1)?.url).toBe(`/offices${path}`)
    },
  )

  test('does not show the key list to an office, however its path is written', async () => {
    const before = offices.requests.length
    for (const path of ['/api/v1/apikeys', '/api/v1/apikeys/', '/api/v1/%61pikeys']) {
      expect([path, (await sendCall(path, office.headers)).status]).toEqual([path, 401])
      expect([path, (await sendCall(path, developer.portalHeaders)).status]).toEqual([path, 200])
    }
    expect(offices.requests).toHaveLength(before)
  })

  test('serves the key list without an upstream', async () => {
    const ownHeaders = await createTestServer()
    const own = await seedDeveloper(ownHeaders)
    expect(
      await (
        await ownHeaders.call('/apikeys', { method: 'GET', headers: own.portalHeaders })
      ).text(),
    ).toBe('[]')
    await ownHeaders.close()
  })
})

describe('forward-auth for Open Dental', () => {
  test.each(['/forward-auth', '/forward-auth/opendental'])(
    'at %s returns the identity of a customer key, and refuses a developer key',
    async (path) => {
      const answer = await sendCall(path, office.headers)
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'x-latchkey-account': developer.accountId,
        'x-latchkey-key-type': 'opendental',
        'x-latchkey-key': office.publicId,
        'x-latchkey-site': developer.siteId,
      })
      expect(await readResponse(await sendCall(path, developer.portalHeaders))).toEqual(
        expectedOpendentalRefusal(401, 'This API key may not do that: it opens no data.'),
      )
      expect(await readResponse(await sendCall(path, { Authorization: 'ODFHIR a/b' }))).toEqual(
        expectedOpendentalRefusal(401, 'The keys in the Authorization header are not valid.'),
      )
    },
  )

  test('refuses a write with a read-only key', async () => {
    const { headers } = await seedCustomerKey(server, developer, { access: 'read' })
    const askForwardAuth = (method: string) =>
      sendCall('/forward-auth', { ...headers, 'X-Original-Method': method })
    expect((await askForwardAuth('GET')).status).toBe(200)
    expect(await readResponse(await askForwardAuth('PUT'))).toEqual(
      expectedOpendentalRefusal(401, 'This API key may not do that: it only reads.'),
    )
  })
})
