import type { Page } from 'playwright-core'
import type { Dialect } from '../../src/domain/dialect.ts'
import { traitsOf } from '../../src/domain/dialect.ts'

/** What a dialog reveals, by what each is called there. */
export type Shown = ReadonlyMap<string, string>

const PLACES = { source: 'Source', site: 'Site', developer: 'Developer', owner: null } as const

export interface NewKey {
  readonly dialect: Dialect
  readonly name: string
  /** The owner's e-mail address. */
  readonly owner: string
  /** Of what its dialect's keys belong to, where there is a choice. */
  readonly place?: string
}

/** Makes a key by its page, and leaves the dialog open. */
export async function createKey(page: Page, url: string, key: NewKey): Promise<Shown> {
  await page.goto(`${url}/console/keys/new?dialect=${key.dialect}`)
  await page.getByLabel('Name', { exact: true }).fill(key.name)
  await page.getByLabel('Owner', { exact: true }).fill(key.owner)
  const label = PLACES[traitsOf(key.dialect).belongsTo]
  if (label !== null && key.place !== undefined) {
    await page.getByLabel(label, { exact: true }).selectOption({ label: key.place })
  }
  await page.getByRole('button', { name: 'Create the key' }).click()
  return shown(page)
}

export async function shown(page: Page): Promise<Shown> {
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  const names = await dialog.locator('[data-secret] > .soft').allTextContents()
  const values = await dialog.locator('[data-secret] .secret code').allTextContents()
  return new Map(names.map((name, n) => [name, values[n] ?? '']))
}

/** Says that the secret is kept, and comes to the key's page; answers its address. */
export async function keep(page: Page): Promise<string> {
  await page.getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  const { origin, pathname } = new URL(page.url())
  return origin + pathname
}

/** Presses what the page of a key offers, and waits until it says that it is done. */
export async function press(page: Page, keyUrl: string, name: string): Promise<void> {
  await page.goto(keyUrl)
  await page.getByRole('button', { name, exact: true }).click()
  await page.locator('.notice.good').waitFor()
}

export async function rotate(page: Page, keyUrl: string, overlap: string): Promise<Shown> {
  await page.goto(`${keyUrl}/rotate`)
  await page.getByRole('radio', { name: new RegExp(`^${overlap}`) }).check()
  await page.getByRole('button', { name: 'Rotate the secret' }).click()
  const revealed = await shown(page)
  await keep(page)
  return revealed
}

export async function revoke(page: Page, keyUrl: string, name: string): Promise<void> {
  await page.goto(`${keyUrl}/revoke`)
  await page.getByLabel('Type its name to confirm').fill(name)
  await page.getByRole('button', { name: 'Revoke the key' }).click()
  await page.getByText('The key is revoked, for ever').waitFor()
}
