import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DeliveryOutcome, decideRetry } from '../../src/domain/delivery.ts'

const IN_VAIN: readonly DeliveryOutcome[] = ['refused', 'failed', 'forbidden']
const inVain = fc.constantFrom(...IN_VAIN)
const failures = fc.nat({ max: 100_000 })
const jitter = fc.double({ min: 0, max: 1, noNaN: true })

const computeWait = (outcome: DeliveryOutcome, before: number, drawn: number): number => {
  const sequel = decideRetry(outcome, before, drawn)
  if (sequel.next === 'go_on') throw new Error('it does not wait')
  return sequel.waitMs
}

describe('after an attempt', () => {
  test('only a delivery is followed by the next message, whatever came before', () => {
    fc.assert(
      fc.property(failures, jitter, (before, drawn) => {
        expect(decideRetry('delivered', before, drawn)).toEqual({ next: 'go_on' })
      }),
    )
  })

  test('that failed, the waits are the documented ones: at once, 10, 10, 20, 30, 50, 80, 120 s, then every 120 s', () => {
    for (const outcome of IN_VAIN) {
      const waits = Array.from({ length: 12 }, (_, n) => computeWait(outcome, n, 0) / 1000)
      expect(waits).toEqual([0, 10, 10, 20, 30, 50, 80, 120, 120, 120, 120, 120])
    }
  })

  test('that failed, no wait is shorter than documented, or more than a tenth longer', () => {
    fc.assert(
      fc.property(inVain, failures, jitter, (outcome, before, drawn) => {
        const documented = computeWait(outcome, before, 0)
        const wait = computeWait(outcome, before, drawn)
        expect(wait).toBeGreaterThanOrEqual(documented)
        expect(wait).toBeLessThanOrEqual(documented * 1.1)
        expect(Number.isSafeInteger(wait)).toBe(true)
      }),
    )
  })

  test('that failed, the wait is at most 132 s after any number of attempts', () => {
    fc.assert(
      fc.property(inVain, failures, jitter, (outcome, before, drawn) => {
        expect(computeWait(outcome, before, drawn)).toBeLessThanOrEqual(132_000)
      }),
    )
  })

  test('subscriptions that failed together are tried at different times', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), (before) => {
        expect(computeWait('failed', before, 0.9)).toBeGreaterThan(
          computeWait('failed', before, 0.1),
        )
      }),
    )
  })
})
