import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ServiceResult } from '../../../src/service/service-result.ts'
import { unwrap } from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'

let testServices: TestServices
let accountId: string
beforeEach(async () => {
  testServices = await openTestServices()
  accountId = (await testServices.seedTenant()).accountId
})
afterEach(() => testServices.close())

const readRefusal = (result: ServiceResult<unknown>): string => {
  if (result.ok) throw new Error('it was done')
  return `${result.failure.problem}: ${result.failure.message}`
}
const LONG_NAME = 'x'.repeat(201)

describe('a site or developer', () => {
  test('is made with a name, in an account, and that is an event', async () => {
    const { sites, developers, storage } = testServices
    const site = unwrap(await sites.add({ accountId, name: ' North ' }))
    expect(site).toEqual({ id: site.id, accountId, name: 'North', createdAt: testServices.clock() })
    expect(await storage.findSite(site.id)).toEqual(site)
    expect(await testServices.listActions(site.id)).toEqual(['site.created'])
    const developer = unwrap(await developers.add({ accountId, name: 'Maker' }))
    expect(developer.developerKey).toMatch(/^[A-Z0-9]{16}$/)
    expect(await storage.findDeveloper(developer.id)).toEqual(developer)
    const [event] = await storage.listEvents({ subject: developer.id, limit: 1 })
    const facts = { developerKey: developer.developerKey }
    expect(event).toMatchObject({ action: 'developer.created', facts })
  })

  test.each([
    [' ', 'invalid: the name must not be blank'],
    [LONG_NAME, 'invalid: the name must not be longer than 200 characters'],
    ['a\tb', 'invalid: the name must be one line of text'],
    ['a\u2028b', 'invalid: the name must be one line of text'],
    // It would turn around what follows it on the page (Unicode TR 36).
    ['a\u202eb', 'invalid: the name must be one line of text'],
    ['\u2066a', 'invalid: the name must be one line of text'],
    // The name would be an invisible link.
    ['\u200b\u2060', 'invalid: the name must not be blank'],
  ])('is not made with the name %j', async (name, sentence) => {
    expect(readRefusal(await testServices.sites.add({ accountId, name }))).toBe(sentence)
    expect(readRefusal(await testServices.developers.add({ accountId, name }))).toBe(sentence)
  })

  test.each(['العربية', 'می‌خواهم', '日本', '👩‍⚕️', '→'])('may have the name %s', async (name) => {
    expect(unwrap(await testServices.sites.add({ accountId, name })).name).toBe(name)
  })

  test('is not made where there is no account', async () => {
    const input = { accountId: 'nobody', name: 'n' }
    const sentence = 'not_found: there is no account nobody'
    expect(readRefusal(await testServices.sites.add(input))).toBe(sentence)
    expect(readRefusal(await testServices.developers.add(input))).toBe(sentence)
  })

  test('is renamed with its event, or refused with the reason', async () => {
    const { sites, developers } = testServices
    const site = unwrap(await sites.add({ accountId, name: 'North' }))
    expect(unwrap(await sites.rename(site.id, ' South '))).toEqual({ ...site, name: 'South' })
    expect(await testServices.listActions(site.id)).toEqual(['site.created', 'site.renamed'])
    expect(readRefusal(await sites.rename(site.id, LONG_NAME))).toMatch(
      /^invalid: the name must not/,
    )
    expect(readRefusal(await sites.rename('nobody', 'n'))).toBe(
      'not_found: there is no site nobody',
    )
    const developer = unwrap(await developers.add({ accountId, name: 'Maker' }))
    expect(unwrap(await developers.rename(developer.id, 'Baker')).name).toBe('Baker')
    expect(await testServices.listActions(developer.id)).toEqual([
      'developer.created',
      'developer.renamed',
    ])
  })

  test('a site is removed while no key ever was its own', async () => {
    const { sites, keys } = testServices
    const [used, unused] = [
      unwrap(await sites.add({ accountId, name: 'Used' })),
      unwrap(await sites.add({ accountId, name: 'Unused' })),
    ]
    const email = 'holder@acme.example'
    const owner = unwrap(await testServices.users.add({ accountId, email, role: 'engineer' }))
    const input = { keyType: 'xenrad', ownerId: owner.id, siteId: used.id, name: 'RIS' } as const
    const { key } = unwrap(await keys.create(input))
    const expectedRefusal =
      /^conflict: keys belong to Used, .* cannot be deleted: `latchkey keys unassign ID` /
    expect(readRefusal(await sites.delete(used.id))).toMatch(expectedRefusal)
    unwrap(await keys.revoke(key.id))
    expect(readRefusal(await sites.delete(used.id))).toMatch(expectedRefusal)
    unwrap(await sites.delete(unused.id))
    expect(await testServices.listActions(unused.id)).toEqual(['site.created', 'site.deleted'])
    expect(readRefusal(await sites.find(unused.id))).toMatch(/^not_found/)
  })

  test('a developer is removed while no key ever was its own', async () => {
    const { developers, keys } = testServices
    const [used, unused] = [
      unwrap(await developers.add({ accountId, name: 'Used' })),
      unwrap(await developers.add({ accountId, name: 'Unused' })),
    ]
    const email = 'dental@acme.example'
    const owner = unwrap(await testServices.users.add({ accountId, email, role: 'engineer' }))
    const keyType = 'opendental-portal'
    const input = { keyType, ownerId: owner.id, developerId: used.id, name: 'portal' } as const
    const { key } = unwrap(await keys.create(input))
    const expectedRefusal =
      /^conflict: keys belong to Used, .* cannot be deleted: .* `latchkey keys revoke ID` /
    expect(readRefusal(await developers.delete(used.id))).toMatch(expectedRefusal)
    unwrap(await keys.revoke(key.id))
    expect(readRefusal(await developers.delete(used.id))).toMatch(expectedRefusal)
    unwrap(await developers.delete(unused.id))
    expect(await testServices.listActions(unused.id)).toEqual([
      'developer.created',
      'developer.deleted',
    ])
    expect(readRefusal(await developers.delete(unused.id))).toMatch(/^not_found/)
  })

  test('keeps the developer key that another system issued, if it is free', async () => {
    const { developers } = testServices
    const input = { accountId, name: 'Maker', developerKey: 'NFF6i0KrXrxDkZHt' }
    expect(unwrap(await developers.add(input)).developerKey).toBe(input.developerKey)
    expect(readRefusal(await developers.add(input))).toBe(
      'conflict: another developer has the key NFF6i0KrXrxDkZHt',
    )
    for (const developerKey of [
      '',
      'short12',
      'x'.repeat(65),
      'with/slash',
      'blank 123',
      'üüüüüüüü',
    ]) {
      expect(readRefusal(await developers.add({ ...input, developerKey }))).toBe(
        'invalid: a developer key is 8 to 64 of A–Z, a–z and 0–9',
      )
    }
  })
})

