import type { Browser } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { violations } from '../../support/browser/accessible.ts'
import { attentive } from '../../support/browser/attentive.ts'
import { tabTo } from '../../support/browser/keyboard.ts'
import { SIZES, THEMES } from '../../support/browser/launch.ts'
import { enlargeText, widerThanWindow } from '../../support/browser/wide.ts'
import { lookAt } from '../support/looking.ts'
import { gallery } from './gallery.ts'

let browser: Browser
let served: Awaited<ReturnType<typeof gallery>>
lookAt(gallery, (...opened) => {
  ;[browser, served] = opened
})

for (const [size, options] of Object.entries(SIZES)) {
  for (const colorScheme of THEMES) {
    describe(`the parts, ${size}, ${colorScheme}`, () => {
      for (const path of ['/', '/dialog']) {
        test(`${path} keeps nobody from using it, and the browser has nothing to complain of`, async () => {
          const { page, faults, close } = await attentive(browser, { ...options, colorScheme })
          await page.goto(served.url + path)
          expect(await violations(page)).toEqual([])
          expect(faults()).toEqual([])
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
    const { page, close } = await attentive(browser, { viewport: { width, height: 800 } })
    await page.goto(served.url)
    await enlargeText(page, textSize)
    expect(await widerThanWindow(page)).toEqual([])
    await close()
  })
}

test('without script everything is there, but the buttons that would do nothing', async () => {
  const { page, close } = await attentive(browser, { javaScriptEnabled: false })
  await page.goto(served.url)
  await page.getByRole('heading', { name: 'Every part of the console' }).waitFor()
  expect(await page.getByRole('button', { name: /^Copy/ }).count()).toBe(0)
  expect(await page.getByRole('link', { name: 'Keys' }).first().isVisible()).toBe(true)
  await page.goto(`${served.url}/dialog`)
  expect(await page.getByText('rvk_9f2c81d07be34a55a0c6').isVisible()).toBe(true)
  await close()
})

test('a copy button copies the whole text, by keyboard, and says so', async () => {
  const { page, faults, close } = await attentive(browser, {
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  await page.goto(served.url)
  await tabTo(page, 'Copy the key id')
  await page.keyboard.press('Enter')
  await page.locator('[data-announce]').getByText('Copied').waitFor({ state: 'attached' })
  expect(await page.evaluate('navigator.clipboard.readText()')).toBe('key_01JNM3F6W2')
  expect(faults()).toEqual([])
  await close()
})

test('Tab comes by everything that can be used', async () => {
  const { page, close } = await attentive(browser)
  await page.goto(served.url)
  for (const name of [
    'Skip to the page',
    'Developers',
    'Create a key',
    'Search',
    'Next page',
    'Create the key',
    'Create a feed',
  ]) {
    await tabTo(page, name)
  }
  await close()
})

test('the script that a page does not bring is refused, and heard', async () => {
  const { page, faults, announce, close } = await attentive(browser)
  await page.goto(served.url)
  await page.evaluate(`{
    const script = document.createElement('script')
    script.textContent = 'document.title = "taken"'
    document.head.append(script)
  }`)
  expect(await page.title()).toBe('Parts')
  await expect.poll(faults).toHaveLength(1)
  announce(/Content Security Policy/)
  expect(faults()).toEqual([])
  await close()
})

for (const host of ['127.0.0.1', 'localhost']) {
  test(`the session's cookie is kept over plain http on ${host}`, async () => {
    const { page, close } = await attentive(browser)
    const url = served.url.replace('127.0.0.1', host)
    await page.goto(`${url}/cookie`)
    await page.goto(`${url}/cookie/back`)
    expect(await page.textContent('body')).toBe('__Host-latchkey=s')
    await close()
  })
}
