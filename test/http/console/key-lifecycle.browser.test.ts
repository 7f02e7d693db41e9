import type { Browser } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { getKeyTypeTraits, KEY_TYPE_NAMES, type KeyType } from '../../../src/domain/key-type.ts'
import { type MonitoredPage, openMonitoredPage } from '../../support/browser/chromium.ts'
import {
  type ConsoleFixture,
  openConsoleFixture,
  USERNAMES,
} from '../../support/browser/console-fixture.ts'
import { useBrowser } from '../../support/browser/hooks.ts'
import {
  confirmSecretStored,
  createKeyByForm,
  isAdmitted,
  type NewKeyForm,
  pressKeyButton,
  readRevealedSecrets,
  revokeKeyByForm,
  rotateSecretByForm,
  signInByForm,
} from '../../support/browser/user-actions.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'

/*
 * The life of a key of each type, in a browser, beside a vendor's program: every click takes effect at
 * the program's next request.
 */

let browser: Browser
let fixture: ConsoleFixture
let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let engineer: MonitoredPage

// Registered first, so it runs last.
afterAll(() => upstream?.close())
useBrowser(
  async () => {
    upstream = await startHttpUpstream()
    const { url } = upstream
    return openConsoleFixture({ LATCHKEY_UPSTREAM_FHIR: url, LATCHKEY_UPSTREAM_OPENDENTAL: url })
  },
  async (...opened) => {
    ;[browser, fixture] = opened
    engineer = await openMonitoredPage(browser)
    await signInByForm(engineer.page, fixture.consoleUrl, USERNAMES.engineer)
  },
)

const OWNER = `${USERNAMES.engineer}@harbour-lane.example`

/** Adds a source without a key, for the key type that needs one. */
async function createKeyForm(keyType: KeyType, name: string): Promise<NewKeyForm> {
  const input = { keyType, name, owner: OWNER }
  if (getKeyTypeTraits(keyType).belongsTo !== 'source') return input
  const ownedBy = `Source of ${name}`
  const source = await fixture.sources.add({
    accountId: fixture.ids.accountId,
    name: ownedBy,
  })
  if (!source.ok) throw new Error(source.failure.message)
  return { ...input, ownedBy }
}

/** Creates a key that opens data: assigned to a site where its type needs that. */
async function createRevealedKey(keyType: KeyType, name: string) {
  const { page } = engineer
  const revealed = await createKeyByForm(
    page,
    fixture.consoleUrl,
    await createKeyForm(keyType, name),
  )
  const keyUrl = await confirmSecretStored(page)
  const isKeyAdmitted = (which = revealed) => isAdmitted(fixture.url, keyType, which)
  if (keyType === 'opendental') {
    expect(await isKeyAdmitted()).toBe(false)
    await page.goto(`${keyUrl}/assign`)
    await page.getByLabel('Site').selectOption({ label: 'Mill Street' })
    await page.getByRole('button', { name: 'Assign key' }).click()
    await page.getByText('The key is assigned.').waitFor()
  }
  expect(await isKeyAdmitted()).toBe(true)
  return { revealed, keyUrl, isKeyAdmitted }
}

describe.each(KEY_TYPE_NAMES)('a key of %s', (keyType) => {
  const name = `Pharmacy counter ${keyType}`
  let key: Awaited<ReturnType<typeof createRevealedKey>>

  test('is shown once when created and works at once', async () => {
    key = await createRevealedKey(keyType, name)
    expect(engineer.unexpectedErrors()).toEqual([])
  })

  test('is refused while it is disabled', async () => {
    await pressKeyButton(engineer.page, key.keyUrl, 'Disable key')
    expect(await key.isKeyAdmitted()).toBe(false)
    await pressKeyButton(engineer.page, key.keyUrl, 'Enable key')
    expect(await key.isKeyAdmitted()).toBe(true)
  })

  test('works on after an edit', async () => {
    const { page } = engineer
    await page.goto(`${key.keyUrl}/edit`)
    await page.getByLabel('Name', { exact: true }).fill(`${name}, renamed`)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: `${name}, renamed` }).waitFor()
    expect(await key.isKeyAdmitted()).toBe(true)
  })

  test(
    getKeyTypeTraits(keyType).secret === 'viewable'
      ? 'shows its secret again on request, which is audited'
      : 'never shows its secret again',
    async () => {
      const { page } = engineer
      await page.goto(key.keyUrl)
      const view = page.getByRole('button', { name: 'View secret' })
      if (getKeyTypeTraits(keyType).secret !== 'viewable') {
        expect(await view.count()).toBe(0)
        expect(await page.content()).not.toContain(key.revealed.get('secret'))
        return
      }
      await view.click()
      expect(await readRevealedSecrets(page)).toEqual(key.revealed)
      await page.keyboard.press('Escape')
      await page.getByRole('heading', { name: `${name}, renamed` }).waitFor()
      const id = key.keyUrl.split('/').at(-1) ?? ''
      const [event] = await fixture.audit.list({ subject: id, action: 'key.viewed', limit: 1 })
      expect(event?.actor).toBe(fixture.ids.users.engineer)
    },
  )

  test('accepts both secrets during an overlap and only the newest without one', async () => {
    const second = await rotateSecretByForm(engineer.page, key.keyUrl, '1 hour')
    expect([await key.isKeyAdmitted(), await key.isKeyAdmitted(second)]).toEqual([true, true])
    await engineer.page.getByText('Two secrets are valid until').waitFor()
    const third = await rotateSecretByForm(engineer.page, key.keyUrl, 'None')
    expect([
      await key.isKeyAdmitted(),
      await key.isKeyAdmitted(second),
      await key.isKeyAdmitted(third),
    ]).toEqual([false, false, true])
    key = {
      ...key,
      revealed: third,
      isKeyAdmitted: (which = third) => isAdmitted(fixture.url, keyType, which),
    }
  })

  test('is refused for good once it is revoked', async () => {
    await revokeKeyByForm(engineer.page, key.keyUrl, `${name}, renamed`)
    expect(await key.isKeyAdmitted()).toBe(false)
    expect(await engineer.page.getByRole('button', { name: 'Enable' }).count()).toBe(0)
    expect(engineer.unexpectedErrors()).toEqual([])
  })
})
