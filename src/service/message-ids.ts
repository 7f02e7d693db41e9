import type { Clock, MessageIdStorage } from './ports.ts'

const EPOCH = Date.UTC(2020, 0, 1)
const BLOCK_SIZE = 65_536
const BLOCK_MS = 16
/** Ids stay below 2^53. */
const MAX_BLOCK = 2 ** 37 - 1
/** A clock that is later than 2087 is not believed: it would use up the blocks that are left. */
const MAX_CLOCK_BLOCK = MAX_BLOCK - 2 ** 32

export interface MessageIdDeps {
  readonly storage: MessageIdStorage
  readonly clock: Clock
}

/**
 * `Meta.Message.ID`: an integer from 1 to 2^53 - 1 that no other message of this database has, nor had
 * before. Chance cannot promise that: where ids were a time and random bits, 53 in all for a hundred
 * years, one message in a second would make about five pairs of twins in a year, ten in a second five
 * hundred. So a process claims blocks in the database, each of which is claimed once, whatever its
 * clock says and however often it starts.
 *
 * A block begins no earlier than the time of its claim (65,536 ids for 16 ms, the scale of ids before):
 * an older copy of the database that is restored gives none of them again, unless the clock is set back
 * too. Blocks last until 2089 if fewer than 62 are claimed in a second, on average. Nobody who is
 * refused takes an id, so strangers cannot use them up.
 */
export function createMessageIds({ storage, clock }: MessageIdDeps) {
  let next = 0
  let end = 0

  return async function nextMessageId(): Promise<number> {
    for (;;) {
      if (next < end) return next++
      const free = await storage.findNextIdBlock()
      // Somebody else here may have claimed one meanwhile.
      if (next < end) continue
      const block = Math.max(free, Math.min(clockBlock(clock()), MAX_CLOCK_BLOCK))
      if (block > MAX_BLOCK) throw new Error('all message ids are used up')
      if (!(await storage.moveNextIdBlock(free, block + 1))) continue
      next = block * BLOCK_SIZE
      end = next + BLOCK_SIZE
    }
  }
}

const clockBlock = (now: number) => Math.floor((now - EPOCH) / BLOCK_MS)
