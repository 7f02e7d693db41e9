import type { Browser, BrowserContextOptions } from 'playwright-core'
import { expect, test } from 'vitest'
import type { Role } from '../../../src/domain/role.ts'
import { openMonitoredPage } from '../../support/browser/chromium.ts'
import {
  type ConsoleFixture,
  openConsoleFixture,
  USERNAMES,
} from '../../support/browser/console-fixture.ts'
import { openSignedInPage, useBrowser } from '../../support/browser/hooks.ts'
import { tabTo, typeInFocusedField } from '../../support/browser/page-checks.ts'
import {
  confirmSecretStored,
  createKeyByForm,
  isAdmitted,
  pressKeyButton,
  readRevealedSecrets,
  revokeKeyByForm,
} from '../../support/browser/user-actions.ts'
import { PASSWORD } from '../../support/users.ts'

/*
 * The flows of the console other than the life cycle of a key (key-lifecycle.browser.test.ts).
 */

let browser: Browser
let fixture: ConsoleFixture
useBrowser(openConsoleFixture, (...opened) => {
  ;[browser, fixture] = opened
})

const OWNER = `${USERNAMES.engineer}@harbour-lane.example`

const signInAs = (role: Role, options: BrowserContextOptions = {}) =>
  openSignedInPage(browser, fixture.consoleUrl, role, options)

test('a destination that repeats the challenge is verified, and the handshake is shown', async () => {
  const { page, close } = await signInAs('engineer')
  await page.goto(
    `${fixture.consoleUrl}/console/destinations/${fixture.ids.destinations.unverified}`,
  )
  await page.getByText('This destination is not verified').waitFor()
  await page.getByRole('button', { name: 'Verify destination', exact: true }).click()
  const handshake = page.getByRole('region', { name: 'Handshake' })
  await handshake.getByText('The destination is verified').waitFor()
  await handshake.getByText('The response contained the challenge').waitFor()
  await close()
})

test('a test message that is sent from the page arrives', async () => {
  const { page, close } = await signInAs('engineer')
  const before = fixture.receiver.requests.length
  await page.goto(
    `${fixture.consoleUrl}/console/messages/test?source=${fixture.ids.addSource}&subscription=${fixture.ids.subscriptions[0]}`,
  )
  await page.getByRole('button', { name: 'Send message' }).click()
  await page.getByText('The message is accepted').waitFor()
  await expect.poll(() => fixture.receiver.requests.length).toBe(before + 1)
  const { path, body } = fixture.receiver.requests.at(-1) ?? { path: '', body: '{}' }
  expect(path).toBe('/registry')
  expect(JSON.parse(body)).toMatchObject({ Meta: { Test: true } })
  await page.getByRole('link', { name: 'View its delivery' }).click()
  await page.getByRole('region', { name: 'Route' }).getByText('State registry').waitFor()
  await close()
})

test('an enforced allowlist refuses a key from another address, and accepts it when it is no longer enforced', async () => {
  const { page, close } = await signInAs('administrator')
  const input = { keyType: 'xdent', name: 'Ward tablet', owner: OWNER } as const
  const key = await createKeyByForm(page, fixture.consoleUrl, input)
  await confirmSecretStored(page)
  const isDialogOpen = () => isAdmitted(fixture.url, 'xdent', key)

  await page.goto(`${fixture.consoleUrl}/console/ip-allowlist/enforce`)
  await page.getByRole('button', { name: 'Enforce list' }).click()
  await page.getByText('The list is enforced.').waitFor()
  expect(await isDialogOpen()).toBe(true)
  // This machine's own addresses are taken off the list.
  await page.getByRole('link', { name: 'Remove 127.0.0.0/8' }).click()
  await page.getByRole('button', { name: 'Remove entry' }).click()
  await page.getByText('The address was removed from the list.').waitFor()
  expect(await isDialogOpen()).toBe(false)
  await page.goto(`${fixture.consoleUrl}/console/ip-allowlist/stop-enforcing`)
  await page.getByRole('button', { name: 'Stop enforcing' }).click()
  await page.getByText('The list is no longer enforced').waitFor()
  expect(await isDialogOpen()).toBe(true)
  await close()
})

test('a member is offered no action without permission, and is refused when they request one', async () => {
  const { page, expectError, close } = await signInAs('member')
  expectError(/status of 403/)
  const keyUrl = `${fixture.consoleUrl}/console/keys/${fixture.ids.ids['Front desk automation']}`
  await page.goto(keyUrl)
  const main = page.getByRole('main')
  for (const name of ['View secret', 'Disable']) {
    expect(await main.getByRole('button', { name }).count()).toBe(0)
  }
  for (const name of ['Edit', 'Rotate secret', 'Revoke']) {
    expect(await main.getByRole('link', { name, exact: true }).count()).toBe(0)
  }
  for (const path of ['/console/accounts', '/console/keys/new', '/console/users/new']) {
    await page.goto(fixture.consoleUrl + path)
    await page.getByRole('heading', { name: 'Your role does not allow this' }).waitFor()
  }
  // A member's page posts the form of a button that the role does not show.
  await page.goto(keyUrl)
  await page.evaluate(`{
    const form = document.querySelector('form[method=post]')
    form.action = ${JSON.stringify(`${keyUrl}/view-secret`)}
    form.submit()
  }`)
  await page.getByRole('heading', { name: 'Your role does not allow this' }).waitFor()
  await close()
})

