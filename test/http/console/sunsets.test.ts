import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

test('a sunset is canceled after a confirmation, which can also keep it', async () => {
  const { get, fill, testUser } = await seedConsoleClient(server, 'administrator')
  const { accountId } = testUser
  const sunsetAt = server.clock() + 90 * 24 * 3600 * 1000
  const { id } = unwrap(await server.sunsets.set({ accountId, keyType: 'redox', sunsetAt }))
  const path = `/console/sunsets/${id}/cancel`
  const { html } = await get(path)
  expect(html).toMatch(/<button[^>]*>Cancel sunset<\/button>/)
  expect(html).toMatch(/<a [^>]*href="\/console\/sunsets"[^>]*>Keep sunset<\/a>/)
  expect(html).not.toContain('>Cancel<')
  const canceled = await fill(path, path)
  expect(canceled.location).toBe('/console/sunsets?flash=sunset.cancel')
  expect((await get(path)).status).toBe(404)
})

test('the list of legacy keys names key types as other pages do, and has the readiness where narrow tables show it', async () => {
  const { get, testUser } = await seedConsoleClient(server, 'administrator')
  const { accountId, user } = testUser
  unwrap(await server.keys.create({ keyType: 'xdent', ownerId: user.id, name: 'Online booking' }))
  const { html } = await get('/console/sunsets/keys')
  const headings = [...html.matchAll(/<th[^>]*>([^<]+)<\/th>/g)].map(([, text]) => text)
  expect(headings.slice(0, 3)).toEqual(['Key', 'Key type', 'Readiness'])
  expect(html).toMatch(/Online booking<\/a>.*?XDENT.*?Not ready/s)
  expect(html).toContain('<option value="opendental-portal">Open Dental, portal</option>')
  expect((await get('/console/sunsets/keys?unused=true')).html).toContain('Online booking</a>')
  expect((await get('/console/sunsets/keys?unused=false')).html).toContain('No such keys')
  const sunsetAt = server.clock() + 90 * 24 * 3600 * 1000
  unwrap(await server.sunsets.set({ accountId, keyType: 'xdent', sunsetAt }))
  expect((await get('/console/sunsets')).html).toContain('Cancel the sunset of XDENT keys')
})
