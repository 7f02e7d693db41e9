import { serve } from '@hono/node-server'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { API_PROBLEMS } from '../../../src/http/admin/problem.ts'
import { OPERATIONS } from '../../../src/operations/registry.ts'
import {
  LAUNCH_TIMEOUT_MS,
  launchChromium,
  openMonitoredPage,
  VIEWPORTS,
} from '../../support/browser/chromium.ts'
import {
  findAccessibilityViolations,
  findOverflowingElements,
} from '../../support/browser/page-checks.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'

let server: TestServer
let page: { headers: Headers; text: string }
beforeAll(async () => {
  server = await createTestServer()
  const response = await server.call('/admin/v1/reference', { method: 'GET' })
  page = { headers: response.headers, text: await response.text() }
})
afterAll(() => server.close())

test('the reference needs no sign-in, loads only from this server, and has no inline code', () => {
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toContain('unsafe-')
  expect(page.headers.get('cache-control')).toBe('no-store')
  expect(page.headers.get('set-cookie')).toBeNull()
  expect(page.text).not.toMatch(/ style=| on\w+="|<script>|(?:src|href)="(?:https?:)?\/\//)
})

test('the reference shows every operation and explains every problem type', () => {
  for (const { path, summary } of OPERATIONS) {
    expect(page.text).toContain(`</strong> ${path}</code>`)
    expect(page.text).toContain(`<h3>${summary}</h3>`)
  }
  for (const kind of Object.keys(API_PROBLEMS)) expect(page.text).toContain(`id="problem-${kind}"`)
})

test('every link of the reference has a target on the page', () => {
  const ids = new Set([...page.text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
  const links = [...page.text.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id)
  expect(links.length).toBeGreaterThan(50)
  expect(links.filter((link) => !ids.has(link))).toEqual([])
})

test('the reference is under 125 kB', () => {
  expect(new TextEncoder().encode(page.text).length).toBeLessThan(125_000)
})

describe('the reference in a browser', () => {
  let browser: Browser
  let listening: ReturnType<typeof serve>
  beforeAll(async () => {
    listening = serve({
      fetch: server.consoleApp?.fetch ?? server.app.fetch,
      port: 0,
      hostname: '127.0.0.1',
    })
    browser = await launchChromium()
  }, LAUNCH_TIMEOUT_MS)
  afterAll(async () => {
    await browser?.close()
    listening?.close()
  })

  test.each([
    ['phone', 'dark'],
    ['wide', 'light'],
  ] as const)(
    '%s, %s: it keeps nobody out, fits, and the browser does not complain',
    async (size, colorScheme) => {
      const { page, unexpectedErrors, close } = await openMonitoredPage(browser, {
        ...VIEWPORTS[size],
        colorScheme,
      })
      const address = listening.address()
      const port = typeof address === 'object' ? address?.port : 0
      await page.goto(`http://127.0.0.1:${port}/admin/v1/reference`)
      expect(await findAccessibilityViolations(page)).toEqual([])
      expect(await findOverflowingElements(page)).toEqual([])
      expect(unexpectedErrors()).toEqual([])
      await close()
    },
    120_000,
  )
})
