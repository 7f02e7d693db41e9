import { beforeEach, expect, test } from 'vitest'
import { createRandom } from '../../../src/crypto/secrets.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import {
  AuditBuffer,
  type RequestEvent,
  UNKNOWN_SUBJECT,
} from '../../../src/service/audit/buffer.ts'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import { createTestLog } from '../../support/server.ts'
import { createTestClock, HOUR_MS, SECOND_MS, type TestClock } from '../../support/time.ts'

const REFUSAL_BYTES_PER_DAY = 20_000_000

let events: AuditEvent[]
/** How many events each write had. */
let writes: number[]
/** The number of writes after which the database is away. */
let maxWrites: number
let log: ReturnType<typeof createTestLog>
let clock: TestClock
let auditBuffer: AuditBuffer
beforeEach(() => {
  events = []
  writes = []
  maxWrites = Number.POSITIVE_INFINITY
  log = createTestLog()
  clock = createTestClock()
  auditBuffer = new AuditBuffer(createDeps())
})

const createDeps = () => ({
  storage: {
    async addEvents(added: readonly AuditEvent[]) {
      if (writes.length >= maxWrites) throw new Error('the database is away')
      writes.push(added.length)
      events.push(...added)
    },
  },
  sealer: { seal: async (plain: Uint8Array) => `sealed ${new TextDecoder().decode(plain)}` },
  random: createRandom(nodePrimitives, clock),
  clock,
  log,
  refusalBytesPerDay: REFUSAL_BYTES_PER_DAY,
})

let requests = 0
const createRefusal = (
  more: { subject?: string; address?: string; reason?: string } = {},
): RequestEvent => ({
  action: 'key.refused',
  subject: more.subject ?? 'key-1',
  caller: {
    address: more.address ?? '203.0.113.7',
    requestId: `request-${++requests}`,
    path: '/somewhere',
  },
  facts: { surface: 'exchange', reason: more.reason ?? 'secret_wrong' },
})
const createIssuedEvent = (subject: string): RequestEvent => ({
  ...createRefusal({ subject }),
  action: 'token.issued',
  facts: { surface: 'exchange', grantId: crypto.randomUUID() },
})
const recordMany = (times: number, happening: (n: number) => RequestEvent) => {
  for (let n = 0; n < times; n++) auditBuffer.record(happening(n))
}
/** How many happenings the events tell of. */
const countRefusals = (from: readonly AuditEvent[] = events) =>
  from.reduce((sum, { facts }) => sum + Number(facts.count ?? 1), 0)

test('an event has its request, where it came from, and what was wrong', async () => {
  auditBuffer.record(createRefusal())
  expect(events).toEqual([])
  await auditBuffer.flush()
  expect(events).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      at: clock(),
      actor: 'key-1',
      action: 'key.refused',
      subject: 'key-1',
      requestId: `request-${requests}`,
      facts: {
        surface: 'exchange',
        reason: 'secret_wrong',
        address: '203.0.113.7',
        path: '/somewhere',
      },
    },
  ])
})

test('of 100,000 equal refusals, five have an event each, and one event counts the others', async () => {
  const first = requests + 1
  recordMany(100_000, () => createRefusal())
  await auditBuffer.flush()
  expect(events).toHaveLength(6)
  expect(countRefusals()).toBe(100_000)
  const found = events.map(({ requestId, facts }) => [requestId, facts.count])
  expect(found).toEqual([
    ...[0, 1, 2, 3, 4].map((n) => [`request-${first + n}`, undefined]),
    [`request-${first + 5}`, 99_995],
  ])
})

test('neighbours are alike: an IPv6 network of 2^64 addresses has five events', async () => {
  recordMany(1000, (n) => createRefusal({ address: `2001:db8::${n.toString(16)}` }))
  await auditBuffer.flush()
  expect(events).toHaveLength(6)
  expect(countRefusals()).toBe(1000)
})

