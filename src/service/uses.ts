import type { Clock, KeepAlive, KeyUse, Log, OperatorStorage } from './ports.ts'

const DAY_MS = 86_400_000
const FLUSH_MS = 60_000
/** A flood of different keys is written early, so that what is counted stays small. */
const COUNTED = 10_000
/** Of how many keys in one write: of all at once, it would hold up every request for a third of a second. */
const WRITTEN_TOGETHER = 500

/**
 * Counts the uses of keys, off the hot path: one write a key and minute, however often it was used. What
 * was counted since the last write is lost where the process dies: it is no one's proof of anything.
 */
export function createUses(
  storage: Pick<OperatorStorage, 'addKeyUses'>,
  clock: Clock,
  log: Log,
  keepAlive: KeepAlive,
) {
  let counted = new Map<string, { day: number; uses: number; lastAt: number }>()
  let since = clock()

  async function flush(): Promise<void> {
    const uses: KeyUse[] = Array.from(counted, ([keyId, of]) => ({ keyId, ...of }))
    counted = new Map()
    since = clock()
    for (let from = 0; from < uses.length; from += WRITTEN_TOGETHER) {
      try {
        await storage.addKeyUses(uses.slice(from, from + WRITTEN_TOGETHER))
      } catch (error) {
        // What is left would fail as well, and is not carried on: memory must not grow meanwhile.
        log.error({ error, keys: uses.length - from }, 'the uses of keys were not written')
        return
      }
    }
  }

  return {
    count(keyId: string): void {
      const at = clock()
      const day = Math.floor(at / DAY_MS)
      const known = counted.get(keyId)
      if (known?.day === day) {
        known.uses++
        known.lastAt = at
      } else {
        if (known !== undefined || counted.size >= COUNTED) keepAlive(flush())
        counted.set(keyId, { day, uses: 1, lastAt: at })
      }
      if (at - since >= FLUSH_MS) keepAlive(flush())
    },

    /** Writes what was counted, where no further use comes to do it. */
    flush,
  }
}

export type Uses = ReturnType<typeof createUses>