test('a change of the role of a signed-in user takes effect at their next click', async () => {
  const { page, expectError, close } = await signInAs('engineer')
  expectError(/status of 403/)
  const { engineer } = fixture.ids.users
  await page.goto(`${fixture.consoleUrl}/console/keys/${fixture.ids.ids['Radiology desk']}`)
  await fixture.users.setRole(engineer, 'member')
  await page.getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('heading', { name: 'Your role does not allow this' }).waitFor()
  const key = await fixture.keys.find(fixture.ids.ids['Radiology desk'] ?? '')
  expect(key).toMatchObject({ value: { status: 'enabled' } })
  await fixture.users.setRole(engineer, 'engineer')
  await close()
})

test('without script a key is made, used, viewed, disabled and revoked', async () => {
  const { page, close } = await signInAs('engineer', { javaScriptEnabled: false })
  await page.goto(`${fixture.consoleUrl}/console/keys`)
  await page.getByRole('link', { name: 'Create key' }).click()
  await page.getByRole('radio', { name: /^Practice/ }).check()
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Reception screen')
  await page.getByLabel('Or choose the owner').selectOption({ index: 1 })
  await page.getByRole('button', { name: 'Create key' }).click()
  const revealed = await readRevealedSecrets(page)
  expect(await isAdmitted(fixture.url, 'practice', revealed)).toBe(true)
  const keyUrl = await confirmSecretStored(page)
  await page.getByRole('button', { name: 'View secret' }).click()
  expect(await readRevealedSecrets(page)).toEqual(revealed)
  await page.getByRole('button', { name: 'Close' }).click()
  await pressKeyButton(page, keyUrl, 'Disable key')
  expect(await isAdmitted(fixture.url, 'practice', revealed)).toBe(false)
  await revokeKeyByForm(page, keyUrl, 'Reception screen')
  await page.getByText('Menu').waitFor({ state: 'attached' })
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await close()
})

test('without script, a token is created by the right password, and by no wrong one', async () => {
  const { page, expectError, close } = await signInAs('administrator', { javaScriptEnabled: false })
  expectError(/status of 422/)
  await page.goto(`${fixture.consoleUrl}/console/me/tokens/new`)
  await page.getByLabel('Name').fill('Nightly report')
  await page.getByLabel('Expires after').selectOption('30')
  const password = page.getByLabel('Your password')
  await password.fill('a guess')
  await page.getByRole('button', { name: 'Create API token' }).click()
  await page.getByText('The password is wrong.').waitFor()
  // The focus is on the invalid field once the page is painted, and the other fields keep their input.
  const isFocused = () => password.evaluate((field) => field.ownerDocument.activeElement === field)
  await expect.poll(isFocused).toBe(true)
  expect(await password.inputValue()).toBe('')
  expect(await page.getByLabel('Name').inputValue()).toBe('Nightly report')
  expect(await page.getByLabel('Expires after').inputValue()).toBe('30')
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'The API token Nightly report' }).waitFor()
  await close()
})

test('after sign-out a browser keeps the mark of a known device, and nothing else of the user', async () => {
  const { page, close } = await signInAs('engineer')
  const listCookieNames = async () => (await page.context().cookies()).map(({ name }) => name)
  expect(await listCookieNames()).toContain('__Host-latchkey')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  const [mark, ...more] = await page.context().cookies()
  expect(more).toEqual([])
  expect(mark).toMatchObject({
    name: '__Host-latchkey-device',
    path: '/',
    httpOnly: true,
    secure: true,
    sameSite: 'Strict',
  })
  await close()
})

test('signing in, creating a key, storing its secret and disabling it work by keyboard alone', async () => {
  const { page, unexpectedErrors, close } = await openMonitoredPage(browser)
  const { keyboard } = page
  const pressOn = async (name: string, key = 'Enter') => {
    await tabTo(page, name)
    await keyboard.press(key)
  }
  await page.goto(`${fixture.consoleUrl}/console/sign-in`)
  await typeInFocusedField(page, 'Username', USERNAMES.engineer)
  await tabTo(page, 'Password')
  await keyboard.type(PASSWORD)
  await keyboard.press('Enter')
  await page.waitForURL(`${fixture.consoleUrl}/console`)
  await pressOn('Keys')
  await page.waitForURL('**/keys')
  await pressOn('Create key')
  await page.waitForURL('**/keys/new')
  await tabTo(page, /^Redox/)
  // The arrows go from choice to choice.
  await keyboard.press('Space')
  for (let n = 0; n < 4; n++) await keyboard.press('ArrowDown')
  await pressOn('Next')
  await page.waitForURL(/key-type=xdent/)
  await typeInFocusedField(page, 'Name', 'Night desk')
  await pressOn('Create key')
  const revealed = await readRevealedSecrets(page)
  expect(await isAdmitted(fixture.url, 'xdent', revealed)).toBe(true)
  // Escape closes nothing: the secret stays on screen until the user confirms that they have stored it.
  await keyboard.press('Escape')
  await pressOn('I have stored the secret where its program reads it', 'Space')
  await pressOn('Close')
  await page.getByRole('heading', { name: 'Night desk' }).waitFor()
  await pressOn('Disable key')
  await page.getByText('The key is disabled').waitFor()
  expect(await isAdmitted(fixture.url, 'xdent', revealed)).toBe(false)
  expect(unexpectedErrors()).toEqual([])
  await close()
})
