import { expect, test } from 'vitest'
import { FAULT_KINDS, parseFault } from '../../src/simulator/fault.ts'
import {
  FaultSchedule,
  parseRules,
  type ScheduledRequest,
  scheduleSchema,
} from '../../src/simulator/schedule.ts'
import { DAY_MS, HOUR_MS } from '../support/time.ts'

const REQUEST: ScheduledRequest = { kind: 'api', path: '/endpoint', key: 'k1', sinceStartMs: 0 }

const createSchedule = (rules: unknown, seed = 42) =>
  new FaultSchedule(scheduleSchema.parse(rules), seed)

/** Chooses for many requests, and returns the numbers of those that were hit. */
const listHits = (schedule: FaultSchedule, change: Partial<ScheduledRequest> = {}, count = 1000) =>
  Array.from({ length: count }, () => schedule.choose({ ...REQUEST, ...change }).length).flatMap(
    (faults, n) => (faults > 0 ? [n] : []),
  )

test('a share of the requests is hit, the same ones with the same seed', () => {
  const rules = [{ fault: 'answer-503', share: '5%' }]
  const hits = listHits(createSchedule(rules))
  expect(hits.length).toBeGreaterThan(25)
  expect(hits.length).toBeLessThan(100)
  expect(listHits(createSchedule(rules))).toEqual(hits)
  expect(listHits(createSchedule(rules, 43))).not.toEqual(hits)
})

test('the requests of one key do not change the faults of another', () => {
  const rules = [{ fault: 'answer-503', share: '50%' }]
  const alone = listHits(createSchedule(rules), {}, 50)
  const schedule = createSchedule(rules)
  const beside = Array.from({ length: 50 }, (_, n) => {
    schedule.choose({ ...REQUEST, key: 'k2' })
    return schedule.choose(REQUEST).length > 0 ? n : -1
  }).filter((n) => n >= 0)
  expect(beside).toEqual(alone)
})

test('a rule holds from one time until another', () => {
  const schedule = createSchedule([{ fault: 'answer-429', from: '2d', until: '49h' }])
  const hits = [0, 2 * DAY_MS - 1, 2 * DAY_MS, 49 * HOUR_MS - 1, 49 * HOUR_MS].map(
    (sinceStartMs) => schedule.choose({ ...REQUEST, sinceStartMs }).length,
  )
  expect(hits).toEqual([0, 0, 1, 1, 0])
})

test.each([
  ['token', { authenticate: 1, refresh: 1, api: 0 }],
  ['refresh', { authenticate: 0, refresh: 1, api: 0 }],
  ['/endpoint', { authenticate: 0, refresh: 0, api: 1 }],
])('on %s, a rule hits these requests alone', (on, expected) => {
  const schedule = createSchedule([{ fault: 'delay', on }])
  const paths = { authenticate: '/oauth2/token', refresh: '/auth/refreshToken', api: '/endpoint' }
  for (const [kind, count] of Object.entries(expected)) {
    const request = { ...REQUEST, kind: kind as 'api', path: paths[kind as 'api'] }
    expect(schedule.choose(request), kind).toHaveLength(count)
  }
})

test('a count is for each key, and what happens to a key happens once', () => {
  const counted = createSchedule([{ fault: 'answer-503', count: 2 }])
  expect([...listHits(counted), ...listHits(counted, { key: 'k2' })]).toEqual([0, 1, 0, 1])
  const revoking = createSchedule([{ fault: 'revoke-key' }])
  expect([...listHits(revoking), ...listHits(revoking, { key: 'k2' })]).toEqual([0, 0])
  expect(listHits(revoking, { key: '' })).toEqual([])
})

test('a brownout hits legacy exchange and refresh, and ends when its rule does', () => {
  const schedule = createSchedule([{ fault: 'brownout', from: '2d', until: '50h' }])
  const at = { key: 'k1', sinceStartMs: 49 * HOUR_MS }
  expect(schedule.choose({ ...at, kind: 'refresh', path: '/auth/refreshToken' })).toEqual([
    { name: 'brownout', ms: HOUR_MS },
  ])
  expect(schedule.choose({ ...at, kind: 'authenticate', path: '/oauth2/token' })).toEqual([])
  expect(schedule.choose({ ...REQUEST, ...at })).toEqual([])
})

test('a fault has the duration in its rule, or that of its kind', () => {
  expect(parseFault('answer-503=7s')).toEqual({ name: 'answer-503', ms: 7000 })
  expect(parseFault('answer-503')).toEqual({ name: 'answer-503', ms: 30_000 })
  expect(parseFault('skew-clock=-1h')).toEqual({ name: 'skew-clock', ms: -HOUR_MS })
  for (const name of Object.keys(FAULT_KINDS)) expect(parseFault(name), name).not.toBeNull()
})

test.each([
  '',
  'answer-500',
  'constructor',
  'answer-503=',
  'answer-503=-7s',
  'revoke-key=1h',
  'delay=soon',
])('no fault is %j', (text) => {
  expect(parseFault(text)).toBeNull()
})

test.each([
  [[{ fault: 'answer-500' }], 'must be one of lose-answer-before-commit'],
  [[{ fault: 'delay', share: '200%' }], 'must be a percentage'],
  [[{ fault: 'delay', from: 'soon' }], 'must be a duration'],
  [[{ fault: 'delay', when: '1d' }], 'is unknown'],
  [[{ fault: 'delay', count: 0 }], 'must be at least 1'],
  [{ fault: 'delay' }, 'must be a list'],
])('the rules %j are refused with the reason', (rules, reason) => {
  const parsed = parseRules(rules)
  expect(parsed.ok ? '' : parsed.failure.errors[0]?.detail).toContain(reason)
})
