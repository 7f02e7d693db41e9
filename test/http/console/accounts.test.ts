import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConsoleClient, seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../../support/server.ts'
import { PASSWORD, type TestUser } from '../../support/users.ts'

let server: TestServer
let operator: ConsoleClient & { readonly testUser: TestUser }

beforeAll(async () => {
  server = await createTestServer()
  operator = await seedConsoleClient(server, 'operator')
})
afterAll(() => server.close())

const ACCOUNTS = '/console/accounts'
const createAccount = async (name: string) => unwrap(await server.accounts.create({ name }))
const selectAccount = (id: string, next = '/console') =>
  operator.send('/console/account', { account: id, next })
const selectAllAccounts = () => operator.send('/console/account', { next: ACCOUNTS })

describe('an operator', () => {
  test('creates an account, closes it after a page on the consequences, and opens it again', async () => {
    const made = await operator.fill(`${ACCOUNTS}/new`, `${ACCOUNTS}/new`, { name: 'Harbor' })
    const here = made.location?.split('?')[0] ?? ''
    const accountId = here.split('/').at(-1) ?? ''
    expect(made.location).toBe(`${ACCOUNTS}/${accountId}?flash=accounts.create`)
    expect((await operator.get(made.location ?? '')).html).toContain(
      `href="/console/users/new?accountId=${accountId}"`,
    )
    const { apiKey, secret } = await seedKey(server, { accountId })
    const status = async () => (await server.authenticate(apiKey, secret)).status

    expect((await operator.get(`${here}/close`)).text).toContain('Close Harbor?')
    expect(await status()).toBe(200)
    const closed = await operator.fill(`${here}/close`, `${here}/close`)
    expect(closed.location).toBe(`${here}?flash=accounts.close`)
    expect(await status()).not.toBe(200)
    expect((await operator.get(here)).text).toContain('× Closed')
    const opened = await operator.fill(`${here}/reopen`, `${here}/reopen`)
    expect(opened.location).toBe(`${here}?flash=accounts.reopen`)
    expect(await status()).toBe(200)
  })

  test('makes an account of a region that another server serves only where a box is ticked', async () => {
    const input = { name: 'Abroad', region: 'eu' }
    const named = async () =>
      (await server.accounts.list({ limit: 100 })).filter(({ name }) => name === 'Abroad')
    const refused = await operator.fill(`${ACCOUNTS}/new`, `${ACCOUNTS}/new`, input)
    expect(refused.status).toBe(422)
    expect(refused.text).toMatch(/Other region: this server serves the region us/i)
    expect(refused.text).not.toContain('otherRegion')
    expect(refused.html).toMatch(/<input[^>]*name="otherRegion"(?![^>]*checked)/)
    expect(await named()).toEqual([])
    const ticked = { ...input, otherRegion: 'on' }
    const made = await operator.fill(`${ACCOUNTS}/new`, `${ACCOUNTS}/new`, ticked)
    expect(made.location).toContain('flash=accounts.create')
    expect(await named()).toMatchObject([{ region: 'eu' }])
  })

  test('deletes an account once it is closed and empty', async () => {
    const { id, name } = await createAccount('Short-lived Clinic')
    const [here, deletion] = [`${ACCOUNTS}/${id}`, `${ACCOUNTS}/${id}/delete`]
    expect((await operator.get(here)).html).not.toContain(deletion)
    const open = await operator.fill(deletion, deletion)
    expect(open.status).toBe(409)
    expect(open.text).toContain(`${name} is open: close it first.`)
    unwrap(await server.accounts.setStatus(id, 'closed'))
    const site = unwrap(await server.sites.add({ accountId: id, name: 'Left over' }))
    const used = await operator.fill(deletion, deletion)
    expect(used.status).toBe(409)
    expect(used.text).toContain(`${name} still has users, sites`)
    unwrap(await server.sites.delete(site.id))
    expect((await operator.get(here)).html).toContain(`href="${deletion}"`)
    expect((await operator.fill(deletion, deletion)).location).toBe(
      `${ACCOUNTS}?flash=accounts.delete`,
    )
    expect((await operator.get(here)).status).toBe(404)
  })

  test('does not close the account of the last operators', async () => {
    const here = `${ACCOUNTS}/${operator.testUser.accountId}`
    const refused = await operator.fill(`${here}/close`, `${here}/close`)
    expect(refused.status).toBe(409)
    expect(refused.text).toContain('All operators who can sign in belong to Acme Health')
  })

  test('selects one account, which every page names, sees it alone, and then all again', async () => {
    const [one, other] = [await createAccount('One Clinic'), await createAccount('Other Clinic')]
    for (const { id, name } of [one, other]) {
      unwrap(await server.sites.add({ accountId: id, name: `Site of ${name}` }))
    }
    const all = await operator.get('/console/sites')
    expect(all.text).toContain('Site of One Clinic One Clinic')
    expect(all.text).toContain('Site of Other Clinic Other Clinic')
    expect(all.text).not.toContain('Show all accounts')

    expect((await selectAccount(one.id, '/console/sites')).location).toBe('/console/sites')
    const narrowed = await operator.get('/console/sites')
    expect(narrowed.text).toContain('Only One Clinic Show all accounts')
    expect(narrowed.text).toContain('Site of One Clinic')
    expect(narrowed.text).not.toContain('Site of Other Clinic')
    expect(narrowed.html).not.toContain(`href="${ACCOUNTS}"`)
    const { text, html } = await operator.get(ACCOUNTS)
    expect(text).toContain('You see only One Clinic')
    expect(html).not.toContain(other.id)

    expect((await selectAllAccounts()).location).toBe(ACCOUNTS)
    expect((await operator.get('/console/sites')).text).toContain('Site of Other Clinic')
  })

  test('is asked for the account where a page shows one, and returns to that page', async () => {
    const { id, name } = await createAccount('Meant Clinic')
    for (const path of ['settings', 'ip-allowlist']) {
      await selectAllAccounts()
      const response = await operator.get(`/console/${path}`)
      expect(response.text).toContain('Account switcher')
      expect(response.html).toContain(`aria-label="Choose ${name}"`)
      const chosen = await selectAccount(id, `/console/${path}`)
      expect(chosen.location).toBe(`/console/${path}`)
      expect((await operator.get(`/console/${path}`)).text).not.toContain('Account switcher')
    }
    await selectAllAccounts()
  })

  test.each(['sites', 'developers', 'users', 'sources', 'destinations'])(
    'selects the account of a new row of %s in its form, and still sees all accounts',
    async (group) => {
      const { id, name } = await createAccount(`Account of ${group}`)
      const path = `/console/${group}/new`
      const form = await operator.get(path)
      expect(form.html).toContain(`<option value="${id}">${name}</option>`)
      const email = `${group}@account.example`
      const fields = {
        accountId: id,
        name: 'New',
        email,
        role: 'member',
        'your-password': PASSWORD,
        invite: '',
      }
      const created = await operator.fill(path, path, fields)
      expect(created.status).toBe(303)
      const page = await operator.get(created.location ?? '')
      expect(page.text).toContain(name)
      expect(page.text).not.toContain(`Only ${name}`)
    },
  )

  test('can distinguish accounts of one name by the end of their ids', async () => {
    const twins = [await createAccount('Twin Clinic'), await createAccount('Twin Clinic')]
    for (const { id } of twins) {
      const text = `Twin Clinic (…${id.slice(-8)})`
      expect((await operator.get('/console/sites/new')).html).toContain(
        `<option value="${id}">${text}</option>`,
      )
      for (const path of [ACCOUNTS, '/console/ip-allowlist']) {
        expect((await operator.get(path)).html).toContain(`aria-label="Choose ${text}"`)
      }
    }
  })

  test('creates nothing by a form that was opened in another account', async () => {
    const [one, other] = [await createAccount('Left Clinic'), await createAccount('Right Clinic')]
    await selectAccount(one.id)
    await selectAccount(other.id)
    const late = await operator.send('/console/sites/new', { accountId: one.id, name: 'Late' })
    expect(late.status).toBe(404)
    for (const { id } of [one, other]) {
      expect(await server.sites.list({ accountId: id, limit: 10 })).toEqual([])
    }
    await selectAllAccounts()
  })

  test('is redirected to the console only, whatever the form contains', async () => {
    const { id } = await createAccount('Safe Clinic')
    expect((await selectAccount(id, 'https://evil.example/')).location).toBe('/console')
    await selectAllAccounts()
  })
})

