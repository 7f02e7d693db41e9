import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { BENCH_CASES } from '../../bench/cases.ts'
import { drawChart } from '../../bench/chart.ts'
import type { Comparison } from '../../bench/compare.ts'
import { computeDelay, computeSlowdown } from '../../bench/delivery/arrival.ts'
import type { DeliveryResults } from '../../bench/delivery/delivery.ts'
import { createSchedule, sendOnTime } from '../../bench/delivery/send.ts'
import { replaceSection } from '../../bench/documentation.ts'
import type { GrowthResult } from '../../bench/growth.ts'
import type { ImportResult } from '../../bench/import.ts'
import { quantile, runLoadRound } from '../../bench/load.ts'
import { parseBenchOptions, SUBJECT_NAMES } from '../../bench/options.ts'
import {
  buildGetRequest,
  buildPostRequest,
  createRotatingScripts,
  numberRequest,
  readMessageNumber,
} from '../../bench/requests.ts'
import { DISTURBERS } from '../../bench/stall/disturbers.ts'
import type { StallResult } from '../../bench/stall/stall.ts'
import { drawBar } from '../../bench/text.ts'
import { startPostgres } from '../support/database/postgres.ts'
import { createTempFolder } from '../support/server.ts'
import { startListening } from '../support/upstream/servers.ts'

const folder = createTempFolder()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const DOCUMENT = new URL('../../docs/benchmarks.md', import.meta.url).pathname
const RUN = new URL('../../bench/run.ts', import.meta.url).pathname

interface BenchReport {
  readonly comparisons: readonly Comparison[]
  readonly growth: readonly GrowthResult[]
  readonly delivery: DeliveryResults
  readonly stalls: readonly StallResult[]
  readonly imports: readonly ImportResult[]
}

