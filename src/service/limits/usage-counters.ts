import { LRUCache } from 'lru-cache'
import type { Failure, SurfaceRefusal } from '../../domain/failure.ts'
import { HOUR_MS, isWithinLast } from '../../domain/instant.ts'
import type { Key } from '../../domain/key.ts'
import { KEY_TYPES, type KeyType } from '../../domain/key-type.ts'
import type { HourlyTraffic, TrafficStorage } from '../ports/dashboard.ts'
import type { DailyKeyUse } from '../ports/keys.ts'
import type { Clock, KeepAlive, Log } from '../ports/runtime.ts'
import type { ResourceStorage } from '../ports/storage.ts'

const KEY_USE_FLUSH_MS = 60_000
/** A flood of different keys is written early, so that what is counted stays small. */
const MAX_BUFFERED_KEYS = 10_000
/** Of how many keys in one write: of all at once, it would hold up every request for a third of a second. */
const KEY_USES_PER_WRITE = 500

type UsedKey = Pick<Key, 'id' | 'accountId' | 'dialect'>

interface CountedUses {
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
export function createKeyUseCounter(
  storage: Pick<ResourceStorage, 'addKeyUses'>,
  clock: Clock,
  log: Log,
  keepAlive: KeepAlive,
  traffic: Pick<TrafficCounter, 'countAdmitted'>,
) {
  let usesByKey = new Map<string, CountedUses>()
  let flushedAt = clock()

  async function flush(): Promise<void> {
    const all = [...usesByKey.values()]
    usesByKey = new Map()
    flushedAt = clock()
    for (const { key, hour, uses } of all) traffic.countAdmitted(key, hour, uses)
    const uses = all.map(toDailyKeyUse)
    for (let from = 0; from < uses.length; from += KEY_USES_PER_WRITE) {
      try {
        await storage.addKeyUses(uses.slice(from, from + KEY_USES_PER_WRITE))
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
      const current = usesByKey.get(key.id)
      if (current?.hour === hour) {
        current.uses++
        current.lastAt = at
      } else {
        if (current !== undefined || usesByKey.size >= MAX_BUFFERED_KEYS) keepAlive(flush())
        usesByKey.set(key.id, { key, hour, uses: 1, lastAt: at })
      }
      if (!isWithinLast(KEY_USE_FLUSH_MS, flushedAt, at)) keepAlive(flush())
    },

    /** Writes what was counted, where no further use comes to do it. */
    flush,
  }
}

const toDailyKeyUse = ({ key, hour, uses, lastAt }: CountedUses): DailyKeyUse => ({
  keyId: key.id,
  day: Math.floor(hour / 24),
  uses,
  lastAt,
})

export type KeyUseCounter = ReturnType<typeof createKeyUseCounter>

/** A year can be laid beside the one before. */
export const TRAFFIC_RETENTION_HOURS = 400 * 24

const TRAFFIC_FLUSH_MS = 60_000
/** So many different counts are written early, so that what is counted stays small. */
const MAX_COUNTED_ROWS = 5_000
const TRAFFIC_ROWS_PER_WRITE = 500
const MAX_CACHED_OWNERS = 10_000

type TrafficOwner = Pick<Key, 'accountId' | 'dialect'>
type CountedTraffic = Omit<HourlyTraffic, 'requests'> & {
  /** Whose account and dialect are found when it is written. */
  readonly keyId: string | null
  requests: number
}

/** The surfaces that are not called like their dialect. */
const KEY_TYPE_BY_SURFACE: Readonly<Record<string, KeyType>> = {
  exchange: 'redox',
  refresh: 'redox',
  message: 'redox',
}

/**
 * Counts what came of requests, by hour, account, dialect and outcome. `admitted` is whose credential
 * was good; what is refused after that (a message that may not go there, a broken upstream) is counted
 * as refused too. What was counted since the last write is lost where the process dies.
 */
export function createTrafficCounter(deps: {
  readonly storage: TrafficStorage & Pick<ResourceStorage, 'findKeySummary'>
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive: KeepAlive
}) {
  const { storage, clock, log, keepAlive } = deps
  let rowsByName = new Map<string, CountedTraffic>()
  let flushedAt = clock()
  // Neither ever changes of a key.
  const owners = new LRUCache<string, TrafficOwner>({ max: MAX_CACHED_OWNERS })

  function add(row: CountedTraffic): void {
    const { hour, accountId, keyId, dialect, outcome } = row
    const name = `${hour} ${accountId ?? keyId} ${dialect} ${outcome}`
    const existing = rowsByName.get(name)
    if (existing !== undefined) existing.requests += row.requests
    else rowsByName.set(name, row)
    if (rowsByName.size >= MAX_COUNTED_ROWS || !isWithinLast(TRAFFIC_FLUSH_MS, flushedAt, clock()))
      keepAlive(flush())
  }

  /** Waits for its own write alone: that of another request may have ended with it. */
  async function flush(): Promise<void> {
    const all = [...rowsByName.values()]
    rowsByName = new Map()
    flushedAt = clock()
    try {
      const rows = await mergeRows(all)
      for (let from = 0; from < rows.length; from += TRAFFIC_ROWS_PER_WRITE) {
        await storage.addTraffic(rows.slice(from, from + TRAFFIC_ROWS_PER_WRITE))
      }
    } catch (error) {
      // Not carried on: memory must not grow while the database takes no write.
      log.error({ error }, 'the traffic was not written')
    }
  }

  /** Each key's account and dialect found, and what is the same then added up. */
  async function mergeRows(all: readonly CountedTraffic[]): Promise<HourlyTraffic[]> {
    const rows = new Map<string, HourlyTraffic>()
    for (const { keyId, ...row } of all) {
      const owner = keyId === null ? null : await findOwner(keyId)
      const { hour, accountId, dialect, outcome, requests } = { ...row, ...owner }
      const name = `${hour} ${accountId} ${dialect} ${outcome}`
      const previousCount = rows.get(name)?.requests ?? 0
      rows.set(name, { hour, accountId, dialect, outcome, requests: previousCount + requests })
    }
    return [...rows.values()]
  }

  async function findOwner(keyId: string): Promise<TrafficOwner | null> {
    const existing = owners.get(keyId)
    if (existing !== undefined) return existing
    const key = await storage.findKeySummary(keyId)
    if (key === null) return null
    const owner = { accountId: key.accountId, dialect: key.dialect }
    owners.set(keyId, owner)
    return owner
  }

  return {
    /** So many uses of a key within an hour: they are counted where its uses are, once for both. */
    countAdmitted({ accountId, dialect }: TrafficOwner, hour: number, requests: number): void {
      add({ hour, accountId, keyId: null, dialect, outcome: 'admitted', requests })
    },

    countRefused(
      surface: string,
      outcome: (Failure | SurfaceRefusal)['reason'],
      keyId: string | null = null,
    ): void {
      add({
        hour: Math.floor(clock() / HOUR_MS),
        accountId: null,
        keyId,
        dialect: findKeyType(surface),
        outcome,
        requests: 1,
      })
    },

    flush,
  }
}

const findKeyType = (surface: string): KeyType | null =>
  Object.hasOwn(KEY_TYPES, surface) ? (surface as KeyType) : (KEY_TYPE_BY_SURFACE[surface] ?? null)

export type TrafficCounter = ReturnType<typeof createTrafficCounter>