describe('the settings of an account', () => {
  test('are changed by its administrator, and not overwritten unseen', async () => {
    const { testUser, ...administrator } = await seedConsoleClient(server, 'administrator')
    const at = `${ACCOUNTS}/${testUser.accountId}`
    expect((await administrator.get('/console/settings')).text).toContain(
      'Settings Acme Health Details',
    )
    const renamed = await administrator.fill('/console/settings', `${at}/rename`, { name: 'Acme' })
    expect(renamed.location).toBe('/console/settings?flash=saved')
    const late = await administrator.send(`${at}/rename`, { seen: 'Acme Health', name: 'Akme' })
    expect(late.status).toBe(409)
    expect(late.text).toContain('it is “Acme” now, and you typed “Akme”')
    const name = 'x'.repeat(10_000)
    const long = await administrator.send(`${at}/rename`, { seen: 'Acme', name })
    expect(long.status).toBe(422)
    expect(long.html).toContain(`value="${name}"`)

    const choice = { offboardingPolicy: 'disable' }
    const set = await administrator.fill(
      '/console/settings',
      `${at}/set-offboarding-policy`,
      choice,
    )
    expect(set.location).toBe('/console/settings?flash=saved')
    expect(
      (await administrator.send(`${at}/set-offboarding-policy`, { seen: 'disable' })).status,
    ).toBe(422)
    const storedAccount = unwrap(await server.accounts.find(testUser.accountId))
    expect(storedAccount).toMatchObject({ name: 'Acme', offboardingPolicy: 'disable' })
  })

  test('name what happens to the keys of a user who is deactivated', async () => {
    const { testUser, ...administrator } = await seedConsoleClient(server, 'administrator')
    const { accountId } = testUser
    const { ownerId } = await seedKey(server, { accountId })
    const path = `/console/users/${ownerId}/deactivate`
    expect((await administrator.get(path)).text).toContain('The keys continue to work')
    unwrap(await server.accounts.setOffboardingPolicy(accountId, 'disable'))
    expect((await administrator.get(path)).text).toContain('Enabled keys are disabled too')
  })

  test('are visible to all its users, and changed by administrators only', async () => {
    const engineer = await seedConsoleClient(server, 'engineer')
    const at = `${ACCOUNTS}/${engineer.testUser.accountId}`
    const { status, html } = await engineer.get('/console/settings')
    expect(status).toBe(200)
    expect(html).not.toContain(`action="${at}`)
    expect(html).not.toContain(`href="${ACCOUNTS}"`)
    for (const path of ['/rename', '/set-offboarding-policy', '/close', '/reopen', '/delete']) {
      expect([path, (await engineer.send(at + path, { name: 'x' })).status]).toEqual([path, 403])
    }
    for (const path of [ACCOUNTS, `${ACCOUNTS}/new`]) {
      expect([path, (await engineer.get(path)).status]).toEqual([path, 403])
    }
  })

  test('of another account are not there, and its name is inert', async () => {
    const stranger = await seedConsoleClient(server, 'administrator')
    const name = '<img src=x onerror=alert(1)>'
    const { id } = await createAccount(name)
    const form = { seen: name, name: 'mine' }
    expect((await stranger.send(`${ACCOUNTS}/${id}/rename`, form)).status).toBe(404)
    const { html, text } = await operator.get(ACCOUNTS)
    expect(html).not.toContain('<img src=x')
    expect(text).toContain(name)
  })
})
