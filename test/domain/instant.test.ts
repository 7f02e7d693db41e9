import { describe, expect, test } from 'vitest'
import { isFromFuture, isPending, isWithinLast } from '../../src/domain/instant.ts'

const NOW = Date.UTC(2026, 10, 29)
const MINUTE = 60_000
const YEAR = 366 * 24 * 60 * MINUTE

describe('a stored deadline', () => {
  test('lies ahead until its very millisecond', () => {
    expect(isPending(NOW + 1, MINUTE, NOW)).toBe(true)
    expect(isPending(NOW, MINUTE, NOW)).toBe(false)
  })

  test('counts as past where no clock that differs by a minute can have set it', () => {
    expect(isPending(NOW + 5 * MINUTE + MINUTE, 5 * MINUTE, NOW)).toBe(true)
    expect(isPending(NOW + 5 * MINUTE + MINUTE + 1, 5 * MINUTE, NOW)).toBe(false)
    expect(isPending(NOW + YEAR, 5 * MINUTE, NOW)).toBe(false)
  })
})

test('a stored instant is within a time of now from a minute ahead until that time has passed', () => {
  const within = [MINUTE + 1, MINUTE, 0, -5 * MINUTE + 1, -5 * MINUTE].map((ahead) =>
    isWithinLast(5 * MINUTE, NOW + ahead, NOW),
  )
  expect(within).toEqual([false, true, true, true, false])
})

test('a stored instant is from the future where it is more than a minute ahead', () => {
  expect([NOW, NOW + MINUTE, NOW + MINUTE + 1].map((at) => isFromFuture(at, NOW))).toEqual([
    ...[false, false, true],
  ])
})
