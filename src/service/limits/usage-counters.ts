import { LRUCache } from 'lru-cache'
import type { Failure, SurfaceRefusal } from '../../domain/failure.ts'
import { HOUR_MS, isWithinLast } from '../../domain/instant.ts'
import type { Key } from '../../domain/key.ts'
import { KEY_TYPES, type KeyType } from '../../domain/key-type.ts'
import { limitEntries } from '../../domain/limits.ts'
import { toStoredUserAgent } from '../../domain/sunset.ts'
import type { Caller } from '../caller.ts'
import type { HourlyTraffic, TrafficStorage } from '../ports/dashboard.ts'
import type { DailyKeyUse } from '../ports/keys.ts'
import type { Clock, KeepAlive, Log } from '../ports/runtime.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import type { SunsetStorage } from '../ports/sunsets.ts'
import { TupleMap } from '../tuple-map.ts'
import { IdRows } from './id-rows.ts'

const KEY_USE_FLUSH_MS = 60_000
/** The number of keys per write. One write for all would delay every request by a third of a second. */
const KEY_USES_PER_WRITE = 500

type UsedKey = Pick<Key, 'id' | 'accountId' | 'keyType'>

interface CountedUses extends UsedKey {
  readonly hour: number
  readonly uses: number
  readonly lastAt: number
  readonly userAgent: string | null
}

/**
 * Counts key uses off the hot path, with one write per key and minute. Counts since the last write are
 * lost if the process dies; nothing depends on them. Each use is an admitted request and is counted as
 * traffic when it is written, so that no request counts twice. `keyRows` may be shared with the limit of
 * each key; if a key loses its row to another, the counts are written early.
 */
export function createKeyUseCounter({
  storage,
  clock,
  log,
  keepAlive,
  traffic,
  keyRows = new IdRows(),
}: {
  readonly storage: Pick<ResourceStorage, 'addKeyUses'>
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive: KeepAlive
  readonly traffic: Pick<TrafficCounter, 'countAdmitted'>
  readonly keyRows?: IdRows
}) {
  // The columns of `keyRows`. A row without uses has no other values that count.
  const uses: number[] = []
  const lastAts: number[] = []
  const accountIds: string[] = []
  const keyTypes: KeyType[] = []
  const userAgents: (string | null)[] = []
  let flushedAt = clock()

  keyRows.onNew((row) => {
    if (isCounted(row)) keepAlive(flush())
    uses[row] = 0
    lastAts[row] = 0
  })

  const isCounted = (row: number) => (uses[row] ?? 0) > 0

  /** Returns the counts of all rows, and begins again. */
  function takeAll(): CountedUses[] {
    const all: CountedUses[] = []
    for (let row = 0; row < uses.length; row++) {
      if (!isCounted(row)) continue
      const lastAt = lastAts[row] as number
      all.push({
        id: keyRows.getId(row),
        accountId: accountIds[row] as string,
        keyType: keyTypes[row] as KeyType,
        hour: toHour(lastAt),
        uses: uses[row] as number,
        lastAt,
        userAgent: userAgents[row] ?? null,
      })
      uses[row] = 0
    }
    return all
  }

  async function flush(): Promise<void> {
    const all = takeAll()
    flushedAt = clock()
    for (let from = 0; from < all.length; from += KEY_USES_PER_WRITE) {
      const part = all.slice(from, from + KEY_USES_PER_WRITE)
      for (const counted of part) traffic.countAdmitted(counted, counted.hour, counted.uses)
      try {
        await storage.addKeyUses(part.map(toDailyKeyUse))
      } catch (error) {
        // Further writes would fail as well. Their counts are dropped, because memory must not grow
        // meanwhile.
        log.error(
          { error, keys: all.length - from },
          'the last-used times of keys could not be written',
        )
        return
      }
    }
  }

  return {
    /** The User-Agent is read once for each write, not at each use. */
    count({ id, accountId, keyType }: UsedKey, caller: Pick<Caller, 'readUserAgent'> = {}): void {
      const at = clock()
      const row = keyRows.findOrAdd(id)
      if (isCounted(row) && toHour(lastAts[row] as number) !== toHour(at)) keepAlive(flush())
      if (!isCounted(row)) {
        accountIds[row] = accountId
        keyTypes[row] = keyType
        userAgents[row] = toStoredUserAgent(caller.readUserAgent?.())
      }
      uses[row] = (uses[row] as number) + 1
      lastAts[row] = at
      if (!isWithinLast(KEY_USE_FLUSH_MS, flushedAt, at)) keepAlive(flush())
    },

    /** Writes the current counts, if no further use triggers it. */
    flush,
  }
}

const toHour = (at: number): number => Math.floor(at / HOUR_MS)

const toDailyKeyUse = ({ id, hour, uses, lastAt, userAgent }: CountedUses): DailyKeyUse => ({
  keyId: id,
  day: Math.floor(hour / 24),
  uses,
  lastAt,
  userAgent,
})

/** The number of sources, sites and owners at which the uses are written early. */
const MAX_BUFFERED_RESOURCES = 10_000

/**
 * Notes the uses of OAuth for a source or a site, and by an owner, off the hot path: they tell which of
 * their other keys may be retired. Those since the last write are lost if the process dies.
 */
