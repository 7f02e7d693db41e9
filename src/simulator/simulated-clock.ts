import { AsyncLocalStorage } from 'node:async_hooks'

const LATEST = Date.UTC(9999, 0)

/** The clock of the simulated server: it can run fast, jump forward, and be wrong for one request. */
export class SimulatedClock {
  readonly #startedAt = Date.now()
  readonly #startedMonotonicAt = performance.now()
  readonly #speed: number
  readonly #skewMs: number
  readonly #shiftMs = new AsyncLocalStorage<number>()
  #advancedMs = 0

  /** `skewMs`: the time by which this clock is ahead of the machine's. */
  constructor({ speed, skewMs }: { speed: number; skewMs: number }) {
    this.#speed = speed
    this.#skewMs = skewMs
  }

  /** Epoch milliseconds, as the server's code sees them. They stay in years that the server can print. */
  readonly now = (): number => {
    const now = this.#startedAt + this.#skewMs + this.sinceStartMs + (this.#shiftMs.getStore() ?? 0)
    return Math.min(Math.max(0, Math.floor(now)), LATEST)
  }

  get sinceStartMs(): number {
    return (performance.now() - this.#startedMonotonicAt) * this.#speed + this.#advancedMs
  }

  advance(ms: number): void {
    this.#advancedMs += ms
  }

  /** Runs work that sees another time. */
  runShifted<T>(ms: number, work: () => T): T {
    return this.#shiftMs.run(ms, work)
  }
}
