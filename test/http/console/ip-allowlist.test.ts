import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { type ConsoleClient, seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../../support/server.ts'
import type { TestUser } from '../../support/users.ts'

let server: TestServer
let administrator: ConsoleClient & { readonly testUser: TestUser }
let accountId: string

const servers: TestServer[] = []
beforeEach(async () => {
  server = await createTestServer()
  servers.push(server)
  administrator = await seedConsoleClient(server, 'administrator')
  accountId = administrator.testUser.accountId
})
afterAll(() => Promise.all(servers.map((each) => each.close())))

const ALLOWLIST_PATH = '/console/ip-allowlist'
const addNetwork = async (network: string) =>
  unwrap(await server.ipAllowlist.add({ accountId, network }))
const isEnforced = async () => unwrap(await server.accounts.find(accountId)).ipAllowlistEnforced
const listNetworks = async () =>
  (await server.ipAllowlist.list(accountId)).map(({ network }) => network)

/** A key of the account is used from here. */
async function useKeyFrom(address: string) {
  const { apiKey, secret } = await seedKey(server, { accountId })
  const body = JSON.stringify({ apiKey, secret })
  expect((await server.call('/auth/authenticate', { body, address })).status).toBe(200)
  await server.flushAuditEvents()
}

describe('the list', () => {
  test('shows from where one comes, and takes it with one press', async () => {
    const { text } = await administrator.get(ALLOWLIST_PATH)
    expect(text).toContain('Your address is 203.0.113.7')
    expect(text).toContain('It is not on the list. Add my address')
    const added = await administrator.fill(ALLOWLIST_PATH, ALLOWLIST_PATH)
    expect(added.location).toBe(`${ALLOWLIST_PATH}?flash=ip-allowlist.add`)
    expect(await listNetworks()).toEqual(['203.0.113.7/32'])
    const after = await administrator.get(ALLOWLIST_PATH)
    expect(after.text).toContain('It is on the list.')
    expect(after.text).toContain(administrator.testUser.username)
  })

  test('accepts a network with a note, and keeps the input if it is refused', async () => {
    const form = { account: accountId, network: '198.51.100.0/24', note: 'head <b>office</b>' }
    expect((await administrator.send(ALLOWLIST_PATH, form)).status).toBe(303)
    expect((await administrator.get(ALLOWLIST_PATH)).text).toContain('head <b>office</b>')
    for (const [network, status] of [
      ['198.51.100.0/24', 409],
      ['198.51.100.1/24', 422],
      ['x'.repeat(10_000), 422],
    ] as const) {
      const refused = await administrator.send(ALLOWLIST_PATH, { ...form, network })
      expect(refused.status).toBe(status)
      expect(refused.html).toContain(`name="network" type="text" value="${network}"`)
      expect(refused.html).toContain('value="head &lt;b&gt;office&lt;/b&gt;"')
    }
  })

  test('is not changed by members, or from another account', async () => {
    const rule = await addNetwork('198.51.100.0/24')
    const engineer = await seedConsoleClient(server, 'engineer', accountId)
    const { text, html } = await engineer.get(ALLOWLIST_PATH)
    expect(text).toContain('198.51.100.0/24')
    expect(html).not.toContain(`action="${ALLOWLIST_PATH}`)
    const form = { account: accountId, seen: rule.network, network: '192.0.2.1' }
    for (const path of ['', '/enforce', '/stop-enforcing', `/${rule.id}/delete`]) {
      expect((await engineer.send(ALLOWLIST_PATH + path, form)).status).toBe(403)
    }
    const stranger = await seedConsoleClient(server, 'administrator')
    for (const path of ['', '/enforce', '/stop-enforcing', `/${rule.id}/delete`]) {
      expect((await stranger.send(ALLOWLIST_PATH + path, { ...form, seen: '' })).status).toBe(404)
    }
    expect([await listNetworks(), await isEnforced()]).toEqual([['198.51.100.0/24'], false])
  })
})

describe('the preview of a change of the allowlist', () => {
  test('lists the addresses from which keys were used, and which will be refused', async () => {
    await addNetwork('203.0.113.0/24')
    await useKeyFrom('203.0.113.9')
    await useKeyFrom('192.0.2.44')
    const confirmationPage = await administrator.get(`${ALLOWLIST_PATH}/enforce`)
    expect(confirmationPage.text).toContain('This blocks addresses that used keys recently')
    expect(confirmationPage.text).toContain('192.0.2.44 just now × Refused')
    expect(confirmationPage.text).toContain('203.0.113.9 just now ✓ Works')
    expect(await isEnforced()).toBe(false)
    const put = await administrator.fill(`${ALLOWLIST_PATH}/enforce`, `${ALLOWLIST_PATH}/enforce`)
    expect(put.location).toBe(`${ALLOWLIST_PATH}?flash=ip-allowlist.enforce`)
    expect(await isEnforced()).toBe(true)
    expect((await administrator.get(ALLOWLIST_PATH)).text).toContain('Enforced The keys of')
  })

  test('says if no use is known', async () => {
    await addNetwork('203.0.113.0/24')
    const { text } = await administrator.get(`${ALLOWLIST_PATH}/enforce`)
    expect(text).toContain('No token was requested within 30 days.')
    expect(text).toContain('Requests from other addresses are refused, with every key')
  })

  test('precedes the deletion of an entry, with the addresses that it will refuse', async () => {
    const rule = await addNetwork('203.0.113.0/24')
    await addNetwork('192.0.2.0/24')
    unwrap(await server.ipAllowlist.setEnforced(accountId, true))
    await useKeyFrom('203.0.113.9')
    const verb = `${ALLOWLIST_PATH}/${rule.id}/delete`
    const confirmationPage = await administrator.get(verb)
    expect(confirmationPage.text).toContain('203.0.113.9 just now × Refused')
    expect((await administrator.fill(verb, verb)).location).toBe(
      `${ALLOWLIST_PATH}?flash=ip-allowlist.delete`,
    )
    expect(await listNetworks()).toEqual(['192.0.2.0/24'])
  })

  test('says that an allowlist without entries refuses no address', async () => {
    const rule = await addNetwork('203.0.113.0/24')
    unwrap(await server.ipAllowlist.setEnforced(accountId, true))
    const { text } = await administrator.get(`${ALLOWLIST_PATH}/${rule.id}/delete`)
    expect(text).toContain('This is the last entry, and an empty list restricts nothing.')
  })

  test('the first address of an empty list that is in force is asked about too', async () => {
    await useKeyFrom('192.0.2.44')
    unwrap(await server.ipAllowlist.setEnforced(accountId, true))
    const form = { account: accountId, network: '203.0.113.0/24', note: 'office' }
    const confirmationPage = await administrator.send(ALLOWLIST_PATH, form)
    expect(confirmationPage.status).toBe(200)
    expect(confirmationPage.text).toContain('192.0.2.44 just now × Refused')
    expect(await listNetworks()).toEqual([])
    const confirmed = await administrator.send(ALLOWLIST_PATH, { ...form, confirmed: 'yes' })
    expect(confirmed.status).toBe(303)
    expect(await listNetworks()).toEqual(['203.0.113.0/24'])
  })

  test('is shown again if the list was changed since', async () => {
    await addNetwork('203.0.113.0/24')
    await addNetwork('192.0.2.0/24')
    const late = { account: accountId, seen: '203.0.113.0/24' }
    const confirmationPage = await administrator.send(`${ALLOWLIST_PATH}/enforce`, late)
    expect(confirmationPage.status).toBe(409)
    expect(confirmationPage.text).toContain(
      'Another user has changed the list since you opened this page.',
    )
    expect(confirmationPage.text).toContain('192.0.2.0/24')
    expect(await isEnforced()).toBe(false)
  })

  test('the list is taken out of force after it was asked for once more', async () => {
    await addNetwork('203.0.113.0/24')
    unwrap(await server.ipAllowlist.setEnforced(accountId, true))
    const opened = await administrator.fill(
      `${ALLOWLIST_PATH}/stop-enforcing`,
      `${ALLOWLIST_PATH}/stop-enforcing`,
    )
    expect(opened.location).toBe(`${ALLOWLIST_PATH}?flash=ip-allowlist.stopEnforcing`)
    expect(await isEnforced()).toBe(false)
  })
})
