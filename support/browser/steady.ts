import type { Page } from 'playwright-core'

/** To be called before a page is loaded: adds up how far things on it were moved as it came (Layout Instability). */
export const watchShifts = (page: Page): Promise<unknown> =>
  page.addInitScript(`{
    globalThis.shifted = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.shifted += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  }`)

export async function shifts(page: Page): Promise<number> {
  await drawn(page)
  return page.evaluate('globalThis.shifted')
}

/** Once what was changed of it is on the screen. */
export const drawn = (page: Page): Promise<unknown> =>
  page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
