import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/**
 * What keeps somebody from using the page, a line each. The debugger puts axe into the page, not the
 * page itself, so that the content security policy stays in force and its faults are still heard.
 * `rules`: these of axe's alone.
 */
export async function violations(page: Page, rules?: readonly string[]): Promise<string[]> {
  if (await page.evaluate(`!('axe' in globalThis)`)) await page.evaluate(AXE)
  const results = await page.evaluate(
    (runOnly) =>
      (globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
        runOnly,
        // What is right is not told in detail: that is most of the work.
        resultTypes: ['violations'],
      }),
    rules === undefined ? { type: 'tag', values: RULES } : { type: 'rule', values: [...rules] },
  )
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => {
      const why = failureSummary?.split('\n').slice(1).join(' ').trim() ?? ''
      return `${id}: ${help}\n  at ${target.join(' ')}\n  ${why}`
    }),
  )
}
