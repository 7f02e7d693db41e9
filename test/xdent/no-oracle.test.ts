import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createXdentHeaders,
  type OwnerKey,
  seedEveryKeyType,
  seedOwnerKey,
} from '../support/key-seeds.ts'
import { expectedJsonResponse, readResponse, readResponseWithoutId } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' })
})
afterAll(() => server.close())

const PATHS = ['/api/v1/Identity', '/api/v1/Patients']
const get = (path: string, headers: Record<string, string>) =>
  server.call(path, { method: 'GET', headers })

const INVALID = expectedJsonResponse(401, {
  Code: 'INVALID_API_KEY',
  Message: 'The key does not exist or is invalid (expected KeyId.Secret).',
})

async function expectInvalid(what: string, value: string) {
  for (const path of PATHS) {
    const answer = await readResponse(await get(path, { 'X-Api-Key': value }))
    expect([what, path, answer]).toEqual([what, path, INVALID])
  }
}

test('XDENT refuses every part of a key of any other key type', async () => {
  const { keys, username, developerKey } = await seedEveryKeyType(server)
  const xdent = keys.find(({ keyType }) => keyType === 'xdent')
  expect(keys).toHaveLength(7)
  for (const { keyType, publicId, secret } of keys) {
    await expectInvalid(`${keyType}: the secret alone`, secret)
    await expectInvalid(`${keyType}: the secret as the KeyId`, `${secret}.${secret}`)
    await expectInvalid(`${keyType}: under a username`, `${username}.${secret}`)
    await expectInvalid(`${keyType}: under a developer key`, `${developerKey}/${secret}`)
    if (keyType === 'xdent') continue
    await expectInvalid(`${keyType}: id and secret`, `${publicId}.${secret}`)
    await expectInvalid(`${keyType}: the id alone`, publicId)
    await expectInvalid(`${keyType}: the id with another’s secret`, `${publicId}.${xdent?.secret}`)
  }
})

test('an XDENT key of another region or a deleted one gets the response of an unknown key', async () => {
  const foreign = await seedOwnerKey(server, 'xdent', { region: 'eu' })
  const gone = await seedOwnerKey(server, 'xdent')
  unwrap(await server.keys.delete(gone.keyId))
  for (const { publicId, secret } of [foreign, gone]) {
    await expectInvalid('with its secret', `${publicId}.${secret}`)
    await expectInvalid('with another secret', `${publicId}.lk_wrong`)
    await expectInvalid('without its secret', publicId)
  }
})

/** All that can be wrong with a key, its company or its caller. */
const brokenKeys: [string, (ownerKey: OwnerKey) => unknown][] = [
  ['nothing', () => undefined],
  ['disabled', async ({ keyId }) => unwrap(await server.keys.disable(keyId))],
  ['revoked', async ({ keyId }) => unwrap(await server.keys.revoke(keyId))],
  [
    'of a closed company',
    async ({ accountId }) => unwrap(await server.accounts.setStatus(accountId, 'closed')),
  ],
  [
    'of a company that enforces other addresses',
    async ({ accountId }) => {
      unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.1' }))
      unwrap(await server.ipAllowlist.setEnforced(accountId, true))
    },
  ],
  [
    'with a previous secret in its overlap',
    async ({ keyId }) => unwrap(await server.keys.rotateSecret(keyId, { overlapMs: 60_000 })),
  ],
  [
    'of a deactivated owner',
    async ({ accountId, ownerId }) => {
      unwrap(await server.accounts.setOffboardingPolicy(accountId, 'disable'))
      unwrap(await server.users.deactivate(ownerId))
    },
  ],
]

test.each(brokenKeys)(
  'a caller without the secret does not learn the state of an XDENT key: %s',
  async (_, breakKey) => {
    const good = await seedOwnerKey(server, 'xdent')
    const bad = await seedOwnerKey(server, 'xdent')
    await breakKey(bad)
    const wrongs = [good.secret, 'lk_wrong', `${bad.secret}A`, bad.secret.slice(0, -1), '.']
    for (const path of PATHS) {
      const wrong = await readResponseWithoutId(
        await get(path, createXdentHeaders(good.publicId, bad.secret)),
      )
      expect(wrong.status).toBe(401)
      for (const secret of wrongs) {
        expect(
          await readResponseWithoutId(await get(path, createXdentHeaders(bad.publicId, secret))),
        ).toEqual(wrong)
      }
      const alone = await readResponseWithoutId(await get(path, { 'X-Api-Key': good.publicId }))
      expect(await readResponseWithoutId(await get(path, { 'X-Api-Key': bad.publicId }))).toEqual(
        alone,
      )
    }
  },
)

test('no XDENT response and no log line contains a secret', async () => {
  const { publicId, secret, keyId } = await seedOwnerKey(server, 'xdent')
  unwrap(await server.keys.disable(keyId))
  const tried = [
    createXdentHeaders(publicId, secret),
    createXdentHeaders('nobody', secret),
    { 'X-Api-Key': secret },
  ]
  for (const headers of tried) {
    for (const path of PATHS) {
      const { headers: answered, body } = await readResponse(await get(path, headers))
      expect(JSON.stringify([answered, body])).not.toContain(secret)
    }
  }
  expect(JSON.stringify(server.log.lines)).not.toContain(secret)
})
