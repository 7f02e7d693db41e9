import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAdminClient, issueApiToken } from '../support/admin-client.ts'
import { runJson } from '../support/cli/commands.ts'
import { signInToConsole } from '../support/console-client.ts'
import {
  createClientKeyPair,
  SECRET_CLIENT,
  seedClient,
  seedSigningClient,
} from '../support/oauth.ts'
import { runCli } from '../support/process.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { seedUser } from '../support/users.ts'

/*
 * The test of a client's JWK Set, through the service, the management API, the command line and the console.
 */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

/** Nothing is sent to it: its address is private. */
const PRIVATE_URL = 'https://127.0.0.1/jwks.json'
const PRIVATE_PROBLEM =
  'the JWKS URL: LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of 127.0.0.1'

const seedUrlClient = () =>
  seedClient(server, { jwksUrl: PRIVATE_URL, scopes: ['fhir:production'] })

describe('the test of a JWK Set', () => {
  test('reports the keys of a pasted set', async () => {
    const pair = await createClientKeyPair('ES384', 'first')
    const { keyId, clientId } = await seedSigningClient(server, {}, [pair])
    for (const id of [keyId, clientId]) {
      expect(unwrap(await server.keys.testJwks(id))).toEqual({
        url: null,
        problem: null,
        cacheSeconds: null,
        keys: [{ kid: 'first', type: 'P-384', algorithms: ['ES384'], problem: null }],
      })
    }
  })

  test('reports why a URL is not fetched', async () => {
    const { keyId } = await seedUrlClient()
    expect(unwrap(await server.keys.testJwks(keyId))).toEqual({
      url: PRIVATE_URL,
      problem: PRIVATE_PROBLEM,
      cacheSeconds: null,
      keys: [],
    })
  })

  test('is for clients that sign assertions only', async () => {
    const { keyId } = await seedClient(server, SECRET_CLIENT)
    expect(await server.keys.testJwks(keyId)).toMatchObject({ failure: { problem: 'invalid' } })
    expect(await server.keys.testJwks('nope')).toMatchObject({ failure: { problem: 'not_found' } })
  })

  test('is an operation of the management API', async () => {
    const { keyId, accountId } = await seedUrlClient()
    const user = await seedUser(server, { role: 'engineer', accountId })
    const { secret } = await issueApiToken(server, user)
    const call = createAdminClient(server, secret)
    const answer = await call('POST', `/keys/${keyId}/test-jwks`)
    expect([answer.status, answer.body]).toMatchObject([200, { problem: PRIVATE_PROBLEM }])
  })

  test('is a button on the page of the key, and a page with the result', async () => {
    const { keyId, accountId } = await seedUrlClient()
    const user = await seedUser(server, { role: 'engineer', accountId })
    const engineer = await signInToConsole(server, user)
    const path = `/console/keys/${keyId}`
    expect((await engineer.get(path)).html).toContain('Test JWK Set')
    const shown = await engineer.send(`${path}/test-jwks`)
    expect(shown.status).toBe(200)
    expect(shown.html).toContain('The JWK Set cannot be used')
    expect(shown.html).toContain('does not allow the address of 127.0.0.1')
    const member = await signInToConsole(
      server,
      await seedUser(server, { role: 'member', accountId }),
    )
    expect((await member.get(path)).html).not.toContain('Test JWK Set')
    expect((await member.send(`${path}/test-jwks`)).status).toBe(403)
  })

  test('is a command, which fails if no key can be used', async () => {
    const { keyId } = await seedUrlClient()
    const { keyId: goodId } = await seedSigningClient(server)
    const { dir } = server
    const failed = await runCli(['keys', 'test-jwks', keyId], { dir })
    expect(failed.code).toBe(1)
    expect(failed.stdout).toContain(PRIVATE_PROBLEM)
    expect(await runJson(dir, ['keys', 'test-jwks', goodId])).toMatchObject({ problem: null })
    const shown = await runCli(['keys', 'test-jwks', goodId], { dir })
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('ES384')])
  })
})
