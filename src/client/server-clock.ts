import type { ClientRuntime } from './runtime.ts'

/** The header has whole seconds, so a smaller difference tells nothing. */
const DATE_PRECISION_MS = 2000

/**
 * The clock of the server, learned from the `Date` header of its answers, so that a wrong clock of this
 * machine neither keeps expired tokens nor dates assertions wrongly. Browsers show the header only where
 * the server exposes it; without it, the machine's own clock counts.
 */
export class ServerClock {
  readonly #runtime: ClientRuntime
  #offsetMs = 0
  /** From the monotonic clock to the server's; unknown before the first answer. */
  #monotonicOffsetMs: number | undefined

  constructor(runtime: ClientRuntime) {
    this.#runtime = runtime
  }

  /**
   * Epoch milliseconds. Of the machine's two clocks, one may be set back and the other may stop while the
   * machine sleeps, so the later one counts.
   */
  now(): number {
    const now = this.#runtime.now() + this.#offsetMs
    if (this.#monotonicOffsetMs === undefined) return now
    return Math.max(now, this.#runtime.monotonicNow() + this.#monotonicOffsetMs)
  }

  /** Learns from an answer that has just come. */
  observe(headers: Headers, sentAt: number): void {
    const date = Date.parse(headers.get('date') ?? '')
    if (Number.isNaN(date)) return
    // In the middle of the request, and of the second.
    const measured = date + 500 - (sentAt + this.#runtime.now()) / 2
    this.#offsetMs = Math.abs(measured) < DATE_PRECISION_MS ? 0 : measured
    this.#monotonicOffsetMs = this.#runtime.now() + this.#offsetMs - this.#runtime.monotonicNow()
  }
}
