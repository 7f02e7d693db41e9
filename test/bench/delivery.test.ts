import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { buildPostRequest, numberRequest, readMessageNumber } from '../../bench/cases.ts'
import { computeDelay, computeSlowdown } from '../../bench/delivery/arrival.ts'
import type { DeliveryResults } from '../../bench/delivery/delivery.ts'
import { formatDeliveryMarkdown } from '../../bench/delivery/report.ts'
import { createSchedule, sendOnTime } from '../../bench/delivery/send.ts'
import { quantile } from '../../bench/load.ts'
import { parseBenchOptions } from '../../bench/options.ts'
import { drawShortBar } from '../../bench/text.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the bench of delivery runs through, and every message that is sent arrives', async () => {
  const json = join(folder, 'delivery.json')
  const run = new URL('../../bench/run.ts', import.meta.url).pathname
  const argv = [run, '--delivery', '--quick', '--markdown', '--json', json]
  const { stdout } = await promisify(execFile)(process.execPath, argv)
  const { delivery } = JSON.parse(readFileSync(json, 'utf8')) as { delivery: DeliveryResults }

  const { accepted, drained, arrivals } = delivery
  expect(accepted.map(({ fate, engine }) => [fate, engine])).toEqual([
    ['delivered', 'sqlite'],
    ['down', 'sqlite'],
  ])
  expect(drained.map(({ feeds }) => feeds)).toEqual([1, 4])
  expect(arrivals.map(({ hangingFeeds }) => hangingFeeds)).toEqual([0, 1, 6])
  for (const { ratio } of [...accepted, ...drained]) expect(ratio).toBeGreaterThan(0)
  for (const { figures, rate, ratio, hangingFeeds } of arrivals) {
    expect(rate).toBe((accepted[0]?.throughPerSecond ?? Number.NaN) / 2)
    expect(figures.arrival.p99Ms).toBeGreaterThanOrEqual(figures.arrival.p50Ms)
    expect(ratio === null).toBe(hangingFeeds === 0)
  }
  expect(stdout.trim().endsWith(formatDeliveryMarkdown(delivery))).toBe(true)
})

test.each([
  [['--engine', 'd1'], 'there is no engine "d1"; there are: sqlite, postgres, and all'],
  [['--growth'], '--delivery, --growth and --lists are benches of their own'],
  [['--case', 'refresh'], 'there is no case "refresh"; there are: accepted, drained, arrival'],
  [['--feeds', '1,x'], '--feeds must be a number above 0, up to 1000; it is "x"'],
])('--delivery %j is refused with a sentence', (args, sentence) => {
  expect(() => parseBenchOptions(['--delivery', ...args])).toThrow(sentence)
})

test('what belongs to delivery is refused without it', () => {
  for (const args of [
    ['--feeds', '1'],
    ['--hanging', '1'],
    ['--rate', '9'],
  ]) {
    expect(() => parseBenchOptions(args)).toThrow(
      '--feeds, --hanging and --rate belong to --delivery',
    )
  }
  expect(() => parseBenchOptions(['--markdown'])).toThrow(
    '--markdown belongs to --delivery and --lists',
  )
})

test('all engines of delivery are those with a process that delivers', () => {
  const settings = parseBenchOptions(['--delivery', '--engine', 'all', '--hanging', '3,5'])
  expect(settings).toMatchObject({
    delivery: true,
    engines: ['sqlite', 'postgres'],
    feeds: [1, 8, 64],
    hanging: [3, 5],
  })
})

test('of a hundred delays the p99 is the largest, the p50 the one above the middle', () => {
  const sorted = Array.from({ length: 100 }, (_, n) => n + 1)
  expect([quantile(sorted, 0.5), quantile(sorted, 0.99), quantile([7], 0.99)]).toEqual([51, 100, 7])
  expect(() => quantile([], 0.5)).toThrow('there is no quantile of nothing')
})

test('a delay is that of each message, in whatever order they arrive', () => {
  const answered = Float64Array.of(10, 20, 30)
  const arrived = Float64Array.of(19, 19, 31)
  expect(computeDelay(answered, arrived)).toEqual({ p50Ms: 1, p99Ms: 9 })
})

test('a slowdown is the middle of those to the undisturbed round beside each', () => {
  const createRounds = (...p99s: number[]) =>
    p99s.map((p99Ms) => ({ arrival: { p50Ms: 0, p99Ms } }))
  expect(computeSlowdown(createRounds(2, 90, 30), createRounds(2, 10, 20))).toBe(1.5)
})

test('a schedule has as many requests as its rate says, and leaves none for after its end', () => {
  const dues = createSchedule(1000, 20)
  expect(dues.length).toBeGreaterThan(19_000)
  expect(dues.length).toBeLessThan(21_000)
  expect(dues).toEqual(dues.toSorted())
  expect(dues.at(-1)).toBeLessThan(20_000)
  // The median of an exponential is ln 2 of its mean.
  expect(createSchedule(1000, 0.01, () => 0.5)[1]).toBeCloseTo(Math.LN2)
})

test('what is due is counted from then, though a slow server has not answered what came before', async () => {
  const arrived: number[] = []
  const slow = createServer(async (request, answer) => {
    let body = ''
    for await (const chunk of request.setEncoding('latin1')) body += chunk
    arrived.push(readMessageNumber(body))
    setTimeout(() => answer.end('{}'), SLOW_MS)
  })
  await new Promise<void>((listening) => slow.listen(0, '127.0.0.1', listening))
  try {
    const { port } = slow.address() as AddressInfo
    const request = buildPostRequest('/', '{"Comment":"0000000000"}')
    const getRequest = (n: number) => numberRequest(request, n)
    const dues = Float64Array.of(0, 0, 0)
    const sent = await sendOnTime(port, dues, { getRequest, connections: 2 })
    expect(new Set(arrived)).toEqual(new Set([0, 1, 2]))
    const waited = sent.answeredAt.map((at, n) => at - (sent.dueAt[n] ?? 0)).toSorted()
    // The third had to wait for a connection.
    expect(waited.at(-1)).toBeGreaterThanOrEqual(2 * SLOW_MS - 2)
  } finally {
    slow.close()
  }
})

const SLOW_MS = 50

test('a message keeps its number, and its request what it was', () => {
  const request = buildPostRequest('/endpoint', '{"Comment":"xxxxxxxxxxxx"}')
  const before = request.toString()
  expect(readMessageNumber(numberRequest(request, 4711).toString())).toBe(4711)
  expect(request.toString()).toBe(before)
})

test('a bar is drawn to an eighth, and no further than its whole', () => {
  expect(drawShortBar(0.5)).toBe('██████████··········')
  expect(drawShortBar(0.0125)).toBe('▎···················')
  expect(drawShortBar(9, 3)).toBe('█'.repeat(20))
})
