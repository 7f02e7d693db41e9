import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedKey, type TestServer, testServer } from '../support/server.ts'

const PLENTY = '1000000000'

let server: TestServer
beforeAll(async () => {
  server = await testServer({
    LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
    LATCHKEY_QUOTA_REQUESTS: PLENTY,
  })
})
afterAll(() => server.close())

const listed = () => server.audit.list({ limit: 10_000, action: 'key.refused' })

test('3,000 requests that are refused are a few rows, which tell of all of them', async () => {
  const key = await seedKey(server)
  const before = await server.storage.chainEnd()
  for (let n = 0; n < 1000; n++) {
    const address = `198.51.${n >> 8}.${n & 255}`
    await server.call('/endpoint', { address, body: '{}' })
    await server.call('/endpoint', { body: '{}', headers: { Authorization: `Bearer x${n}` } })
    await server.refresh(key.apiKey, `rt_${n}`)
  }
  await server.record()
  const events = await listed()
  expect(events.length).toBeLessThan(40)
  expect(events.reduce((sum, { facts }) => sum + Number(facts.count ?? 1), 0)).toBe(3000)
  await server.seal()
  expect((await server.storage.chainEnd()).sequence - before.sequence).toBeLessThan(60)
})

test('an exchange waits for no record of it, however long the database takes', async () => {
  const key = await seedKey(server)
  const issued = async () => (await server.audit.list({ limit: 10, subject: key.keyId })).length
  const created = await issued()
  const { addEvents } = server.storage
  const { promise, resolve } = Promise.withResolvers<void>()
  server.storage.addEvents = async (events) => {
    await promise
    await addEvents(events)
  }
  const authenticate = async () =>
    expect((await server.authenticate(key.apiKey, key.secret)).status).toBe(200)

  await authenticate()
  const written = server.record()
  await authenticate()
  expect(await issued()).toBe(created)
  resolve()
  await written
  await server.record()
  expect(await issued()).toBe(created + 2)
  server.storage.addEvents = addEvents
})
