import { expect, test } from 'vitest'
import { createQrCode } from '../../../src/service/sign-in/second-factor.ts'

/** ISO/IEC 18004: seven modules, a ring of light, three by three dark ones. */
const FINDER = ['#######', '#.....#', '#.###.#', '#.###.#', '#.###.#', '#.....#', '#######']

test('a drawn code has its three corners and nothing around it', () => {
  const { size, path } = createQrCode('otpauth://totp/Latchkey:dr?secret=GEZDGNBVGY3TQOJQ')
  const grid = Array.from({ length: size }, () => Array<string>(size).fill('.'))
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)) {
    for (let n = 0; n < Number(length); n++) {
      const row = grid[Number(y)]
      if (row !== undefined) row[Number(x) + n] = '#'
    }
  }
  const readFinderPattern = (x: number, y: number) =>
    grid.slice(y, y + 7).map((row) => row.slice(x, x + 7).join(''))
  const far = size - 4 - 7
  expect([readFinderPattern(4, 4), readFinderPattern(far, 4), readFinderPattern(4, far)]).toEqual([
    FINDER,
    FINDER,
    FINDER,
  ])
  const edge = [...grid.slice(0, 4), ...grid.slice(-4), ...grid.map((row) => row.slice(0, 4))]
  expect(edge.flat()).not.toContain('#')
})
