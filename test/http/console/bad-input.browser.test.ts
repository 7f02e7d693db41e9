import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser, BrowserContextOptions } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import type { Role } from '../../../src/domain/role.ts'
import { openMonitoredPage } from '../../support/browser/chromium.ts'
import {
  type ConsoleFixture,
  openConsoleFixture,
  USERNAMES,
} from '../../support/browser/console-fixture.ts'
import { openSignedInPage, useBrowser } from '../../support/browser/hooks.ts'
import { readFocusedName } from '../../support/browser/page-checks.ts'
import {
  confirmSecretStored,
  createKeyByForm,
  readRevealedSecrets,
  signInByForm,
} from '../../support/browser/user-actions.ts'
import { unwrap } from '../../support/server.ts'

/*
 * Attacks through a user's browser, and conflicting changes by two users.
 */

let browser: Browser
let fixture: ConsoleFixture
useBrowser(openConsoleFixture, (...opened) => {
  ;[browser, fixture] = opened
})

const OWNER = `${USERNAMES.engineer}@harbour-lane.example`
const getKeyPath = (name: string) => `/console/keys/${fixture.ids.ids[name]}`

const signInAs = (role: Role, options: BrowserContextOptions = {}) =>
  openSignedInPage(browser, fixture.consoleUrl, role, options)

