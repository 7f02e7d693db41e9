import type { QueueHead, QueueRef } from '../ports/routing.ts'

export interface ConcurrencyLimits {
  /** How many feeds are inside at once. */
  readonly width: number
  /** How many of them lead to one destination. */
  readonly share: number
}

/**
 * Room for feeds at work. However many feeds a destination has that hangs, they leave the others
 * theirs. Who finds no room waits: the destinations have their turns, and so have the feeds of each.
 */
export function createConcurrencyLimiter({ width, share }: ConcurrencyLimits) {
  let running = 0
  /** For each destination, how many of its feeds are inside. */
  const runningByDestination = new Map<string, number>()
  /** For each destination, its feeds that wait. Whose turn is next comes first. */
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
    /** Whether it is inside now. Otherwise it waits. */
    enter(queue: QueueRef): boolean {
      const isAdmitted = hasCapacity(queue.destinationId)
      if (isAdmitted) adjust(queue.destinationId, 1)
      else wait(queue)
      return isAdmitted
    },

    leave: ({ destinationId }: QueueRef) => adjust(destinationId, -1),

    /** Whether somebody who waits would come in if this one left. */
    isWanted({ destinationId }: QueueRef): boolean {
      for (const other of waiting.keys()) {
        if (other === destinationId || (runningByDestination.get(other) ?? 0) < share) return true
      }
      return false
    },

    wait,

    /** It waits, and would not come in yet. */
    mustWait: ({ id, destinationId }: QueueRef): boolean =>
      !hasCapacity(destinationId) && waiting.get(destinationId)?.has(id) === true,

    /** It waits no more. */
    stopWaiting({ id, destinationId }: QueueRef): void {
      const queues = waiting.get(destinationId)
      if (queues?.delete(id) && queues.size === 0) waiting.delete(destinationId)
    },

    /** Who waits no more, for there is room. At most width / share destinations have none. */
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

    /** Nobody waits any more. */
    clear: () => waiting.clear(),
  }
}

export type ConcurrencyLimiter = ReturnType<typeof createConcurrencyLimiter>

/** Longer than this, sealed, is a long message. On Workers none is. */
const LARGE_MESSAGE_CHARS = 2 * 1024 * 1024
/** So many are on their way at once: each is in memory three times over till it is answered. */
const MAX_LARGE_MESSAGES = 4
/** So many to one destination: where that is slow, the long messages of another find a place. */
const MAX_LARGE_PER_DESTINATION = 2

export const isLargeMessage = ({ sealedPayload }: QueueHead): boolean =>
  sealedPayload.length > LARGE_MESSAGE_CHARS

/** Few places for long messages, so that slow destinations do not fill the memory with them. */
export function createLargeMessageLimiter() {
  const limiter = createConcurrencyLimiter({
    width: MAX_LARGE_MESSAGES,
    share: MAX_LARGE_PER_DESTINATION,
  })

  return {
    /** Whether the feed has a place now. Otherwise it lines up, and comes back when one is free. */
    enter: limiter.enter,
    mustWait: limiter.mustWait,
    leaveQueue: limiter.stopWaiting,

    /** Who has entered leaves. The one that can enter now is still on the way: let none enter before it. */
    leave(queue: QueueRef): QueueRef | null {
      limiter.leave(queue)
      return limiter.next()
    },
  }
}
