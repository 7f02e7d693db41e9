import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatCredential } from '../../src/domain/credential-format.ts'
import { seedOwnerKey } from '../support/key-seeds.ts'
import { createTestServer, seedKey, type TestServer } from '../support/server.ts'

/* The credential that the console and the CLI show for pasting authenticates as it is written. */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

test('the body shown for a Redox key is answered with tokens', async () => {
  const { apiKey, secret } = await seedKey(server)
  const parts = {
    publicId: apiKey,
    secret,
    authenticationMethod: null,
    developerKey: '',
    username: '',
  }
  const { value } = formatCredential('redox', parts)
  const answer = await server.call('/auth/authenticate', { body: value })
  expect(answer.status).toBe(200)
})

test('the header value shown for an XDENT key identifies the key', async () => {
  const ownerKey = await seedOwnerKey(server, 'xdent')
  const { as, value } = formatCredential('xdent', {
    ...ownerKey,
    authenticationMethod: null,
    developerKey: '',
  })
  const answer = await server.call('/api/v1/Identity', { method: 'GET', headers: { [as]: value } })
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ KeyId: ownerKey.publicId })
})

test('the username and password shown for a practice key identify the caller', async () => {
  const ownerKey = await seedOwnerKey(server, 'practice')
  const { value } = formatCredential('practice', {
    ...ownerKey,
    authenticationMethod: null,
    developerKey: '',
  })
  const headers = { Authorization: `Basic ${Buffer.from(value).toString('base64')}` }
  const answer = await server.call('/practice/v1/me', { method: 'GET', headers })
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ username: ownerKey.username })
})
