import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRoom } from '../../src/service/deliver/room.ts'

const feed = (name: string) => ({ id: name, destinationId: name.slice(0, 1) })
/** In which order those who wait come in, where each leaves as soon as it is in. */
function orderOf(room: ReturnType<typeof createRoom>): string[] {
  const order: string[] = []
  for (let next = room.next(); next !== null; next = room.next()) order.push(next.id)
  return order
}

describe('a room', () => {
  test('takes so many, and so many of one destination', () => {
    const room = createRoom({ width: 3, share: 2 })
    const came = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map((name) => room.enter(feed(name)))
    expect(came).toEqual([true, true, false, true, false, false])
  })

  test('lets in who has room: the destinations in turn, the feeds of each in their order', () => {
    const room = createRoom({ width: 2, share: 1 })
    for (const name of ['a1', 'b1']) expect(room.enter(feed(name))).toBe(true)
    for (const name of ['a2', 'a3', 'b2', 'c1', 'c2']) expect(room.enter(feed(name))).toBe(false)
    expect(room.next()).toBeNull()
    room.leave(feed('b1'))
    expect(orderOf(room)).toEqual(['b2', 'c1', 'c2'])
    room.leave(feed('a1'))
    expect(orderOf(room)).toEqual(['a2', 'a3'])
  })

  test('says whether somebody who waits would come in if another left', () => {
    const room = createRoom({ width: 2, share: 1 })
    for (const name of ['a1', 'b1', 'a2']) room.enter(feed(name))
    expect([room.isWanted(feed('a1')), room.isWanted(feed('b1'))]).toEqual([true, false])
    room.enter(feed('c1'))
    expect(room.isWanted(feed('b1'))).toBe(true)
  })

  test('knows who must wait, and forgets who gives up', () => {
    const room = createRoom({ width: 2, share: 1 })
    for (const name of ['a1', 'a2', 'b1', 'b2']) room.enter(feed(name))
    expect(['a1', 'a2', 'b2', 'c1'].map((name) => room.mustWait(feed(name)))).toEqual([
      false,
      true,
      true,
      false,
    ])
    room.giveUp(feed('a2'))
    for (const name of ['a1', 'b1']) room.leave(feed(name))
    expect(room.mustWait(feed('b2'))).toBe(false)
    expect(orderOf(room)).toEqual(['b2'])
  })

  test('always has a place for who is alone, whatever one other destination does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean()),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 8 }),
        (comings, share, more) => {
          const room = createRoom({ width: share + more, share })
          let inside = 0
          for (const comes of comings) {
            if (comes && room.enter(feed('a1'))) inside++
            else if (!comes && inside > 0) {
              room.leave(feed('a1'))
              inside--
            }
          }
          expect(room.enter(feed('b1'))).toBe(true)
        },
      ),
    )
  })

  test('knows who waits once, however often it came', () => {
    const room = createRoom({ width: 1, share: 1 })
    room.enter(feed('a1'))
    for (let n = 0; n < 3; n++) room.enter(feed('b1'))
    room.leave(feed('a1'))
    expect(orderOf(room)).toEqual(['b1'])
  })
})
