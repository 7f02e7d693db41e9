import { setTimeout } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { getKeyTypeTraits, type KeyType } from '../../../src/domain/key-type.ts'
import { PASSWORD } from '../users.ts'
import { USERNAMES } from './console-fixture.ts'
import type { PageViewer } from './console-pages.ts'

/** As a person does, by the page. */
export async function signInByForm(page: Page, url: string, username: string, password = PASSWORD) {
  await page.goto(`${url}/console/sign-in`)
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL(`${url}/console`)
}

export const signInAs = (page: Page, url: string, viewer: PageViewer): Promise<void> =>
  viewer === 'nobody' ? Promise.resolve() : signInByForm(page, url, USERNAMES[viewer])

/** The values that a dialog reveals, by their labels. */
export type RevealedSecrets = ReadonlyMap<string, string>

const OWNER_FIELD_LABELS = {
  source: 'Source',
  site: 'Site',
  developer: 'Developer',
  owner: null,
} as const

export interface NewKeyForm {
  readonly keyType: KeyType
  readonly name: string
  /** The owner's e-mail address. */
  readonly owner: string
  /** The source, site or developer that the key belongs to, where there is a choice. */
  readonly ownedBy?: string
}

/** Makes a key by its page, and leaves the dialog open. */
export async function createKeyByForm(
  page: Page,
  url: string,
  key: NewKeyForm,
): Promise<RevealedSecrets> {
  await page.goto(`${url}/console/keys/new?key-type=${key.keyType}`)
  await page.getByLabel('Name', { exact: true }).fill(key.name)
  await page.getByLabel('Owner', { exact: true }).fill(key.owner)
  const label = OWNER_FIELD_LABELS[getKeyTypeTraits(key.keyType).belongsTo]
  if (label !== null && key.ownedBy !== undefined) {
    await page.getByLabel(label, { exact: true }).selectOption({ label: key.ownedBy })
  }
  if (key.keyType === 'oauth') {
    await page.getByLabel('Authentication method').selectOption('client_secret_post')
    await page.getByLabel('Scopes').fill('fhir:production')
  }
  await page.getByRole('button', { name: 'Create key' }).click()
  return readRevealedSecrets(page)
}

export async function readRevealedSecrets(page: Page): Promise<RevealedSecrets> {
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  const names = await dialog.locator('[data-secret] > .soft').allTextContents()
  const values = await dialog.locator('[data-secret] .secret code').allTextContents()
  return new Map(names.map((name, n) => [name, values[n] ?? '']))
}

/** Says that the secret is kept, and comes to the key's page; answers its address. */
export async function confirmSecretStored(page: Page): Promise<string> {
  await page.getByRole('checkbox').check()
  await page.getByRole('button', { name: 'Close' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  const { origin, pathname } = new URL(page.url())
  return origin + pathname
}

/** Presses what the page of a key offers, and waits until it says that it is done. */
export async function pressKeyButton(page: Page, keyUrl: string, name: string): Promise<void> {
  await page.goto(keyUrl)
  await page.getByRole('button', { name, exact: true }).click()
  await page.locator('.notice.good').waitFor()
}

export async function rotateSecretByForm(
  page: Page,
  keyUrl: string,
  overlap: string,
): Promise<RevealedSecrets> {
  await page.goto(`${keyUrl}/rotate-secret`)
  await page.getByRole('radio', { name: new RegExp(`^${overlap}`) }).check()
  await page.getByRole('button', { name: 'Rotate secret' }).click()
  const secrets = await readRevealedSecrets(page)
  await confirmSecretStored(page)
  return secrets
}

export async function revokeKeyByForm(page: Page, keyUrl: string, name: string): Promise<void> {
  await page.goto(`${keyUrl}/revoke`)
  await page.getByLabel('Type the name of the key to confirm').fill(name)
  await page.getByRole('button', { name: 'Revoke key' }).click()
  await page.getByText('The key is revoked permanently').waitFor()
}

interface VendorRequest {
  readonly path: string
  readonly createInit: (secrets: RevealedSecrets) => RequestInit
}

const createHeaderInit = (name: string, label: string) => (secrets: RevealedSecrets) => ({
  headers: { [name]: secrets.get(label) ?? '' },
})

/** A request of each vendor's program, with what the console has shown pasted into it. */
const VENDOR_REQUESTS: Readonly<Record<KeyType, VendorRequest>> = {
  redox: {
    path: '/auth/authenticate',
    createInit: (secrets) => ({ method: 'POST', body: secrets.get('JSON body') ?? '' }),
  },
  xenrad: { path: '/fhir/Patient?_count=1', createInit: createHeaderInit('X-API-Key', 'secret') },
  opendental: {
    path: '/api/v1/patients',
    createInit: createHeaderInit('Authorization', 'Authorization'),
  },
  'opendental-portal': {
    path: '/apikeys',
    createInit: createHeaderInit('Authorization', 'Authorization'),
  },
  xdent: { path: '/api/v1/Identity', createInit: createHeaderInit('X-Api-Key', 'X-Api-Key') },
  practice: {
    path: '/practice/v1/me',
    createInit: (secrets) => ({
      headers: {
        Authorization: `Basic ${Buffer.from(secrets.get('HTTP Basic') ?? '').toString('base64')}`,
      },
    }),
  },
  oauth: {
    path: '/oauth2/token',
    createInit: (secrets) => ({
      method: 'POST',
      body: new URLSearchParams(`grant_type=client_credentials&${secrets.get('Form body')}`),
    }),
  },
}

/** Returns whether the server accepts the next request with the key, once it accepts any. */
export async function isAdmitted(
  url: string,
  keyType: KeyType,
  secrets: RevealedSecrets,
): Promise<boolean> {
  const { path, createInit } = VENDOR_REQUESTS[keyType]
  const answer = await fetch(url + path, createInit(secrets))
  await answer.arrayBuffer()
  if (answer.ok) return true
  if (answer.status === 429) {
    await setTimeout(1000 * Number(answer.headers.get('retry-after') ?? 1))
    return isAdmitted(url, keyType, secrets)
  }
  if (answer.status === 401 || answer.status === 403 || answer.status === 400) return false
  throw new Error(`${keyType} answers ${answer.status}`)
}
