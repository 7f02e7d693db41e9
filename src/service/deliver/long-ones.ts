import type { FeedRef, Head } from '../ports.ts'
import { createRoom } from './room.ts'

/** Longer than this, sealed, is a long message. On Workers none is. */
const LONG_CHARACTERS = 2 * 1024 * 1024
/** So many are on their way at once: each is in memory three times over till it is answered. */
const AT_ONCE = 4
/** So many to one destination: where that is slow, the long messages of another find a place. */
const TO_ONE = 2

export const isLong = ({ sealedPayload }: Head): boolean => sealedPayload.length > LONG_CHARACTERS

/** Few places for long messages, so that slow destinations do not fill the memory with them. */
export function createLongOnes() {
  const places = createRoom({ width: AT_ONCE, share: TO_ONE })

  return {
    /** Whether the feed has a place now. Otherwise it lines up, and comes back when one is free. */
    enter: places.enter,
    mustWait: places.mustWait,
    stepOut: places.giveUp,

    /** Who has entered leaves when the work is done. `next` is told who can enter now. */
    async carry<T>(feed: FeedRef, work: () => Promise<T>, next: (feed: FeedRef) => void) {
      try {
        return await work()
      } finally {
        places.leave(feed)
        const first = places.next()
        if (first !== null) next(first)
      }
    },
  }
}
