import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedAdminClient } from '../../support/admin-client.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
} from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

test('a payload of several megabytes is returned as it was received, whatever its characters are', async () => {
  const { apiKey, secret, destinationId } = await seedKey(server)
  const credentials = await server.call('/auth/authenticate', {
    body: JSON.stringify({ apiKey, secret }),
  })
  const { accessToken } = JSON.parse(await credentials.text())
  // Of three, four and one byte, so that some are cut wherever a slice ends.
  const note = '…😀"\\\n'.repeat(300_000)
  const message = { ...createDeviceNewMessage(destinationId), Note: note }
  expect((await server.endpoint(accessToken, message)).status).toBe(200)

  const { callApi } = await seedAdminClient(server)
  const { body } = await callApi('GET', '/messages?limit=1')
  const opened = await callApi('POST', `/messages/${body.items[0].id}/payload`)
  expect(opened.status).toBe(200)
  expect(opened.body.message.id).toBe(body.items[0].id)
  expect(opened.body.payload === JSON.stringify(message)).toBe(true)
})
