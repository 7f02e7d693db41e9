import { LRUCache } from 'lru-cache'
import { isPending } from '../../domain/instant.ts'
import { limitEntries } from '../../domain/limits.ts'
import type { Clock, SharedCounter } from '../ports/runtime.ts'

/**
 * The number of ids and addresses that are counted at once. Beyond it, the least recently used one is
 * forgotten.
 */
const MAX_COUNTED_IDS = 50_000

/** Counts in fixed windows, with bounded memory. */
export class FixedWindowCounter {
  readonly #windows = new LRUCache<string, { count: number; endsAt: number }>(
    limitEntries(MAX_COUNTED_IDS),
  )
  readonly #ms: number
  readonly #clock: Clock
  readonly #sharing: SharedCounter | undefined

  constructor(ms: number, clock: Clock, sharedCounter: SharedCounter | undefined) {
    this.#ms = ms
    this.#clock = clock
    this.#sharing = sharedCounter
    sharedCounter?.subscribe((id, count, endsAt) => this.#add(id, count, endsAt))
  }

  /** Adds one, and returns the new count. */
  count(id: string): number {
    const { count, endsAt } = this.#add(id, 1, this.#clock() + this.#ms)
    this.#sharing?.publish(id, endsAt)
    return count
  }

  /** Adds to the open window. If there is none, opens one that ends at `endsAt`. */
  #add(id: string, count: number, endsAt: number): { count: number; endsAt: number } {
    const current = this.#windows.get(id)
    if (current !== undefined && this.#isOpen(current)) {
      current.count += count
      return current
    }
    const window = { count, endsAt }
    this.#windows.set(id, window)
    return window
  }

  getCount(id: string): number {
    const window = this.#windows.get(id)
    return window !== undefined && this.#isOpen(window) ? window.count : 0
  }

  #isOpen({ endsAt }: { endsAt: number }): boolean {
    return isPending(endsAt, this.#ms, this.#clock())
  }

  getRemainingMs(id: string): number {
    return (this.#windows.get(id)?.endsAt ?? 0) - this.#clock()
  }
}
