import { describe, expect, test } from 'vitest'
import { computeLockoutMs, computeRemainingLockoutMs } from '../../src/domain/limits.ts'
import { DAY_MS, MINUTE_MS } from '../support/time.ts'

describe('the wait after failures', () => {
  test('begins at the fifth failure from one address, doubles, and is at most a quarter of an hour', () => {
    const waits = Array.from({ length: 18 }, (_, n) => computeLockoutMs(n, 'here') / 1000)
    expect(waits).toEqual([
      ...[0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
      ...[900, 900, 900],
    ])
    expect(computeLockoutMs(1_000_000, 'here')).toBe(15 * MINUTE_MS)
  })

  test('begins with the fiftieth from anywhere', () => {
    expect([48, 49, 50, 51, 60].map((n) => computeLockoutMs(n, 'anywhere') / 1000)).toEqual([
      ...[0, 0, 1, 2, 900],
    ])
  })
})

describe('a lock', () => {
  test('lasts until the wait after the last failure is over', () => {
    const failures = { count: 7, lastAt: 1_000_000 }
    expect(computeRemainingLockoutMs(failures, 'here', 1_000_000)).toBe(4000)
    expect(computeRemainingLockoutMs(failures, 'here', 1_003_999)).toBe(1)
    expect(computeRemainingLockoutMs(failures, 'here', 1_004_000)).toBe(0)
    expect(computeRemainingLockoutMs(failures, 'anywhere', 1_000_000)).toBe(0)
  })

  test('is never longer than its wait, nor there at all where the failure is from the future', () => {
    const now = 1_000_000
    const lockedMs = (lastAt: number) =>
      computeRemainingLockoutMs({ count: 1000, lastAt }, 'here', now)
    expect(lockedMs(now)).toBe(15 * MINUTE_MS)
    expect(lockedMs(now + MINUTE_MS)).toBe(16 * MINUTE_MS)
    expect(lockedMs(now + MINUTE_MS + 1)).toBe(0)
    expect(lockedMs(now + 400 * DAY_MS)).toBe(0)
  })

  test('does not follow few failures if the last one is seconds in the future', () => {
    expect(computeRemainingLockoutMs({ count: 4, lastAt: 1_030_000 }, 'here', 1_000_000)).toBe(0)
    expect(computeRemainingLockoutMs({ count: 5, lastAt: 1_030_000 }, 'here', 1_000_000)).toBe(
      31_000,
    )
  })

  test('does not follow failures of which the last is a day old', () => {
    const failures = { count: 1_000_000, lastAt: 0 }
    expect(computeRemainingLockoutMs(failures, 'here', DAY_MS)).toBe(0)
    expect(computeRemainingLockoutMs(failures, 'here', 14 * MINUTE_MS)).toBe(MINUTE_MS)
  })
})
