import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAdminClient, issueApiToken } from '../support/admin-client.ts'
import { signInToConsole } from '../support/console-client.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../support/server.ts'
import { PASSWORD, seedUser } from '../support/users.ts'

/* The operations of sunsets, as programs and users reach them. */

let server: TestServer
let vendor: Awaited<ReturnType<typeof seedKey>>
let user: Awaited<ReturnType<typeof seedUser>>
let callApi: ReturnType<typeof createAdminClient>
beforeAll(async () => {
  server = await createTestServer()
  user = await seedUser(server, { role: 'administrator' })
  vendor = await seedKey(server, { accountId: user.accountId })
  callApi = createAdminClient(server, (await issueApiToken(server, user)).secret)
})
afterAll(() => server.close())

const BROWNOUT = '2099-12-17T12:00:00.000Z/2099-12-17T13:00:00.000Z'
const createBody = (more: object = {}) => ({
  accountId: vendor.accountId,
  keyType: 'redox',
  sunsetAt: '2099-12-31T12:00:00Z',
  ...more,
})

describe('the management API', () => {
  test('sets, lists and cancels a sunset', async () => {
    const set = await callApi('POST', '/sunsets', createBody({ brownouts: [BROWNOUT] }))
    const plan = {
      id: set.body.id,
      accountId: vendor.accountId,
      keyType: 'redox',
      sourceId: null,
      siteId: null,
      deprecatedAt: new Date(server.clock()).toISOString(),
      sunsetAt: '2099-12-31T12:00:00.000Z',
      documentationUrl: null,
      brownouts: [BROWNOUT],
      createdAt: new Date(server.clock()).toISOString(),
    }
    expect([set.status, set.body]).toEqual([200, plan])
    expect((await callApi('GET', '/sunsets')).body).toEqual({ items: [plan], next: null })
    expect((await callApi('DELETE', `/sunsets/${plan.id}`)).status).toBe(204)
    expect((await callApi('GET', '/sunsets')).body.items).toEqual([])
  })

  test('lists legacy keys page by page, and shows what a date would mean', async () => {
    const other = await seedKey(server, { accountId: vendor.accountId })
    const first = await callApi('GET', '/legacy-keys?limit=1&ready=false')
    expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual([vendor.keyId])
    const next = await callApi('GET', `/legacy-keys?limit=1&after=${first.body.next}`)
    expect(next.body).toMatchObject({ items: [{ id: other.keyId, ready: false }], next: null })
    expect((await callApi('GET', '/legacy-keys?ready=true')).body.items).toEqual([])
    const query = `accountId=${vendor.accountId}&keyType=redox&sunsetAt=2099-12-31T00:00:00Z&limit=1`
    expect((await callApi('GET', `/sunsets/plan?${query}`)).body).toMatchObject({
      brownouts: expect.arrayContaining(['2099-12-29T00:00:00.000Z/2099-12-29T12:00:00.000Z']),
      items: [{ id: vendor.keyId }],
      next: vendor.keyId,
    })
  })

  test.each<[string, object, string]>([
    ['an interval without an end', { brownouts: ['2099-12-17T12:00:00Z'] }, 'brownouts'],
    ['an interval of words', { brownouts: ['noon/night'] }, 'brownouts'],
    ['OAuth clients', { keyType: 'oauth' }, 'keyType'],
    ['no sunset', { sunsetAt: undefined }, 'sunsetAt'],
    ['a number for a sunset', { sunsetAt: 1 }, 'sunsetAt'],
  ])('refuses %s, and names the member', async (_, more, member) => {
    const { status, body } = await callApi('POST', '/sunsets', createBody(more))
    expect(status).toBe(422)
    expect(JSON.stringify(body.errors)).toContain(member)
  })

  test.each<[string, object, number, string]>([
    ['a past sunset', { sunsetAt: '2000-01-01T00:00:00Z' }, 422, 'must be in the future'],
    ['an http page', { documentationUrl: 'http://clinic.example' }, 422, 'an https URL'],
    ['an unknown source', { sourceId: crypto.randomUUID() }, 404, 'the account has no source'],
  ])('refuses %s with a sentence', async (_, more, expected, sentence) => {
    const { status, body } = await callApi('POST', '/sunsets', createBody(more))
    expect([status, body.detail]).toEqual([expected, expect.stringContaining(sentence)])
  })
})

describe('the console', () => {
  test('plans, sets and cancels a sunset, and keeps what was typed after an error', async () => {
    const browser = await signInToConsole(server, { username: user.username, password: PASSWORD })
    const path = '/console/sunsets/plan'
    const page = await browser.get(`${path}?key-type=redox&sunset=2099-12-31`)
    expect(page.text).toContain('Not ready')
    const fields = {
      account: vendor.accountId,
      'key-type': 'redox',
      source: '',
      site: '',
      sunset: '2099-12-31',
      documentation: 'https://clinic.example/move',
      brownouts: 'noon',
    }
    const refused = await browser.send(path, fields)
    expect(refused.status).toBe(422)
    expect(refused.getFieldValue('documentation')).toBe('https://clinic.example/move')
    const set = await browser.send(path, { ...fields, brownouts: BROWNOUT })
    expect([set.status, set.location?.split('?')[0]]).toEqual([303, '/console/sunsets'])
    const [plan] = await server.sunsets.list({ accountId: vendor.accountId, limit: 10 })
    expect(plan).toMatchObject({ keyType: 'redox', brownouts: [expect.anything()] })
    const list = await browser.get('/console/sunsets')
    expect(list.text).toContain('2099-12-31 00:00:00 UTC')
    const cancelPath = `/console/sunsets/${plan?.id}/cancel`
    await browser.get(cancelPath)
    expect((await browser.send(cancelPath)).status).toBe(303)
    expect(await server.sunsets.list({ accountId: vendor.accountId, limit: 10 })).toEqual([])
  })

  test('shows sunsets to members, who cannot set them', async () => {
    const member = await seedUser(server, { role: 'member', accountId: vendor.accountId })
    const browser = await signInToConsole(server, { username: member.username, password: PASSWORD })
    const page = await browser.get('/console/sunsets/plan?key-type=redox&sunset=2099-12-31')
    expect([page.status, page.text.includes('Set sunset')]).toEqual([200, false])
  })
})

test('a sunset of another account is not there', async () => {
  const other = await seedKey(server)
  const plan = unwrap(
    await server.sunsets.set({
      accountId: other.accountId,
      keyType: 'redox',
      sunsetAt: Date.UTC(2099, 11, 31),
    }),
  )
  expect((await callApi('DELETE', `/sunsets/${plan.id}`)).status).toBe(404)
  expect((await callApi('GET', `/sunsets?accountId=${other.accountId}`)).body.items).toEqual([])
  const body = createBody({ accountId: other.accountId })
  expect((await callApi('POST', '/sunsets', body)).status).toBe(404)
  expect((await server.sunsets.find(plan.id)).ok).toBe(true)
})
