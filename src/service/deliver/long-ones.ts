import type { FeedRef, Head } from '../ports.ts'

/** Longer than this, sealed, is a long message. On Workers none is. */
const LONG_CHARACTERS = 2 * 1024 * 1024
/** So many are on their way at once: each is in memory three times over till it is answered. */
const AT_ONCE = 4

export const isLong = ({ sealedPayload }: Head): boolean => sealedPayload.length > LONG_CHARACTERS

/** Few places for long messages, so that slow destinations do not fill the memory with them. */
export function createLongOnes() {
  /** Feeds whose next message is long, and waits for its place. */
  const lined = new Map<string, FeedRef>()
  let onTheirWay = 0
  const isFull = () => onTheirWay >= AT_ONCE

  return {
    isFull,
    /** It comes back when a place is free. */
    lineUp: (feed: FeedRef) => lined.set(feed.id, feed),
    mustWait: (feedId: string) => isFull() && lined.has(feedId),
    stepOut: (feedId: string) => lined.delete(feedId),

    /** `next` is told who has a place now. */
    async carry<T>(work: () => Promise<T>, next: (feed: FeedRef) => void): Promise<T> {
      onTheirWay++
      try {
        return await work()
      } finally {
        onTheirWay--
        const [first] = lined.values()
        if (first !== undefined) next(first)
      }
    },
  }
}
