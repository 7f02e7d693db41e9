/** The upstream has kept us waiting for too long. */
export class TimedOut extends Error {
  override name = 'TimedOut'
}

/**
 * How long one exchange waits for its upstream. The clock runs only while it is the upstream's turn:
 * a caller who sends or reads slowly costs it nothing.
 */
export class Patience {
  readonly #ms: number
  readonly #giveUp: (error: TimedOut) => void
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, giveUp: (error: TimedOut) => void) {
    this.#ms = ms
    this.#giveUp = giveUp
  }

  begin(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#giveUp(new TimedOut()), this.#ms)
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  /** Waits for the upstream to do this. */
  async during<T>(turn: Promise<T>): Promise<T> {
    this.begin()
    try {
      return await turn
    } finally {
      this.end()
    }
  }
}
