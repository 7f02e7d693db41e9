import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends every run with how many tests of the one contract each engine has passed, with what was not
 * run, after a failure with the seed of what is random, and with the line that scripts read:
 * `N passed, N failed, N skipped`.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 }
    const engines = new Map<string, number>()
    const gaps: string[] = []
    for (const module of modules) {
      const notRun: string[] = []
      let ran = 0
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        count[state]++
        if (state === 'skipped' || state === 'pending') notRun.push(test.fullName)
        else ran++
        const engine = ENGINE_TEST_NAME.exec(test.fullName)?.[1]
        if (engine !== undefined && state === 'passed') {
          engines.set(engine, (engines.get(engine) ?? 0) + 1)
        }
      }
      if (notRun.length > 0) gaps.push(describeGap(module.relativeModuleId, ran, notRun))
      // A file that cannot even be loaded has no tests to fail: it is counted itself.
      if (module.errors().length > 0) count.failed++
    }
    if (engines.size > 0) {
      const each = Array.from(engines, ([engine, passed]) => `${engine} ${passed}`)
      console.log(`\nTests of the storage contract that passed: ${each.join(', ')}.`)
    }
    if (gaps.length > 0) console.log(`\nNot run:\n${gaps.join('\n')}`)
    const failed = count.failed + unhandled.length
    const skipped = count.skipped + count.pending
    if (failed > 0) {
      const seed = `TEST_SEED=${process.env.TEST_SEED}`
      console.log(`\nRandom tests draw the same again with ${seed} in the environment.`)
    }
    console.log(
      `\n${count.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
    )
  }
}

/** How the conformance suite names its tests. */
const ENGINE_TEST_NAME = /^(SQLite|PostgreSQL|D1 in workerd): /

/** A run that picks tests by name skips hundreds of a file: naming a few tells which they are. */
const MAX_NAMED_TESTS = 5

function describeGap(file: string, ran: number, notRun: readonly string[]): string {
  const names = notRun.slice(0, MAX_NAMED_TESTS).map((name) => `\n    ${name}`)
  const more = notRun.length - names.length
  if (more > 0) names.push(`\n    and ${more} more`)
  return `  ${file}: ${notRun.length} skipped, ${ran} ran${names.join('')}`
}
