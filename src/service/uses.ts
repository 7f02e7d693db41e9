import { isWithin } from '../domain/instant.ts'
import type { Key } from '../domain/key.ts'
import type { Clock, KeepAlive, KeyUse, Log, OperatorStorage } from './ports.ts'
import { HOUR_MS, type TrafficCounter } from './traffic.ts'

const FLUSH_MS = 60_000
/** A flood of different keys is written early, so that what is counted stays small. */
const COUNTED = 10_000
/** Of how many keys in one write: of all at once, it would hold up every request for a third of a second. */
const WRITTEN_TOGETHER = 500

type UsedKey = Pick<Key, 'id' | 'accountId' | 'dialect'>

interface Counted {
  readonly key: UsedKey
  readonly hour: number
  uses: number
  lastAt: number
}

/**
 * Counts the uses of keys, off the hot path: one write a key and minute, however often it was used. What
 * was counted since the last write is lost where the process dies: it is no one's proof of anything. Each
 * is a request that was admitted, and told as such when it is written: no request counts twice.
 */
export function createUses(
  storage: Pick<OperatorStorage, 'addKeyUses'>,
  clock: Clock,
  log: Log,
  keepAlive: KeepAlive,
  traffic: Pick<TrafficCounter, 'admitted'>,
) {
  let counted = new Map<string, Counted>()
  let since = clock()

  async function flush(): Promise<void> {
    const all = [...counted.values()]
    counted = new Map()
    since = clock()
    for (const { key, hour, uses } of all) traffic.admitted(key, hour, uses)
    const uses = all.map(useOf)
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
    count(key: UsedKey): void {
      const at = clock()
      const hour = Math.floor(at / HOUR_MS)
      const known = counted.get(key.id)
      if (known?.hour === hour) {
        known.uses++
        known.lastAt = at
      } else {
        if (known !== undefined || counted.size >= COUNTED) keepAlive(flush())
        counted.set(key.id, { key, hour, uses: 1, lastAt: at })
      }
      if (!isWithin(FLUSH_MS, since, at)) keepAlive(flush())
    },

    /** Writes what was counted, where no further use comes to do it. */
    flush,
  }
}

const useOf = ({ key, hour, uses, lastAt }: Counted): KeyUse => ({
  keyId: key.id,
  day: Math.floor(hour / 24),
  uses,
  lastAt,
})

export type Uses = ReturnType<typeof createUses>
