import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

/** Ends in a value of its own: the debugger would copy the whole of axe out of the page. */
const AXE_SCRIPT = `${readFileSync(
  createRequire(import.meta.url).resolve('axe-core/axe.min.js'),
  'utf8',
)};0`

const AXE_RULE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Loads axe with each page from now on: for many pages, that is less than half the work. */
export const preloadAxe = (page: Page): Promise<unknown> => page.addInitScript(AXE_SCRIPT)

/**
 * Returns the accessibility violations of the page, a line each. The debugger injects axe, so that
 * the content security policy stays in force and its violations are still reported. `rules`: only
 * these rules of axe.
 */
export async function findAccessibilityViolations(
  page: Page,
  rules?: readonly string[],
): Promise<string[]> {
  if (await page.evaluate(`!('axe' in globalThis)`)) await page.evaluate(AXE_SCRIPT)
  const results = await page.evaluate(
    (runOnly) =>
      (globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
        runOnly,
        // Passed rules are reported without details, which are most of the work.
        resultTypes: ['violations'],
      }),
    rules === undefined
      ? { type: 'tag', values: AXE_RULE_TAGS }
      : { type: 'rule', values: [...rules] },
  )
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => {
      const reason = failureSummary?.split('\n').slice(1).join(' ').trim() ?? ''
      return `${id}: ${help}\n  at ${target.join(' ')}\n  ${reason}`
    }),
  )
}

/** Presses Tab until what has this name has the focus. */
export async function tabTo(page: Page, name: string | RegExp, presses = 60): Promise<void> {
  const passedNames: string[] = []
  for (let n = 0; n < presses; n++) {
    await page.keyboard.press('Tab')
    const focused = await readFocusedName(page)
    if (typeof name === 'string' ? focused === name : name.test(focused)) return
    passedNames.push(focused)
  }
  throw new Error(`Tab never came to "${name}". It came by: ${passedNames.join(', ')}`)
}

/** As a screen reader would say it, by the browser's own reckoning. */
export async function readFocusedName(page: Page): Promise<string> {
  const focused = page.locator(':focus').first()
  // Past the last thing of a page, the focus is the browser's own.
  if ((await focused.count()) === 0) return ''
  const snapshot = await focused.ariaSnapshot()
  return /^- [\w-]+ "((?:[^"\\]|\\.)*)"/.exec(snapshot)?.[1]?.replaceAll('\\"', '"') ?? ''
}

/** Types where the page has put the focus by itself, once it has. */
export async function typeInFocusedField(page: Page, label: string, text: string): Promise<void> {
  await page.getByLabel(label, { exact: true }).and(page.locator(':focus')).waitFor()
  await page.keyboard.type(text)
}

/** To be called before a page is loaded: adds up how far things on it were moved as it came (Layout Instability). */
export const recordLayoutShifts = (page: Page): Promise<unknown> =>
  page.addInitScript(`{
    globalThis.shifted = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.shifted += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  }`)

export async function readLayoutShift(page: Page): Promise<number> {
  await waitForPaint(page)
  return page.evaluate('globalThis.shifted')
}

/** Once what was changed of it is on the screen. */
export const waitForPaint = (page: Page): Promise<unknown> =>
  page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')

/** Finds elements outside the window that are in no scrolling box; it runs in the page. */
const FIND_OVERFLOWING_ELEMENTS = `[...document.querySelectorAll('body *')]
  .filter((element) => element.closest('.scroll, pre, svg') === null)
  .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((element) => element.tagName + '.' + (element.getAttribute('class') ?? ''))`

export const findOverflowingElements = (page: Page): Promise<string[]> =>
  page.evaluate(FIND_OVERFLOWING_ELEMENTS)

/** Enlarges text as a browser's setting does; WCAG 1.4.4 requires 200 %. */
export const enlargeText = (page: Page, size: string): Promise<unknown> =>
  page.evaluate(`document.documentElement.style.fontSize = ${JSON.stringify(size)}`)
