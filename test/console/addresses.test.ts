import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { someone, type Visitor } from '../support/browsing.ts'
import type { Person } from '../support/people.ts'
import { done, seedKey, type TestServer, testServer } from '../support/server.ts'

let server: TestServer
let administrator: Visitor & { readonly person: Person }
let accountId: string

const servers: TestServer[] = []
beforeEach(async () => {
  server = await testServer()
  servers.push(server)
  administrator = await someone(server, 'administrator')
  accountId = administrator.person.accountId
})
afterAll(() => Promise.all(servers.map((each) => each.close())))

const HERE = '/console/addresses'
const add = async (network: string) => done(await server.places.addAddress({ accountId, network }))
const enforced = async () => done(await server.accounts.find(accountId)).addressesEnforced
const networks = async () =>
  (await server.places.listAddresses(accountId)).map(({ network }) => network)

/** A key of the account is used from here. */
async function use(address: string) {
  const { apiKey, secret } = await seedKey(server, { accountId })
  const body = JSON.stringify({ apiKey, secret })
  expect((await server.call('/auth/authenticate', { body, address })).status).toBe(200)
  await server.record()
}

describe('the list', () => {
  test('shows from where one comes, and takes it with one press', async () => {
    const { text } = await administrator.get(HERE)
    expect(text).toContain('You come from 203.0.113.7')
    expect(text).toContain('It is not on the list. Add it')
    const added = await administrator.fill(HERE, HERE)
    expect(added.location).toBe(`${HERE}?said=address-added`)
    expect(await networks()).toEqual(['203.0.113.7/32'])
    const after = await administrator.get(HERE)
    expect(after.text).toContain('It is on the list.')
    expect(after.text).toContain(administrator.person.username)
  })

  test('takes a network with a note, and refuses what is none with everything typed kept', async () => {
    const form = { account: accountId, network: '198.51.100.0/24', note: 'head <b>office</b>' }
    expect((await administrator.send(HERE, form)).status).toBe(303)
    expect((await administrator.get(HERE)).text).toContain('head <b>office</b>')
    for (const [network, status] of [
      ['198.51.100.0/24', 409],
      ['198.51.100.1/24', 422],
      ['x'.repeat(10_000), 422],
    ] as const) {
      const refused = await administrator.send(HERE, { ...form, network })
      expect(refused.status).toBe(status)
      expect(refused.html).toContain(`name="network" type="text" value="${network}"`)
      expect(refused.html).toContain('value="head &lt;b&gt;office&lt;/b&gt;"')
    }
  })

  test('is changed by nobody who only reads, nor from another account', async () => {
    const rule = await add('198.51.100.0/24')
    const engineer = await someone(server, 'engineer', accountId)
    const { text, html } = await engineer.get(HERE)
    expect(text).toContain('198.51.100.0/24')
    expect(html).not.toContain(`action="${HERE}`)
    const form = { account: accountId, seen: rule.network, network: '192.0.2.1' }
    for (const path of ['', '/enforce', '/open', `/${rule.id}/remove`]) {
      expect((await engineer.send(HERE + path, form)).status).toBe(403)
    }
    const stranger = await someone(server, 'administrator')
    for (const path of ['', '/enforce', '/open', `/${rule.id}/remove`]) {
      expect((await stranger.send(HERE + path, { ...form, seen: '' })).status).toBe(404)
    }
    expect([await networks(), await enforced()]).toEqual([['198.51.100.0/24'], false])
  })
})

describe('before somebody is locked out', () => {
  test('it is said from where keys were used, and which of that will be refused', async () => {
    await add('203.0.113.0/24')
    await use('203.0.113.9')
    await use('192.0.2.44')
    const asked = await administrator.get(`${HERE}/enforce`)
    expect(asked.text).toContain('This shuts out who used keys lately')
    expect(asked.text).toContain('192.0.2.44 just now × Refused')
    expect(asked.text).toContain('203.0.113.9 just now ✓ Works')
    expect(await enforced()).toBe(false)
    const put = await administrator.fill(`${HERE}/enforce`, `${HERE}/enforce`)
    expect(put.location).toBe(`${HERE}?said=addresses-enforced`)
    expect(await enforced()).toBe(true)
    expect((await administrator.get(HERE)).text).toContain('In force')
  })

  test('it is said plainly where nothing is known', async () => {
    await add('203.0.113.0/24')
    const { text } = await administrator.get(`${HERE}/enforce`)
    expect(text).toContain('Nobody has asked for a token within 30 days.')
    expect(text).toContain('Whoever calls from elsewhere is refused')
  })

  test('a rule is removed only after it is said whom that shuts out', async () => {
    const rule = await add('203.0.113.0/24')
    await add('192.0.2.0/24')
    done(await server.places.enforceAddresses(accountId, true))
    await use('203.0.113.9')
    const verb = `${HERE}/${rule.id}/remove`
    const asked = await administrator.get(verb)
    expect(asked.text).toContain('203.0.113.9 just now × Refused')
    expect((await administrator.fill(verb, verb)).location).toBe(`${HERE}?said=address-removed`)
    expect(await networks()).toEqual(['192.0.2.0/24'])
  })

  test('it is said that without its last entry a list shuts nobody out', async () => {
    const rule = await add('203.0.113.0/24')
    done(await server.places.enforceAddresses(accountId, true))
    const { text } = await administrator.get(`${HERE}/${rule.id}/remove`)
    expect(text).toContain('This is the last entry, and an empty list shuts nobody out.')
  })

  test('the first address of an empty list that is in force is asked about too', async () => {
    await use('192.0.2.44')
    done(await server.places.enforceAddresses(accountId, true))
    const form = { account: accountId, network: '203.0.113.0/24', note: 'office' }
    const asked = await administrator.send(HERE, form)
    expect(asked.status).toBe(200)
    expect(asked.text).toContain('192.0.2.44 just now × Refused')
    expect(await networks()).toEqual([])
    const confirmed = await administrator.send(HERE, { ...form, confirmed: 'yes' })
    expect(confirmed.status).toBe(303)
    expect(await networks()).toEqual(['203.0.113.0/24'])
  })

  test('who confirms what he saw of an older list is shown the newer one first', async () => {
    await add('203.0.113.0/24')
    await add('192.0.2.0/24')
    const late = { account: accountId, seen: '203.0.113.0/24' }
    const asked = await administrator.send(`${HERE}/enforce`, late)
    expect(asked.status).toBe(409)
    expect(asked.text).toContain('Somebody has changed the list since you looked.')
    expect(asked.text).toContain('192.0.2.0/24')
    expect(await enforced()).toBe(false)
  })

  test('the list is taken out of force after it was asked for once more', async () => {
    await add('203.0.113.0/24')
    done(await server.places.enforceAddresses(accountId, true))
    const opened = await administrator.fill(`${HERE}/open`, `${HERE}/open`)
    expect(opened.location).toBe(`${HERE}?said=addresses-open`)
    expect(await enforced()).toBe(false)
  })
})
