import type { FeedRef } from '../ports.ts'

export interface RoomSize {
  /** How many feeds are inside at once. */
  readonly width: number
  /** How many of them lead to one destination. */
  readonly share: number
}

/**
 * Room for feeds at work. However many feeds a destination has that hangs, they leave the others
 * theirs. Who finds no room waits: the destinations have their turns, and so have the feeds of each.
 */
export function createRoom({ width, share }: RoomSize) {
  let total = 0
  /** For each destination, how many of its feeds are inside. */
  const inside = new Map<string, number>()
  /** For each destination, its feeds that wait. Whose turn is next comes first. */
  const waiting = new Map<string, Map<string, FeedRef>>()

  const hasRoom = (destinationId: string) =>
    total < width && (inside.get(destinationId) ?? 0) < share

  function change(destinationId: string, by: 1 | -1): void {
    total += by
    const count = (inside.get(destinationId) ?? 0) + by
    if (count > 0) inside.set(destinationId, count)
    else inside.delete(destinationId)
  }

  function wait(feed: FeedRef): void {
    const others = waiting.get(feed.destinationId) ?? new Map<string, FeedRef>()
    waiting.set(feed.destinationId, others.set(feed.id, feed))
  }

  return {
    /** Whether it is inside now. Otherwise it waits. */
    enter(feed: FeedRef): boolean {
      const enters = hasRoom(feed.destinationId)
      if (enters) change(feed.destinationId, 1)
      else wait(feed)
      return enters
    },

    leave: ({ destinationId }: FeedRef) => change(destinationId, -1),

    /** Whether somebody who waits would come in if this one left. */
    isWanted({ destinationId }: FeedRef): boolean {
      for (const other of waiting.keys()) {
        if (other === destinationId || (inside.get(other) ?? 0) < share) return true
      }
      return false
    },

    wait,

    /** It waits, and would not come in yet. */
    mustWait: ({ id, destinationId }: FeedRef): boolean =>
      !hasRoom(destinationId) && waiting.get(destinationId)?.has(id) === true,

    /** It waits no more. */
    giveUp({ id, destinationId }: FeedRef): void {
      const feeds = waiting.get(destinationId)
      if (feeds?.delete(id) && feeds.size === 0) waiting.delete(destinationId)
    },

    /** Who waits no more, for there is room. At most width / share destinations have none. */
    next(): FeedRef | null {
      if (total >= width) return null
      for (const [destinationId, feeds] of waiting) {
        if (!hasRoom(destinationId)) continue
        const [first] = feeds.values()
        waiting.delete(destinationId)
        if (first === undefined) continue
        feeds.delete(first.id)
        if (feeds.size > 0) waiting.set(destinationId, feeds)
        return first
      }
      return null
    },

    /** Nobody waits any more. */
    clear: () => waiting.clear(),
  }
}

export type Room = ReturnType<typeof createRoom>
