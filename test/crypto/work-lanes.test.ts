import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createWorkLanes, type WorkLaneLimits } from '../../src/crypto/work-lanes.ts'
import { ok } from '../../src/domain/failure.ts'
import type { WorkLane } from '../../src/service/ports/crypto.ts'
import { createTestClock } from '../support/time.ts'

const LANES = ['vendors', 'people'] as const

const busy = { ok: false, failure: { reason: 'busy', retryAfterSeconds: 2 } }

/** Lanes whose work ends when the test says so, and in which order it began. */
function createLanesFixture(limits: Partial<WorkLaneLimits> = {}) {
  const clock = createTestClock()
  const take = createWorkLanes(LANES, { width: 1, queue: 10, waitMs: 5000, ...limits }, clock)
  const begun: string[] = []
  const doors: (() => void)[] = []
  let atOnce = 0
  const work = { most: 0 }
  return {
    clock,
    begun,
    work,
    ask: (name: string, party = 'a place', lane: WorkLane = 'vendors') =>
      take({ lane, party }, async () => {
        begun.push(name)
        atOnce++
        work.most = Math.max(work.most, atOnce)
        await new Promise<void>((resolve) => doors.push(resolve))
        atOnce--
        return ok(name)
      }),
    async finish() {
      await turn()
      doors.shift()?.()
      await turn()
    },
    async finishAll() {
      for (await turn(); doors.length > 0; await turn()) doors.shift()?.()
    },
  }
}

describe('lanes', () => {
  test('take turns, so that people wait for one computation of vendors, not for all', async () => {
    const { ask, begun, finishAll } = createLanesFixture({ queue: 100 })
    const vendors = Array.from({ length: 50 }, (_, n) => ask(`vendor ${n}`, `place ${n}`))
    const people = [ask('person 1', 'home', 'people'), ask('person 2', 'home', 'people')]
    await finishAll()
    await Promise.all([...vendors, ...people])
    expect(begun.slice(0, 5)).toEqual(['vendor 0', 'person 1', 'vendor 1', 'person 2', 'vendor 2'])
  })

  test('have separate queues: a full one does not refuse tasks of the other', async () => {
    const { ask, finishAll } = createLanesFixture({ queue: 2 })
    const taken = [1, 2, 3].map((n) => ask(`vendor ${n}`))
    expect(await ask('one too many')).toEqual(busy)
    const testUser = ask('person', 'a place', 'people')
    await finishAll()
    expect(await testUser).toEqual(ok('person'))
    await Promise.all(taken)
  })

  test('never do more at once than they may, whatever has waited and gone before', async () => {
    const { ask, work, finishAll, finish } = createLanesFixture({ width: 2, queue: 100 })
    for (let round = 0; round < 3; round++) {
      const asked = Array.from({ length: 20 }, (_, n) => ask(`${round} ${n}`, `place ${n % 3}`))
      await finish()
      await finishAll()
      await Promise.all(asked)
    }
    expect(work.most).toBe(2)
  })

  test('give the turn on although work fails', async () => {
    const take = createWorkLanes(LANES, { width: 1, queue: 1, waitMs: 5000 }, createTestClock())
    const requester = { lane: 'vendors', party: 'a place' } as const
    const failTask = () => Promise.reject(new Error('out of memory'))
    const answers = await Promise.allSettled([
      take(requester, failTask),
      take(requester, async () => ok('done')),
    ])
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
    expect(await take(requester, async () => ok('later'))).toEqual(ok('later'))
  })
})

describe('a party', () => {
  test('waits for one turn of each other party, however much that asks for', async () => {
    const { ask, begun, finishAll } = createLanesFixture({ queue: 100 })
    const flood = Array.from({ length: 30 }, (_, n) => ask(`flood ${n}`, 'a flood'))
    const others = [ask('one', 'one'), ask('two', 'two'), ask('one again', 'one')]
    await finishAll()
    await Promise.all([...flood, ...others])
    expect(begun.slice(0, 7)).toEqual([
      'flood 0',
      'flood 1',
      'one',
      'two',
      'flood 2',
      'one again',
      'flood 3',
    ])
  })

  test('that has the most waiting gives way in a full lane, its newest first', async () => {
    const { ask, begun, finishAll } = createLanesFixture({ queue: 3 })
    const working = ask('working', 'somebody')
    const flood = [1, 2, 3].map((n) => ask(`flood ${n}`, 'a flood'))
    const one = ask('one', 'one')
    expect(await flood[2]).toEqual(busy)
    // Now two wait of one party, one of the other: a third party's share is one of them.
    const two = ask('two', 'two')
    expect(await flood[1]).toEqual(busy)
    // Each party has one, so no party has more than its share.
    expect(await ask('three', 'three')).toEqual(busy)
    expect(await ask('flood 4', 'a flood')).toEqual(busy)
    await finishAll()
    expect(await Promise.all([working, flood[0], one, two])).toEqual(
      ['working', 'flood 1', 'one', 'two'].map(ok),
    )
    expect(begun).toEqual(['working', 'flood 1', 'one', 'two'])
  })
})

describe('a waiting task', () => {
  test('is refused as busy when it has waited too long, and does no work then', async () => {
    const { ask, begun, clock, finish, finishAll } = createLanesFixture({ waitMs: 1000 })
    const working = ask('working')
    const early = ask('early')
    clock.advance(1)
    const late = ask('late', 'elsewhere')
    clock.advance(999)
    await finish()
    expect(await early).toEqual(busy)
    await finishAll()
    expect(await Promise.all([working, late])).toEqual([ok('working'), ok('late')])
    expect(begun).toEqual(['working', 'late'])
  })

  test('that has waited too long is removed before another task is refused', async () => {
    const { ask, clock, finishAll } = createLanesFixture({ queue: 1, waitMs: 1000 })
    const working = ask('working')
    const stale = ask('stale')
    clock.advance(1000)
    const fresh = ask('fresh')
    expect(await stale).toEqual(busy)
    await finishAll()
    expect(await Promise.all([working, fresh])).toEqual([ok('working'), ok('fresh')])
  })

  test('does not wait longer because the clock was set back', async () => {
    const { ask, clock, finish, finishAll } = createLanesFixture({ waitMs: 1000 })
    const working = ask('working')
    const waiting = ask('waiting')
    clock.advance(-3_600_000)
    await finish()
    expect(await waiting).toEqual(busy)
    await finishAll()
    await working
  })
})
