import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedAdminClient } from '../../support/admin-client.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const LOOPBACK_ADDRESS_PATTERN = /127\.0\.0\.1|::1/

test('the verification of a forbidden destination does not reveal the address of its host', async () => {
  const { callApi, user } = await seedAdminClient(server, 'engineer')
  const input = { accountId: user.accountId, name: 'Inside', url: 'https://localhost/in' }
  const { id } = unwrap(await server.destinations.add(input))
  const { status, body, text } = await callApi('POST', `/destinations/${id}/verify`)
  expect(status).toBe(200)
  expect(body.response).toEqual({
    outcome: 'forbidden',
    detail: 'LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of localhost',
    challenged: false,
  })
  expect(text).not.toMatch(LOOPBACK_ADDRESS_PATTERN)
  // The command line shows the address.
  expect(unwrap(await server.destinations.verify(id)).response).toMatchObject({
    address: expect.stringMatching(LOOPBACK_ADDRESS_PATTERN),
  })
})

test('a refused connection does not reveal the address', async () => {
  const allowing = await createTestServer({ LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1,::1' })
  try {
    const { callApi, user } = await seedAdminClient(allowing, 'engineer')
    // The discard port, which has no listener.
    const input = { accountId: user.accountId, name: 'Inside', url: 'https://localhost:9/in' }
    const { id } = unwrap(await allowing.destinations.add(input))
    const { body, text } = await callApi('POST', `/destinations/${id}/verify`)
    expect(body.response.detail).toBe('it refused the connection (ECONNREFUSED)')
    expect(text).not.toMatch(LOOPBACK_ADDRESS_PATTERN)
  } finally {
    await allowing.close()
  }
})
