import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedAsker } from '../support/admin/asker.ts'
import { done, type TestServer, testServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.close())

const ADDRESS = /127\.0\.0\.1|::1/

test('an engineer who verifies a destination learns that it may not be reached, but not the address of its host', async () => {
  const { ask, user } = await seedAsker(server, 'engineer')
  const wish = { accountId: user.accountId, name: 'Inside', url: 'https://localhost/in' }
  const { id } = done(await server.routes.addDestination(wish))
  const { status, body, text } = await ask('POST', `/destinations/${id}/verify`)
  expect(status).toBe(200)
  expect(body.answered).toEqual({
    outcome: 'forbidden',
    detail: 'LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of localhost',
    challenged: false,
  })
  expect(text).not.toMatch(ADDRESS)
  // The command line shows the address.
  expect(done(await server.routes.verify(id)).answered).toMatchObject({
    address: expect.stringMatching(ADDRESS),
  })
})

test('an engineer is not told at which address a connection was refused', async () => {
  const allowing = await testServer({ LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1,::1' })
  try {
    const { ask, user } = await seedAsker(allowing, 'engineer')
    // The discard port, where nobody listens.
    const wish = { accountId: user.accountId, name: 'Inside', url: 'https://localhost:9/in' }
    const { id } = done(await allowing.routes.addDestination(wish))
    const { body, text } = await ask('POST', `/destinations/${id}/verify`)
    expect(body.answered.detail).toBe('it refused the connection (ECONNREFUSED)')
    expect(text).not.toMatch(ADDRESS)
  } finally {
    await allowing.close()
  }
})
