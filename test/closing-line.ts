import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends every run with how many tests of the one contract each engine has passed, and with the line
 * that scripts read: `N passed, N failed, N skipped`.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    const engines = new Map<string, number>()
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state]++
        const engine = ENGINE.exec(test.fullName)?.[1]
        if (engine !== undefined && state === 'passed') {
          engines.set(engine, (engines.get(engine) ?? 0) + 1)
        }
      }
      // A file that cannot even be loaded has no tests to fail: it is counted itself.
      if (module.errors().length > 0) count.failed++
    }
    if (engines.size > 0) {
      const each = Array.from(engines, ([engine, passed]) => `${engine} ${passed}`)
      console.log(`\nTests of the storage contract that passed: ${each.join(', ')}.`)
    }
    const failed = count.failed + unhandled.length
    const skipped = count.skipped + count.pending
    console.log(
      `\n${count.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    )
  }
}

/** How the conformance suite names its tests. */
const ENGINE = /^(SQLite|PostgreSQL|D1 in workerd): /
