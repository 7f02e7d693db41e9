import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Done } from '../../src/service/operator.ts'
import { type Core, openCore } from '../support/core.ts'
import { done } from '../support/server.ts'

let core: Core
let accountId: string
beforeEach(async () => {
  core = await openCore()
  accountId = (await core.seedTenant()).accountId
})
afterEach(() => core.close())

/** What went wrong, as the operator reads it. */
const refusal = (result: Done<unknown>): string => {
  if (result.ok) throw new Error('it was done')
  return `${result.failure.problem}: ${result.failure.message}`
}
const LONG = 'x'.repeat(201)

describe('a site or developer', () => {
  test('is made with a name, in an account, and that is an event', async () => {
    const { places, storage } = core
    const site = done(await places.addSite({ accountId, name: ' North ' }))
    expect(site).toEqual({ id: site.id, accountId, name: 'North', createdAt: core.clock() })
    expect(await storage.findSite(site.id)).toEqual(site)
    expect(await core.actionsOf(site.id)).toEqual(['site.created'])
    const developer = done(await places.addDeveloper({ accountId, name: 'Maker' }))
    expect(developer.developerKey).toMatch(/^[A-Z0-9]{16}$/)
    expect(await storage.findDeveloper(developer.id)).toEqual(developer)
    const [event] = await storage.listEvents({ subject: developer.id, limit: 1 })
    const facts = { developerKey: developer.developerKey }
    expect(event).toMatchObject({ action: 'developer.created', facts })
  })

  test.each([
    [' ', 'invalid: the name must not be blank'],
    [LONG, 'invalid: the name must not be longer than 200 characters'],
    ['a\tb', 'invalid: the name must be one line of text'],
    ['a\u2028b', 'invalid: the name must be one line of text'],
    // It would turn around what follows it on the page (Unicode TR 36).
    ['a\u202eb', 'invalid: the name must be one line of text'],
    ['\u2066a', 'invalid: the name must be one line of text'],
    // A link that nobody could see.
    ['\u200b\u2060', 'invalid: the name must not be blank'],
  ])('is not made with the name %j', async (name, sentence) => {
    expect(refusal(await core.places.addSite({ accountId, name }))).toBe(sentence)
    expect(refusal(await core.places.addDeveloper({ accountId, name }))).toBe(sentence)
  })

  test.each(['العربية', 'می‌خواهم', '日本', '👩‍⚕️', '→'])('may have the name %s', async (name) => {
    expect(done(await core.places.addSite({ accountId, name })).name).toBe(name)
  })

  test('is not made where there is no account', async () => {
    const wish = { accountId: 'nobody', name: 'n' }
    const sentence = 'not_found: there is no account nobody'
    expect(refusal(await core.places.addSite(wish))).toBe(sentence)
    expect(refusal(await core.places.addDeveloper(wish))).toBe(sentence)
  })

  test('is renamed, with an event that says so, or told why not', async () => {
    const { places } = core
    const site = done(await places.addSite({ accountId, name: 'North' }))
    expect(done(await places.renameSite(site.id, ' South '))).toEqual({ ...site, name: 'South' })
    expect(await core.actionsOf(site.id)).toEqual(['site.created', 'site.renamed'])
    expect(refusal(await places.renameSite(site.id, LONG))).toMatch(/^invalid: the name must not/)
    expect(refusal(await places.renameSite('nobody', 'n'))).toBe(
      'not_found: there is no site nobody',
    )
    const developer = done(await places.addDeveloper({ accountId, name: 'Maker' }))
    expect(done(await places.renameDeveloper(developer.id, 'Baker')).name).toBe('Baker')
    expect(await core.actionsOf(developer.id)).toEqual(['developer.created', 'developer.renamed'])
  })

  test('a site is removed while no key ever was its own', async () => {
    const { places, keys } = core
    const [used, unused] = [
      done(await places.addSite({ accountId, name: 'Used' })),
      done(await places.addSite({ accountId, name: 'Unused' })),
    ]
    const email = 'holder@acme.example'
    const owner = done(await core.accounts.addUser({ accountId, email, role: 'engineer' }))
    const wish = { dialect: 'xenrad', ownerId: owner.id, siteId: used.id, name: 'RIS' } as const
    const { key } = done(await keys.create(wish))
    const kept = 'conflict: keys belong to Used, be they revoked: it stays'
    expect(refusal(await places.removeSite(used.id))).toBe(kept)
    done(await keys.revoke(key.id))
    expect(refusal(await places.removeSite(used.id))).toBe(kept)
    done(await places.removeSite(unused.id))
    expect(await core.actionsOf(unused.id)).toEqual(['site.created', 'site.removed'])
    expect(refusal(await places.findSite(unused.id))).toMatch(/^not_found/)
  })

  test('a developer is removed while no key ever was its own', async () => {
    const { places, keys } = core
    const [used, unused] = [
      done(await places.addDeveloper({ accountId, name: 'Used' })),
      done(await places.addDeveloper({ accountId, name: 'Unused' })),
    ]
    const email = 'dental@acme.example'
    const owner = done(await core.accounts.addUser({ accountId, email, role: 'engineer' }))
    const dialect = 'opendental-portal'
    const wish = { dialect, ownerId: owner.id, developerId: used.id, name: 'portal' } as const
    const { key } = done(await keys.create(wish))
    const kept = 'conflict: keys belong to Used, be they revoked: the developer stays'
    expect(refusal(await places.removeDeveloper(used.id))).toBe(kept)
    done(await keys.revoke(key.id))
    expect(refusal(await places.removeDeveloper(used.id))).toBe(kept)
    done(await places.removeDeveloper(unused.id))
    expect(await core.actionsOf(unused.id)).toEqual(['developer.created', 'developer.removed'])
    expect(refusal(await places.removeDeveloper(unused.id))).toMatch(/^not_found/)
  })

  test('keeps the developer key that another system issued, if nobody has it', async () => {
    const { places } = core
    const wish = { accountId, name: 'Maker', developerKey: 'NFF6i0KrXrxDkZHt' }
    expect(done(await places.addDeveloper(wish)).developerKey).toBe(wish.developerKey)
    expect(refusal(await places.addDeveloper(wish))).toBe(
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
      expect(refusal(await places.addDeveloper({ ...wish, developerKey }))).toBe(
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
  ])('%s is kept as %s', async (network, kept) => {
    const rule = done(await core.places.addAddress({ accountId, network, note: ' office ' }))
    const createdAt = core.clock()
    expect(rule).toEqual({ id: rule.id, accountId, network: kept, note: 'office', createdAt })
    expect(await core.places.listAddresses(accountId)).toEqual([rule])
    expect(refusal(await core.places.addAddress({ accountId, network: kept }))).toBe(
      `conflict: ${kept} is in the list already`,
    )
  })

  test.each(['', 'office', '10.0.0.0/33', '10.0.0.1/8', '300.1.1.1', '10.0.0.0/8/8', '::/129'])(
    '%j is refused, with what may be written',
    async (network) => {
      expect(refusal(await core.places.addAddress({ accountId, network }))).toBe(
        `invalid: ${JSON.stringify(network)} is no address and no network: write 203.0.113.7, ` +
          '203.0.113.0/24 or 2001:db8::/32, without bits set beyond the prefix',
      )
    },
  )

  test('have a note of one line, in an account that is one', async () => {
    const network = '10.0.0.0/8'
    for (const note of [LONG, 'a\nb', '\ud800']) {
      expect(refusal(await core.places.addAddress({ accountId, network, note }))).toBe(
        'invalid: a note is one line of at most 200 characters',
      )
    }
    expect(refusal(await core.places.addAddress({ accountId: 'nobody', network }))).toBe(
      'not_found: there is no account nobody',
    )
    expect(refusal(await core.places.removeAddress('nobody'))).toBe(
      'not_found: there is no address rule nobody',
    )
    expect(refusal(await core.places.enforceAddresses('nobody', true))).toBe(
      'not_found: there is no account nobody',
    )
  })

  test('are enforced, opened, added and removed, each with its event', async () => {
    const { places, storage } = core
    const rule = done(await places.addAddress({ accountId, network: '10.0.0.0/8' }))
    expect(done(await places.enforceAddresses(accountId, true)).addressesEnforced).toBe(true)
    expect(done(await places.enforceAddresses(accountId, false)).addressesEnforced).toBe(false)
    done(await places.removeAddress(rule.id))
    expect(await core.actionsOf(accountId)).toEqual([
      ...['account.created', 'account.addresses_enforced', 'account.addresses_open'],
    ])
    expect(await core.actionsOf(rule.id)).toEqual(['address.added', 'address.removed'])
    const [, added] = await storage.listEvents({ subject: rule.id, limit: 2 })
    expect(added?.facts).toEqual({ accountId, network: '10.0.0.0/8' })
    expect(await places.listAddresses(accountId)).toEqual([])
  })
})

describe('a person', () => {
  test('has a username that nobody else has in the whole server, or none', async () => {
    const { accounts } = core
    const add = (username: string | undefined, email = `${core.random.uuid()}@acme.example`) =>
      accounts.addUser({ accountId, email, role: 'member', username })
    expect(done(await add('North.Office-1_@x')).username).toBe('North.Office-1_@x')
    expect(done(await add(undefined)).username).toBeNull()
    const other = (await core.seedTenant()).accountId
    const email = 'second@acme.example'
    const wish = { accountId: other, email, role: 'member', username: 'North.Office-1_@x' } as const
    expect(refusal(await accounts.addUser(wish))).toBe(
      `conflict: ${email} is already a user of this account, or the username North.Office-1_@x is taken`,
    )
    for (const username of ['', 'a b', 'a:b', 'ü', 'x'.repeat(65)]) {
      expect(refusal(await add(username))).toBe(
        'invalid: a username is 1 to 64 of a–z, A–Z, 0–9, dot, dash, underscore and @',
      )
    }
  })

  test('who has no username is told apart from one whose address is taken', async () => {
    const { accounts } = core
    const wish = { accountId, email: 'same@acme.example', role: 'member' } as const
    done(await accounts.addUser(wish))
    expect(refusal(await accounts.addUser(wish))).toBe(
      'conflict: same@acme.example is already a user of this account',
    )
  })
})

test('the addresses that tokens were asked for from are told once each, the last one first', async () => {
  const { places, storage, random, clock } = core
  const rule = done(await places.addAddress({ accountId, network: '203.0.113.0/24' }))
  const DAY = 24 * 60 * 60 * 1000
  const seen = (address: string, days: number, action = 'token.issued') => ({
    id: random.uuid(),
    at: clock() - days * DAY,
    actor: 'key',
    action,
    subject: rule.id,
    facts: { address },
    requestId: null,
  })
  await storage.addEvents([
    seen('203.0.113.1', 2),
    seen('203.0.113.1', 1, 'token.refreshed'),
    seen('203.0.113.2', 0),
    seen('203.0.113.3', 31),
    seen('203.0.113.4', 0, 'key.refused'),
  ])
  expect(await places.seenAddresses(accountId)).toEqual([
    { address: '203.0.113.2', lastAt: clock() },
    { address: '203.0.113.1', lastAt: clock() - DAY },
  ])
})
