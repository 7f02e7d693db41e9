import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConcurrencyLimiter } from '../../../src/service/messages/attempt.ts'

const createQueueRef = (name: string) => ({ id: name, destinationId: name.slice(0, 1) })
/** In which order those who wait come in, where each leaves as soon as it is in. */
function drainInOrder(limiter: ConcurrencyLimiter): string[] {
  const order: string[] = []
  for (let next = limiter.next(); next !== null; next = limiter.next()) order.push(next.id)
  return order
}

describe('a room', () => {
  test('takes so many, and so many of one destination', () => {
    const limiter = new ConcurrencyLimiter({ width: 3, share: 2 })
    const admitted = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) =>
      limiter.enter(createQueueRef(name)),
    )
    expect(admitted).toEqual([true, true, false, true, false, false])
  })

  test('lets in who has room: the destinations in turn, the feeds of each in their order', () => {
    const limiter = new ConcurrencyLimiter({ width: 2, share: 1 })
    for (const name of ['a1', 'b1']) expect(limiter.enter(createQueueRef(name))).toBe(true)
    for (const name of ['a2', 'a3', 'b2', 'c1', 'c2'])
      expect(limiter.enter(createQueueRef(name))).toBe(false)
    expect(limiter.next()).toBeNull()
    limiter.leave(createQueueRef('b1'))
    expect(drainInOrder(limiter)).toEqual(['b2', 'c1', 'c2'])
    limiter.leave(createQueueRef('a1'))
    expect(drainInOrder(limiter)).toEqual(['a2', 'a3'])
  })

  test('says whether somebody who waits would come in if another left', () => {
    const limiter = new ConcurrencyLimiter({ width: 2, share: 1 })
    for (const name of ['a1', 'b1', 'a2']) limiter.enter(createQueueRef(name))
    expect([
      limiter.isWanted(createQueueRef('a1')),
      limiter.isWanted(createQueueRef('b1')),
    ]).toEqual([true, false])
    limiter.enter(createQueueRef('c1'))
    expect(limiter.isWanted(createQueueRef('b1'))).toBe(true)
  })

  test('knows who must wait, and forgets who gives up', () => {
    const limiter = new ConcurrencyLimiter({ width: 2, share: 1 })
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

  test('always has a place for who is alone, whatever one other destination does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean()),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        (comings, share, more) => {
          const limiter = new ConcurrencyLimiter({ width: share + more, share })
          let inside = 0
          for (const comes of comings) {
            if (comes && limiter.enter(createQueueRef('a1'))) inside++
            else if (!comes && inside > 0) {
              limiter.leave(createQueueRef('a1'))
              inside--
            }
          }
          expect(limiter.enter(createQueueRef('b1'))).toBe(true)
        },
      ),
    )
  })

  test('knows who waits once, however often it came', () => {
    const limiter = new ConcurrencyLimiter({ width: 1, share: 1 })
    limiter.enter(createQueueRef('a1'))
    for (let n = 0; n < 3; n++) limiter.enter(createQueueRef('b1'))
    limiter.leave(createQueueRef('a1'))
    expect(drainInOrder(limiter)).toEqual(['b1'])
  })
})
