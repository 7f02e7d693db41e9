import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestServer, seedKey, type TestServer } from '../../support/server.ts'

const PLENTY = '1000000000'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({
    LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
    LATCHKEY_QUOTA_REQUESTS: PLENTY,
  })
})
afterAll(() => server.close())

const listRefusals = () => server.audit.list({ limit: 10_000, action: 'key.refused' })

test('3,000 refused requests become a few rows, which count all of them', async () => {
  const key = await seedKey(server)
  const before = await server.storage.findChainEnd()
  for (let n = 0; n < 1000; n++) {
    const address = `198.51.${n >> 8}.${n & 255}`
    await server.call('/endpoint', { address, body: '{}' })
    await server.call('/endpoint', { body: '{}', headers: { Authorization: `Bearer x${n}` } })
    await server.refresh(key.apiKey, `rt_${n}`)
  }
  await server.flushAuditEvents()
  const events = await listRefusals()
  expect(events.length).toBeLessThan(40)
  expect(events.reduce((sum, { facts }) => sum + Number(facts.count ?? 1), 0)).toBe(3000)
  await server.sealAudit()
  expect((await server.storage.findChainEnd()).sequence - before.sequence).toBeLessThan(60)
})

test('an exchange waits for no record of it, however long the database takes', async () => {
  const key = await seedKey(server)
  const countIssued = async () =>
    (await server.audit.list({ limit: 10, subject: key.keyId })).length
  const created = await countIssued()
  const { addEvents } = server.storage
  const { promise, resolve } = Promise.withResolvers<void>()
  server.storage.addEvents = async (events) => {
    await promise
    await addEvents(events)
  }
  const authenticate = async () =>
    expect((await server.authenticate(key.apiKey, key.secret)).status).toBe(200)

  await authenticate()
  const written = server.flushAuditEvents()
  await authenticate()
  expect(await countIssued()).toBe(created)
  resolve()
  await written
  await server.flushAuditEvents()
  expect(await countIssued()).toBe(created + 2)
  server.storage.addEvents = addEvents
})
