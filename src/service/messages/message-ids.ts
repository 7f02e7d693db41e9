import type { MessageIdStorage } from '../ports/messages.ts'
import type { Clock } from '../ports/runtime.ts'

const MESSAGE_ID_EPOCH_MS = Date.UTC(2020, 0, 1)
const MESSAGE_IDS_PER_BLOCK = 65_536
const MESSAGE_ID_BLOCK_MS = 16
/** Keeps ids below 2^53. */
const MAX_MESSAGE_ID_BLOCK = 2 ** 37 - 1
/** A clock after 2087 is ignored, because it would use up the remaining blocks. */
const MAX_CLOCK_MESSAGE_ID_BLOCK = MAX_MESSAGE_ID_BLOCK - 2 ** 32

export interface MessageIdDeps {
  readonly storage: MessageIdStorage
  readonly clock: Clock
}

/**
 * Generates `Meta.Message.ID`: an integer from 1 to 2^53 - 1 that no other message of this database
 * has or had. Random ids cannot guarantee that: with time and random bits in 53 bits for a hundred
 * years, one message per second would cause about five collisions a year, ten per second about five
 * hundred. Therefore a process claims blocks in the database. Each block is claimed once, whatever the
 * process's clock says and however often it starts.
 *
 * A block begins no earlier than the time of its claim (65,536 ids per 16 ms, the scale of earlier
 * ids), so that a restored older copy of the database issues none of them again, unless the clock is
 * set back too. Blocks last until 2089 if fewer than 62 are claimed per second on average. Refused
 * requests take no id, so strangers cannot use them up.
 */
export function createMessageIdGenerator({ storage, clock }: MessageIdDeps) {
  let next = 0
  let end = 0

  return async function nextMessageId(): Promise<number> {
    for (;;) {
      if (next < end) return next++
      const free = await storage.findNextIdBlock()
      // A concurrent call in this process may have claimed a block meanwhile.
      if (next < end) continue
      const block = Math.max(free, Math.min(toClockBlock(clock()), MAX_CLOCK_MESSAGE_ID_BLOCK))
      if (block > MAX_MESSAGE_ID_BLOCK) throw new Error('all message ids are used up')
      if (!(await storage.moveNextIdBlock(free, block + 1))) continue
      next = block * MESSAGE_IDS_PER_BLOCK
      end = next + MESSAGE_IDS_PER_BLOCK
    }
  }
}

const toClockBlock = (now: number) => Math.floor((now - MESSAGE_ID_EPOCH_MS) / MESSAGE_ID_BLOCK_MS)
