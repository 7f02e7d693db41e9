import fc from 'fast-check'
import { validate, version } from 'uuid'
import { expect, test } from 'vitest'
import { createRandom } from '../../src/crypto/random.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'

/** Ids made while the clock shows these times, one after the other. */
const made = <T>(
  times: readonly number[],
  make: (random: ReturnType<typeof createRandom>) => T,
) => {
  let now = 0
  const random = createRandom(nodePrimitives, () => now)
  return times.map((time) => {
    now = time
    return make(random)
  })
}

/** Without what is there twice, the smaller before the larger. */
const inOrder = (ids: readonly string[]) => [...new Set(ids)].sort((a, b) => (a < b ? -1 : 1))

/** A clock that stands still, runs, and is put back. */
const clocks = fc.array(fc.integer({ min: Date.UTC(2020, 0, 2), max: 2 ** 41 }), { maxLength: 50 })

test('an id is a UUIDv7, later than every one before it, whatever the clock does', () => {
  fc.assert(
    fc.property(clocks, (times) => {
      const ids = made(times, (random) => random.uuid())
      for (const id of ids) expect(validate(id) && version(id) === 7).toBe(true)
      expect(ids).toEqual(inOrder(ids))
    }),
  )
})

test('ten thousand ids of one millisecond are all different and in order', () => {
  const ids = made(Array<number>(10_000).fill(Date.UTC(2026, 0, 1)), (random) => random.uuid())
  expect(ids).toEqual(inOrder(ids))
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true)
})

test('an id begins with the time at which it was made', () => {
  const now = Date.UTC(2026, 1, 3)
  const [id = ''] = made([now], (random) => random.uuid())
  expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(now)
})

test('a serial is a safe integer, larger than every one before it', () => {
  fc.assert(
    fc.property(clocks, (times) => {
      const serials = made(times, (random) => random.serial())
      for (const [n, serial] of serials.entries()) {
        expect(Number.isSafeInteger(serial)).toBe(true)
        expect(serial).toBeGreaterThan(serials[n - 1] ?? 0)
      }
    }),
  )
})