describe('an account’s addresses', () => {
  test.each([
    ['203.0.113.7', '203.0.113.7/32'],
    [' 10.0.0.0/8 ', '10.0.0.0/8'],
    ['2001:DB8:0::/32', '2001:db8::/32'],
    ['::1', '::1/128'],
    ['::ffff:203.0.113.7', '203.0.113.7/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('%s is kept as %s', async (network, expectedRefusal) => {
    const rule = unwrap(
      await testServices.ipAllowlist.add({ accountId, network, note: ' office ' }),
    )
    const createdAt = testServices.clock()
    expect(rule).toEqual({
      id: rule.id,
      accountId,
      network: expectedRefusal,
      note: 'office',
      createdAt,
    })
    expect(await testServices.ipAllowlist.list(accountId)).toEqual([rule])
    expect(
      readRefusal(await testServices.ipAllowlist.add({ accountId, network: expectedRefusal })),
    ).toBe(`conflict: ${expectedRefusal} is in the list already`)
  })

  test.each(['', 'office', '10.0.0.0/33', '10.0.0.1/8', '300.1.1.1', '10.0.0.0/8/8', '::/129'])(
    '%j is refused, with what may be written',
    async (network) => {
      expect(readRefusal(await testServices.ipAllowlist.add({ accountId, network }))).toBe(
        `invalid: ${JSON.stringify(network)} is not an address or a network: use 203.0.113.7, ` +
          '203.0.113.0/24 or 2001:db8::/32, without bits set beyond the prefix',
      )
    },
  )

  test('have a note of one line, in an account that is one', async () => {
    const network = '10.0.0.0/8'
    for (const note of [LONG_NAME, 'a\nb', '\ud800']) {
      expect(readRefusal(await testServices.ipAllowlist.add({ accountId, network, note }))).toBe(
        'invalid: a note is one line of at most 200 characters',
      )
    }
    expect(readRefusal(await testServices.ipAllowlist.add({ accountId: 'nobody', network }))).toBe(
      'not_found: there is no account nobody',
    )
    expect(readRefusal(await testServices.ipAllowlist.delete('nobody'))).toBe(
      'not_found: there is no IP allowlist entry nobody',
    )
    expect(readRefusal(await testServices.ipAllowlist.setEnforced('nobody', true))).toBe(
      'not_found: there is no account nobody',
    )
  })

  test('are enforced, opened, added and removed, each with its event', async () => {
    const { ipAllowlist, storage } = testServices
    const rule = unwrap(await ipAllowlist.add({ accountId, network: '10.0.0.0/8' }))
    expect(unwrap(await ipAllowlist.setEnforced(accountId, true)).ipAllowlistEnforced).toBe(true)
    expect(unwrap(await ipAllowlist.setEnforced(accountId, false)).ipAllowlistEnforced).toBe(false)
    unwrap(await ipAllowlist.delete(rule.id))
    expect(await testServices.listActions(accountId)).toEqual([
      ...[
        'account.created',
        'account.ip_allowlist_enforced',
        'account.ip_allowlist_enforcement_stopped',
      ],
    ])
    expect(await testServices.listActions(rule.id)).toEqual([
      'ip_allowlist_entry.added',
      'ip_allowlist_entry.deleted',
    ])
    const [, added] = await storage.listEvents({ subject: rule.id, limit: 2 })
    expect(added?.facts).toEqual({ accountId, network: '10.0.0.0/8' })
    expect(await ipAllowlist.list(accountId)).toEqual([])
  })
})

describe('a person', () => {
  test('has a username that is unique in the whole server, or none', async () => {
    const { users } = testServices
    const addUser = (
      username: string | undefined,
      email = `${testServices.random.uuid()}@acme.example`,
    ) => users.add({ accountId, email, role: 'member', username })
    expect(unwrap(await addUser('North.Office-1_@x')).username).toBe('North.Office-1_@x')
    expect(unwrap(await addUser(undefined)).username).toBeNull()
    const other = (await testServices.seedTenant()).accountId
    const email = 'second@acme.example'
    const input = {
      accountId: other,
      email,
      role: 'member',
      username: 'North.Office-1_@x',
    } as const
    expect(readRefusal(await users.add(input))).toBe(
      `conflict: ${email} is already a user of this account, or the username North.Office-1_@x is taken`,
    )
    for (const username of ['', 'a b', 'a:b', 'ü', 'x'.repeat(65)]) {
      expect(readRefusal(await addUser(username))).toBe(
        'invalid: a username is 1 to 64 of a–z, A–Z, 0–9, dot, dash, underscore and @',
      )
    }
  })

  test('has an address that is unique in its account', async () => {
    const { users } = testServices
    const input = { accountId, email: 'same@acme.example', role: 'member' } as const
    unwrap(await users.add(input))
    expect(readRefusal(await users.add(input))).toBe(
      'conflict: same@acme.example is already a user of this account',
    )
  })
})

test('the addresses from which keys were used are listed once each, the latest first', async () => {
  const { ipAllowlist, keys, users, storage, random, clock } = testServices
  const owner = unwrap(
    await users.add({ accountId, email: 'caller@acme.example', role: 'engineer' }),
  )
  const { key } = unwrap(await keys.create({ keyType: 'xdent', ownerId: owner.id, name: 'Caller' }))
  const DAY = 24 * 60 * 60 * 1000
  const createEvent = (address: string, days: number, action = 'token.issued') => ({
    id: random.uuid(),
    at: clock() - days * DAY,
    actor: 'key',
    action,
    subject: key.id,
    facts: { address },
    requestId: null,
  })
  await storage.addEvents([
    createEvent('203.0.113.1', 2),
    createEvent('203.0.113.1', 1, 'token.refreshed'),
    createEvent('203.0.113.2', 0),
    createEvent('203.0.113.3', 31),
    createEvent('203.0.113.4', 0, 'key.refused'),
  ])
  expect(await ipAllowlist.listSeenAddresses(accountId)).toEqual([
    { address: '203.0.113.2', lastAt: clock() },
    { address: '203.0.113.1', lastAt: clock() - DAY },
  ])
})
