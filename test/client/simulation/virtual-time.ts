/** Time that goes on when everything that can happen now has happened. */
export class VirtualTime {
  #now: number
  #count = 0
  readonly #timers: Timer[] = []

  constructor(now = Date.UTC(2026, 0, 2)) {
    this.#now = now
  }

  readonly now = () => this.#now

  readonly setTimer = (run: () => void, ms: number): (() => void) => {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#count++, run }
    this.#push(timer)
    return () => {
      timer.run = undefined
    }
  }

  readonly sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      this.setTimer(resolve, ms)
    })

  /** Runs all timers until then, each after the work that the ones before it began. */
  async runUntil(end: number): Promise<void> {
    await settle()
    for (let next = this.#timers[0]; next !== undefined && next.at <= end; next = this.#timers[0]) {
      this.#pop()
      if (next.run === undefined) continue
      this.#now = next.at
      next.run()
      await settle()
    }
    this.#now = end
  }

  #push(timer: Timer): void {
    const heap = this.#timers
    let at = heap.push(timer) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isEarlier(timer, heap[parent])) break
      this.#swap(at, parent)
      at = parent
    }
  }

  #pop(): void {
    const heap = this.#timers
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    heap[0] = last
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) {
        const timer = heap[child]
        if (timer !== undefined && isEarlier(timer, heap[least])) least = child
      }
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #swap(a: number, b: number): void {
    const [one, two] = [this.#timers[a], this.#timers[b]]
    if (one === undefined || two === undefined) return
    this.#timers[a] = two
    this.#timers[b] = one
  }
}

interface Timer {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

const isEarlier = (a: Timer, b: Timer | undefined) =>
  b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order))

/** Resolves after all promises that can settle without time have settled. */
const settle = () => new Promise(setImmediate)
