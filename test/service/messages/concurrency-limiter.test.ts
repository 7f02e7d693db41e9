import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConcurrencyLimiter } from '../../../src/service/messages/concurrency-limiter.ts'

const createQueueRef = (name: string) => ({ id: name, destinationId: name.slice(0, 1) })
/** Admits the waiting subscriptions one after another, each of which leaves at once. */
function drainInOrder(limiter: ConcurrencyLimiter): string[] {
  const order: string[] = []
  for (let next = limiter.next(); next !== null; next = limiter.next()) order.push(next.id)
  return order
}

describe('the concurrency limiter', () => {
  test('admits as many subscriptions as its limits allow, in all and of one destination', () => {
    const limiter = new ConcurrencyLimiter({ concurrency: 3, perDestination: 2 })
    const admitted = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) =>
      limiter.enter(createQueueRef(name)),
    )
    expect(admitted).toEqual([true, true, false, true, false, false])
  })

  test('admits waiting destinations in turn, and the subscriptions of each in their order', () => {
    const limiter = new ConcurrencyLimiter({ concurrency: 2, perDestination: 1 })
    for (const name of ['a1', 'b1']) expect(limiter.enter(createQueueRef(name))).toBe(true)
    for (const name of ['a2', 'a3', 'b2', 'c1', 'c2'])
      expect(limiter.enter(createQueueRef(name))).toBe(false)
    expect(limiter.next()).toBeNull()
    limiter.leave(createQueueRef('b1'))
    expect(drainInOrder(limiter)).toEqual(['b2', 'c1', 'c2'])
    limiter.leave(createQueueRef('a1'))
    expect(drainInOrder(limiter)).toEqual(['a2', 'a3'])
  })

  test('knows if a waiting subscription could be admitted when another leaves', () => {
    const limiter = new ConcurrencyLimiter({ concurrency: 2, perDestination: 1 })
    for (const name of ['a1', 'b1', 'a2']) limiter.enter(createQueueRef(name))
    expect([
      limiter.isWanted(createQueueRef('a1')),
      limiter.isWanted(createQueueRef('b1')),
    ]).toEqual([true, false])
    limiter.enter(createQueueRef('c1'))
    expect(limiter.isWanted(createQueueRef('b1'))).toBe(true)
  })

  test('knows which subscriptions must wait, and forgets those that stop waiting', () => {
    const limiter = new ConcurrencyLimiter({ concurrency: 2, perDestination: 1 })
    for (const name of ['a1', 'a2', 'b1', 'b2']) limiter.enter(createQueueRef(name))
    expect(['a1', 'a2', 'b2', 'c1'].map((name) => limiter.mustWait(createQueueRef(name)))).toEqual([
      false,
      true,
      true,
      false,
    ])
    limiter.stopWaiting(createQueueRef('a2'))
    for (const name of ['a1', 'b1']) limiter.leave(createQueueRef(name))
    expect(limiter.mustWait(createQueueRef('b2'))).toBe(false)
    expect(drainInOrder(limiter)).toEqual(['b2'])
  })

  test('always admits the only subscription of a destination, whatever another destination does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean()),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        (arrivals, perDestination, more) => {
          const limiter = new ConcurrencyLimiter({
            concurrency: perDestination + more,
            perDestination,
          })
          let inside = 0
          for (const arrives of arrivals) {
            if (arrives && limiter.enter(createQueueRef('a1'))) inside++
            else if (!arrives && inside > 0) {
              limiter.leave(createQueueRef('a1'))
              inside--
            }
          }
          expect(limiter.enter(createQueueRef('b1'))).toBe(true)
        },
      ),
    )
  })

  test('lists a waiting subscription once, however often it entered', () => {
    const limiter = new ConcurrencyLimiter({ concurrency: 1, perDestination: 1 })
    limiter.enter(createQueueRef('a1'))
    for (let n = 0; n < 3; n++) limiter.enter(createQueueRef('b1'))
    limiter.leave(createQueueRef('a1'))
    expect(drainInOrder(limiter)).toEqual(['b1'])
  })
})
