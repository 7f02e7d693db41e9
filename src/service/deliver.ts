import { LRUCache } from 'lru-cache'
import { type Sequel, sequelOf } from '../domain/delivery.ts'
import { isPending, isWithin } from '../domain/instant.ts'
import { type AttemptDeps, createAttempts } from './deliver/attempt.ts'
import { createLongOnes, isLong } from './deliver/long-ones.ts'
import { createRoom } from './deliver/room.ts'
import type { FeedRef, FeedStorage, Head, KeepAlive } from './ports.ts'

export interface DeliverDeps extends AttemptDeps {
  readonly storage: FeedStorage
  /** Random numbers from 0 to 1. */
  readonly jitter: () => number
  /** Who this process is, among those that share the work: another one after each start. */
  readonly by: string
  /** Erase a payload when its last destination has it. */
  readonly erase: boolean
  /** So long nobody else takes a feed over from a process that has died. */
  readonly leaseMs: number
  readonly keepAlive?: KeepAlive | undefined
  /** How many feeds are worked at once. */
  readonly width?: number
  /** How many of them lead to one destination. */
  readonly share?: number
}

const WIDTH = 128
/** Sixteen destinations may hang before another one waits; one that answers in 100 ms takes 80 messages a second. */
const SHARE = 8
/** So many messages of one feed, before others that wait have their turn. */
const TURN = 100
/** So long is known of a feed that it waits: then the database is asked again, for people change that. */
const KNOWN_MS = 1000
const KNOWN_FEEDS = 10_000
/** A runtime may end work that it was told to finish: what has not moved for so long is no more. */
const FORGOTTEN_MS = 180_000
/** What has failed is left alone for so long: it is the database, or a bug, and neither goes at once. */
const ALONE_MS = 5000
/** A line of the log in so long says enough of that. */
const COMPLAIN_MS = 1000

/** One feed at work. */
interface Work {
  readonly feed: FeedRef
  movedAt: number
  /** Something was queued since. */
  again: boolean
  done: Promise<void>
}

/**
 * Delivers what is stored: each feed in order, one message at a time, and many feeds side by side. A
 * feed is leased while it is worked at, so that any number of processes share the work.
 */
