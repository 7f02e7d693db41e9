import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestRing } from '../support/keyring.ts'
import {
  startWorkerd,
  type TestFetcher,
  toTestFetcher,
  type Workerd,
} from '../support/worker/workerd.ts'

/*
 * The console as it is deployed, in workerd: the operator signs in by the link that they chose at deployment.
 */

const HOME = 'https://console.example'
const CHOSEN = 'a-link-that-was-chosen-and-is-long-enough'
const PASSWORD = 'several words that nobody else says'

let workerd: Workerd
let worker: TestFetcher
beforeAll(async () => {
  workerd = await startWorkerd({
    bindings: {
      LATCHKEY_URL: 'https://latchkey.example',
      LATCHKEY_CONSOLE_URL: HOME,
      LATCHKEY_KEYRING_JSON: JSON.stringify(await createTestRing()),
      LATCHKEY_WELCOME: CHOSEN,
    },
  })
  worker = toTestFetcher(await workerd.mf.getWorker('server'))
})
afterAll(() => workerd.dispose())

const requestPage = (path: string, cookie = '') =>
  worker.fetch(`${HOME}${path}`, { headers: { Cookie: cookie }, redirect: 'manual' })

const send = (path: string, fields: Record<string, string>) =>
  worker.fetch(`${HOME}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Sec-Fetch-Site': 'same-origin',
    },
    body: new URLSearchParams(fields).toString(),
  })

test('the first operator signs in by the chosen link, which works once', async () => {
  expect((await requestPage(`/console/welcome/${CHOSEN}r`)).status).toBe(410)
  const welcome = await requestPage(`/console/welcome/${CHOSEN}`)
  expect(welcome.status).toBe(200)
  expect(await welcome.text()).toContain('Set up Latchkey')

  const typed = {
    accountName: 'Acme Health',
    email: 'boss@acme.example',
    username: 'boss',
    password: PASSWORD,
    repeat: PASSWORD,
  }
  const begun = await send(`/console/welcome/${CHOSEN}`, typed)
  expect([begun.status, begun.headers.get('location')]).toEqual([
    303,
    '/console/sign-in?flash=password-set',
  ])
  expect((await requestPage(`/console/welcome/${CHOSEN}`)).status).toBe(410)

  const wrong = await send('/console/sign-in', { username: 'boss', password: 'another one' })
  expect(wrong.status).toBe(401)
  const signedIn = await send('/console/sign-in', { username: 'boss', password: PASSWORD })
  expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/console'])
  const [cookie = '', device] = signedIn.headers.getSetCookie()
  expect(device).toMatch(
    /^__Host-latchkey-device=[\w.-]+; Max-Age=31536000; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  )
  expect(cookie).toMatch(/^__Host-latchkey=[\w-]+; Path=\/; HttpOnly; Secure; SameSite=Strict$/)

  const ownPage = await requestPage('/console/me', cookie.split(';')[0])
  expect(ownPage.status).toBe(200)
  expect(await ownPage.text()).toContain('boss@acme.example')
})

test('the console answers only at its own host name, and the vendors’ routes only at the other', async () => {
  const requestStatus = async (url: string) =>
    (await worker.fetch(url, { redirect: 'manual' })).status
  for (const path of ['/console/sign-in', '/console', '/admin/v1/me', '/admin/v1/reference']) {
    expect(await requestStatus(`https://latchkey.example${path}`), path).toBe(404)
    expect(await requestStatus(`${HOME}${path}`), path).not.toBe(404)
  }
  for (const path of ['/auth/authenticate', '/.well-known/jwks.json', '/practice/v1/me']) {
    expect(await requestStatus(`https://latchkey.example${path}`), path).not.toBe(404)
    expect(await requestStatus(`${HOME}${path}`), path).toBe(404)
  }
  const { headers } = await worker.fetch('https://latchkey.example/', { redirect: 'manual' })
  expect(headers.get('location')).toBe(`${HOME}/console`)
})
