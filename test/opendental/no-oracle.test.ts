import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedEveryKeyType } from '../support/key-seeds.ts'
import {
  type CustomerKey,
  createDeveloperClient,
  createOdfhirHeaders,
  expectedOpendentalRefusal,
  type SeededDeveloper,
  seedCustomerKey,
  seedDeveloper,
} from '../support/opendental.ts'
import { readResponse, readResponseWithoutId } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({
    LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
    LATCHKEY_QUOTA_REQUESTS: '1000000',
  })
})
afterAll(() => server.close())

const PATHS = ['/apikeys', '/api/v1/apikeys', '/api/v1/patients']
const WRONG = expectedOpendentalRefusal(401, 'The keys in the Authorization header are not valid.')

const get = (path: string, headers: Record<string, string>) =>
  server.call(path, { method: 'GET', headers })

async function expectUnauthorized(what: string, headers: Record<string, string>) {
  for (const path of PATHS) {
    expect([what, path, await readResponse(await get(path, headers))]).toEqual([what, path, WRONG])
  }
}

test('Open Dental refuses every part of a key of any other key type', async () => {
  const { keys, username, developerKey } = await seedEveryKeyType(server)
  expect(keys).toHaveLength(7)
  for (const { keyType, publicId, secret } of keys) {
    await expectUnauthorized(`${keyType}: under a username`, createOdfhirHeaders(username, secret))
    await expectUnauthorized(`${keyType}: under its id`, createOdfhirHeaders(publicId, secret))
    await expectUnauthorized(
      `${keyType}: the id alone`,
      createOdfhirHeaders(developerKey, publicId),
    )
    if (keyType.startsWith('opendental')) continue
    await expectUnauthorized(`${keyType}: the secret`, createOdfhirHeaders(developerKey, secret))
  }
})

/** All that can be wrong with a key, its account or its caller. */
const brokenKey: [
  string,
  (key: { keyId: string; accountId: string; ownerId: string }) => unknown,
][] = [
  ['nothing', () => undefined],
  ['disabled by the operator', async ({ keyId }) => unwrap(await server.keys.disable(keyId))],
  [
    'disabled by its developer',
    async ({ keyId }) => unwrap(await server.keys.disable(keyId, 'developer')),
  ],
  ['revoked', async ({ keyId }) => unwrap(await server.keys.revoke(keyId))],
  [
    'of a closed account',
    async ({ accountId }) => unwrap(await server.accounts.setStatus(accountId, 'closed')),
  ],
  [
    'of an account that enforces other addresses',
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

describe.each(['an office’s key', 'a developer’s own key'])('%s', (owner) => {
  const isOffices = owner === 'an office’s key'
  async function seed(input: { region?: string } = {}) {
    const developer = await seedDeveloper(server, input)
    if (isOffices) return { developer, ...(await seedCustomerKey(server, developer)) }
    const { portalKeyId, portalKey } = developer
    return { developer, keyId: portalKeyId, secret: portalKey }
  }

  test.each(brokenKey)(
    'does not show its state to a caller without both parts: %s',
    async (_, breakKey) => {
      const [stranger, { developer, keyId, secret }] = [await seed(), await seed()]
      await breakKey({ ...developer, keyId })
      const { developerKey } = developer
      await expectUnauthorized(
        'an unknown developer key',
        createOdfhirHeaders('AAAAAAAAAAAAAAAA', secret),
      )
      await expectUnauthorized(
        'an unknown key',
        createOdfhirHeaders(developerKey, 'AAAAAAAAAAAAAAAA'),
      )
      await expectUnauthorized('another’s key', createOdfhirHeaders(developerKey, stranger.secret))
      await expectUnauthorized(
        'under another’s',
        createOdfhirHeaders(stranger.developer.developerKey, secret),
      )
      await expectUnauthorized(
        'a part of the key',
        createOdfhirHeaders(developerKey, secret.slice(0, -1)),
      )
      await expectUnauthorized(
        'in lower case',
        createOdfhirHeaders(developerKey, secret.toLowerCase()),
      )
    },
  )

  test('of another region gets the response of an unknown key', async () => {
    const { developer, secret } = await seed({ region: 'eu' })
    await expectUnauthorized('another region', createOdfhirHeaders(developer.developerKey, secret))
  })
})

describe('a developer who asks for another developer’s key', () => {
  let ownDeveloper: SeededDeveloper
  let theirs: SeededDeveloper
  beforeAll(async () => {
    ;[ownDeveloper, theirs] = [await seedDeveloper(server), await seedDeveloper(server)]
  })

  const putChange = async (CustomerKey: string) =>
    readResponseWithoutId(
      await server.call('/apikeys', {
        method: 'PUT',
        headers: ownDeveloper.portalHeaders,
        body: JSON.stringify({ CustomerKey, KeyStatus: 'Enabled', DevRefId: 'mine' }),
      }),
    )

  test.each(brokenKey)(
    'gets the same response whatever the state of the key: %s',
    async (_, breakKey) => {
      const theirKey = await seedCustomerKey(server, theirs, { ownerId: theirs.ownerId })
      await breakKey({ ...theirs, keyId: theirKey.keyId })
      const before = await server.storage.findKeySummary(theirKey.keyId)
      const unknown = await putChange('AAAAAAAAAAAAAAAA')
      expect(unknown).toMatchObject({ status: 404, body: '"You have no such CustomerKey."' })
      for (const other of [
        theirKey.secret,
        theirs.portalKey,
        ownDeveloper.portalKey,
        ownDeveloper.developerKey,
      ]) {
        expect(await putChange(other)).toEqual(unknown)
      }
      expect(await server.storage.findKeySummary(theirKey.keyId)).toEqual(before)
      // The next one needs an account that is open.
      theirs = await seedDeveloper(server)
    },
  )

  test('sees no key of another developer in the list', async () => {
    const ownKey = await seedCustomerKey(server, ownDeveloper)
    await seedCustomerKey(server, theirs)
    const listed = await createDeveloperClient(server, ownDeveloper).list()
    expect(listed.map(({ CustomerKey }) => CustomerKey)).toEqual([ownKey.secret])
  })
})

test('no Open Dental error, log line or audit event contains a key', async () => {
  const developer = await seedDeveloper(server)
  const office: CustomerKey = await seedCustomerKey(server, developer)
  const program = createDeveloperClient(server, developer)
  const { CustomerKey } = await program.create()
  await program.list()
  await program.put({ CustomerKey, KeyStatus: 'DisabledByDeveloper', DevRefId: 'x' })
  unwrap(await server.keys.disable(office.keyId))
  const { developerKey, portalKey } = developer
  const secrets = [portalKey, office.secret, CustomerKey]
  for (const secret of secrets) {
    for (const headers of [
      createOdfhirHeaders(developerKey, secret),
      createOdfhirHeaders('nobody', secret),
    ]) {
      for (const path of PATHS) {
        const answer = await readResponse(await get(path, headers))
        if (answer.status === 200) continue
        expect(JSON.stringify(answer)).not.toContain(secret)
      }
    }
  }
  const told = JSON.stringify([server.log.lines, await server.storage.listEvents({ limit: 5000 })])
  for (const secret of secrets) expect(told).not.toContain(secret)
})