test('of 100,000 refusals from everywhere, 20 have an event, and the others are counted by reason', async () => {
  const reasons = ['key_unknown', 'token_forged']
  recordMany(100_000, (n) =>
    createRefusal({
      subject: UNKNOWN_SUBJECT,
      address: `203.0.${n >> 8}.${n & 255}`,
      reason: reasons[n % 2] ?? '',
    }),
  )
  await auditBuffer.flush()
  expect(events).toHaveLength(22)
  expect(countRefusals()).toBe(100_000)
  const [unknown, forged] = events.slice(20)
  expect(unknown).toMatchObject({
    subject: UNKNOWN_SUBJECT,
    facts: { reason: 'key_unknown', count: 49_990 },
  })
  expect(forged).toMatchObject({
    subject: UNKNOWN_SUBJECT,
    facts: { reason: 'token_forged', count: 49_990 },
  })
  expect(unknown?.facts.address).toBeUndefined()
})

test('a flood of strangers hides no refusal of a key, and no flood of refusals a token that is issued', async () => {
  recordMany(1000, (n) => createRefusal({ subject: UNKNOWN_SUBJECT, address: `203.0.113.${n}` }))
  recordMany(50, (n) => createRefusal({ subject: `key-${n}` }))
  recordMany(1000, (n) => createRefusal({ address: `203.0.113.${n}` }))
  recordMany(100, (n) => createIssuedEvent(`key-${n}`))
  await auditBuffer.flush()
  const subjects = new Set(events.map(({ subject }) => subject))
  for (let n = 0; n < 50; n++) expect(subjects).toContain(`key-${n}`)
  expect(events.length).toBeLessThan(250)
  expect(events.filter(({ action }) => action === 'token.issued')).toHaveLength(100)
})

test('the next window begins anew', async () => {
  for (let window = 1; window <= 3; window++) {
    recordMany(100, () => createRefusal())
    await auditBuffer.flush()
    expect(events).toHaveLength(6 * window)
    expect(countRefusals()).toBe(100 * window)
  }
  await auditBuffer.flush()
  expect(writes).toEqual([6, 6, 6])
})

/** Has strangers from one network refused 30 times a second. */
async function floodFor(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    recordMany(30, (n) =>
      createRefusal({
        subject: UNKNOWN_SUBJECT,
        reason: `reason-${n % 6}`,
        address: '198.51.100.9',
      }),
    )
    await auditBuffer.flush()
    clock.advance(SECOND_MS)
  }
}

test('callers without a credential add no more than their megabytes a day, and every refusal is counted', async () => {
  const hours = 3
  await floodFor(hours * 3600)
  await auditBuffer.close()
  const bytes = events.reduce((sum, event) => sum + 500 + JSON.stringify(event.facts).length, 0)
  // The flush that uses the hour up, and the counts of the hour before, are beyond its share.
  expect(bytes).toBeLessThan(((hours + 1) / 24) * REFUSAL_BYTES_PER_DAY * 1.05)
  expect(countRefusals()).toBe(hours * 3600 * 30)
})

test('after the bytes of an hour are used up, a new kind of refusal and proven callers have their events', async () => {
  await floodFor(300)
  const before = events.length
  await floodFor(1)
  expect(events.slice(before)).toEqual([])

  auditBuffer.record(createRefusal({ subject: 'key-2' }))
  auditBuffer.record(createRefusal({ subject: 'key-2' }))
  const proven = createRefusal({ subject: 'key-3', reason: 'key_disabled' })
  proven.caller.keyId = 'key-3'
  auditBuffer.record(proven)
  auditBuffer.record(createIssuedEvent('key-4'))
  await auditBuffer.flush()
  expect(events.slice(before).map(({ subject }) => subject)).toEqual(['key-2', 'key-3', 'key-4'])

  clock.advance(HOUR_MS)
  await auditBuffer.flush()
  const floods = events.filter(({ facts }) => String(facts.reason).startsWith('reason-'))
  expect(countRefusals(floods)).toBe(301 * 30)
  expect(
    events.filter(({ subject }) => subject === 'key-2').map(({ facts }) => facts.count),
  ).toEqual([undefined, 1])
  auditBuffer.record(createRefusal({ subject: 'key-2' }))
  auditBuffer.record(createRefusal({ subject: 'key-2' }))
  await auditBuffer.flush()
  expect(events.slice(-2).map(({ subject, facts }) => [subject, facts.count])).toEqual([
    ['key-2', undefined],
    ['key-2', undefined],
  ])
})

