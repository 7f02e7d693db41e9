import type { QueueHead, QueueRef } from '../ports/routing.ts'

export interface ConcurrencyLimits {
  /** The number of subscriptions that are processed at once. */
  readonly width: number
  /** The maximum number of them that send to one destination. */
  readonly share: number
}

/**
 * Limits the subscriptions that are processed at once. A destination that hangs takes only its share,
 * however many subscriptions it has. Waiting subscriptions take turns by destination, and then within
 * each destination.
 */
export function createConcurrencyLimiter({ width, share }: ConcurrencyLimits) {
  let running = 0
  /** The number of running subscriptions by destination. */
  const runningByDestination = new Map<string, number>()
  /** The waiting subscriptions by destination, in the order of their turns. */
  const waiting = new Map<string, Map<string, QueueRef>>()

  const hasCapacity = (destinationId: string) =>
    running < width && (runningByDestination.get(destinationId) ?? 0) < share

  function adjust(destinationId: string, by: 1 | -1): void {
    running += by
    const count = (runningByDestination.get(destinationId) ?? 0) + by
    if (count > 0) runningByDestination.set(destinationId, count)
    else runningByDestination.delete(destinationId)
  }

  function wait(queue: QueueRef): void {
    const others = waiting.get(queue.destinationId) ?? new Map<string, QueueRef>()
    waiting.set(queue.destinationId, others.set(queue.id, queue))
  }

  return {
    /** Returns true if the subscription is admitted. Otherwise it waits. */
    enter(queue: QueueRef): boolean {
      const isAdmitted = hasCapacity(queue.destinationId)
      if (isAdmitted) adjust(queue.destinationId, 1)
      else wait(queue)
      return isAdmitted
    },

    leave: ({ destinationId }: QueueRef) => adjust(destinationId, -1),

    /** True if a waiting subscription could be admitted when this one leaves. */
    isWanted({ destinationId }: QueueRef): boolean {
      for (const other of waiting.keys()) {
        if (other === destinationId || (runningByDestination.get(other) ?? 0) < share) return true
      }
      return false
    },

    wait,

    /** True if the subscription waits and cannot be admitted yet. */
    mustWait: ({ id, destinationId }: QueueRef): boolean =>
      !hasCapacity(destinationId) && waiting.get(destinationId)?.has(id) === true,

    /** Removes the subscription from the waiting ones. */
    stopWaiting({ id, destinationId }: QueueRef): void {
      const queues = waiting.get(destinationId)
      if (queues?.delete(id) && queues.size === 0) waiting.delete(destinationId)
    },

    /**
     * Removes and returns the next waiting subscription that can be admitted. Skips at most width /
     * share destinations.
     */
    next(): QueueRef | null {
      if (running >= width) return null
      for (const [destinationId, queues] of waiting) {
        if (!hasCapacity(destinationId)) continue
        const [first] = queues.values()
        waiting.delete(destinationId)
        if (first === undefined) continue
        queues.delete(first.id)
        if (queues.size > 0) waiting.set(destinationId, queues)
        return first
      }
      return null
    },

    /** Removes all waiting subscriptions. */
    clear: () => waiting.clear(),
  }
}

export type ConcurrencyLimiter = ReturnType<typeof createConcurrencyLimiter>

/** Sealed payloads above this length are large. On Workers, none is. */
const LARGE_MESSAGE_CHARS = 2 * 1024 * 1024
/** The number of large messages in progress at once. Each is in memory three times until it is answered. */
const MAX_LARGE_MESSAGES = 4
/** The limit for one destination, so that a slow one leaves capacity for the large messages of another. */
const MAX_LARGE_PER_DESTINATION = 2

export const isLargeMessage = ({ sealedPayload }: QueueHead): boolean =>
  sealedPayload.length > LARGE_MESSAGE_CHARS

/** Limits the large messages in progress, so that slow destinations do not fill the memory with them. */
export function createLargeMessageLimiter() {
  const limiter = createConcurrencyLimiter({
    width: MAX_LARGE_MESSAGES,
    share: MAX_LARGE_PER_DESTINATION,
  })

  return {
    /** Returns true if the subscription is admitted. Otherwise it waits until `leave` returns it. */
    enter: limiter.enter,
    mustWait: limiter.mustWait,
    leaveQueue: limiter.stopWaiting,

    /**
     * Releases the capacity, and returns the waiting subscription to start next. Start it before any
     * other one enters.
     */
    leave(queue: QueueRef): QueueRef | null {
      limiter.leave(queue)
      return limiter.next()
    },
  }
}
