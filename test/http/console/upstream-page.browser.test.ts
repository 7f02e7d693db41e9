import { once } from 'node:events'
import { createServer, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, describe, expect, test } from 'vitest'
import { useBrowser } from '../../support/browser/hooks.ts'
import { signInByForm } from '../../support/browser/user-actions.ts'
import { type LiveServer, startLiveServer, unwrap } from '../../support/server.ts'
import { createSystemClock } from '../../support/time.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'
import { seedUser, type TestUser } from '../../support/users.ts'

/*
 * An upstream serves a hostile page, and a key holder leads an operator's browser to it. The page
 * attacks its own origin and the console's, because cookies ignore ports (RFC 6265 §8.5).
 */

let browser: Browser
let live: LiveServer
let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let operator: TestUser
/** The server's two public origins: the API for vendors, the console for users. */
let vendors: Awaited<ReturnType<typeof openRelay>>
let people: Awaited<ReturnType<typeof openRelay>>
let secret: string
let keyPath: string

// Registered first, so called last.
afterAll(() => {
  upstream?.close()
  vendors?.close()
  people?.close()
})
useBrowser(
  async () => {
    upstream = await startHttpUpstream((request, response) => {
      if (request.url?.endsWith('.js')) {
        response.writeHead(200, { 'Content-Type': 'text/javascript' }).end('')
        return
      }
      const html = renderAttackPage([vendors.url, people.url], [keyPath, ...PATHS])
      response.writeHead(200, { 'Content-Type': 'text/html', 'Set-Cookie': 'planted=1' }).end(html)
    })
    live = await startLiveServer({ LATCHKEY_UPSTREAM_PRACTICE: upstream.url })
    const services = { ...live, clock: createSystemClock() }
    operator = await seedUser(services, { role: 'operator' })
    const { accounts, users, keys } = live
    const { id: accountId } = unwrap(await accounts.create({ name: 'Elm Practice' }))
    const input = {
      accountId,
      email: 'desk@elm.example',
      role: 'engineer',
      username: 'desk',
    } as const
    const owner = unwrap(await users.add(input))
    const made = unwrap(
      await keys.create({ keyType: 'practice', ownerId: owner.id, name: 'Automation' }),
    )
    keyPath = `/console/keys/${made.key.id}`
    secret = made.secret
    vendors = await openRelay(live.url)
    people = await openRelay(live.consoleUrl)
    return live
  },
  (opened) => {
    browser = opened
  },
)

/** Hands requests on, hears what was answered, and takes away the sandbox. */
async function openRelay(target: string) {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    const { method, headers, url = '' } = request
    const passed = send(target + url, { method, headers }, async (answer) => {
      const { 'content-security-policy': policy = '', ...rest } = answer.headers
      const status = answer.statusCode ?? 500
      const isSandboxed = String(policy).startsWith('sandbox')
      response.writeHead(status, isSandboxed ? rest : answer.headers)
      const body = await text(answer)
      heard.push({ url, site: headers['sec-fetch-site'], status, body })
      response.end(body)
    })
    request.pipe(passed)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, heard, close: () => server.close() }
}

/** As it would be sent to an operator: with a key of the sender's. */
const buildPageUrl = (url: string) => `${url.replace('//', `//desk:${secret}@`)}/practice/v1/x.html`

const PATHS = ['/console', '/console/me', '/console/accounts/new', '/admin/v1/me', '/admin/v1/keys']

/** Text that appears only in a signed-in session. */
const SESSION = /name="form-token"|Sign out|Automation|@acme\.example/

interface Heard {
  readonly url: string
  readonly site: string | undefined
  readonly status: number
  readonly body: string
}

/** A browser in which the operator is signed in. */
async function openBrowser() {
  const context = await browser.newContext()
  const page = await context.newPage()
  await signInByForm(page, people.url, operator.username)
  vendors.heard.length = 0
  people.heard.length = 0
  return { context, page }
}

/** Reads all state that a successful attack would change. */
async function readChangeableState() {
  const [accounts, keys, events] = await Promise.all([
    live.storage.listAccounts({ limit: 500 }),
    live.storage.listEvents({ subject: keyPath.split('/').at(-1) ?? '', limit: 100 }),
    live.storage.listEvents({ subject: operator.user.id, limit: 100 }),
  ])
  return { accounts, keys, actions: events.map(({ action }) => action) }
}

async function isStillSignedIn(context: BrowserContext) {
  const page = await context.newPage()
  await page.goto(`${people.url}/console/me`)
  await page.getByRole('button', { name: 'Sign out', exact: true }).waitFor()
}

