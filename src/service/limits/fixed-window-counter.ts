import { LRUCache } from 'lru-cache'
import { isPending } from '../../domain/instant.ts'
import type { Clock, SharedCounter } from '../ports/runtime.ts'

/** How many ids and addresses are counted at once; past it the longest unseen is forgotten. */
const MAX_COUNTED_IDS = 50_000

/** Fixed windows with a bounded memory. */
export class FixedWindowCounter {
  /** Bounded by size, because `max` would allocate room for all of them at once. */
  readonly #windows = new LRUCache<string, { spent: number; endsAt: number }>({
    maxSize: MAX_COUNTED_IDS,
    sizeCalculation: () => 1,
  })
  readonly #ms: number
  readonly #clock: Clock
  readonly #sharing: SharedCounter | undefined

  constructor(ms: number, clock: Clock, sharedCounter: SharedCounter | undefined) {
    this.#ms = ms
    this.#clock = clock
    this.#sharing = sharedCounter
    sharedCounter?.subscribe((id, spent, endsAt) => this.#add(id, spent, endsAt))
  }

  /** Counts one more; answers how many that makes. */
  count(id: string): number {
    const { spent, endsAt } = this.#add(id, 1, this.#clock() + this.#ms)
    this.#sharing?.publish(id, endsAt)
    return spent
  }

  /** To the window that is open; where none is, `endsAt` is when the new one ends. */
  #add(id: string, spent: number, endsAt: number): { spent: number; endsAt: number } {
    const current = this.#windows.get(id)
    if (current !== undefined && this.#isOpen(current)) {
      current.spent += spent
      return current
    }
    const window = { spent, endsAt }
    this.#windows.set(id, window)
    return window
  }

  spent(id: string): number {
    const window = this.#windows.get(id)
    return window !== undefined && this.#isOpen(window) ? window.spent : 0
  }

  #isOpen({ endsAt }: { endsAt: number }): boolean {
    return isPending(endsAt, this.#ms, this.#clock())
  }

  getRemainingMs(id: string): number {
    return (this.#windows.get(id)?.endsAt ?? 0) - this.#clock()
  }
}
