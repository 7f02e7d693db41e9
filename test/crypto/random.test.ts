import fc from 'fast-check'
import { validate, version } from 'uuid'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../../src/crypto/secrets.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'

/** Ids made while the clock shows these times, one after the other. */
const generateMany = <T>(
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
const sortUnique = (ids: readonly string[]) => [...new Set(ids)].sort((a, b) => (a < b ? -1 : 1))

/** A clock that stands still, runs, and is put back. */
const clocks = fc.array(fc.integer({ min: Date.UTC(2020, 0, 2), max: 2 ** 41 }), { maxLength: 50 })

test('an id is a UUIDv7, later than every one before it, whatever the clock does', () => {
  fc.assert(
    fc.property(clocks, (times) => {
      const ids = generateMany(times, (random) => random.uuid())
      for (const id of ids) expect(validate(id) && version(id) === 7).toBe(true)
      expect(ids).toEqual(sortUnique(ids))
    }),
  )
})

test('ten thousand ids of one millisecond are all different and in order', () => {
  const ids = generateMany(Array<number>(10_000).fill(Date.UTC(2026, 0, 1)), (random) =>
    random.uuid(),
  )
  expect(ids).toEqual(sortUnique(ids))
  expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true)
})

test('an id begins with the time at which it was made', () => {
  const now = Date.UTC(2026, 1, 3)
  const [id = ''] = generateMany([now], (random) => random.uuid())
  expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).toBe(now)
})

test('a request id is a UUIDv4, different from every other', () => {
  const ids = generateMany(Array<number>(1000).fill(0), (random) => random.requestId())
  expect(ids.every((id) => validate(id) && version(id) === 4)).toBe(true)
  expect(new Set(ids).size).toBe(1000)
})

test('a serial is a random safe integer of up to 53 bits', () => {
  const serials = generateMany(Array<number>(1000).fill(0), (random) => random.serial())
  expect(serials.every(Number.isSafeInteger)).toBe(true)
  expect(new Set(serials).size).toBe(1000)
  // Each half of the range has its share: of a thousand, fewer than 300 are there once in 10^30 runs.
  expect(serials.filter((serial) => serial >= 2 ** 52).length).toBeGreaterThan(300)
  expect(serials.filter((serial) => serial < 2 ** 52).length).toBeGreaterThan(300)
})

describe('a code', () => {
  const generateCode = (randomBytes: (length: number) => Uint8Array) =>
    createRandom({ ...nodePrimitives, randomBytes }, () => 0).code

  test('is 16 characters of A–Z and 0–9', () => {
    const code = generateCode(nodePrimitives.randomBytes)
    const codes = Array.from({ length: 1000 }, code)
    for (const one of codes) expect(one).toMatch(/^[A-Z0-9]{16}$/)
    expect(new Set(codes).size).toBe(1000)
  })

  test('is made of each byte below 252, seven of them to a letter, and of none above', () => {
    const seen = new Map<string, number>()
    for (let byte = 0; byte < 256; byte++) {
      // The first byte is the one that is looked at; those after it make the letter A.
      const bytes = [byte]
      const first = generateCode((length) => {
        const some = Uint8Array.from({ length }, (_, n) => bytes[n] ?? 0)
        bytes.length = 0
        return some
      })()[0]
      if (byte < 252) seen.set(first ?? '', (seen.get(first ?? '') ?? 0) + 1)
      else expect(first).toBe('A')
    }
    expect([...seen.values()]).toEqual(Array(36).fill(7))
  })

  test('has every letter as often as every other: chi-square over 160,000 letters', () => {
    const code = generateCode(createByteSource(0x5eed))
    const counts = new Map<string, number>()
    for (let n = 0; n < 10_000; n++) {
      for (const letter of code()) counts.set(letter, (counts.get(letter) ?? 0) + 1)
    }
    const expected = 160_000 / 36
    const chi = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
    expect(counts.size).toBe(36)
    // 35 degrees of freedom: above 66.6 in one of a thousand seeds. Without drawing again it is about 310.
    expect(chi).toBeLessThan(66.6)
  })

  /** Bytes of a seed (xorshift32), so that chance is the same in every run. */
  function createByteSource(seed: number) {
    let state = seed
    return (length: number) =>
      Uint8Array.from({ length }, () => {
        state ^= state << 13
        state ^= state >>> 17
        state ^= state << 5
        return state >>> 24
      })
  }
})
