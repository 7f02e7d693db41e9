import { LRUCache } from 'lru-cache'
import { decideRetry, type RetryDecision } from '../../domain/delivery.ts'
import { isPending, isWithinLast } from '../../domain/instant.ts'
import type { QueueHead, QueueRef, QueueStorage } from '../ports/routing.ts'
import type { KeepAlive } from '../ports/runtime.ts'
import { type AttemptDeps, createAttemptRunner } from './attempt.ts'
import {
  createConcurrencyLimiter,
  createLargeMessageLimiter,
  isLargeMessage,
} from './concurrency-limiter.ts'

export interface DeliveryWorkerDeps extends AttemptDeps {
  readonly storage: QueueStorage
  /** Random numbers from 0 to 1. */
  readonly jitter: () => number
  /** Who this process is, among those that share the work: another one after each start. */
  readonly by: string
  /** Erase a payload when its last destination has it. */
  readonly erasesPayloads: boolean
  /** So long nobody else takes a feed over from a process that has died. */
  readonly leaseMs: number
  readonly keepAlive?: KeepAlive | undefined
  /** How many feeds are worked at once. */
  readonly width?: number
  /** How many of them lead to one destination. */
  readonly share?: number
}

const DEFAULT_CONCURRENCY = 128
/** Sixteen destinations may hang before another one waits; one that answers in 100 ms takes 80 messages a second. */
const DEFAULT_PER_DESTINATION = 8
/** So many messages of one feed, before others that wait have their turn. */
const MESSAGES_PER_TURN = 100
/** So long is known of a feed that it waits: then the database is asked again, for people change that. */
const WAIT_CACHE_MS = 1000
const MAX_CACHED_WAITS = 10_000
/** A runtime may end work that it was told to finish: what has not moved for so long is no more. */
const STALLED_WORK_MS = 180_000
/** What has failed is left alone for so long: it is the database, or a bug, and neither goes at once. */
const FAILURE_PAUSE_MS = 5000
/** A line of the log in so long says enough of that. */
const ERROR_LOG_INTERVAL_MS = 1000

/** One feed at work. */
interface QueueWork {
  readonly queue: QueueRef
  progressAt: number
  /** Something was queued since. */
  wasWoken: boolean
  done: Promise<void>
}

/**
 * Delivers what is stored: each feed in order, one message at a time, and many feeds side by side. A
 * feed is leased while it is worked at, so that any number of processes share the work.
 */
