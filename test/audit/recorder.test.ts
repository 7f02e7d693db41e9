import { beforeEach, expect, test } from 'vitest'
import { createRandom } from '../../src/crypto/random.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import type { AuditEvent } from '../../src/service/ports.ts'
import { createRecorder, type Happening, NOBODY } from '../../src/service/recorder.ts'
import { type TestClock, testClock, testLog } from '../support/server.ts'

let events: AuditEvent[]
/** How many events each write had. */
let writes: number[]
let broken: boolean
let log: ReturnType<typeof testLog>
let clock: TestClock
let recorder: ReturnType<typeof createRecorder>
beforeEach(() => {
  events = []
  writes = []
  broken = false
  log = testLog()
  clock = testClock()
  recorder = createRecorder(deps())
})

const deps = () => ({
  storage: {
    async addEvents(added: readonly AuditEvent[]) {
      if (broken) throw new Error('the database is away')
      writes.push(added.length)
      events.push(...added)
    },
  },
  sealer: { seal: async (plain: Uint8Array) => `sealed ${new TextDecoder().decode(plain)}` },
  random: createRandom(nodePrimitives, clock),
  clock,
  log,
})

let requests = 0
const refusal = (
  more: { subject?: string; address?: string; reason?: string } = {},
): Happening => ({
  action: 'key.refused',
  subject: more.subject ?? 'key-1',
  caller: {
    address: more.address ?? '203.0.113.7',
    requestId: `request-${++requests}`,
    path: '/somewhere',
  },
  facts: { surface: 'exchange', reason: more.reason ?? 'secret_wrong' },
})
const issued = (subject: string): Happening => ({
  ...refusal({ subject }),
  action: 'token.issued',
  facts: { surface: 'exchange', grantId: crypto.randomUUID() },
})
const flood = (times: number, happening: (n: number) => Happening) => {
  for (let n = 0; n < times; n++) recorder.record(happening(n))
}
/** How many happenings the events tell of. */
const told = () => events.reduce((sum, { facts }) => sum + Number(facts.count ?? 1), 0)

test('an event has its request, where it came from, and what was wrong', async () => {
  recorder.record(refusal())
  expect(events).toEqual([])
  await recorder.flush()
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

test('of 100,000 refusals that are alike, five have an event each, and one tells of the others', async () => {
  const first = requests + 1
  flood(100_000, () => refusal())
  await recorder.flush()
  expect(events).toHaveLength(6)
  expect(told()).toBe(100_000)
  const found = events.map(({ requestId, facts }) => [requestId, facts.count])
  expect(found).toEqual([
    ...[0, 1, 2, 3, 4].map((n) => [`request-${first + n}`, undefined]),
    [`request-${first + 5}`, 99_995],
  ])
})

test('neighbours are alike: an IPv6 network of 2^64 addresses has five events', async () => {
  flood(1000, (n) => refusal({ address: `2001:db8::${n.toString(16)}` }))
  await recorder.flush()
  expect(events).toHaveLength(6)
  expect(told()).toBe(1000)
})

test('of 100,000 refusals from everywhere, 20 have an event, and the others are counted by reason', async () => {
  const reasons = ['key_unknown', 'token_forged']
  flood(100_000, (n) =>
    refusal({
      subject: NOBODY,
      address: `203.0.${n >> 8}.${n & 255}`,
      reason: reasons[n % 2] ?? '',
    }),
  )
  await recorder.flush()
  expect(events).toHaveLength(22)
  expect(told()).toBe(100_000)
  const [unknown, forged] = events.slice(20)
  expect(unknown).toMatchObject({
    subject: NOBODY,
    facts: { reason: 'key_unknown', count: 49_990 },
  })
  expect(forged).toMatchObject({
    subject: NOBODY,
    facts: { reason: 'token_forged', count: 49_990 },
  })
  expect(unknown?.facts.address).toBeUndefined()
})

test('a flood of strangers hides no refusal of a key, and no flood of refusals a token that is issued', async () => {
  flood(1000, (n) => refusal({ subject: NOBODY, address: `203.0.113.${n}` }))
  flood(50, (n) => refusal({ subject: `key-${n}` }))
  flood(1000, (n) => refusal({ address: `203.0.113.${n}` }))
  flood(100, (n) => issued(`key-${n}`))
  await recorder.flush()
  const subjects = new Set(events.map(({ subject }) => subject))
  for (let n = 0; n < 50; n++) expect(subjects).toContain(`key-${n}`)
  expect(events.length).toBeLessThan(250)
  expect(events.filter(({ action }) => action === 'token.issued')).toHaveLength(100)
})

test('the next window begins anew', async () => {
  for (let window = 1; window <= 3; window++) {
    flood(100, () => refusal())
    await recorder.flush()
    expect(events).toHaveLength(6 * window)
    expect(told()).toBe(100 * window)
  }
  await recorder.flush()
  expect(writes).toEqual([6, 6, 6])
})

test('many are written before the window ends, together', async () => {
  flood(1200, (n) => issued(`key-${n}`))
  await recorder.flush()
  expect(events).toHaveLength(1200)
  expect(new Set(events.map(({ id }) => id)).size).toBe(1200)
  expect(writes.length).toBeLessThan(4)
})

test('while the database takes no write, memory is bounded; then all that was kept is written', async () => {
  broken = true
  for (let window = 0; window < 20; window++) {
    flood(1500, (n) => issued(`key-${n}`))
    await recorder.flush()
  }
  expect(log.lines.every(({ message }) => message === 'events were not audited yet')).toBe(true)
  broken = false
  recorder.record(issued('the last'))
  await recorder.flush()
  expect(events.length).toBeGreaterThan(4000)
  expect(events.length).toBeLessThanOrEqual(5001)
})

test('a runtime that ends work with its answer is told of the flush, once for many', async () => {
  const kept: Promise<unknown>[] = []
  recorder = createRecorder({ ...deps(), keepAlive: (work) => kept.push(work) })
  flood(10, (n) => issued(`key-${n}`))
  expect(kept).toHaveLength(1)
  await Promise.all(kept)
  expect(events).toHaveLength(10)
  recorder.record(refusal())
  expect(kept).toHaveLength(2)
  await Promise.all(kept)
  expect(events).toHaveLength(11)
})

test('what a caller was answered with is kept with its refusal, sealed and of a bounded length', async () => {
  const [one, two] = [refusal(), refusal({ subject: 'another key' })]
  recorder.record(one)
  recorder.recordAnswer(one.caller.requestId, { status: 403, body: 'x'.repeat(3000) })
  recorder.recordAnswer('a request that was not refused', { status: 401, body: 'no' })
  recorder.record(two)
  await recorder.flush()
  recorder.recordAnswer(two.caller.requestId, { status: 403, body: 'too late' })
  await recorder.flush()
  const answers = events.map(({ facts }) => [facts.answerStatus, facts.answerBody])
  expect(answers).toEqual([
    [403, `sealed ${'x'.repeat(2048)}`],
    [undefined, undefined],
  ])
})
