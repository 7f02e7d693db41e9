import type { Page } from 'playwright-core'

/** What stands out of the window and is not in a box that scrolls by itself. A text: it runs there. */
const STANDING_OUT = `[...document.querySelectorAll('body *')]
  .filter((element) => element.closest('.scroll, pre, svg') === null)
  .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((element) => element.tagName + '.' + (element.getAttribute('class') ?? ''))`

export const widerThanWindow = (page: Page): Promise<string[]> => page.evaluate(STANDING_OUT)

/** As somebody who has the browser show text larger; 200 % is what WCAG 1.4.4 asks for. */
export const enlargeText = (page: Page, size: string): Promise<unknown> =>
  page.evaluate(`document.documentElement.style.fontSize = ${JSON.stringify(size)}`)