export function createDeliveryWorker(deps: DeliveryWorkerDeps) {
  const { storage, clock, jitter, by, log, erasesPayloads, leaseMs } = deps
  const { width = DEFAULT_CONCURRENCY, share = DEFAULT_PER_DESTINATION } = deps
  const limiter = createConcurrencyLimiter({ width, share })
  const largeMessageLimiter = createLargeMessageLimiter()
  const attempts = createAttemptRunner(deps)
  const workById = new Map<string, QueueWork>()
  /** Feeds that were left in the midst of a failure, and when: their leases are to be given back. */
  const failedAtById = new Map<string, number>()
  let loggedErrorAt = Number.NEGATIVE_INFINITY
  let lookFailedAt = Number.NEGATIVE_INFINITY
  /** Until when feeds are known to wait: who wakes one of them asks nobody. */
  const waitsUntilById = new LRUCache<string, number>({ max: MAX_CACHED_WAITS })
  let state: 'idle' | 'running' | 'stopping' = 'idle'
  /** Every lease that is held ends then or later. */
  let leasedUntilAt = 0

  function rememberWait(subscriptionId: string, dueAt: number): void {
    waitsUntilById.set(subscriptionId, Math.min(dueAt, clock() + WAIT_CACHE_MS))
  }

  const isKnownToWait = (subscriptionId: string) =>
    isPending(waitsUntilById.get(subscriptionId) ?? 0, WAIT_CACHE_MS, clock())

  const isPaused = (failedAt = Number.NEGATIVE_INFINITY) =>
    isWithinLast(FAILURE_PAUSE_MS, failedAt, clock())

  /** Works at a feed, or sees to it that whoever does so looks again. */
  function startWork(queue: QueueRef): void {
    if (state !== 'running' || isPaused(failedAtById.get(queue.id))) return
    if (largeMessageLimiter.mustWait(queue)) return
    largeMessageLimiter.leaveQueue(queue)
    const running = workById.get(queue.id)
    if (running !== undefined && !isStalled(running)) {
      running.wasWoken = true
      return
    }
    if (running !== undefined) removeWork(running)
    if (!limiter.enter(queue)) {
      removeStalledWork()
      return
    }
    const work: QueueWork = { queue, progressAt: clock(), wasWoken: false, done: Promise.resolve() }
    workById.set(queue.id, work)
    work.done = runTurn(queue, work).finally(() => endWork(work))
    deps.keepAlive?.(work.done)
  }

  function endWork(work: QueueWork): void {
    const { queue } = work
    if (workById.get(queue.id) !== work) return
    removeWork(work)
    if (work.wasWoken && !isKnownToWait(queue.id)) limiter.wait(queue)
    for (let next = limiter.next(); next !== null; next = limiter.next()) startWork(next)
  }

  function removeWork({ queue }: QueueWork): void {
    workById.delete(queue.id)
    limiter.leave(queue)
  }

  const isStalled = ({ progressAt }: QueueWork) => clock() - progressAt >= STALLED_WORK_MS

  /** Gives the room of those who are no more to those who wait. */
  function removeStalledWork(): void {
    for (const work of workById.values()) if (isStalled(work)) endWork(work)
  }

  /** Never rejects. */
  async function runTurn(queue: QueueRef, work: QueueWork): Promise<void> {
    const subscriptionId = queue.id
    try {
      if (failedAtById.has(subscriptionId)) await releaseLease(subscriptionId)
      while (state === 'running') {
        const now = clock()
        const until = now + leaseMs
        const isLeased = await storage.leaseQueue({ subscriptionId, by, until }, now)
        if (isLeased && (await drainQueue(queue, work, until)) === 'leave') return
        // Who queued something while it was held has left that to the holder.
        const dueAt = await storage.findDueAt(subscriptionId, clock())
        if (dueAt === null) return
        if (dueAt > clock()) return rememberWait(subscriptionId, dueAt)
      }
    } catch (error) {
      failedAtById.set(subscriptionId, clock())
      if (isWithinLast(ERROR_LOG_INTERVAL_MS, loggedErrorAt, clock())) return
      loggedErrorAt = clock()
      log.error({ subscriptionId, error }, 'a feed is left alone for a while')
    }
  }

  /** Sends what is queued, and gives the lease back. `leave`: there is nothing to be done now. */
  async function drainQueue(queue: QueueRef, work: QueueWork, leasedUntil: number) {
    const subscriptionId = queue.id
    let until = leasedUntil
    let yieldsTurn = false
    for (let sent = 0; sent < MESSAGES_PER_TURN && state === 'running' && !yieldsTurn; sent++) {
      work.progressAt = clock()
      if (until - clock() < leaseMs * (2 / 3)) {
        until = clock() + leaseMs
        await storage.renewLeases(by, until)
      }
      work.wasWoken = false
      const head = await storage.findQueueHead(subscriptionId, by)
      if (head === null) break
      const isLarge = isLargeMessage(head)
      if (isLarge && !largeMessageLimiter.enter(queue)) {
        await storage.releaseQueue(subscriptionId, by)
        return 'leave'
      }
      const decision = await deliverNext(subscriptionId, head).finally(() => {
        const next = isLarge ? largeMessageLimiter.leave(queue) : null
        if (next === null) return
        // It is on its way to the place: taken at once by this feed again, it would find none.
        yieldsTurn = true
        startWork(next)
      })
      if (decision === 'waits') return 'leave'
      if (decision === 'at once') return 'look again'
    }
    await storage.releaseQueue(subscriptionId, by)
    if (!yieldsTurn && !limiter.isWanted(queue)) return 'look again'
    // Others wait: this feed comes after them.
    work.wasWoken = true
    return 'leave'
  }

  async function releaseLease(subscriptionId: string): Promise<void> {
    await storage.releaseQueue(subscriptionId, by)
    failedAtById.delete(subscriptionId)
  }

  async function deliverNext(subscriptionId: string, head: QueueHead) {
    const { record, isAborted } = await attempts.attemptDelivery(head)
    const { messageId, position } = head
    const leasedAttempt = { subscriptionId, by, messageId, position, attempt: record }
    const decision: RetryDecision = decideRetry(record.outcome, head.failures, jitter())
    if (decision.next === 'go_on') {
      await storage.settleDelivered(leasedAttempt, erasesPayloads)
      log.debug({ subscriptionId, messageId, ms: record.ms }, 'a message was delivered')
      return 'on'
    }
    // Whoever hung up was not refused: the next process need not wait.
    const waitMs = isAborted ? 0 : decision.waitMs
    const dueAt = clock() + waitMs
    const isWaiting = await storage.settleFailed(leasedAttempt, dueAt)
    const { outcome, httpStatus } = record
    const facts = {
      subscriptionId,
      messageId,
      outcome,
      httpStatus,
      failures: head.failures + 1,
      waitMs,
    }
    log.info(facts, 'a message was not delivered')
    if (!isWaiting) return 'on'
    if (waitMs === 0 && !isAborted) return 'at once'
    rememberWait(subscriptionId, dueAt)
    return 'waits'
  }

  async function finish(): Promise<void> {
    await Promise.all([...workById.values()].map(({ done }) => done))
  }

  return {
    /** From now on; what is asked before is left to who runs. */
    start(): void {
      state = 'running'
      leasedUntilAt = clock() + leaseMs
    },

    /** Something was queued in these feeds. */
    wakeQueues(queues: readonly QueueRef[]): void {
      for (const queue of queues) if (!isKnownToWait(queue.id)) startWork(queue)
    },

    /** Begins with every feed that is due. To be called every second, or as often as can be. */
    async startDueQueues(): Promise<void> {
      if (state !== 'running' || isPaused(lookFailedAt)) return
      try {
        const due = await storage.listDueQueues(clock(), { all: 2 * width, ofOne: share })
        for (const queue of due) startWork(queue)
      } catch (error) {
        lookFailedAt = clock()
        throw error
      }
    },

    /** Resolves when everything is done that is being worked at. */
    finish,

    /**
     * Keeps what is being worked at. To be called several times within a lease: where that fails too
     * often, all attempts are broken off, for somebody else may begin them.
     */
    async renewLeases(): Promise<void> {
      const now = clock()
      // If the clock was set back, the lease must not last longer for it.
      leasedUntilAt = Math.min(leasedUntilAt, now + leaseMs)
      try {
        for (const id of failedAtById.keys()) {
          if (!workById.has(id)) await releaseLease(id)
        }
        if (workById.size > 0) await storage.renewLeases(by, now + leaseMs)
        leasedUntilAt = now + leaseMs
      } catch (error) {
        log.warn({ error }, 'leases were not renewed')
        if (now + leaseMs / 3 < leasedUntilAt) return
        attempts.abortAll()
      }
    },

    /** Ends what is under way, within so long, and gives back every lease. */
    async stop(withinMs: number): Promise<void> {
      state = 'stopping'
      limiter.clear()
      const abortTimer = setTimeout(attempts.abortAll, withinMs)
      await finish()
      clearTimeout(abortTimer)
    },
  }
}

export type DeliveryWorker = ReturnType<typeof createDeliveryWorker>