test('an unlimited number of networks shares the counts of an hour by reason', async () => {
  await floodFor(300)
  const before = events.length
  recordMany(10_000, (n) =>
    createRefusal({ subject: UNKNOWN_SUBJECT, address: `203.0.${n >> 8}.${n & 255}` }),
  )
  await auditBuffer.close()
  expect(events.slice(before).length).toBeLessThan(120)
  expect(countRefusals()).toBe(300 * 30 + 10_000)
})

test('many are written before the window ends, in parts that delay no request', async () => {
  recordMany(1200, (n) => createIssuedEvent(`key-${n}`))
  await auditBuffer.flush()
  expect(events).toHaveLength(1200)
  expect(new Set(events.map(({ id }) => id)).size).toBe(1200)
  expect(Math.max(...writes)).toBe(50)
  expect(writes).toHaveLength(1200 / 50)
})

test('events that could not be written wait, and none is written twice', async () => {
  recordMany(120, (n) => createIssuedEvent(`key-${n}`))
  maxWrites = 1
  await auditBuffer.flush()
  expect(events).toHaveLength(50)

  maxWrites = Number.POSITIVE_INFINITY
  await auditBuffer.flush()
  expect(events).toHaveLength(120)
  expect(new Set(events.map(({ id }) => id)).size).toBe(120)
})

test('while the database takes no write, memory is bounded; then all that was kept is written', async () => {
  maxWrites = 0
  for (let window = 0; window < 20; window++) {
    recordMany(1500, (n) => createIssuedEvent(`key-${n}`))
    await auditBuffer.flush()
  }
  expect(
    log.lines.every(
      ({ message }) =>
        message === 'audit events could not be written and wait for the next attempt',
    ),
  ).toBe(true)
  maxWrites = Number.POSITIVE_INFINITY
  auditBuffer.record(createIssuedEvent('the last'))
  await auditBuffer.flush()
  expect(events.length).toBeGreaterThan(4000)
  expect(events.length).toBeLessThanOrEqual(5001)
})

test('a runtime that ends work after its answer keeps the flush alive, once for many events', async () => {
  const pendingWork: Promise<unknown>[] = []
  auditBuffer = new AuditBuffer({ ...createDeps(), keepAlive: (work) => pendingWork.push(work) })
  recordMany(10, (n) => createIssuedEvent(`key-${n}`))
  expect(pendingWork).toHaveLength(1)
  await Promise.all(pendingWork)
  expect(events).toHaveLength(10)
  auditBuffer.record(createRefusal())
  expect(pendingWork).toHaveLength(2)
  await Promise.all(pendingWork)
  expect(events).toHaveLength(11)
})

test('what a caller was answered with is kept with its refusal, sealed and of a bounded length', async () => {
  const [one, two] = [createRefusal(), createRefusal({ subject: 'another key' })]
  auditBuffer.record(one)
  auditBuffer.recordResponse(one.caller.requestId, { status: 403, body: 'x'.repeat(3000) })
  auditBuffer.recordResponse('a request that was not refused', { status: 401, body: 'no' })
  auditBuffer.record(two)
  await auditBuffer.flush()
  auditBuffer.recordResponse(two.caller.requestId, { status: 403, body: 'too late' })
  await auditBuffer.flush()
  const answers = events.map(({ facts }) => [facts.answerStatus, facts.answerBody])
  expect(answers).toEqual([
    [403, `sealed ${'x'.repeat(2048)}`],
    [undefined, undefined],
  ])
})
