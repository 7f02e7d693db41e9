import { LRUCache } from 'lru-cache'
import { decideRetry, type RetryDecision } from '../../domain/delivery.ts'
import { isPending, isWithinLast } from '../../domain/instant.ts'
import { limitEntries } from '../../domain/limits.ts'
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
  /** Returns random numbers from 0 to 1. */
  readonly jitter: () => number
  /** The id of this process among those that share the work. It is new at each start. */
  readonly by: string
  /** Erase a payload after its last delivery. */
  readonly erasesPayloads: boolean
  /** The duration of a lease. Other processes take over the subscriptions of a dead process after it. */
  readonly leaseMs: number
  readonly keepAlive?: KeepAlive | undefined
  /** The number of subscriptions that are processed at once. */
  readonly width?: number
  /** The maximum number of them that send to one destination. */
  readonly share?: number
}

const DEFAULT_CONCURRENCY = 128
/**
 * Sixteen destinations may hang before others wait. A destination that answers in 100 ms gets 80
 * messages a second.
 */
const DEFAULT_PER_DESTINATION = 8
/** The number of messages of one subscription before waiting ones get their turn. */
const MESSAGES_PER_TURN = 100
/**
 * The time for which a subscription is known to wait. Then the database is read again, because users
 * can change that.
 */
const WAIT_CACHE_MS = 1000
const MAX_CACHED_WAITS = 10_000
/** A runtime may end work silently, so work without progress for this long counts as ended. */
const STALLED_WORK_MS = 180_000
/** The pause after a failure. Its cause is the database or a bug, and neither passes at once. */
const FAILURE_PAUSE_MS = 5000
/** The minimum interval between log lines about such failures. */
const ERROR_LOG_INTERVAL_MS = 1000

/** A subscription that is being processed. */
interface QueueWork {
  readonly queue: QueueRef
  progressAt: number
  /** True if a message was queued since the queue was last read. */
  wasWoken: boolean
  done: Promise<void>
}

/**
 * Delivers stored messages: in order within a subscription, one at a time, and many subscriptions in
 * parallel. A subscription is leased while it is processed, so that any number of processes share the
 * work.
 */
export function createDeliveryWorker(deps: DeliveryWorkerDeps) {
  const { storage, clock, jitter, by, log, erasesPayloads, leaseMs } = deps
  const { width = DEFAULT_CONCURRENCY, share = DEFAULT_PER_DESTINATION } = deps
  const limiter = createConcurrencyLimiter({ width, share })
  const largeMessageLimiter = createLargeMessageLimiter()
  const attempts = createAttemptRunner(deps)
  const workById = new Map<string, QueueWork>()
  /** The subscriptions whose processing failed, with the time. Their leases must be released. */
  const failedAtById = new Map<string, number>()
  let loggedErrorAt = Number.NEGATIVE_INFINITY
  let lookFailedAt = Number.NEGATIVE_INFINITY
  /** The times until which subscriptions are known to wait, so that waking them needs no database read. */
  const waitsUntilById = new LRUCache<string, number>(limitEntries(MAX_CACHED_WAITS))
  let state: 'idle' | 'running' | 'stopping' = 'idle'
  /** The earliest time at which a held lease can end. */
  let leasedUntilAt = 0

  function rememberWait(subscriptionId: string, dueAt: number): void {
    waitsUntilById.set(subscriptionId, Math.min(dueAt, clock() + WAIT_CACHE_MS))
  }

  const isKnownToWait = (subscriptionId: string) =>
    isPending(waitsUntilById.get(subscriptionId) ?? 0, WAIT_CACHE_MS, clock())

  const isPaused = (failedAt = Number.NEGATIVE_INFINITY) =>
    isWithinLast(FAILURE_PAUSE_MS, failedAt, clock())

  /** Starts processing a subscription, or makes its running work read the queue again. */
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

  /** Releases the capacity of stalled work, so that waiting subscriptions can start. */
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
        // Messages that were queued while another process held the lease were left to it, so the
        // queue is checked again.
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

  /** Sends queued messages, and releases the lease. Returns `leave` if there is nothing to do now. */
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
        // `next` is about to start. If this subscription entered again at once, `next` would find
        // no capacity.
        yieldsTurn = true
        startWork(next)
      })
      if (decision === 'waits') return 'leave'
      if (decision === 'at once') return 'look again'
    }
    await storage.releaseQueue(subscriptionId, by)
    if (!yieldsTurn && !limiter.isWanted(queue)) return 'look again'
    // Other subscriptions wait, so this one continues after them.
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
    // An aborted attempt was not refused, so the next process need not wait.
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
    /** Starts the worker. Subscriptions that were woken before are found by `startDueQueues`. */
    start(): void {
      state = 'running'
      leasedUntilAt = clock() + leaseMs
    },

    /** Starts subscriptions that have new messages. */
    wakeQueues(queues: readonly QueueRef[]): void {
      for (const queue of queues) if (!isKnownToWait(queue.id)) startWork(queue)
    },

    /** Starts every due subscription. Call it every second, or as often as possible. */
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

    /** Resolves when all work in progress has ended. */
    finish,

    /**
     * Renews the leases of the work in progress. Call it several times per lease. If that fails for
     * too long, all attempts are aborted, because another process may take over.
     */
    async renewLeases(): Promise<void> {
      const now = clock()
      // If the clock was set back, the lease must not seem to last longer.
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

    /**
     * Stops the worker: lets work in progress end within `withinMs`, then aborts it. Releases every
     * lease.
     */
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
