import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import type { Comparison } from '../../bench/compare.ts'
import { parseBenchOptions } from '../../bench/options.ts'
import { startLocalPostgres } from '../support/database/postgres.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const CASES = ['authenticate', 'refresh', 'guard-refused', 'endpoint-accepted']
const ENGINES = ['sqlite', 'postgres', 'd1']

/** The bench ends with an error where an answer has not the status that its case expects. */
async function runBench(...args: string[]) {
  const json = join(folder, 'bench.json')
  const run = new URL('../../bench/run.ts', import.meta.url).pathname
  const argv = [run, '--quick', '--json', json, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  const text = readFileSync(json, 'utf8')
  const { comparisons } = JSON.parse(text) as { comparisons: Comparison[] }
  return { stdout, text, comparisons }
}

/** The words that begin the rows of a table, below its head. */
const readTableRows = (stdout: string, words: number) =>
  stdout
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {2,}/).slice(0, words))

test('the bench runs through on SQLite, and every answer has the status that its case expects', async () => {
  const { stdout, comparisons } = await runBench()
  expect(comparisons.map(({ name, engine }) => [name, engine])).toEqual(
    CASES.map((name) => [name, 'sqlite']),
  )
  for (const { ratio } of comparisons) expect(ratio).toBeGreaterThan(0)
  expect(stdout).toMatch(
    /^\ncase +requests\/s +p50 +p99 +CPU +bare CPU +bare\/s +ratio +aim\nauthenticate /,
  )
})

test('all engines stand side by side, and only SQLite is judged', async () => {
  const { stdout, comparisons } = await runBench('--engine', 'all')
  const expected = CASES.flatMap((name) => ENGINES.map((engine) => [name, engine]))
  expect(comparisons.map(({ name, engine }) => [name, engine])).toEqual(expected)
  for (const { engine, ratio, aim, holds } of comparisons) {
    expect(ratio).toBeGreaterThan(0)
    expect([aim === null, holds === null]).toEqual(Array(2).fill(engine !== 'sqlite'))
  }
  expect(readTableRows(stdout, 2)).toEqual(
    CASES.flatMap((name) => ['bare Hono', ...ENGINES].map((row) => [name, row])),
  )
})

test('a PostgreSQL that is named is left as it was, and its password is in no report', async () => {
  const postgres = await startLocalPostgres()
  try {
    const url = await postgres.createDatabase()
    const list = () => postgres.query(url, 'SELECT datname FROM pg_database ORDER BY 1')
    const before = await list()
    const args = ['--engine', 'postgres', '--postgres', url, '--case', 'refresh']
    const { stdout, text } = await runBench(...args)
    expect(readTableRows(stdout, 2)).toEqual([
      ['refresh', 'bare Hono'],
      ['refresh', 'postgres'],
    ])
    expect(text).not.toContain(new URL(url).password)
    expect(await list()).toEqual(before)
  } finally {
    await postgres.stop()
  }
})

test.each([
  [['--engine', 'mysql'], 'there is no engine "mysql"; there are: sqlite, postgres, d1, and all'],
  [['--growth', '--engine', 'd1'], '--growth measures sqlite; it takes no other --engine'],
  [['--postgres', 'mysql://db'], '--postgres, or LATCHKEY_TEST_POSTGRES, must be postgres://…'],
])('%j is refused with a sentence', (args, sentence) => {
  expect(() => parseBenchOptions(args)).toThrow(sentence)
})

test('an engine that is asked for twice is measured once, in the order of the table', () => {
  const engines = (...args: string[]) => parseBenchOptions(args)?.engines
  expect(engines()).toEqual(['sqlite'])
  expect(engines('--engine', 'd1', '--engine', 'sqlite', '--engine', 'd1')).toEqual([
    'sqlite',
    'd1',
  ])
  expect(engines('--engine', 'd1', '--engine', 'all')).toEqual(ENGINES)
})

test('the lists of a console are asked for on every engine that can be watched', async () => {
  const { stdout } = await runBench('--lists', '--engine', 'all', '--markdown')
  for (const engine of ['SQLite', 'PostgreSQL']) {
    expect(stdout).toMatch(new RegExp(`^\\| a text of none \\| ${engine} \\| .* \\|$`, 'm'))
  }
})
