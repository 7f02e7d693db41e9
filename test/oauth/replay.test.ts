import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HOUR_MS } from '../../src/domain/instant.ts'
import {
  createClientKeyPair,
  postAssertion,
  REFUSALS,
  STANDARD_TOKEN_PATH,
  seedSigningClient,
  signAssertion,
  TOKEN_PATHS,
  VENDOR_TOKEN_PATH,
} from '../support/oauth.ts'
import { createTestServer, type TestServer } from '../support/server.ts'

/* An assertion counts once for each client, in every process. The storage suite tests every engine. */

let server: TestServer
/** A second process on the same database. */
let other: TestServer
beforeAll(async () => {
  const settings = { LATCHKEY_FAILURES_PER_ADDRESS: '100000' }
  server = await createTestServer(settings)
  other = await createTestServer(settings, { dir: server.dir, clock: server.clock })
})
afterAll(async () => {
  await other.storage.close()
  await server.close()
})

const countUsedAssertions = async (keyId: string) =>
  (
    await server.parts.runtime.engine.read<{ n: number }>({
      sql: 'SELECT count(*) AS n FROM used_assertions WHERE key_id = ?',
      values: [keyId],
    })
  )[0]?.n

describe.each(TOKEN_PATHS)('%s', (path) => {
  test('accepts one of twenty equal assertions that two processes get at once', async () => {
    const client = await seedSigningClient(server)
    const assertion = await signAssertion(client, server.clock())
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        postAssertion(n % 2 === 0 ? server : other, path, assertion),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, body } of answers) {
      if (status !== 200) expect([status, body]).toEqual([400, REFUSALS[path].assertion])
    }
  })

  test('refuses an assertion that the other endpoint has accepted, on the other process', async () => {
    const client = await seedSigningClient(server)
    const assertion = await signAssertion(client, server.clock())
    const [first = path] = TOKEN_PATHS.filter((each) => each !== path)
    expect((await postAssertion(server, first, assertion)).status).toBe(200)
    expect((await postAssertion(other, path, assertion)).body).toEqual(REFUSALS[path].assertion)
  })

  test('accepts one jti of two clients', async () => {
    const claims = { jti: 'redox1767323045678' }
    for (const client of [await seedSigningClient(server), await seedSigningClient(server)]) {
      const assertion = await signAssertion(client, server.clock(), { claims })
      expect((await postAssertion(server, path, assertion)).status).toBe(200)
    }
  })

  test('stores nothing of a forged assertion, so that it takes no jti from its client', async () => {
    const client = await seedSigningClient(server)
    const claims = { jti: 'taken' }
    const pair = await createClientKeyPair('ES384', client.pair.kid)
    const forged = await signAssertion(client, server.clock(), { claims, pair })
    expect((await postAssertion(server, path, forged)).status).toBe(400)
    expect(await countUsedAssertions(client.keyId)).toBe(0)
    const genuine = await signAssertion(client, server.clock(), { claims })
    expect((await postAssertion(server, path, genuine)).status).toBe(200)
  })

  test('forgets a jti when its assertion has ended, purged or not', async () => {
    const client = await seedSigningClient(server)
    const claims = { jti: 'again' }
    const request = async () =>
      postAssertion(server, path, await signAssertion(client, server.clock(), { claims }))
    expect((await request()).status).toBe(200)
    expect((await request()).status).toBe(400)
    server.clock.advance(311_000)
    expect((await request()).status).toBe(200)
    server.clock.advance(311_000 + HOUR_MS)
    await server.deleteExpiredData()
    expect(await countUsedAssertions(client.keyId)).toBe(0)
    expect((await request()).status).toBe(200)
  })

  test('refuses a used assertion after a purge by a server whose clock is ahead', async () => {
    const client = await seedSigningClient(server)
    const assertion = await signAssertion(client, server.clock())
    expect((await postAssertion(server, path, assertion)).status).toBe(200)
    server.clock.advance(HOUR_MS)
    await server.deleteExpiredData()
    server.clock.advance(-HOUR_MS)
    expect((await postAssertion(other, path, assertion)).body).toEqual(REFUSALS[path].assertion)
  })

  test('accepts a repeated assertion of a client that is set so', async () => {
    const client = await seedSigningClient(server, { repeatedAssertions: 'allowed' })
    const assertion = await signAssertion(client, server.clock())
    expect((await postAssertion(server, path, assertion)).status).toBe(200)
    expect((await postAssertion(other, path, assertion)).status).toBe(200)
    expect(await countUsedAssertions(client.keyId)).toBe(0)
  })
})

test('without a jti the vendor’s endpoint accepts each assertion once', async () => {
  const client = await seedSigningClient(server)
  const claims = { jti: undefined }
  const assertion = await signAssertion(client, server.clock(), { claims })
  expect((await postAssertion(server, VENDOR_TOKEN_PATH, assertion)).status).toBe(200)
  expect((await postAssertion(other, VENDOR_TOKEN_PATH, assertion)).status).toBe(400)
  server.clock.advance(1000)
  const next = await signAssertion(client, server.clock(), { claims })
  expect((await postAssertion(server, VENDOR_TOKEN_PATH, next)).status).toBe(200)
  expect((await postAssertion(server, STANDARD_TOKEN_PATH, next)).status).toBe(400)
})
