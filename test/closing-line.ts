import type { Reporter, TestModule } from 'vitest/node'

/** Ends every run with the one line that scripts read: `N passed, N failed, N skipped`. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    for (const module of modules) {
      for (const test of module.children.allTests()) count[test.result().state]++
      // A file that cannot even be loaded has no tests to fail: it is counted itself.
      if (module.errors().length > 0) count.failed++
    }
    const failed = count.failed + unhandled.length
    const skipped = count.skipped + count.pending
    console.log(
      `\n${count.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    )
  }
}