/** Rejects where a response has another status than its case expects. */
async function runBench(...args: string[]) {
  const path = join(folder, 'bench.json')
  const argv = [RUN, '--quick', '--json', path, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  const json = readFileSync(path, 'utf8')
  return { stdout, json, ...(JSON.parse(json) as BenchReport) }
}

/** The subjects, and a PostgreSQL that is far away. */
const SECTIONS = [...SUBJECT_NAMES, 'distant']

describe('npm run bench', () => {
  test('compares every case on SQLite with bare Hono', async () => {
    const { stdout, comparisons } = await runBench('--engine', 'sqlite')
    expect(comparisons.map(({ name, label }) => [name, label])).toEqual(
      BENCH_CASES.map(({ name }) => [name, 'sqlite']),
    )
    for (const { figures, bare, aloneP50Ms } of comparisons) {
      for (const one of [figures.perSecond, bare.perSecond, aloneP50Ms])
        expect(one).toBeGreaterThan(0)
    }
    expect(stdout).toMatch(/^\n\| case \| engine \| requests\/s \| p50 \|/)
    expect(stdout).toMatch(/^\| authenticate \| SQLite \| .* \| ≥ 0\.60 [✓✗]/m)
    expect(stdout).toMatch(
      /^\| Ed25519 signature \| \d+\.\d µs \| authenticate-jwt, refresh-jwt \|$/m,
    )
  })

  test('with --growth compares few keys with many, and writes nothing by itself', async () => {
    const documented = readFileSync(DOCUMENT, 'utf8')
    const args = ['--engine', 'sqlite', '--case', 'api-key-xdent']
    const { stdout, growth } = await runBench('--growth', ...args)
    expect(growth[0]).toMatchObject({ engine: 'sqlite', work: 'API key at each request: xdent' })
    for (const { cpuUs } of growth) expect(Object.keys(cpuUs)).toEqual(['1', '200'])
    expect(stdout).toMatch(/^\| keys, the newest \| SQLite \| /m)
    expect(readFileSync(DOCUMENT, 'utf8')).toBe(documented)
  })

  test('with --delivery sees every message arrive', async () => {
    const { stdout, delivery } = await runBench('--delivery')
    const { accepted, arrivals } = delivery
    expect(accepted.map(({ fate, engine }) => [fate, engine])).toEqual([
      ['delivered', 'sqlite'],
      ['down', 'sqlite'],
    ])
    for (const { ratio } of accepted) expect(ratio).toBeGreaterThan(0)
    expect(arrivals.map(({ hanging, ratio }) => [hanging, ratio === null])).toEqual([
      [0, true],
      [1, false],
      [6, false],
    ])
    for (const { figures, rate } of arrivals) {
      expect(rate).toBe((accepted[0]?.arrivedPerSecond ?? Number.NaN) / 2)
      expect(figures.arrival.p99Ms).toBeGreaterThanOrEqual(figures.arrival.p50Ms)
    }
    expect(stdout).toMatch(/^\| accepted, its destination down \| SQLite \| /m)
    expect(stdout).toMatch(/^\| 6 hanging \| SQLite \| /m)
  })

  test('with --stall measures exchanges beside each long work', async () => {
    const { stdout, stalls } = await runBench('--stall')
    expect(stalls.map(({ disturber }) => disturber)).toEqual(DISTURBERS.map(({ title }) => title))
    expect(stalls.map(({ addedMs }) => addedMs === null).lastIndexOf(true)).toBe(0)
    for (const { times, figures } of stalls) {
      expect(times).toBeGreaterThan(0)
      expect(figures.p99Ms).toBeGreaterThanOrEqual(figures.p50Ms)
    }
    expect(stdout).toMatch(/^\| a message of 39 MB, accepted and delivered \| /m)
  })

  test('with --import measures imports, and the exchanges beside them', async () => {
    const { stdout, imports } = await runBench('--import')
    expect(imports.map(({ importCase, rows }) => [importCase, rows])).toEqual([
      ['hashes-by-api', 100],
      ['hashes-by-command', 100],
      ['secrets-by-api', 10],
    ])
    for (const { seconds, beside } of imports) {
      expect(seconds).toBeGreaterThan(0)
      expect(beside.p99Ms).toBeGreaterThanOrEqual(beside.p50Ms)
    }
    expect(stdout).toMatch(/^\| hashes by api \| SQLite \| /m)
  })

  test('leaves a PostgreSQL of the user as it was, and its password out of the report', async () => {
    const postgres = await startPostgres()
    try {
      const url = await postgres.createDatabase()
      const listDatabases = () => postgres.query(url, 'SELECT datname FROM pg_database ORDER BY 1')
      const before = await listDatabases()
      const args = ['--engine', 'postgres', '--postgres', url, '--case', 'refresh']
      const { stdout, json, comparisons } = await runBench(...args)
      expect(comparisons).toMatchObject([{ name: 'refresh', label: 'postgres', share: null }])
      expect(stdout).toMatch(/^\| refresh, on disk \| PostgreSQL \| /m)
      expect(json).not.toContain(new URL(url).password)
      expect(await listDatabases()).toEqual(before)
    } finally {
      await postgres.stop()
    }
  })
})

describe('the options of the bench', () => {
  test.each([
    [['--engine', 'mysql'], 'there is no engine "mysql"; there are: sqlite, postgres, d1, all'],
    [['--postgres', 'mysql://db'], '--postgres, or LATCHKEY_TEST_POSTGRES, must be postgres://…'],
    [
      ['--startup', '--delivery'],
      '--delivery and --startup are different measurements: choose one',
    ],
    [['--rate', '9'], '--rate belongs to --delivery'],
    [['--rounds', 'x'], '--rounds must be a number above 0, up to 100; it is "x"'],
    [['--delivery', '--engine', 'd1'], 'there is no engine "d1"; there are: sqlite, postgres, all'],
    [
      ['--delivery', '--case', 'refresh'],
      'there is no case "refresh"; there are: accepted, arrival',
    ],
  ])('%j are refused with a sentence', (args, sentence) => {
    expect(() => parseBenchOptions(args)).toThrow(sentence)
  })

  test('name each engine once, in the order of the table', () => {
    const parseEngines = (...args: string[]) => parseBenchOptions(args)?.engines
    expect(parseEngines()).toEqual(['sqlite', 'postgres'])
    expect(parseEngines('--delivery')).toEqual(['sqlite'])
    expect(parseEngines('--workers')).toEqual(['d1'])
    const repeated = ['--engine', 'd1', '--engine', 'sqlite', '--engine', 'd1']
    expect(parseEngines(...repeated)).toEqual(['sqlite', 'd1'])
    expect(parseEngines('--engine', 'all')).toEqual(['sqlite', 'postgres', 'd1'])
    expect(parseEngines('--delivery', '--engine', 'all')).toEqual(['sqlite', 'postgres'])
  })
})

describe('the tables of docs/benchmarks.md', () => {
  test('are replaced between the marks of their section', () => {
    const document = 'a\n<!-- bench: x -->\nold\n<!-- end -->\nb\n<!-- bench: y -->\n<!-- end -->\n'
    const replaced = replaceSection(document, 'x', 'new')
    expect(replaced).toBe(document.replace('old', 'new'))
    expect(() => replaceSection(document, 'z', '')).toThrow('the document has no section z')
  })

  test.each(SECTIONS)('have a column for %s', (name) => {
    expect(() => replaceSection(readFileSync(DOCUMENT, 'utf8'), name, '')).not.toThrow()
  })

  test('show the CPU of every server, in the colors of light and dark pages', () => {
    const own = { label: 'Latchkey', value: 20, text: '20 µs', tone: 'own' } as const
    const other = { label: 'A & B', value: 40, text: '40 µs', tone: 'other' } as const
    const cut = { label: 'C', value: 90, text: '90 µs', tone: 'other' } as const
    const chart = drawChart('CPU', [{ title: 'issue', maximum: 40, bars: [own, other, cut] }])
    const widths = [...chart.matchAll(/<rect [^>]* width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    )
    expect(widths[1]).toBeCloseTo(2 * (widths[0] ?? 0), 0)
    expect(widths[2]).toBe(widths[1])
    expect(chart).toContain('→ 90 µs')
    expect(chart).toContain('A &amp; B')
    expect(chart).toContain('@media (prefers-color-scheme: dark)')
  })
})

describe('the arithmetic of the bench', () => {
  test('takes the largest of a hundred delays as p99, and the one above the middle as p50', () => {
    const sorted = Array.from({ length: 100 }, (_, n) => n + 1)
    expect([quantile(sorted, 0.5), quantile(sorted, 0.99)]).toEqual([51, 100])
    expect(quantile([7], 0.99)).toBe(7)
    expect(() => quantile([], 0.5)).toThrow('an empty list has no quantile')
  })

  test('computes the delay of each message, in whatever order messages arrive', () => {
    const answered = Float64Array.of(10, 20, 30)
    const arrived = Float64Array.of(19, 19, 31)
    expect(computeDelay(answered, arrived)).toEqual({ p50Ms: 1, p99Ms: 9 })
  })

  test('takes the median slowdown of the rounds, each against the undisturbed round beside it', () => {
    const createRounds = (...p99s: number[]) =>
      p99s.map((p99Ms) => ({ arrival: { p50Ms: 0, p99Ms } }))
    expect(computeSlowdown(createRounds(2, 90, 30), createRounds(2, 10, 20))).toBe(1.5)
  })

  test('schedules as many requests as the rate says, all of them before the end', () => {
    const dues = createSchedule(1000, 20)
    expect(dues.length).toBeGreaterThan(19_000)
    expect(dues.length).toBeLessThan(21_000)
    expect(dues).toEqual(dues.toSorted())
    expect(dues.at(-1)).toBeLessThan(20_000)
    // The median of an exponential distribution is ln 2 of its mean.
    expect(createSchedule(1000, 0.01, () => 0.5)[1]).toBeCloseTo(Math.LN2)
  })

  test('draws a bar to an eighth of a character, and no longer than its cell', () => {
    expect(drawBar(0.5)).toBe('██████████··········')
    expect(drawBar(0.0125)).toBe('▎···················')
    expect(drawBar(9, 3)).toBe('█'.repeat(20))
  })
})

describe('the load of the bench', () => {
  test('sends each request once before it measures', async () => {
    const seen = new Set<string | undefined>()
    const { url, close } = await startListening(
      createServer(({ url: path }, response) => {
        seen.add(path)
        response.end('{}')
      }),
    )
    try {
      const paths = Array.from({ length: 300 }, (_, n) => `/${n}`)
      const requests = paths.map((path) => buildGetRequest(path, []))
      const served = { port: Number(new URL(url).port), cpuSeconds: () => Number.NaN }
      const scripts = createRotatingScripts(requests, 2)
      const { delaysMs } = await runLoadRound({ served, scripts, seconds: 1e-6 })
      expect(seen).toEqual(new Set(paths))
      expect(delaysMs.length).toBe(scripts.length)
    } finally {
      close()
    }
  })

  test('counts the delay of a request from when it was due, though earlier ones are unanswered', async () => {
    const responseMs = 50
    const arrived: number[] = []
    const slowServer = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request.setEncoding('latin1')) body += chunk
      arrived.push(readMessageNumber(body))
      setTimeout(() => response.end('{}'), responseMs)
    })
    const { url, close } = await startListening(slowServer)
    try {
      const request = buildPostRequest('/', '{"Comment":"0000000000"}')
      const getRequest = (n: number) => numberRequest(request, n)
      const port = Number(new URL(url).port)
      const { dueAt, answeredAt } = await sendOnTime(port, Float64Array.of(0, 0, 0), {
        getRequest,
        connections: 2,
      })
      expect(new Set(arrived)).toEqual(new Set([0, 1, 2]))
      const delays = answeredAt.map((at, n) => at - (dueAt[n] ?? 0)).toSorted()
      // The third request had to wait for a connection.
      expect(delays.at(-1)).toBeGreaterThanOrEqual(2 * responseMs - 2)
    } finally {
      close()
    }
  })

  test('numbers a copy of the message, and leaves the original as it was', () => {
    const request = buildPostRequest('/endpoint', '{"Comment":"xxxxxxxxxxxx"}')
    const before = request.toString()
    expect(readMessageNumber(numberRequest(request, 4711).toString())).toBe(4711)
    expect(request.toString()).toBe(before)
  })
})
