import type { QueueHead, QueueRef } from '../ports/routing.ts'

export interface ConcurrencyLimits {
  /** The number of subscriptions that are processed at once. */
  readonly concurrency: number
  /** The maximum number of them that send to one destination. */
  readonly perDestination: number
}

/**
 * Limits the subscriptions that are processed at once. A destination that hangs takes only its share,
 * however many subscriptions it has. Waiting subscriptions take turns by destination, and then within
 * each destination.
 */
export class ConcurrencyLimiter {
  readonly #limits: ConcurrencyLimits
  #running = 0
  /** The number of running subscriptions by destination. */
  readonly #runningByDestination = new Map<string, number>()
  /** The waiting subscriptions by destination, in the order of their turns. */
  readonly #waiting = new Map<string, Map<string, QueueRef>>()

  constructor(limits: ConcurrencyLimits) {
    this.#limits = limits
  }

  /** Returns true if the subscription is admitted. Otherwise it waits. */
  enter(queue: QueueRef): boolean {
    const isAdmitted = this.#hasCapacity(queue.destinationId)
    if (isAdmitted) this.#adjust(queue.destinationId, 1)
    else this.wait(queue)
    return isAdmitted
  }

  leave({ destinationId }: QueueRef): void {
    this.#adjust(destinationId, -1)
  }

  /** True if a waiting subscription could be admitted when this one leaves. */
  isWanted({ destinationId }: QueueRef): boolean {
    for (const other of this.#waiting.keys()) {
      if (other === destinationId || this.#count(other) < this.#limits.perDestination) return true
    }
    return false
  }

  wait(queue: QueueRef): void {
    const queues = this.#waiting.get(queue.destinationId) ?? new Map<string, QueueRef>()
    this.#waiting.set(queue.destinationId, queues.set(queue.id, queue))
  }

  /** True if the subscription waits and cannot be admitted yet. */
  mustWait({ id, destinationId }: QueueRef): boolean {
    return !this.#hasCapacity(destinationId) && this.#waiting.get(destinationId)?.has(id) === true
  }

  /** Removes the subscription from the waiting ones. */
  stopWaiting({ id, destinationId }: QueueRef): void {
    const queues = this.#waiting.get(destinationId)
    if (queues?.delete(id) && queues.size === 0) this.#waiting.delete(destinationId)
  }

  /**
   * Removes and returns the next waiting subscription that can be admitted. Skips at most
   * `concurrency / perDestination` destinations.
   */
  next(): QueueRef | null {
    if (this.#running >= this.#limits.concurrency) return null
    for (const [destinationId, queues] of this.#waiting) {
      if (!this.#hasCapacity(destinationId)) continue
      const [first] = queues.values()
      this.#waiting.delete(destinationId)
      if (first === undefined) continue
      queues.delete(first.id)
      if (queues.size > 0) this.#waiting.set(destinationId, queues)
      return first
    }
    return null
  }

  /** Removes all waiting subscriptions. */
  clear(): void {
    this.#waiting.clear()
  }

  #count(destinationId: string): number {
    return this.#runningByDestination.get(destinationId) ?? 0
  }

  #hasCapacity(destinationId: string): boolean {
    const { concurrency, perDestination } = this.#limits
    return this.#running < concurrency && this.#count(destinationId) < perDestination
  }

  #adjust(destinationId: string, by: 1 | -1): void {
    this.#running += by
    const count = this.#count(destinationId) + by
    if (count > 0) this.#runningByDestination.set(destinationId, count)
    else this.#runningByDestination.delete(destinationId)
  }
}

/** Payloads of more parts, so of more than 1.5 MB, are large. */
const LARGE_MESSAGE_PARTS = 3
/** The number of large messages in progress at once. Each is in memory three times until it is answered. */
const MAX_LARGE_MESSAGES = 4
/** The limit for one destination, so that a slow one leaves capacity for the large messages of another. */
const MAX_LARGE_PER_DESTINATION = 2

export const isLargeMessage = ({ payloadPartCount }: QueueHead): boolean =>
  payloadPartCount > LARGE_MESSAGE_PARTS

/** Limits the large messages in progress, so that slow destinations do not fill the memory with them. */
export const createLargeMessageLimiter = () =>
  new ConcurrencyLimiter({
    concurrency: MAX_LARGE_MESSAGES,
    perDestination: MAX_LARGE_PER_DESTINATION,
  })
