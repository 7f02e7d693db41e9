import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

test('a sunset is canceled after a question, whose other answer is to keep it', async () => {
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
