import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ConsoleDeps,
  createConsole,
  mountConsolePages,
} from '../../../src/http/console/console.ts'
import { readConsoleAssets } from '../../../src/node/package-file.ts'
import {
  DESKTOP_VIEWPORT,
  type MonitoredPage,
  openMonitoredPage,
} from '../../support/browser/chromium.ts'
import { type ConsoleFixture, openConsoleFixture } from '../../support/browser/console-fixture.ts'
import { CONSOLE_PAGES, resolvePagePath } from '../../support/browser/console-pages.ts'
import { useBrowser } from '../../support/browser/hooks.ts'
import {
  findAccessibilityViolations,
  findOverflowingElements,
  preloadAxe,
  readLayoutShift,
  recordLayoutShifts,
  waitForPaint,
} from '../../support/browser/page-checks.ts'
import { signInAs } from '../../support/browser/user-actions.ts'

/*
 * Guarantees that hold on every page of the console, for every role.
 */

let browser: Browser
let fixture: ConsoleFixture
useBrowser(openConsoleFixture, (...opened) => {
  ;[browser, fixture] = opened
})

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
const NARROW = { width: 320, height: 800 }

/** Paths that pages load or that redirect to pages, and that are not pages themselves. */
const NO_PAGES = [/\.(css|js|svg)$/, /\/owners$/, /^\/console\/$/]

test('every page of the server is covered by these tests', () => {
  const shown = CONSOLE_PAGES.map(
    (page) => new URL(resolvePagePath(page, fixture.ids), fixture.consoleUrl).pathname,
  )
  // Only the routes are read: the handlers, which need more, never run.
  const [mountedPages, mountedForms] = [new Set<string>(), new Set<string>()]
  mountConsolePages(
    { page: (path) => mountedPages.add(path), form: (path) => mountedForms.add(path) },
    {} as ConsoleDeps,
  )
  const pages = createConsole({
    consoleUrl: fixture.consoleUrl,
    consoleAssets: readConsoleAssets(),
  } as ConsoleDeps)
    .routes.filter(({ method, path }) => method === 'GET' && path.startsWith('/console'))
    .map(({ path }) => path)
    .filter((path) => !NO_PAGES.some((pattern) => pattern.test(path)))
    // A GET of a form redirects to the page above it.
    .filter((path) => mountedPages.has(path) || !mountedForms.has(path))
  const unseen = pages.filter((path) => {
    const pattern = new RegExp(`^${path.replace(/:[^/]+/g, '[^/]+')}$`)
    return !shown.some((one) => pattern.test(one))
  })
  expect(pages.length).toBeGreaterThan(50)
  expect(unseen).toEqual([])
})

describe.each([...new Set(CONSOLE_PAGES.map(({ viewer }) => viewer))])('as %s', (as) => {
  let viewer: MonitoredPage
  beforeAll(async () => {
    viewer = await openMonitoredPage(browser, { ...DESKTOP_VIEWPORT, colorScheme: 'light' })
    // A page that is refused is refused with its status, which browsers tell as an error.
    viewer.expectError(/the server responded with a status of 4\d\d/)
    await signInAs(viewer.page, fixture.consoleUrl, as)
    await recordLayoutShifts(viewer.page)
    await preloadAxe(viewer.page)
  })
  afterAll(() => viewer?.close())

  test.each(CONSOLE_PAGES.filter((shown) => shown.viewer === as))(
    '$name is accessible in light and dark, loads nothing unsafe, and does not move',
    async (shown) => {
      const { page, unexpectedErrors } = viewer
      await page.setViewportSize(DESKTOP_VIEWPORT.viewport)
      await page.emulateMedia({ colorScheme: 'light' })
      await waitForPaint(page)
      const answers: { status: number; policy: string | undefined }[] = []
      page.on('response', (answer) => {
        if (!answer.request().isNavigationRequest() || answer.status() === 303) return
        const policy = answer.headers()['content-security-policy']
        answers.push({ status: answer.status(), policy })
      })
      await page.goto(fixture.consoleUrl + resolvePagePath(shown, fixture.ids))
      // A busy machine renders a page in pieces. The Web Vitals call a layout shift below 0.1 good.
      expect(await readLayoutShift(page)).toBeLessThan(0.1)
      await shown.prepare?.(page)
      page.removeAllListeners('response')

      expect(answers.at(-1)?.status).toBe(shown.status ?? 200)
      expect(answers.every(({ policy }) => policy === POLICY)).toBe(true)
      expect(await findAccessibilityViolations(page)).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      // Nothing but the colours has changed.
      expect(await findAccessibilityViolations(page, ['color-contrast'])).toEqual([])
      await page.setViewportSize(NARROW)
      expect(await findOverflowingElements(page)).toEqual([])
      expect(unexpectedErrors()).toEqual([])
    },
  )
})
