import { afterEach, expect, test, vi } from 'vitest'
import type { TestModule } from 'vitest/node'
import SummaryReporter from './summary-reporter.ts'

afterEach(() => vi.restoreAllMocks())

type State = 'passed' | 'failed' | 'skipped'

/** Creates as much of a test module as the reporter reads. */
const createTestModule = (file: string, tests: Readonly<Record<string, State>>) =>
  ({
    relativeModuleId: file,
    errors: () => [],
    children: {
      allTests: () =>
        Object.entries(tests).map(([fullName, state]) => ({ fullName, result: () => ({ state }) })),
    },
  }) as unknown as TestModule

function reportLines(...modules: TestModule[]): string[] {
  const log = vi.spyOn(console, 'log').mockReturnValue()
  new SummaryReporter().onTestRunEnd(modules, [])
  return log.mock.calls.join('\n').split('\n').filter(Boolean)
}

test('a run that left nothing out ends with how many passed and failed, and no more', () => {
  expect(reportLines(createTestModule('a.test.ts', { one: 'passed', two: 'passed' }))).toEqual([
    '2 passed, 0 failed',
  ])
})

test('a run that left something out names it, its file, and how many ran there', () => {
  const whole = createTestModule('a.test.ts', { one: 'passed' })
  const gap = createTestModule('b.test.ts', { two: 'passed', 'disk › full': 'skipped' })
  const names = Array.from({ length: 7 }, (_, n) => [`case ${n}`, 'skipped'] as const)
  expect(reportLines(whole, gap, createTestModule('c.test.ts', Object.fromEntries(names)))).toEqual(
    [
      'Not run:',
      '  b.test.ts: 1 skipped, 1 ran',
      '    disk › full',
      '  c.test.ts: 7 skipped, 0 ran',
      ...[0, 1, 2, 3, 4].map((n) => `    case ${n}`),
      '    and 2 more',
      '2 passed, 0 failed, 8 skipped',
    ],
  )
})

test('a run that failed prints the seed of its random tests', () => {
  expect(reportLines(createTestModule('a.test.ts', { one: 'failed' }))).toEqual([
    `Random tests draw the same again with TEST_SEED=${process.env.TEST_SEED} in the environment.`,
    '0 passed, 1 failed',
  ])
})
