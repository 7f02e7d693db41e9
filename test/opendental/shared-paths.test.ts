import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CustomerKey,
  type Developer,
  explained,
  seedCustomerKey,
  seedDeveloper,
} from '../support/developer.ts'
import { apiKey, type Holder, seedHolder } from '../support/holder.ts'
import { ownAnswer, seen } from '../support/seen.ts'
import { type TestServer, testServer } from '../support/server.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

let offices: Awaited<ReturnType<typeof openHttpUpstream>>
let companies: Awaited<ReturnType<typeof openHttpUpstream>>
let server: TestServer
let developer: Developer
let office: CustomerKey
let company: Holder
let companyKey: Record<string, string>
beforeAll(async () => {
  offices = await openHttpUpstream()
  companies = await openHttpUpstream()
  server = await testServer({
    LATCHKEY_UPSTREAM_OPENDENTAL: `${offices.url}/offices`,
    LATCHKEY_UPSTREAM_XDENT: companies.url,
  })
  developer = await seedDeveloper(server)
  office = await seedCustomerKey(server, developer)
  company = await seedHolder(server, 'xdent')
  companyKey = apiKey(company.publicId, company.secret)
})
afterAll(async () => {
  await server.close()
  offices.close()
  companies.close()
})

/** Each call a while after the last one. */
const call = (path: string, headers: Record<string, string>, method = 'GET', body?: string) => {
  server.clock.turn(5000)
  return server.call(path, { method, headers, ...(body !== undefined && { body }) })
}

describe('/api/v1, which two vendors’ clients call', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    'is handed on to the office with whose it is in place of the credential: %s',
    async (method) => {
      const body = method === 'GET' ? undefined : '{"LName":"Bixby"}'
      const headers = { ...office.headers, 'X-Latchkey-Site': 'mine' }
      const answer = await call('/api/v1/patients/7?Limit=2', headers, method, body)
      expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
      const { headers: lines = [], body: received, ...line } = offices.seen.at(-1) ?? {}
      expect({ ...line, body: received?.toString() }).toEqual({
        method,
        url: '/offices/api/v1/patients/7?Limit=2',
        body: body ?? '',
      })
      const names = Object.fromEntries(lines)
      expect(names).toMatchObject({
        'x-latchkey-account': developer.accountId,
        'x-latchkey-dialect': 'opendental',
        'x-latchkey-key': office.publicId,
        'x-latchkey-owner': developer.ownerId,
        'x-latchkey-site': developer.siteId,
      })
      expect(names).not.toHaveProperty('authorization')
    },
  )

  test('is the office’s with ODFHIR, whatever else comes, and the company’s with all else', async () => {
    const before = companies.seen.length
    expect((await call('/api/v1/x', { ...office.headers, ...companyKey })).status).toBe(200)
    expect(companies.seen).toHaveLength(before)
    expect((await call('/api/v1/x', companyKey)).status).toBe(200)
    expect((await call('/api/v1/x', { ...companyKey, Authorization: 'Basic YTpi' })).status).toBe(
      200,
    )
    expect(companies.seen).toHaveLength(before + 2)
    expect(await (await call('/api/v1/Identity', companyKey)).json()).toMatchObject({
      KeyId: company.publicId,
    })
  })

  test('is refused in the words of whose it is', async () => {
    expect(await seen(await call('/api/v1/x', { Authorization: 'ODFHIR a/b' }))).toEqual(
      explained(401, 'The keys in the Authorization header are not valid.'),
    )
    expect(await seen(await call('/api/v1/x', {}))).toEqual(
      ownAnswer(400, { Code: 'MISSING_API_KEY', Message: 'The X-Api-Key header is missing.' }),
    )
  })

  test.each(['/api/v1/apikeysx', '/api/v1/xapikeys', '/api/v1/x/apikeys'])(
    'is not taken for the list of keys: %s',
    async (path) => {
      expect((await call(path, office.headers)).status).toBe(200)
      expect(offices.seen.at(-1)?.url).toBe(`/offices${path}`)
    },
  )

  test('shows no office the list of keys, however it is written', async () => {
    const before = offices.seen.length
    for (const path of ['/api/v1/apikeys', '/api/v1/apikeys/', '/api/v1/%61pikeys']) {
      expect([path, (await call(path, office.headers)).status]).toEqual([path, 401])
      expect([path, (await call(path, developer.portal)).status]).toEqual([path, 200])
    }
    expect(offices.seen).toHaveLength(before)
  })

  test('needs no upstream for the list of keys', async () => {
    const alone = await testServer()
    const own = await seedDeveloper(alone)
    expect(
      await (await alone.call('/apikeys', { method: 'GET', headers: own.portal })).text(),
    ).toBe('[]')
    await alone.close()
  })
})

describe('a proxy that asks', () => {
  test.each(['/forward-auth', '/forward-auth/opendental'])(
    'at %s is told whose a customer key is, and that a developer’s own opens no data',
    async (path) => {
      const answer = await call(path, office.headers)
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'x-latchkey-account': developer.accountId,
        'x-latchkey-dialect': 'opendental',
        'x-latchkey-key': office.publicId,
        'x-latchkey-site': developer.siteId,
      })
      expect(await seen(await call(path, developer.portal))).toEqual(
        explained(401, 'This API key may not do that: it opens no data.'),
      )
      expect(await seen(await call(path, { Authorization: 'ODFHIR a/b' }))).toEqual(
        explained(401, 'The keys in the Authorization header are not valid.'),
      )
    },
  )

  test('is told that a key which only reads may not write', async () => {
    const { headers } = await seedCustomerKey(server, developer, { access: 'read' })
    const ask = (method: string) =>
      call('/forward-auth', { ...headers, 'X-Original-Method': method })
    expect((await ask('GET')).status).toBe(200)
    expect(await seen(await ask('PUT'))).toEqual(
      explained(401, 'This API key may not do that: it only reads.'),
    )
  })
})
