import { type Sequel, sequelOf } from '../domain/delivery.ts'
import { withoutEcho } from '../domain/remark.ts'
import { addressOf } from './destination-address.ts'
import type {
  Attempt,
  Clock,
  Courier,
  FeedStorage,
  Head,
  KeepAlive,
  KeptAttempt,
  Log,
  Sealer,
} from './ports.ts'

/** What a destination is to be told of a message, beside what came in. */
export interface Outgoing {
  /** The body as it came in, byte for byte. */
  readonly payload: Uint8Array
  readonly source: Head['source']
  /** All destinations of the message, in its order. */
  readonly hops: Head['hops']
}

export interface DeliverDeps {
  readonly storage: FeedStorage
  readonly sealer: Sealer
  readonly courier: Pick<Courier, 'deliver'>
  /** The body that a destination is sent, in the dialect's words. */
  readonly render: (outgoing: Outgoing) => string
  readonly clock: Clock
  /** Random numbers from 0 to 1. */
  readonly jitter: () => number
  /** Who this process is, among those that share the work: another one after each start. */
  readonly by: string
  readonly log: Log
  /** Erase a payload when its last destination has it. */
  readonly erase: boolean
  /** So long nobody else takes a feed over from a process that has died. */
  readonly leaseMs: number
  readonly keepAlive?: KeepAlive | undefined
  /** How many feeds are worked at once. */
  readonly width?: number
}

const WIDTH = 128
/** So many messages of one feed, before others that wait have their turn. */
const TURN = 100
/** A runtime may end work that it was told to finish: what has not moved for so long is no more. */
const FORGOTTEN_MS = 180_000
/** Longer than this, sealed, is a long message. On Workers none is. */
const LONG_CHARACTERS = 2 * 1024 * 1024
/** So many long ones are on their way at once: each is in memory three times over till it is answered. */
const LONG_ONES = 4

/** One feed at work. */
interface Work {
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
  const { storage, sealer, courier, render, clock, jitter, by, log, erase, leaseMs } = deps
  const width = deps.width ?? WIDTH
  const working = new Map<string, Work>()
  /** Feeds for which there was no room, in the order in which they came. */
  const waiting = new Set<string>()
  /** Feeds that were left in the midst of a failure: their leases are to be given back. */
  const abandoned = new Set<string>()
  let state: 'idle' | 'running' | 'stopping' = 'idle'
  /** One for each attempt under way: on Workers, what one request has made another may not use. */
  const attempts = new Set<AbortController>()
  /** Every lease that is held ends then or later. */
  let heldUntil = 0
  /** Feeds whose next message is long, and waits for its place. */
  const lined = new Set<string>()
  let longOnes = 0

  /** Works at a feed, or sees to it that whoever does so looks again. */
  function begin(feedId: string): void {
    if (state !== 'running' || (longOnes >= LONG_ONES && lined.has(feedId))) return
    lined.delete(feedId)
    const current = working.get(feedId)
    if (current !== undefined && clock() - current.movedAt < FORGOTTEN_MS) {
      current.again = true
      return
    }
    if (working.size >= width && current === undefined) {
      waiting.add(feedId)
      return
    }
    const work: Work = { movedAt: clock(), again: false, done: Promise.resolve() }
    working.set(feedId, work)
    work.done = turn(feedId, work).finally(() => end(feedId, work))
    deps.keepAlive?.(work.done)
  }

  function end(feedId: string, work: Work): void {
    if (working.get(feedId) !== work) return
    working.delete(feedId)
    if (work.again) waiting.add(feedId)
    for (const next of waiting) {
      if (working.size >= width) return
      waiting.delete(next)
      begin(next)
    }
  }

  /** Never rejects. */
  async function turn(feedId: string, work: Work): Promise<void> {
    try {
      if (abandoned.has(feedId)) await giveBack(feedId)
      while (state === 'running') {
        work.again = false
        const now = clock()
        const until = now + leaseMs
        if (!(await storage.leaseFeed({ feedId, by, until }, now))) return
        if ((await drain(feedId, work, until)) === 'leave') return
      }
    } catch (error) {
      abandoned.add(feedId)
      log.error({ feedId, error }, 'a feed is left alone for a while')
    }
  }

  /** Sends what is queued, and gives the lease back. `leave`: there is nothing to be done now. */
  async function drain(feedId: string, work: Work, leasedUntil: number) {
    let until = leasedUntil
    for (let sent = 0; sent < TURN && state === 'running'; sent++) {
      work.movedAt = clock()
      if (until - clock() < leaseMs * (2 / 3)) {
        until = clock() + leaseMs
        await storage.renewLeases(by, until)
      }
      const next = await findNext(feedId)
      if (next === null) break
      if (next === 'long' && longOnes >= LONG_ONES) {
        lined.add(feedId)
        await storage.releaseFeed(feedId, by)
        return 'leave'
      }
      const sequel = await (next === 'long' ? deliverLong(feedId) : deliverHead(feedId, next))
      if (sequel === 'waits') return 'leave'
      if (sequel === 'at once') return 'look again'
    }
    await storage.releaseFeed(feedId, by)
    if (waiting.size === 0) return 'look again'
    // Others wait: this feed comes after them.
    waiting.add(feedId)
    return 'leave'
  }

