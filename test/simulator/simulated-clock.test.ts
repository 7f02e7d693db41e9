import { expect, test } from 'vitest'
import { SimulatedClock } from '../../src/simulator/simulated-clock.ts'
import { DAY_MS, HOUR_MS } from '../support/time.ts'

test('the clock jumps forward for all requests, and can be shifted for one', async () => {
  const clock = new SimulatedClock({ speed: 1, skewMs: -HOUR_MS })
  expect(clock.now() - Date.now()).toBeLessThanOrEqual(-HOUR_MS)
  clock.advance(8 * DAY_MS)
  expect(clock.sinceStartMs).toBeGreaterThanOrEqual(8 * DAY_MS)
  const before = clock.now()
  const shifted = clock.runShifted(DAY_MS, async () => {
    await new Promise(setImmediate)
    return clock.now()
  })
  expect(clock.now()).toBeLessThan(before + DAY_MS)
  expect(await shifted).toBeGreaterThanOrEqual(before + DAY_MS)
})

test('the clock runs as many times faster as is set', () => {
  const startedAt = performance.now()
  const clock = new SimulatedClock({ speed: 1_000_000, skewMs: 0 })
  const createdAt = performance.now()
  while (performance.now() - createdAt < 1);
  const leastMs = (performance.now() - createdAt) * 1_000_000
  const { sinceStartMs } = clock
  expect(sinceStartMs).toBeGreaterThanOrEqual(leastMs)
  expect(sinceStartMs).toBeLessThanOrEqual((performance.now() - startedAt) * 1_000_000)
})

test('the clock stays in years that the server can print', () => {
  for (const skewMs of [0, -1e16]) {
    const clock = new SimulatedClock({ speed: 1, skewMs })
    clock.advance(skewMs === 0 ? 1e17 : 0)
    for (const shiftMs of [-1e18, 0, 1e18]) {
      const at = clock.runShifted(shiftMs, clock.now)
      expect(new Date(at).toISOString()).toMatch(/^\d{4}-/)
    }
  }
})
