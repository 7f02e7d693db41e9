export const SECOND_MS = 1000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

/** A clock that a test sets. */
export interface TestClock {
  (): number
  advance(ms: number): void
  set(now: number): void
}

export function createTestClock(now = Date.UTC(2026, 0, 2, 3, 4, 5, 678)): TestClock {
  let time = now
  return Object.assign(() => time, {
    advance: (ms: number) => {
      time += ms
    },
    set: (to: number) => {
      time = to
    },
  })
}

/** The machine's clock where a `TestClock` is asked for; it cannot be set. */
export const createSystemClock = (): TestClock =>
  Object.assign(Date.now, { advance: () => undefined, set: () => undefined })
