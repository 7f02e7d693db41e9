import { fail, ok, type RateLimitFailure, type Result } from '../../domain/failure.ts'
import { isPending } from '../../domain/instant.ts'
import { toAddressBlock } from '../../domain/ip-network.ts'
import type { Key } from '../../domain/key.ts'
import { getKeyRateLimit, type RateLimit as Limit } from '../../domain/limits.ts'
import type { Clock, GetSharedCounter, SharedCounter } from '../ports/runtime.ts'
import { IdRows } from './id-rows.ts'

export interface FailureLimits {
  /** The failures that one address may have within the window. */
  readonly perAddress: number
  readonly windowMs: number
}

/**
 * Counts failures of one address (an IPv6 /64 counts as one), never successes, in a fixed window that
 * begins with the first. Callers check cheap proofs before this limit. `ownerId`: the key or browser
 * that the caller is known for at this address. Its failures are counted apart from those of
 * strangers.
 */
export function createFailureLimiter(
  limits: FailureLimits,
  clock: Clock,
  getSharedCounter?: GetSharedCounter,
) {
  const failures = new FixedWindowCounter(limits.windowMs, clock, getSharedCounter?.('addresses'))

  return {
    checkAllowed(address: string, ownerId?: string): Result<void, RateLimitFailure> {
      const party = toParty(address, ownerId)
      if (failures.getCount(party) < limits.perAddress) return ok(undefined)
      const retryAfterSeconds = Math.max(1, Math.ceil(failures.getRemainingMs(party) / 1000))
      return fail({ reason: 'failures_exceeded', retryAfterSeconds })
    },

    /** True if the party has failed within the window. */
    hasFailures: (address: string, ownerId?: string): boolean =>
      failures.getCount(toParty(address, ownerId)) > 0,

    countFailure(address: string, ownerId?: string): void {
      failures.count(toParty(address, ownerId))
    },
  }
}

/** The party that a limit counts: an address, or an owner that is known at it. */
export const toParty = (address: string, ownerId?: string): string =>
  ownerId === undefined ? toAddressBlock(address) : `${toAddressBlock(address)} ${ownerId}`

/** Limits the requests of one address within a window, as the vendor documents it. */
export function createAddressRateLimit(
  limit: number,
  windowMs: number,
  clock: Clock,
  getSharedCounter?: GetSharedCounter,
) {
  const counter = new FixedWindowCounter(windowMs, clock, getSharedCounter?.('quota'))
  return (address: string): Result<void, RateLimitFailure> => {
    if (counter.count(address) <= limit) return ok(undefined)
    const retryAfterSeconds = Math.max(1, Math.ceil(counter.getRemainingMs(address) / 1000))
    return fail({ reason: 'quota_exceeded', limit, retryAfterSeconds })
  }
}

export type FailureLimiter = ReturnType<typeof createFailureLimiter>
export type AddressRateLimit = ReturnType<typeof createAddressRateLimit>

/** Limits the requests of each key, in rows that others may share. */
export function createKeyRateLimit(
  defaultLimit: Limit,
  clock: Clock,
  getSharedCounter?: GetSharedCounter,
  keyRows = new IdRows(),
) {
  const windows = new Windows(keyRows)
  // All entries of a counter share one window length.
  const countersByWindowMs = new Map<number, FixedWindowCounter>()
  function getCounter(ms: number): FixedWindowCounter {
    const existing = countersByWindowMs.get(ms)
    if (existing !== undefined) return existing
    const counter = new FixedWindowCounter(ms, clock, getSharedCounter?.(`pace ${ms}`), windows)
    countersByWindowMs.set(ms, counter)
    return counter
  }

  return function countKeyRequest(key: Key): Result<void, RateLimitFailure> {
    const { limit, windowMs } = getKeyRateLimit(key, defaultLimit)
    const counter = getCounter(windowMs)
    if (counter.count(key.id) <= limit) return ok(undefined)
    const retryAfterSeconds = Math.max(1, Math.ceil(counter.getRemainingMs(key.id) / 1000))
    return fail({ reason: 'quota_exceeded', limit, retryAfterSeconds })
  }
}

export type KeyRateLimit = ReturnType<typeof createKeyRateLimit>

/** The open window of each id, in rows. */
class Windows {
  readonly rows: IdRows
  readonly counts: number[] = []
  readonly ends: number[] = []

  constructor(rows = new IdRows()) {
    this.rows = rows
    rows.onNew((row) => {
      this.counts[row] = 0
      this.ends[row] = 0
    })
  }
}

/** Counts in fixed windows, with bounded memory. Counters of other lengths may share `windows`, but no id. */
export class FixedWindowCounter {
  readonly #windows: Windows
  readonly #ms: number
  readonly #clock: Clock
  readonly #sharing: SharedCounter | undefined

  constructor(
    ms: number,
    clock: Clock,
    sharedCounter: SharedCounter | undefined,
    windows = new Windows(),
  ) {
    this.#ms = ms
    this.#clock = clock
    this.#sharing = sharedCounter
    this.#windows = windows
    sharedCounter?.subscribe((id, count, endsAt) => this.#add(id, count, endsAt))
  }

  /** Adds one, and returns the new count. */
  count(id: string): number {
    const row = this.#add(id, 1, this.#clock() + this.#ms)
    this.#sharing?.publish(id, this.#windows.ends[row] as number)
    return this.#windows.counts[row] as number
  }

  /** Adds to the open window. If there is none, opens one that ends at `endsAt`. Returns its row. */
  #add(id: string, count: number, endsAt: number): number {
    const { rows, counts, ends } = this.#windows
    const row = rows.findOrAdd(id)
    if (this.#isOpen(row)) {
      counts[row] = (counts[row] as number) + count
    } else {
      counts[row] = count
      ends[row] = endsAt
    }
    return row
  }

  getCount(id: string): number {
    const { rows, counts } = this.#windows
    const row = rows.find(id)
    return row !== undefined && this.#isOpen(row) ? (counts[row] as number) : 0
  }

  getRemainingMs(id: string): number {
    const { rows, ends } = this.#windows
    const row = rows.find(id)
    return (row === undefined ? 0 : (ends[row] as number)) - this.#clock()
  }

  #isOpen(row: number): boolean {
    return isPending(this.#windows.ends[row] as number, this.#ms, this.#clock())
  }
}
