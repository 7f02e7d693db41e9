import { LRUCache } from 'lru-cache'
import { DIALECTS, type Dialect } from '../domain/dialect.ts'
import type { Failure, OwnRefusal } from '../domain/failure.ts'
import { isWithin } from '../domain/instant.ts'
import type { Key } from '../domain/key.ts'
import type { Traffic, TrafficStorage } from './ports/traffic.ts'
import type { Clock, KeepAlive, Log, OperatorStorage } from './ports.ts'

export const HOUR_MS = 3_600_000
/** A year can be laid beside the one before. */
export const TRAFFIC_KEPT_HOURS = 400 * 24

const FLUSH_MS = 60_000
/** So many different counts are written early, so that what is counted stays small. */
const COUNTED = 5_000
const WRITTEN_TOGETHER = 500
const REMEMBERED = 10_000

type Owner = Pick<Key, 'accountId' | 'dialect'>
type Counted = Omit<Traffic, 'requests'> & {
  /** Whose account and dialect are found when it is written. */
  readonly keyId: string | null
  requests: number
}

/** The surfaces that are not called like their dialect. */
const SPOKEN: Readonly<Record<string, Dialect>> = {
  exchange: 'redox',
  refresh: 'redox',
  message: 'redox',
}

/**
 * Counts what came of requests, by hour, account, dialect and outcome. `admitted` is whose credential
 * was good; what is refused after that (a message that may not go there, a broken upstream) is counted
 * as refused too. What was counted since the last write is lost where the process dies.
 */
export function createTraffic(deps: {
  readonly storage: TrafficStorage & Pick<OperatorStorage, 'findKeySummary'>
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive: KeepAlive
}) {
  const { storage, clock, log, keepAlive } = deps
  let counted = new Map<string, Counted>()
  let since = clock()
  // Neither ever changes of a key.
  const owners = new LRUCache<string, Owner>({ max: REMEMBERED })

  function add(one: Counted): void {
    const { hour, accountId, keyId, dialect, outcome } = one
    const name = `${hour} ${accountId ?? keyId} ${dialect} ${outcome}`
    const known = counted.get(name)
    if (known !== undefined) known.requests += one.requests
    else counted.set(name, one)
    if (counted.size >= COUNTED || !isWithin(FLUSH_MS, since, clock())) keepAlive(flush())
  }

  /** Waits for its own write alone: that of another request may have ended with it. */
  async function flush(): Promise<void> {
    const all = [...counted.values()]
    counted = new Map()
    since = clock()
    try {
      const rows = await together(all)
      for (let from = 0; from < rows.length; from += WRITTEN_TOGETHER) {
        await storage.addTraffic(rows.slice(from, from + WRITTEN_TOGETHER))
      }
    } catch (error) {
      // Not carried on: memory must not grow while the database takes no write.
      log.error({ error }, 'the traffic was not written')
    }
  }

  /** Each key's account and dialect found, and what is the same then added up. */
  async function together(all: readonly Counted[]): Promise<Traffic[]> {
    const rows = new Map<string, Traffic>()
    for (const { keyId, ...row } of all) {
      const owner = keyId === null ? null : await ownerOf(keyId)
      const { hour, accountId, dialect, outcome, requests } = { ...row, ...owner }
      const name = `${hour} ${accountId} ${dialect} ${outcome}`
      const before = rows.get(name)?.requests ?? 0
      rows.set(name, { hour, accountId, dialect, outcome, requests: before + requests })
    }
    return [...rows.values()]
  }

  async function ownerOf(keyId: string): Promise<Owner | null> {
    const known = owners.get(keyId)
    if (known !== undefined) return known
    const key = await storage.findKeySummary(keyId)
    if (key === null) return null
    const owner = { accountId: key.accountId, dialect: key.dialect }
    owners.set(keyId, owner)
    return owner
  }

  return {
    /** So many uses of a key within an hour: they are counted where its uses are, once for both. */
    admitted({ accountId, dialect }: Owner, hour: number, requests: number): void {
      add({ hour, accountId, keyId: null, dialect, outcome: 'admitted', requests })
    },

    refused(
      surface: string,
      outcome: (Failure | OwnRefusal)['reason'],
      keyId: string | null = null,
    ): void {
      add({
        hour: Math.floor(clock() / HOUR_MS),
        accountId: null,
        keyId,
        dialect: dialectOf(surface),
        outcome,
        requests: 1,
      })
    },

    flush,
  }
}

const dialectOf = (surface: string): Dialect | null =>
  Object.hasOwn(DIALECTS, surface) ? (surface as Dialect) : (SPOKEN[surface] ?? null)

export type TrafficCounter = ReturnType<typeof createTraffic>