describe('a page that an upstream serves, opened where an operator is signed in', () => {
  test('runs nothing, since its answer is sandboxed', async () => {
    const { context, page } = await openBrowser()
    const before = await readChangeableState()
    const answer = await page.goto(buildPageUrl(live.url))
    expect(answer?.headers()['content-security-policy']).toMatch(/\bsandbox\b/)
    expect(await page.title()).toBe('A leaflet')
    expect(await page.evaluate(() => 'tried' in globalThis)).toBe(false)
    expect(people.heard).toEqual([])
    expect(await readChangeableState()).toEqual(before)
    await isStillSignedIn(context)
    await context.close()
  })

  test('reads nothing and changes nothing where the sandbox fails', {
    timeout: 120_000,
  }, async () => {
    const { context, page } = await openBrowser()
    const before = await readChangeableState()
    await page.goto(buildPageUrl(vendors.url))
    await page.waitForFunction(() => 'tried' in globalThis, null, { timeout: 100_000 })
    const { read, count } = await page.evaluate(
      () => (globalThis as unknown as { tried: { read: string[]; count: number } }).tried,
    )
    expect(count).toBeGreaterThan(50)
    expect(read.filter((text) => SESSION.test(text))).toEqual([])

    // Nothing of them comes from a page of the console, so that none is answered as one is.
    expect(people.heard.length).toBeGreaterThan(50)
    expect(new Set(people.heard.map(({ site }) => site))).toEqual(new Set(['same-site']))
    expect(people.heard.filter(({ body }) => SESSION.test(body))).toEqual([])
    const answered = new Set(people.heard.map(({ status }) => status))
    expect(answered).toEqual(new Set([401, 403, 404, 405]))
    const atVendors = vendors.heard.filter(({ url }) => /^\/(console|admin)/.test(url))
    expect(atVendors.length).toBeGreaterThan(50)
    expect(new Set(atVendors.map(({ status }) => status))).toEqual(new Set([404]))

    expect(await readChangeableState()).toEqual(before)
    await isStillSignedIn(context)
    await context.close()
  })

  test('is not there in the console’s origin', async () => {
    const { context, page } = await openBrowser()
    const answer = await page.goto(`${live.consoleUrl}/practice/v1/x.html`)
    expect(answer?.status()).toBe(404)
    await context.close()
  })
})

/** The page: all that it reads is kept in `window.tried`, which is there when it has tried everything. */
const renderAttackPage = (
  origins: readonly string[],
  paths: readonly string[],
): string => `<!doctype html>
<html><head><title>A leaflet</title></head><body><script>
(async () => {
  const read = []
  const under = []
  let count = 0
  let frames = 0
  const attempt = async (work) => {
    count++
    try {
      const text = await Promise.race([work(), new Promise((over) => setTimeout(over, 10000))])
      if (typeof text === 'string') read.push(text)
    } catch {}
  }
  const loaded = (element, then = () => '') => new Promise((resolve) => {
    element.onload = () => { let text = ''; try { text = then() } catch {} resolve(text) }
    element.onerror = () => resolve('')
    document.body.append(element)
  })
  const element = (name, properties) => Object.assign(document.createElement(name), properties)
  const bodyOf = (frame) => frame.contentDocument?.documentElement.outerHTML ?? ''
  const send = (url, fields, target) => {
    const form = element('form', { method: 'post', action: url, target })
    for (const [name, value] of Object.entries(fields)) form.append(element('input', { name, value }))
    document.body.append(form)
    form.submit()
  }
  const fields = { 'form-token': 'x', name: 'Mine', region: 'us', account: 'x', username: 'x', password: 'x' }
  const body = new URLSearchParams(fields)
  for (const origin of ${JSON.stringify(origins)}) {
    for (const path of ${JSON.stringify(paths)}) {
      const url = origin + path
      const frame = element('iframe', { src: url, name: 'frame' + frames++ })
      const fetched = (init) => attempt(async () => (await fetch(url, { credentials: 'include', ...init })).text())
      under.push(
        fetched({}),
        fetched({ mode: 'no-cors' }),
        fetched({ method: 'POST', body }),
        fetched({ method: 'POST', body, mode: 'no-cors' }),
        fetched({ method: 'DELETE', headers: { Authorization: 'Bearer x' } }),
        attempt(() => loaded(element('img', { src: url }))),
        attempt(() => loaded(element('script', { src: url }))),
        attempt(() => loaded(frame, () => bodyOf(frame))).then(() => attempt(() => new Promise((resolve) => {
          frame.onload = () => { let text = ''; try { text = bodyOf(frame) } catch {} resolve(text) }
          send(url, fields, frame.name)
        }))),
      )
    }
    for (const path of ['/console/sign-out', '/console/theme', '/console/account']) {
      under.push(attempt(async () => (await fetch(origin + path, { method: 'POST', body, credentials: 'include', mode: 'no-cors' })).text()))
      navigator.sendBeacon(origin + path, body)
    }
    for (const name of ['latchkey', 'latchkey-account', 'latchkey-device']) {
      document.cookie = '__Host-' + name + '=x; Path=/; Secure'
      document.cookie = '__Host-' + name + '=; Path=/; Secure; Max-Age=0'
    }
    await attempt(async () => String(await navigator.serviceWorker.register('/practice/v1/sw.js', { scope: '/console' })))
  }
  await Promise.all(under)
  window.tried = { read, count }
})()
</script></body></html>`
