import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CustomerKey,
  type Developer,
  explained,
  odfhir,
  programOf,
  seedCustomerKey,
  seedDeveloper,
} from '../support/developer.ts'
import { seedEveryDialect } from '../support/every-dialect.ts'
import { seen, seenButId } from '../support/seen.ts'
import { done, type TestServer, testServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer({
    LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
    LATCHKEY_QUOTA_REQUESTS: '1000000',
  })
})
afterAll(() => server.close())

const PATHS = ['/apikeys', '/api/v1/apikeys', '/api/v1/patients']
const WRONG = explained(401, 'The keys in the Authorization header are not valid.')

const get = (path: string, headers: Record<string, string>) =>
  server.call(path, { method: 'GET', headers })

async function isWrong(what: string, headers: Record<string, string>) {
  for (const path of PATHS) {
    expect([what, path, await seen(await get(path, headers))]).toEqual([what, path, WRONG])
  }
}

test('a key of any other dialect is no key here, whichever part of it is offered', async () => {
  const { keys, username, developerKey } = await seedEveryDialect(server)
  expect(keys).toHaveLength(6)
  for (const { dialect, publicId, secret } of keys) {
    await isWrong(`${dialect}: under a username`, odfhir(username, secret))
    await isWrong(`${dialect}: under its id`, odfhir(publicId, secret))
    await isWrong(`${dialect}: the id alone`, odfhir(developerKey, publicId))
    if (dialect.startsWith('opendental')) continue
    await isWrong(`${dialect}: the secret`, odfhir(developerKey, secret))
  }
})

/** All that can be wrong with a key, its account or its caller. */
const spoilt: [string, (key: { keyId: string; accountId: string; ownerId: string }) => unknown][] =
  [
    ['nothing', () => undefined],
    ['disabled by the operator', async ({ keyId }) => done(await server.keys.disable(keyId))],
    [
      'disabled by its developer',
      async ({ keyId }) => done(await server.keys.disable(keyId, 'developer')),
    ],
    ['revoked', async ({ keyId }) => done(await server.keys.revoke(keyId))],
    [
      'of a closed account',
      async ({ accountId }) => done(await server.accounts.setStatus(accountId, 'closed')),
    ],
    [
      'of an account that enforces other addresses',
      async ({ accountId }) => {
        done(await server.places.addAddress({ accountId, network: '198.51.100.1' }))
        done(await server.places.enforceAddresses(accountId, true))
      },
    ],
    [
      'with a secret before it',
      async ({ keyId }) => done(await server.keys.rotateSecret(keyId, { overlapMs: 60_000 })),
    ],
    [
      'whose owner has left',
      async ({ accountId, ownerId }) => {
        done(await server.accounts.setDepartedKeys(accountId, 'disable'))
        done(await server.accounts.leave(ownerId))
      },
    ],
  ]

describe.each(['an office’s key', 'a developer’s own key'])('%s', (whose) => {
  const isOffices = whose === 'an office’s key'
  async function seed(wish: { region?: string } = {}) {
    const developer = await seedDeveloper(server, wish)
    if (isOffices) return { developer, ...(await seedCustomerKey(server, developer)) }
    const { portalKeyId, portalKey } = developer
    return { developer, keyId: portalKeyId, secret: portalKey }
  }

  test.each(spoilt)(
    'who does not hold both parts is not told what is wrong: %s',
    async (_, spoil) => {
      const [stranger, { developer, keyId, secret }] = [await seed(), await seed()]
      await spoil({ ...developer, keyId })
      const { developerKey } = developer
      await isWrong('an unknown developer key', odfhir('AAAAAAAAAAAAAAAA', secret))
      await isWrong('an unknown key', odfhir(developerKey, 'AAAAAAAAAAAAAAAA'))
      await isWrong('another’s key', odfhir(developerKey, stranger.secret))
      await isWrong('under another’s', odfhir(stranger.developer.developerKey, secret))
      await isWrong('a part of the key', odfhir(developerKey, secret.slice(0, -1)))
      await isWrong('in lower case', odfhir(developerKey, secret.toLowerCase()))
    },
  )

  test('of another region reads as one that never was', async () => {
    const { developer, secret } = await seed({ region: 'eu' })
    await isWrong('another region', odfhir(developer.developerKey, secret))
  })
})

describe('a developer who asks for a key that is not his', () => {
  let mine: Developer
  let theirs: Developer
  beforeAll(async () => {
    ;[mine, theirs] = [await seedDeveloper(server), await seedDeveloper(server)]
  })

  const put = async (CustomerKey: string) =>
    seenButId(
      await server.call('/apikeys', {
        method: 'PUT',
        headers: mine.portal,
        body: JSON.stringify({ CustomerKey, KeyStatus: 'Enabled', DevRefId: 'mine' }),
      }),
    )

  test.each(spoilt)('is told the same of each: %s', async (_, spoil) => {
    const theirKey = await seedCustomerKey(server, theirs, { ownerId: theirs.ownerId })
    await spoil({ ...theirs, keyId: theirKey.keyId })
    const before = await server.storage.findKeySummary(theirKey.keyId)
    const unknown = await put('AAAAAAAAAAAAAAAA')
    expect(unknown).toMatchObject({ status: 404, body: '"You have no such CustomerKey."' })
    for (const other of [theirKey.secret, theirs.portalKey, mine.portalKey, mine.developerKey]) {
      expect(await put(other)).toEqual(unknown)
    }
    expect(await server.storage.findKeySummary(theirKey.keyId)).toEqual(before)
    // The next one needs an account that is open.
    theirs = await seedDeveloper(server)
  })

  test('sees none of theirs in his list', async () => {
    const own = await seedCustomerKey(server, mine)
    await seedCustomerKey(server, theirs)
    const listed = await programOf(server, mine).list()
    expect(listed.map(({ CustomerKey }) => CustomerKey)).toEqual([own.secret])
  })
})

test('no refusal and no line of the log has a key in it; the audit has none either', async () => {
  const developer = await seedDeveloper(server)
  const office: CustomerKey = await seedCustomerKey(server, developer)
  const program = programOf(server, developer)
  const { CustomerKey } = await program.create()
  await program.list()
  await program.put({ CustomerKey, KeyStatus: 'DisabledByDeveloper', DevRefId: 'x' })
  done(await server.keys.disable(office.keyId))
  const { developerKey, portalKey } = developer
  const secrets = [portalKey, office.secret, CustomerKey]
  for (const secret of secrets) {
    for (const headers of [odfhir(developerKey, secret), odfhir('nobody', secret)]) {
      for (const path of PATHS) {
        const answer = await seen(await get(path, headers))
        if (answer.status === 200) continue
        expect(JSON.stringify(answer)).not.toContain(secret)
      }
    }
  }
  const told = JSON.stringify([server.log.lines, await server.storage.listEvents({ limit: 5000 })])
  for (const secret of secrets) expect(told).not.toContain(secret)
})
