import { describe, expect, test } from 'vitest'
import { isFromFuture, isPending, isWithinLast, parseDurationMs } from '../../src/domain/instant.ts'
import { MINUTE_MS } from '../support/time.ts'

const NOW = Date.UTC(2026, 10, 29)
const YEAR = 366 * 24 * 60 * MINUTE_MS

describe('a stored deadline', () => {
  test('lies ahead until its very millisecond', () => {
    expect(isPending(NOW + 1, MINUTE_MS, NOW)).toBe(true)
    expect(isPending(NOW, MINUTE_MS, NOW)).toBe(false)
  })

  test('counts as past where no clock that differs by a minute can have set it', () => {
    expect(isPending(NOW + 5 * MINUTE_MS + MINUTE_MS, 5 * MINUTE_MS, NOW)).toBe(true)
    expect(isPending(NOW + 5 * MINUTE_MS + MINUTE_MS + 1, 5 * MINUTE_MS, NOW)).toBe(false)
    expect(isPending(NOW + YEAR, 5 * MINUTE_MS, NOW)).toBe(false)
  })
})

test('a stored instant is within a time of now from a minute ahead until that time has passed', () => {
  const within = [MINUTE_MS + 1, MINUTE_MS, 0, -5 * MINUTE_MS + 1, -5 * MINUTE_MS].map((ahead) =>
    isWithinLast(5 * MINUTE_MS, NOW + ahead, NOW),
  )
  expect(within).toEqual([false, true, true, true, false])
})

test('a stored instant is from the future where it is more than a minute ahead', () => {
  expect([NOW, NOW + MINUTE_MS, NOW + MINUTE_MS + 1].map((at) => isFromFuture(at, NOW))).toEqual([
    ...[false, false, true],
  ])
})

test('a duration is bounded by its length, not by its digits', () => {
  expect(parseDurationMs('36000000ms')).toBe(36_000_000)
  expect(parseDurationMs('999999d')).toBe(999_999 * 86_400_000)
  for (const text of ['1000000d', '999999999h', '1000000000ms', '-1s', '1.5h', '1w', '1']) {
    expect(parseDurationMs(text), text).toBeNull()
  }
})
