import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { consolePages } from '../../src/http/console/console.ts'
import type { ConsoleDeps } from '../../src/http/console/deps.ts'
import { violations } from '../../support/browser/accessible.ts'
import { type Attentive, attentive } from '../../support/browser/attentive.ts'
import { WIDE } from '../../support/browser/launch.ts'
import { PAGES, pathOf } from '../../support/browser/pages.ts'
import { drawn, shifts, watchShifts } from '../../support/browser/steady.ts'
import { widerThanWindow } from '../../support/browser/wide.ts'
import { comeIn } from '../../support/console/sign-in.ts'
import { openWorld, type World } from '../../support/console/world.ts'
import { lookAt } from '../support/looking.ts'

/*
 * What is true of every page of the console, whoever sees it.
 */

let browser: Browser
let world: World
lookAt(openWorld, (...opened) => {
  ;[browser, world] = opened
})

const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
const NARROW = { width: 320, height: 800 }

/** What is asked for by pages, and looked at by nobody. */
const NO_PAGES = [/\.(css|js|svg)$/, /\/owners$/]

test('every page that the server has is looked at here', () => {
  const shown = PAGES.map((page) => new URL(pathOf(page, world.ids), world.consoleUrl).pathname)
  // None of them is asked for here: they need no server.
  const pages = consolePages({} as ConsoleDeps)
    .routes.filter(({ method, path }) => method === 'GET' && path.startsWith('/console'))
    .map(({ path }) => path)
    .filter((path) => !NO_PAGES.some((pattern) => pattern.test(path)))
  const unseen = pages.filter((path) => {
    const pattern = new RegExp(`^${path.replace(/:[^/]+/g, '[^/]+')}$`)
    return !shown.some((one) => pattern.test(one))
  })
  expect(pages.length).toBeGreaterThan(50)
  expect(unseen).toEqual([])
})

describe.each([...new Set(PAGES.map(({ as }) => as))])('as %s', (as) => {
  let looker: Attentive
  beforeAll(async () => {
    looker = await attentive(browser, { ...WIDE, colorScheme: 'light' })
    // A page that is refused is refused with its status, which browsers tell as an error.
    looker.announce(/the server responded with a status of 4\d\d/)
    await comeIn(looker.page, world.consoleUrl, as)
    await watchShifts(looker.page)
  })
  afterAll(() => looker?.close())

  test.each(PAGES.filter((shown) => shown.as === as))(
    '$name keeps nobody from using it, light and dark, brings nothing unsafe and stands still',
    async (shown) => {
      const { page, faults } = looker
      await page.setViewportSize(WIDE.viewport)
      await page.emulateMedia({ colorScheme: 'light' })
      await drawn(page)
      const answers: { status: number; policy: string | undefined }[] = []
      page.on('response', (answer) => {
        if (!answer.request().isNavigationRequest() || answer.status() === 303) return
        const policy = answer.headers()['content-security-policy']
        answers.push({ status: answer.status(), policy })
      })
      await page.goto(world.consoleUrl + pathOf(shown, world.ids))
      // A busy machine draws a page in pieces. By the Web Vitals, below a tenth nobody notices.
      expect(await shifts(page)).toBeLessThan(0.1)
      await shown.before?.(page)
      page.removeAllListeners('response')

      expect(answers.at(-1)?.status).toBe(shown.status ?? 200)
      expect(answers.every(({ policy }) => policy === POLICY)).toBe(true)
      expect(await violations(page)).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark' })
      // Nothing but the colours has changed.
      expect(await violations(page, ['color-contrast'])).toEqual([])
      await page.setViewportSize(NARROW)
      expect(await widerThanWindow(page)).toEqual([])
      expect(faults()).toEqual([])
    },
  )
})