/** Another site, with a page that sends a form here as soon as it is opened. */
async function startOtherSite(action: string) {
  const page = `<form method="post" action="${action}"></form><script>document.forms[0].submit()</script>`
  const server = createServer((_, answer) =>
    answer.writeHead(200, { 'Content-Type': 'text/html' }).end(page),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { port, close: () => server.close() }
}

test.each([
  ['another site', 'localhost'],
  ['another origin of this site', '127.0.0.1'],
])('a form that %s sends in the name of who is signed in is refused', async (_, host) => {
  const { page, expectError, close } = await signInAs('engineer')
  expectError(/status of 40[34]|favicon/)
  const other = await startOtherSite(`${fixture.consoleUrl}${getKeyPath('Radiology desk')}/disable`)
  await page.goto(`http://${host}:${other.port}/`)
  await page
    .getByRole('heading', { name: 'This form was not sent by a page of Latchkey' })
    .waitFor()
  const key = unwrap(await fixture.keys.find(fixture.ids.ids['Radiology desk'] ?? ''))
  expect(key.status).toBe('enabled')
  other.close()
  await close()
})

test('a session whose cookie was copied ends for the thief too when its owner signs out', async () => {
  const { page, close } = await signInAs('engineer')
  const thief = await openMonitoredPage(browser)
  await thief.page.context().addCookies(await page.context().cookies())
  await thief.page.goto(`${fixture.consoleUrl}/console/keys`)
  await thief.page.getByRole('heading', { name: 'Keys', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await thief.page.reload()
  await thief.page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await Promise.all([close(), thief.close()])
})

test('the second of two users who edit one key sees both versions, and loses no input', async () => {
  const { page, expectError, close } = await signInAs('engineer')
  expectError(/status of 409/)
  await page.goto(`${fixture.consoleUrl}${getKeyPath('Imaging archive')}/edit`)
  const faster = await signInAs('administrator')
  await faster.page.goto(`${fixture.consoleUrl}${getKeyPath('Imaging archive')}/edit`)
  await faster.page.getByLabel('Reference').fill('Theirs 41')
  await faster.page.getByRole('button', { name: 'Save' }).click()
  await faster.page.getByText('The key was changed.').waitFor()

  await page.getByLabel('Reference').fill('Mine 42')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Someone else changed this key while you were editing it').waitFor()
  await page.getByRole('cell', { name: 'Theirs 41' }).waitFor()
  expect(await page.getByLabel('Reference').inputValue()).toBe('Mine 42')
  await Promise.all([close(), faster.close()])
})

test('a form keeps its input if the session ended and the user signs in in another tab', async () => {
  const { page, expectError, close } = await signInAs('engineer')
  expectError(/status of 401/)
  await page.goto(`${fixture.consoleUrl}/console/sources/new`)
  await page.getByLabel('Name').fill('Ward round')
  await page.context().clearCookies()
  await page.getByRole('button', { name: 'Add source' }).click()
  await page.getByRole('heading', { name: 'Your session has ended' }).waitFor()
  const beside = await page.context().newPage()
  await signInByForm(beside, fixture.consoleUrl, USERNAMES.engineer)
  await page.goBack()
  expect(await page.getByLabel('Name').inputValue()).toBe('Ward round')
  await page.getByRole('button', { name: 'Add source' }).click()
  await page.getByText('The source was added.').waitFor()
  await close()
})

test('a refused form moves the focus to the reason, which leads to the form', async () => {
  const { page, expectError, close } = await signInAs('engineer')
  expectError(/status of 422/)
  await page.goto(`${fixture.consoleUrl}/console/destinations/new`)
  await page.getByLabel('Name').fill('Plain desk')
  await page.getByLabel('URL').fill('http://desk.example/')
  await page.getByRole('button', { name: 'Add destination' }).click()
  const reason = page.getByRole('alert').and(page.locator(':focus'))
  await reason.filter({ hasText: 'the URL must be https' }).waitFor()
  await page.keyboard.press('Tab')
  expect(await readFocusedName(page)).toBe('Name')
  await close()
})

test('a filter keeps the focus while the user moves through its options by keyboard', async () => {
  const { page, close } = await signInAs('engineer')
  await page.goto(`${fixture.consoleUrl}/console/keys`)
  const status = page.getByLabel('Status')
  await status.focus()
  for (const choice of ['enabled', 'disabled']) {
    await page.keyboard.press('ArrowDown')
    expect(await status.inputValue()).toBe(choice)
  }
  expect([await readFocusedName(page), page.url()]).toEqual([
    'Status',
    `${fixture.consoleUrl}/console/keys`,
  ])
  await page.getByRole('button', { name: 'Search' }).press('Enter')
  await page.waitForURL(/status=disabled/)
  await close()
})

test('script in every name is read, and does nothing', async () => {
  const name = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`
  const { accountId, users } = fixture.ids
  const { sites, developers, ipAllowlist, sources, destinations, subscriptions, keys } = fixture
  const of = { accountId, name }
  const site = unwrap(await sites.add(of))
  const developer = unwrap(await developers.add(of))
  const source = unwrap(await sources.add(of))
  const destination = unwrap(await destinations.add(of))
  const subscription = unwrap(
    await subscriptions.create({ sourceId: source.id, destinationId: destination.id }),
  )
  const input = { keyType: 'redox', ownerId: users.engineer, sourceId: source.id, name } as const
  const { key } = unwrap(
    await keys.create({ ...input, description: name, reference: name.slice(0, 100) }),
  )
  unwrap(await ipAllowlist.add({ accountId, network: '198.51.100.7', note: name }))

  const { page, unexpectedErrors, expectError, close } = await signInAs('administrator')
  expectError(/status of 404/)
  for (const path of [
    ...['', '/keys', `/keys/${key.id}`, `/keys/${key.id}/edit`, `/keys/${key.id}/rotate-secret`],
    ...['/sites', `/sites/${site.id}`, '/developers', `/developers/${developer.id}`],
    ...['/sources', `/sources/${source.id}`, '/destinations', `/destinations/${destination.id}`],
    ...[
      '/subscriptions',
      `/subscriptions/${subscription.id}`,
      `/messages/test?source=${source.id}`,
      '/ip-allowlist',
    ],
    ...['/audit', `/audit?subject=${key.id}`, `/keys?q=${encodeURIComponent(name)}`],
    ...[`/explain?request=${encodeURIComponent(name)}`],
  ]) {
    await page.goto(`${fixture.consoleUrl}/console${path}`)
    expect(await page.title()).not.toBe('taken')
    expect(await page.locator('img, script:not([src])').count()).toBe(0)
  }
  await page.goto(`${fixture.consoleUrl}/console/keys/${key.id}`)
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(name)
  expect(unexpectedErrors()).toEqual([])
  await close()
})

describe.each([
  ['with script', true],
  ['without script', false],
])('after a reveal, %s', (_, javaScriptEnabled) => {
  test('the back button brings no secret again, nor makes a second key', async () => {
    const { page, expectError, close } = await signInAs('engineer', { javaScriptEnabled })
    expectError(/ERR_CACHE_MISS/)
    const name = `Kiosk ${javaScriptEnabled}`
    const revealed = await createKeyByForm(page, fixture.consoleUrl, {
      keyType: 'xdent',
      name,
      owner: OWNER,
    })
    expect(revealed.get('secret')).toMatch(/^lk_/)
    await confirmSecretStored(page)
    // The browser has kept nothing: all that it can do is ask whether the form is to be sent again.
    await expect(page.goBack()).rejects.toThrow('ERR_CACHE_MISS')
    const { keys } = await fixture.keys.search({ text: name, order: 'newest', limit: 5 })
    expect(keys).toHaveLength(1)
    await close()
  })

  test('the form that is sent again says that the key exists, and shows no secret', async () => {
    const { page, expectError, close } = await signInAs('engineer', { javaScriptEnabled })
    expectError(/status of 409/)
    const input = { keyType: 'practice', name: `Kiosk again ${javaScriptEnabled}`, owner: OWNER }
    const revealed = await createKeyByForm(page, fixture.consoleUrl, {
      ...input,
      keyType: 'practice',
    })
    await page.reload()
    await page.getByText('This key already exists').waitFor()
    expect(await page.content()).not.toContain(revealed.get('secret'))
    await close()
  })
})

test('a dialog that shows a secret closes only after the user has confirmed to have stored it', async () => {
  const { page, close } = await signInAs('engineer')
  await createKeyByForm(page, fixture.consoleUrl, {
    keyType: 'xdent',
    name: 'Corridor screen',
    owner: OWNER,
  })
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Close' }).click()
  expect((await readRevealedSecrets(page)).size).toBeGreaterThan(0)
  await confirmSecretStored(page)
  await close()
})

test('a one-time link that has expired is refused, and the page says who can create another', async () => {
  const { page, expectError, close } = await openMonitoredPage(browser)
  expectError(/status of 410/)
  await page.goto(`${fixture.consoleUrl}/console/welcome/${fixture.ids.expiredLink}`)
  await page.getByRole('heading', { name: 'This link is no longer valid' }).waitFor()
  await page.getByText('Ask an administrator of your account').waitFor()
  await close()
})

test('the answer to too many wrong passwords has the time to wait, and the form keeps its input', async () => {
  const { page, expectError, close } = await openMonitoredPage(browser)
  expectError(/status of 4(01|29)/)
  await page.goto(`${fixture.consoleUrl}/console/sign-in`)
  await page.getByLabel('Username').fill('nobody.here')
  for (let n = 0; n < 6; n++) {
    await page.getByLabel('Password').fill(`wrong password ${n}`)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('alert').waitFor()
  }
  await page.getByText(/Too many failed attempts: try again in/).waitFor()
  expect(await page.getByLabel('Username').inputValue()).toBe('nobody.here')
  await close()
})
