import type { Page } from 'playwright-core'

/** Presses Tab until what has this name has the focus. */
export async function tabTo(page: Page, name: string | RegExp, presses = 60): Promise<void> {
  const passed: string[] = []
  for (let n = 0; n < presses; n++) {
    await page.keyboard.press('Tab')
    const focused = await nameOfFocused(page)
    if (typeof name === 'string' ? focused === name : name.test(focused)) return
    passed.push(focused)
  }
  throw new Error(`Tab never came to "${name}". It came by: ${passed.join(', ')}`)
}

/** As a screen reader would say it, by the browser's own reckoning. */
export async function nameOfFocused(page: Page): Promise<string> {
  const focused = page.locator(':focus').first()
  // Past the last thing of a page, the focus is the browser's own.
  if ((await focused.count()) === 0) return ''
  const snapshot = await focused.ariaSnapshot()
  return /^- [\w-]+ "((?:[^"\\]|\\.)*)"/.exec(snapshot)?.[1]?.replaceAll('\\"', '"') ?? ''
}

/** Types where the page has put the focus by itself, once it has. */
export async function typeAtOnce(page: Page, label: string, text: string): Promise<void> {
  await page.getByLabel(label, { exact: true }).and(page.locator(':focus')).waitFor()
  await page.keyboard.type(text)
}
