import { LRUCache } from 'lru-cache'
import { isPending } from '../domain/instant.ts'
import type { Clock, Sharing } from './ports.ts'

/** How many ids and addresses are counted at once; past it the longest unseen is forgotten. */
const COUNTED = 50_000

/** Fixed windows with a bounded memory. */
export class Windows {
  readonly #windows = new LRUCache<string, { spent: number; endsAt: number }>({ max: COUNTED })
  readonly #ms: number
  readonly #clock: Clock
  readonly #sharing: Sharing | undefined

  constructor(ms: number, clock: Clock, sharing: Sharing | undefined) {
    this.#ms = ms
    this.#clock = clock
    this.#sharing = sharing
    sharing?.hear((id, spent, endsAt) => this.#add(id, spent, endsAt))
  }

  /** Counts one more; answers how many that makes. */
  count(id: string): number {
    const { spent, endsAt } = this.#add(id, 1, this.#clock() + this.#ms)
    this.#sharing?.tell(id, endsAt)
    return spent
  }

  /** To the window that is open; where none is, `endsAt` is when the new one ends. */
  #add(id: string, spent: number, endsAt: number): { spent: number; endsAt: number } {
    const open = this.#windows.get(id)
    if (open !== undefined && this.#isOpen(open)) {
      open.spent += spent
      return open
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

  endsIn(id: string): number {
    return (this.#windows.get(id)?.endsAt ?? 0) - this.#clock()
  }
}