  async function giveBack(feedId: string): Promise<void> {
    await storage.releaseFeed(feedId, by)
    abandoned.delete(feedId)
  }

  /** A long message is not held here: whoever waits for a place would hold it, too. */
  async function findNext(feedId: string): Promise<Head | 'long' | null> {
    const head = await storage.findHead(feedId, by)
    return head !== null && head.sealedPayload.length > LONG_CHARACTERS ? 'long' : head
  }

  async function deliverLong(feedId: string) {
    longOnes++
    try {
      const head = await storage.findHead(feedId, by)
      return head === null ? 'on' : await deliverHead(feedId, head)
    } finally {
      longOnes--
      const [first] = lined
      if (first !== undefined) begin(first)
    }
  }

  async function deliverHead(feedId: string, head: Head) {
    const control = new AbortController()
    const { signal } = control
    attempts.add(control)
    const at = clock()
    const attempt = await attemptOf(head, signal).finally(() => attempts.delete(control))
    const kept = toKept(attempt, at, clock() - at)
    const { messageId, position } = head
    const tried = { feedId, by, messageId, position, attempt: kept }
    const sequel: Sequel = sequelOf(attempt.outcome, head.failures, jitter())
    if (sequel.next === 'go_on') {
      await storage.settleDelivered(tried, erase)
      log.debug({ feedId, messageId, ms: kept.ms }, 'a message was delivered')
      return 'on'
    }
    // Whoever hung up was not refused: the next process need not wait.
    const waitMs = signal.aborted ? 0 : sequel.waitMs
    const waits = await storage.settleFailed(tried, clock() + waitMs)
    const { outcome, httpStatus } = kept
    const facts = { feedId, messageId, outcome, httpStatus, failures: head.failures + 1, waitMs }
    log.info(facts, 'a message was not delivered')
    if (!waits) return 'on'
    return waitMs === 0 && !signal.aborted ? 'at once' : 'waits'
  }

  async function attemptOf(head: Head, signal: AbortSignal): Promise<Attempt> {
    const { source, hops, destination, messageId } = head
    try {
      const payload = await sealer.open(head.sealedPayload, messageId)
      const address = await addressOf(sealer, destination)
      const body = render({ payload, source, hops })
      const attempt = await courier.deliver(address, body, signal)
      if (attempt.outcome !== 'refused') return attempt
      return { ...attempt, excerpt: withoutEcho(attempt.excerpt, body) }
    } catch (error) {
      // What was thrown may hold what was sent.
      log.error({ messageId, error: nameOf(error) }, 'a message cannot be sent')
      return {
        outcome: 'failed',
        detail: 'the message cannot be opened or sent: the log says more',
      }
    }
  }

  function hangUp(): void {
    for (const control of attempts) control.abort()
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
    wake(feedIds: readonly string[]): void {
      for (const id of feedIds) begin(id)
    },

    /** Begins with every feed that is due. To be called every second, or as often as can be. */
    async look(): Promise<void> {
      if (state !== 'running') return
      for (const id of await storage.listDueFeeds(clock(), 2 * width)) begin(id)
    },

    /** Resolves when everything is done that is being worked at. */
    finish,

    /**
     * Keeps what is being worked at. To be called several times within a lease: where that fails too
     * often, all attempts are broken off, for somebody else may begin them.
     */
    async renew(): Promise<void> {
      const now = clock()
      try {
        for (const id of abandoned) {
          if (!working.has(id)) await giveBack(id)
        }
        if (working.size > 0) await storage.renewLeases(by, now + leaseMs)
        heldUntil = now + leaseMs
      } catch (error) {
        log.warn({ error }, 'leases were not renewed')
        if (now + leaseMs / 3 < heldUntil) return
        hangUp()
      }
    },

    /** Ends what is under way, within so long, and gives back every lease. */
    async stop(withinMs: number): Promise<void> {
      state = 'stopping'
      waiting.clear()
      const hurry = setTimeout(hangUp, withinMs)
      await finish()
      clearTimeout(hurry)
    },
  }
}

function toKept(attempt: Attempt, at: number, ms: number): KeptAttempt {
  const { outcome } = attempt
  const httpStatus = 'status' in attempt ? attempt.status : null
  if (outcome === 'delivered') return { at, ms, outcome, httpStatus, detail: '' }
  const detail = 'excerpt' in attempt ? attempt.excerpt : attempt.detail
  return { at, ms, outcome, httpStatus, detail }
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : typeof error)

export type Deliver = ReturnType<typeof createDeliver>
