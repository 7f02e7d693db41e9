import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  LAUNCH_TIMEOUT_MS,
  launchChromium,
  openMonitoredPage,
} from '../../support/browser/chromium.ts'
import {
  confirmSecretStored,
  createKeyByForm,
  isAdmitted,
  signInByForm,
} from '../../support/browser/user-actions.ts'
import { type ServerProcess, startServerProcess } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'
import { PASSWORD } from '../../support/users.ts'

/*
 * `latchkey serve` without settings, and the first user in a browser.
 */

const dir = createTempFolder()
let browser: Browser
let server: ServerProcess
beforeAll(async () => {
  ;[browser, server] = await Promise.all([launchChromium(), startServerProcess(dir)])
}, LAUNCH_TIMEOUT_MS)
afterAll(async () => {
  await browser?.close()
  await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

test('the link that serve leaves makes the first operator, once; the people they add make a key that opens', async () => {
  await server.waitForOutput('first-operator-link')
  const link = readFileSync(join(dir, 'first-operator-link'), 'utf8').trim()
  const { page, expectError, close } = await openMonitoredPage(browser)
  expectError(/status of 410/)

  await page.goto(link)
  await page.getByLabel('Your organization').fill('Harbour Lane Clinics')
  await page.getByLabel('Your e-mail address').fill('mara@harbour-lane.example')
  await page.getByLabel('Username').fill('mara')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByLabel('Repeat the password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.waitForURL(`${server.consoleUrl}/console/sign-in?flash=password-set`)
  await signInByForm(page, server.consoleUrl, 'mara')
  await page.goto(link)
  await page.getByRole('heading', { name: 'This link is no longer valid' }).waitFor()

  // An operator owns no key, and invites a user who does.
  await page.goto(`${server.consoleUrl}/console/users/new`)
  await page.getByLabel('Account', { exact: true }).selectOption('Harbour Lane Clinics')
  await page.getByLabel('E-mail address').fill('tom@harbour-lane.example')
  await page.getByLabel('Username').fill('tom')
  await page.getByRole('radio', { name: /^administrator/i }).check()
  await page.getByLabel('Your password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Add user' }).click()
  const invitation = (await page.locator('[data-secret] code').first().textContent()) ?? ''
  await close()

  const tom = await openMonitoredPage(browser)
  await tom.page.goto(invitation)
  await tom.page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await tom.page.getByLabel('Repeat the password').fill(PASSWORD)
  await tom.page.getByRole('button', { name: 'Set password' }).click()
  await signInByForm(tom.page, server.consoleUrl, 'tom')
  const input = {
    keyType: 'xdent',
    name: 'Online booking',
    owner: 'tom@harbour-lane.example',
  } as const
  const revealed = await createKeyByForm(tom.page, server.consoleUrl, input)
  expect(await isAdmitted(server.url, 'xdent', revealed)).toBe(true)
  await confirmSecretStored(tom.page)
  await tom.close()
})
