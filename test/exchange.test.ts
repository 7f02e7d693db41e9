import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
} from './support/server.ts'

let server: TestServer
let key: Awaited<ReturnType<typeof seedKey>>
beforeAll(async () => {
  server = await createTestServer()
  key = await seedKey(server)
})
afterAll(() => server.close())

test('a key and its secret are exchanged for tokens that open the endpoint', async () => {
  const answer = await server.authenticate(key.apiKey, key.secret)
  expect(answer.status).toBe(200)
  const tokens = (await answer.json()) as TokenResponse
  expect(Object.keys(tokens)).toEqual(['accessToken', 'expires', 'refreshToken'])
  expect(tokens.expires).toBe('2026-01-03T03:04:05.000Z')

  const accepted = await server.endpoint(
    tokens.accessToken,
    createDeviceNewMessage(key.destinationId),
  )
  expect(accepted.status).toBe(200)
})

test('a lost answer to a refresh is asked for again and is the same to the byte', async () => {
  const answer = await server.authenticate(key.apiKey, key.secret)
  const { refreshToken } = (await answer.json()) as TokenResponse
  const first = await (await server.refresh(key.apiKey, refreshToken)).text()
  const repeat = await (await server.refresh(key.apiKey, refreshToken)).text()
  expect(repeat).toBe(first)
})