export function createOAuthUseRecorder(
  storage: Pick<SunsetStorage, 'addOAuthUses'>,
  clock: Clock,
  log: Log,
  keepAlive: KeepAlive,
) {
  let uses = new Map<string, { readonly firstAt: number; lastAt: number }>()
  let flushedAt = clock()

  async function flush(): Promise<void> {
    const all = [...uses].map(([resourceId, use]) => ({ resourceId, ...use }))
    uses = new Map()
    flushedAt = clock()
    try {
      for (let from = 0; from < all.length; from += KEY_USES_PER_WRITE) {
        await storage.addOAuthUses(all.slice(from, from + KEY_USES_PER_WRITE))
      }
    } catch (error) {
      // Dropped, because memory must not grow while the database accepts no writes.
      log.error({ error }, 'the uses of OAuth could not be written')
    }
  }

  return {
    record: (resourceIds: readonly string[]): void => {
      const at = clock()
      for (const id of resourceIds) {
        const use = uses.get(id)
        if (use === undefined) uses.set(id, { firstAt: at, lastAt: at })
        else use.lastAt = at
      }
      const isFull = uses.size >= MAX_BUFFERED_RESOURCES
      if (isFull || !isWithinLast(KEY_USE_FLUSH_MS, flushedAt, at)) keepAlive(flush())
    },
    flush,
  }
}

export type RecordOAuthUse = ReturnType<typeof createOAuthUseRecorder>['record']

export type KeyUseCounter = ReturnType<typeof createKeyUseCounter>

/** More than a year, so that a period can be compared with the same one a year before. */
export const TRAFFIC_RETENTION_HOURS = 400 * 24

const TRAFFIC_FLUSH_MS = 60_000
/** The number of rows at which the counts are written early, so that the buffer stays small. */
const MAX_COUNTED_ROWS = 5_000
const TRAFFIC_ROWS_PER_WRITE = 500
const MAX_CACHED_OWNERS = 10_000

type TrafficOwner = Pick<Key, 'accountId' | 'keyType'>
type MergedTraffic = Omit<HourlyTraffic, 'requests'> & { requests: number }
type CountedTraffic = MergedTraffic & {
  /** The key whose account and type are looked up when the row is written. */
  readonly keyId: string | null
}

/** The surfaces whose name differs from their key type. */
const KEY_TYPE_BY_SURFACE: Readonly<Record<string, KeyType>> = {
  exchange: 'redox',
  refresh: 'redox',
  message: 'redox',
  token: 'oauth',
  revocation: 'oauth',
  introspection: 'oauth',
  'fhir-token': 'oauth',
}

/**
 * Counts requests by hour, account, key type and outcome. `admitted` means that the credential was
 * valid. A request that is refused later (a message that may not be routed, a failing upstream) is
 * also counted as refused. Counts since the last write are lost if the process dies.
 */
export function createTrafficCounter(deps: {
  readonly storage: TrafficStorage & Pick<ResourceStorage, 'findKeySummary'>
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive: KeepAlive
}) {
  const { storage, clock, log, keepAlive } = deps
  let rows = new TupleMap<CountedTraffic>()
  let flushedAt = clock()
  // The account and type of a key never change.
  const owners = new LRUCache<string, TrafficOwner>(limitEntries(MAX_CACHED_OWNERS))

  function add(row: CountedTraffic): void {
    const { hour, accountId, keyId, keyType, outcome } = row
    const path = [hour, outcome, keyType, accountId ?? keyId]
    const counted = rows.get(path) ?? rows.add(path, { ...row, requests: 0 })
    counted.requests += row.requests
    if (
      rows.values.length >= MAX_COUNTED_ROWS ||
      !isWithinLast(TRAFFIC_FLUSH_MS, flushedAt, clock())
    ) {
      keepAlive(flush())
    }
  }

  /** Waits only for its own write, because another request's write may have ended with that request. */
  async function flush(): Promise<void> {
    const all = rows.values
    rows = new TupleMap()
    flushedAt = clock()
    try {
      const merged = await mergeRows(all)
      for (let from = 0; from < merged.length; from += TRAFFIC_ROWS_PER_WRITE) {
        await storage.addTraffic(merged.slice(from, from + TRAFFIC_ROWS_PER_WRITE))
      }
    } catch (error) {
      // Dropped, because memory must not grow while the database accepts no writes.
      log.error({ error }, 'the request counts could not be written')
    }
  }

  /** Looks up the account and type of each key, then merges equal rows. */
  async function mergeRows(all: readonly CountedTraffic[]): Promise<readonly HourlyTraffic[]> {
    const merged = new TupleMap<MergedTraffic>()
    for (const { keyId, ...row } of all) {
      const owner = keyId === null ? null : await findOwner(keyId)
      const { hour, accountId, keyType, outcome, requests } = { ...row, ...owner }
      const path = [hour, outcome, keyType, accountId]
      const empty = { hour, accountId, keyType, outcome, requests: 0 }
      const mergedRow = merged.get(path) ?? merged.add(path, empty)
      mergedRow.requests += requests
    }
    return merged.values
  }

  async function findOwner(keyId: string): Promise<TrafficOwner | null> {
    const existing = owners.get(keyId)
    if (existing !== undefined) return existing
    const key = await storage.findKeySummary(keyId)
    if (key === null) return null
    const owner = { accountId: key.accountId, keyType: key.keyType }
    owners.set(keyId, owner)
    return owner
  }

  return {
    /**
     * Counts admitted requests of a key within an hour. The key use counter calls it, so that each use
     * is counted once for both.
     */
    countAdmitted({ accountId, keyType }: TrafficOwner, hour: number, requests: number): void {
      add({ hour, accountId, keyId: null, keyType, outcome: 'admitted', requests })
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
        keyType: findKeyType(surface),
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