export function createDeliver(deps: DeliverDeps) {
  const { storage, clock, jitter, by, log, erase, leaseMs } = deps
  const { width = WIDTH, share = SHARE } = deps
  const room = createRoom({ width, share })
  const longOnes = createLongOnes()
  const attempts = createAttempts(deps)
  const working = new Map<string, Work>()
  /** Feeds that were left in the midst of a failure, and when: their leases are to be given back. */
  const abandoned = new Map<string, number>()
  let complainedAt = Number.NEGATIVE_INFINITY
  let lookedInVainAt = Number.NEGATIVE_INFINITY
  /** Until when feeds are known to wait: who wakes one of them asks nobody. */
  const waits = new LRUCache<string, number>({ max: KNOWN_FEEDS })
  let state: 'idle' | 'running' | 'stopping' = 'idle'
  /** Every lease that is held ends then or later. */
  let heldUntil = 0

  function waitsUntil(feedId: string, dueAt: number): void {
    waits.set(feedId, Math.min(dueAt, clock() + KNOWN_MS))
  }

  const isKnownToWait = (feedId: string) => isPending(waits.get(feedId) ?? 0, KNOWN_MS, clock())

  const isLeftAlone = (since = Number.NEGATIVE_INFINITY) => isWithin(ALONE_MS, since, clock())

  /** Works at a feed, or sees to it that whoever does so looks again. */
  function begin(feed: FeedRef): void {
    if (state !== 'running' || isLeftAlone(abandoned.get(feed.id))) return
    if (longOnes.mustWait(feed)) return
    longOnes.stepOut(feed)
    const current = working.get(feed.id)
    if (current !== undefined && !isForgotten(current)) {
      current.again = true
      return
    }
    if (current !== undefined) drop(current)
    if (!room.enter(feed)) {
      forget()
      return
    }
    const work: Work = { feed, movedAt: clock(), again: false, done: Promise.resolve() }
    working.set(feed.id, work)
    work.done = turn(feed, work).finally(() => end(work))
    deps.keepAlive?.(work.done)
  }

  function end(work: Work): void {
    const { feed } = work
    if (working.get(feed.id) !== work) return
    drop(work)
    if (work.again && !isKnownToWait(feed.id)) room.wait(feed)
    for (let next = room.next(); next !== null; next = room.next()) begin(next)
  }

  function drop({ feed }: Work): void {
    working.delete(feed.id)
    room.leave(feed)
  }

  const isForgotten = ({ movedAt }: Work) => clock() - movedAt >= FORGOTTEN_MS

  /** Gives the room of those who are no more to those who wait. */
  function forget(): void {
    for (const work of working.values()) if (isForgotten(work)) end(work)
  }

  /** Never rejects. */
  async function turn(feed: FeedRef, work: Work): Promise<void> {
    const feedId = feed.id
    try {
      if (abandoned.has(feedId)) await giveBack(feedId)
      while (state === 'running') {
        const now = clock()
        const until = now + leaseMs
        const leased = await storage.leaseFeed({ feedId, by, until }, now)
        if (leased && (await drain(feed, work, until)) === 'leave') return
        // Who queued something while it was held has left that to the holder.
        const dueAt = await storage.findDueAt(feedId, clock())
        if (dueAt === null) return
        if (dueAt > clock()) return waitsUntil(feedId, dueAt)
      }
    } catch (error) {
      abandoned.set(feedId, clock())
      if (isWithin(COMPLAIN_MS, complainedAt, clock())) return
      complainedAt = clock()
      log.error({ feedId, error }, 'a feed is left alone for a while')
    }
  }

  /** Sends what is queued, and gives the lease back. `leave`: there is nothing to be done now. */
  async function drain(feed: FeedRef, work: Work, leasedUntil: number) {
    const feedId = feed.id
    let until = leasedUntil
    let givesWay = false
    for (let sent = 0; sent < TURN && state === 'running' && !givesWay; sent++) {
      work.movedAt = clock()
      if (until - clock() < leaseMs * (2 / 3)) {
        until = clock() + leaseMs
        await storage.renewLeases(by, until)
      }
      work.again = false
      const head = await storage.findHead(feedId, by)
      if (head === null) break
      const isLongOne = isLong(head)
      if (isLongOne && !longOnes.enter(feed)) {
        await storage.releaseFeed(feedId, by)
        return 'leave'
      }
      const sequel = await deliverHead(feedId, head).finally(() => {
        const next = isLongOne ? longOnes.leave(feed) : null
        if (next === null) return
        // It is on its way to the place: taken at once by this feed again, it would find none.
        givesWay = true
        begin(next)
      })
      if (sequel === 'waits') return 'leave'
      if (sequel === 'at once') return 'look again'
    }
    await storage.releaseFeed(feedId, by)
    if (!givesWay && !room.isWanted(feed)) return 'look again'
    // Others wait: this feed comes after them.
    work.again = true
    return 'leave'
  }

  async function giveBack(feedId: string): Promise<void> {
    await storage.releaseFeed(feedId, by)
    abandoned.delete(feedId)
  }

  async function deliverHead(feedId: string, head: Head) {
    const { kept, brokenOff } = await attempts.make(head)
    const { messageId, position } = head
    const tried = { feedId, by, messageId, position, attempt: kept }
    const sequel: Sequel = sequelOf(kept.outcome, head.failures, jitter())
    if (sequel.next === 'go_on') {
      await storage.settleDelivered(tried, erase)
      log.debug({ feedId, messageId, ms: kept.ms }, 'a message was delivered')
      return 'on'
    }
    // Whoever hung up was not refused: the next process need not wait.
    const waitMs = brokenOff ? 0 : sequel.waitMs
    const dueAt = clock() + waitMs
    const isWaiting = await storage.settleFailed(tried, dueAt)
    const { outcome, httpStatus } = kept
    const facts = { feedId, messageId, outcome, httpStatus, failures: head.failures + 1, waitMs }
    log.info(facts, 'a message was not delivered')
    if (!isWaiting) return 'on'
    if (waitMs === 0 && !brokenOff) return 'at once'
    waitsUntil(feedId, dueAt)
    return 'waits'
  }

  async function finish(): Promise<void> {
    await Promise.all([...working.values()].map(({ done }) => done))
  }

  return {
    /** From now on; what is asked before is left to who runs. */
    start(): void {
      state = 'running'
      heldUntil = clock() + leaseMs
    },

    /** Something was queued in these feeds. */
    wake(feeds: readonly FeedRef[]): void {
      for (const feed of feeds) if (!isKnownToWait(feed.id)) begin(feed)
    },

    /** Begins with every feed that is due. To be called every second, or as often as can be. */
    async look(): Promise<void> {
      if (state !== 'running' || isLeftAlone(lookedInVainAt)) return
      try {
        const due = await storage.listDueFeeds(clock(), { all: 2 * width, ofOne: share })
        for (const feed of due) begin(feed)
      } catch (error) {
        lookedInVainAt = clock()
        throw error
      }
    },

    /** Resolves when everything is done that is being worked at. */
    finish,

    /**
     * Keeps what is being worked at. To be called several times within a lease: where that fails too
     * often, all attempts are broken off, for somebody else may begin them.
     */
    async renew(): Promise<void> {
      const now = clock()
      // If the clock was set back, the lease must not last longer for it.
      heldUntil = Math.min(heldUntil, now + leaseMs)
      try {
        for (const id of abandoned.keys()) {
          if (!working.has(id)) await giveBack(id)
        }
        if (working.size > 0) await storage.renewLeases(by, now + leaseMs)
        heldUntil = now + leaseMs
      } catch (error) {
        log.warn({ error }, 'leases were not renewed')
        if (now + leaseMs / 3 < heldUntil) return
        attempts.hangUp()
      }
    },

    /** Ends what is under way, within so long, and gives back every lease. */
    async stop(withinMs: number): Promise<void> {
      state = 'stopping'
      room.clear()
      const hurry = setTimeout(attempts.hangUp, withinMs)
      await finish()
      clearTimeout(hurry)
    },
  }
}

export type Deliver = ReturnType<typeof createDeliver>
