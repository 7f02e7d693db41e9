import type { Browser } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { COLOR_SCHEMES, openMonitoredPage, VIEWPORTS } from '../../support/browser/chromium.ts'
import { startGallery } from '../../support/browser/gallery.ts'
import { useBrowser } from '../../support/browser/hooks.ts'
import {
  enlargeText,
  findAccessibilityViolations,
  findOverflowingElements,
  tabTo,
} from '../../support/browser/page-checks.ts'

let browser: Browser
let served: Awaited<ReturnType<typeof startGallery>>
useBrowser(startGallery, (...opened) => {
  ;[browser, served] = opened
})

for (const [size, options] of Object.entries(VIEWPORTS)) {
  for (const colorScheme of COLOR_SCHEMES) {
    describe(`the parts, ${size}, ${colorScheme}`, () => {
      for (const path of ['/', '/dialog']) {
        test(`${path} is accessible, and causes no warning of the browser`, async () => {
          const { page, unexpectedErrors, close } = await openMonitoredPage(browser, {
            ...options,
            colorScheme,
          })
          await page.goto(served.url + path)
          expect(await findAccessibilityViolations(page)).toEqual([])
          expect(unexpectedErrors()).toEqual([])
          await close()
        })
      }
    })
  }
}

for (const [what, width, textSize] of [
  ['320 px wide', 320, ''],
  ['with text of twice the size', 1280, '200%'],
  ['of a phone with text of twice the size', 390, '200%'],
] as const) {
  test(`nothing is wider than a window ${what}`, async () => {
    const { page, close } = await openMonitoredPage(browser, { viewport: { width, height: 800 } })
    await page.goto(served.url)
    await enlargeText(page, textSize)
    expect(await findOverflowingElements(page)).toEqual([])
    await close()
  })
}

test('without script everything is there, but the buttons that would do nothing', async () => {
  const { page, close } = await openMonitoredPage(browser, { javaScriptEnabled: false })
  await page.goto(served.url)
  await page.getByRole('heading', { name: 'Every part of the console' }).waitFor()
  expect(await page.getByRole('button', { name: /^Copy/ }).count()).toBe(0)
  expect(await page.getByRole('link', { name: 'Keys' }).first().isVisible()).toBe(true)
  await page.goto(`${served.url}/dialog`)
  expect(await page.getByText('rvk_9f2c81d07be34a55a0c6').isVisible()).toBe(true)
  await close()
})

test('a copy button copies the whole text by keyboard, and announces it', async () => {
  const { page, unexpectedErrors, close } = await openMonitoredPage(browser, {
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  await page.goto(served.url)
  await tabTo(page, 'Copy the key id')
  await page.keyboard.press('Enter')
  await page.locator('[data-announce]').getByText('Copied').waitFor({ state: 'attached' })
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe('key_01JNM3F6W2')
  expect(unexpectedErrors()).toEqual([])
  await close()
})

test('Tab comes by everything that can be used', async () => {
  const { page, close } = await openMonitoredPage(browser)
  await page.goto(served.url)
  for (const name of [
    'Skip to content',
    'Developers',
    'Create key',
    'Search',
    'Next page',
    'Create the key',
    'Create a subscription',
  ]) {
    await tabTo(page, name)
  }
  await close()
})

test('the script that a page does not bring is refused, and heard', async () => {
  const { page, unexpectedErrors, expectError, close } = await openMonitoredPage(browser)
  await page.goto(served.url)
  await page.evaluate(`{
    const script = document.createElement('script')
    script.textContent = 'document.title = "taken"'
    document.head.append(script)
  }`)
  expect(await page.title()).toBe('Parts')
  await expect.poll(unexpectedErrors).toHaveLength(1)
  expectError(/Content Security Policy/)
  expect(unexpectedErrors()).toEqual([])
  await close()
})

for (const host of ['127.0.0.1', 'localhost']) {
  test(`the session's cookie is kept over plain http on ${host}`, async () => {
    const { page, close } = await openMonitoredPage(browser)
    const url = served.url.replace('127.0.0.1', host)
    await page.goto(`${url}/cookie`)
    await page.goto(`${url}/cookie/back`)
    expect(await page.textContent('body')).toBe('__Host-latchkey=s')
    await close()
  })
}
