import type { Page } from 'playwright-core'

/** To be called before a page is loaded: adds up how far things on it were moved as it came (Layout Instability). */
export const watchShifts = (page: Page): Promise<unknown> =>
  page.addInitScript(`{
    globalThis.shifted = 0
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.shifted += entry.value
    }).observe({ type: 'layout-shift', buffered: true })
  }`)

/** Once it has been drawn twice. */
export const shifts = (page: Page): Promise<number> =>
  page.evaluate(
    'new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(globalThis.shifted))))',
  )
