import type { Browser } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { DIALECT_NAMES, type Dialect, traitsOf } from '../../src/domain/dialect.ts'
import { type Attentive, attentive } from '../../support/browser/attentive.ts'
import {
  createKey,
  keep,
  type NewKey,
  press,
  revoke,
  rotate,
  shown,
} from '../../support/console/key-pages.ts'
import { SIGNS_IN } from '../../support/console/people.ts'
import { signIn } from '../../support/console/sign-in.ts'
import { opens } from '../../support/console/vendor.ts'
import { openWorld, type World } from '../../support/console/world.ts'
import { lookAt } from '../support/looking.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

/*
 * The life of a key of each dialect, in a browser, with a vendor's program beside it: whatever is
 * pressed is in force at the program's next request.
 */

let browser: Browser
let world: World
let upstream: Awaited<ReturnType<typeof openHttpUpstream>>
let engineer: Attentive

// Registered first, so called last.
afterAll(() => upstream?.close())
lookAt(
  async () => {
    upstream = await openHttpUpstream()
    const { url } = upstream
    return openWorld({ LATCHKEY_UPSTREAM_FHIR: url, LATCHKEY_UPSTREAM_OPENDENTAL: url })
  },
  async (...opened) => {
    ;[browser, world] = opened
    engineer = await attentive(browser)
    await signIn(engineer.page, world.consoleUrl, SIGNS_IN.engineer)
  },
)

const OWNER = `${SIGNS_IN.engineer}@harbour-lane.example`

/** A source that no key has yet, for a dialect that wants one of its own. */
async function wishOf(dialect: Dialect, name: string): Promise<NewKey> {
  const wish = { dialect, name, owner: OWNER }
  if (traitsOf(dialect).belongsTo !== 'source') return wish
  const place = `Source of ${name}`
  const source = await world.routes.addSource({ accountId: world.ids.accountId, name: place })
  if (!source.ok) throw new Error(source.failure.message)
  return { ...wish, place }
}

/** Makes a key that opens something: an office takes one that needs it. */
async function made(dialect: Dialect, name: string) {
  const { page } = engineer
  const revealed = await createKey(page, world.consoleUrl, await wishOf(dialect, name))
  const keyUrl = await keep(page)
  const open = (which = revealed) => opens(world.url, dialect, which)
  if (dialect === 'opendental') {
    expect(await open()).toBe(false)
    await page.goto(`${keyUrl}/assign`)
    await page.getByLabel('Site').selectOption({ label: 'Mill Street' })
    await page.getByRole('button', { name: 'Assign the key' }).click()
    await page.getByText('The key is assigned.').waitFor()
  }
  expect(await open()).toBe(true)
  return { revealed, keyUrl, open }
}

describe.each(DIALECT_NAMES)('a key of %s', (dialect) => {
  const name = `Pharmacy counter ${dialect}`
  let key: Awaited<ReturnType<typeof made>>

  test('is made and shown once, and its next request is admitted', async () => {
    key = await made(dialect, name)
    expect(engineer.faults()).toEqual([])
  })

  test('that is disabled is refused, and admitted when it is enabled again', async () => {
    await press(engineer.page, key.keyUrl, 'Disable')
    expect(await key.open()).toBe(false)
    await press(engineer.page, key.keyUrl, 'Enable')
    expect(await key.open()).toBe(true)
  })

  test('is edited, and works on', async () => {
    const { page } = engineer
    await page.goto(`${key.keyUrl}/edit`)
    await page.getByLabel('Name', { exact: true }).fill(`${name}, renamed`)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: `${name}, renamed` }).waitFor()
    expect(await key.open()).toBe(true)
  })

  test(
    traitsOf(dialect).secret === 'viewable'
      ? 'shows its secret again to who asks, and the audit has it'
      : 'never shows its secret again',
    async () => {
      const { page } = engineer
      await page.goto(key.keyUrl)
      const view = page.getByRole('button', { name: 'View the secret' })
      if (traitsOf(dialect).secret !== 'viewable') {
        expect(await view.count()).toBe(0)
        expect(await page.content()).not.toContain(key.revealed.get('secret'))
        return
      }
      await view.click()
      expect(await shown(page)).toEqual(key.revealed)
      await page.keyboard.press('Escape')
      await page.getByRole('heading', { name: `${name}, renamed` }).waitFor()
      const id = key.keyUrl.split('/').at(-1) ?? ''
      const [event] = await world.audit.list({ subject: id, action: 'key.viewed', limit: 1 })
      expect(event?.actor).toBe(world.ids.people.engineer)
    },
  )

  test('rotated with an overlap opens by both secrets; without, by the newest alone', async () => {
    const second = await rotate(engineer.page, key.keyUrl, '1 hour')
    expect([await key.open(), await key.open(second)]).toEqual([true, true])
    await engineer.page.getByText('Two secrets work until').waitFor()
    const third = await rotate(engineer.page, key.keyUrl, 'None')
    expect([await key.open(), await key.open(second), await key.open(third)]).toEqual([
      false,
      false,
      true,
    ])
    key = { ...key, revealed: third, open: (which = third) => opens(world.url, dialect, which) }
  })

  test('that is revoked, its name typed, is refused for ever', async () => {
    await revoke(engineer.page, key.keyUrl, `${name}, renamed`)
    expect(await key.open()).toBe(false)
    expect(await engineer.page.getByRole('button', { name: 'Enable' }).count()).toBe(0)
    expect(engineer.faults()).toEqual([])
  })
})
