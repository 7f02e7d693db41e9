import { LRUCache } from 'lru-cache'
import { decideRetry, type RetryDecision } from '../../domain/delivery.ts'
import { isPending, isWithinLast } from '../../domain/instant.ts'
import { limitEntries } from '../../domain/limits.ts'
import type { MessageStorage } from '../ports/messages.ts'
import type { QueueHead, QueueRef, QueueStorage } from '../ports/routing.ts'
import type { KeepAlive } from '../ports/runtime.ts'
import { type AttemptDeps, AttemptRunner } from './attempt.ts'
import {
  ConcurrencyLimiter,
  createLargeMessageLimiter,
  isLargeMessage,
} from './concurrency-limiter.ts'
import { deletePayloadParts } from './payload.ts'

export interface DeliveryWorkerDeps extends AttemptDeps {
  readonly storage: QueueStorage & MessageStorage
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
  readonly concurrency?: number
  /** The maximum number of them that send to one destination. */
  readonly perDestination?: number
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
export class DeliveryWorker {
  readonly #deps: DeliveryWorkerDeps
  readonly #concurrency: number
  readonly #perDestination: number
  readonly #limiter: ConcurrencyLimiter
  readonly #largeMessageLimiter = createLargeMessageLimiter()
  readonly #attempts: AttemptRunner
  readonly #workById = new Map<string, QueueWork>()
  /** The subscriptions whose processing failed, with the time. Their leases must be released. */
  readonly #failedAtById = new Map<string, number>()
  /** The times until which subscriptions are known to wait, so that waking them needs no database read. */
  readonly #waitsUntilById = new LRUCache<string, number>(limitEntries(MAX_CACHED_WAITS))
  #state: 'idle' | 'running' | 'stopping' = 'idle'
  /** The earliest time at which a held lease can end. */
  #leasedUntilAt = 0
  #loggedErrorAt = Number.NEGATIVE_INFINITY
  #listFailedAt = Number.NEGATIVE_INFINITY

  constructor(deps: DeliveryWorkerDeps) {
    const { concurrency = DEFAULT_CONCURRENCY, perDestination = DEFAULT_PER_DESTINATION } = deps
    this.#deps = deps
    this.#concurrency = concurrency
    this.#perDestination = perDestination
    this.#limiter = new ConcurrencyLimiter({ concurrency, perDestination })
    this.#attempts = new AttemptRunner(deps)
  }

  /** Starts the worker. Subscriptions that were woken before are found by `startDueQueues`. */
  start(): void {
    this.#state = 'running'
    this.#leasedUntilAt = this.#deps.clock() + this.#deps.leaseMs
  }

  /** Starts subscriptions that have new messages. */
  wakeQueues(queues: readonly QueueRef[]): void {
    for (const queue of queues) if (!this.#isKnownToWait(queue.id)) this.#startWork(queue)
  }

  /** Starts every due subscription. Call it every second, or as often as possible. */
  async startDueQueues(): Promise<void> {
    const { storage, clock } = this.#deps
    if (this.#state !== 'running' || this.#isPaused(this.#listFailedAt)) return
    try {
      const due = await storage.listDueQueues(clock(), {
        all: 2 * this.#concurrency,
        perDestination: this.#perDestination,
      })
      for (const queue of due) this.#startWork(queue)
    } catch (error) {
      this.#listFailedAt = clock()
      throw error
    }
  }

  /** Resolves when all work in progress has ended. */
  async finish(): Promise<void> {
    await Promise.all([...this.#workById.values()].map(({ done }) => done))
  }

  /**
   * Renews the leases of the work in progress. Call it several times per lease. If that fails for
   * too long, all attempts are aborted, because another process may take over.
   */
  async renewLeases(): Promise<void> {
    const { storage, clock, by, leaseMs, log } = this.#deps
    const now = clock()
    // If the clock was set back, the lease must not seem to last longer.
    this.#leasedUntilAt = Math.min(this.#leasedUntilAt, now + leaseMs)
    try {
      for (const id of this.#failedAtById.keys()) {
        if (!this.#workById.has(id)) await this.#releaseLease(id)
      }
      if (this.#workById.size > 0) await storage.renewLeases(by, now + leaseMs)
      this.#leasedUntilAt = now + leaseMs
    } catch (error) {
      log.warn({ error }, 'the leases of subscriptions could not be renewed')
      if (now + leaseMs / 3 < this.#leasedUntilAt) return
      this.#attempts.abortAll()
    }
  }

  /**
   * Stops the worker: lets work in progress end within `withinMs`, then aborts it. Releases every
   * lease.
   */
  async stop(withinMs: number): Promise<void> {
    this.#state = 'stopping'
    this.#limiter.clear()
    const abortTimer = setTimeout(() => this.#attempts.abortAll(), withinMs)
    await this.finish()
    clearTimeout(abortTimer)
  }

  /** Starts processing a subscription, or makes its running work read the queue again. */
  #startWork(queue: QueueRef): void {
    if (this.#state !== 'running' || this.#isPaused(this.#failedAtById.get(queue.id))) return
    if (this.#largeMessageLimiter.mustWait(queue)) return
    this.#largeMessageLimiter.stopWaiting(queue)
    const running = this.#workById.get(queue.id)
    if (running !== undefined && !this.#isStalled(running)) {
      running.wasWoken = true
      return
    }
    if (running !== undefined) this.#removeWork(running)
    if (!this.#limiter.enter(queue)) {
      this.#removeStalledWork()
      return
    }
    const progressAt = this.#deps.clock()
    const work: QueueWork = { queue, progressAt, wasWoken: false, done: Promise.resolve() }
    this.#workById.set(queue.id, work)
    work.done = this.#runTurn(work).finally(() => this.#endWork(work))
    this.#deps.keepAlive?.(work.done)
  }

  #endWork(work: QueueWork): void {
    const { queue } = work
    if (this.#workById.get(queue.id) !== work) return
    this.#removeWork(work)
    if (work.wasWoken && !this.#isKnownToWait(queue.id)) this.#limiter.wait(queue)
    for (let next = this.#limiter.next(); next !== null; next = this.#limiter.next()) {
      this.#startWork(next)
    }
  }

  #removeWork({ queue }: QueueWork): void {
    this.#workById.delete(queue.id)
    this.#limiter.leave(queue)
  }

  /** Releases the capacity of stalled work, so that waiting subscriptions can start. */
  #removeStalledWork(): void {
    for (const work of this.#workById.values()) if (this.#isStalled(work)) this.#endWork(work)
  }

  /** Never rejects. */
  async #runTurn(work: QueueWork): Promise<void> {
    const { storage, clock, by, leaseMs, log } = this.#deps
    const subscriptionId = work.queue.id
    try {
      if (this.#failedAtById.has(subscriptionId)) await this.#releaseLease(subscriptionId)
      while (this.#state === 'running') {
        const now = clock()
        const until = now + leaseMs
        const isLeased = await storage.leaseQueue({ subscriptionId, by, until }, now)
        if (isLeased && (await this.#drainQueue(work, until)) === 'leave') return
        // Messages that were queued while another process held the lease were left to it, so the
        // queue is checked again.
        const dueAt = await storage.findDueAt(subscriptionId, clock())
        if (dueAt === null) return
        if (dueAt > clock()) return this.#rememberWait(subscriptionId, dueAt)
      }
    } catch (error) {
      this.#failedAtById.set(subscriptionId, clock())
      if (isWithinLast(ERROR_LOG_INTERVAL_MS, this.#loggedErrorAt, clock())) return
      this.#loggedErrorAt = clock()
      log.error({ subscriptionId, error }, 'delivery to a subscription failed and is paused')
    }
  }

  /** Sends queued messages, and releases the lease. Returns `leave` if there is nothing to do now. */
  async #drainQueue(work: QueueWork, leasedUntil: number): Promise<'leave' | 'look again'> {
    const { storage, clock, by, leaseMs } = this.#deps
    const { queue } = work
    let until = leasedUntil
    let yieldsTurn = false
    for (
      let sent = 0;
      sent < MESSAGES_PER_TURN && this.#state === 'running' && !yieldsTurn;
      sent++
    ) {
      work.progressAt = clock()
      // A renewal is for all leases, so that one subscription need not repeat that of another.
      if (isPending(this.#leasedUntilAt, leaseMs, clock())) {
        until = Math.max(until, this.#leasedUntilAt)
      }
      if (until - clock() < leaseMs * (2 / 3)) {
        until = clock() + leaseMs
        await storage.renewLeases(by, until)
        this.#leasedUntilAt = until
      }
      work.wasWoken = false
      const head = await storage.findQueueHead(queue.id, by)
      if (head === null) break
      const isLarge = isLargeMessage(head)
      if (isLarge && !this.#largeMessageLimiter.enter(queue)) {
        await storage.releaseQueue(queue.id, by)
        return 'leave'
      }
      const decision = await this.#deliverHead(queue.id, head).finally(() => {
        if (!isLarge) return
        this.#largeMessageLimiter.leave(queue)
        const next = this.#largeMessageLimiter.next()
        if (next === null) return
        // `next` is about to start. If this subscription entered again at once, `next` would find
        // no capacity.
        yieldsTurn = true
        this.#startWork(next)
      })
      if (decision === 'waits') return 'leave'
      if (decision === 'at once') return 'look again'
    }
    await storage.releaseQueue(queue.id, by)
    if (!yieldsTurn && !this.#limiter.isWanted(queue)) return 'look again'
    // Other subscriptions wait, so this one continues after them.
    work.wasWoken = true
    return 'leave'
  }

  /** Attempts the delivery of a queue's first message once, and stores the result. */
  async #deliverHead(
    subscriptionId: string,
    head: QueueHead,
  ): Promise<'go on' | 'at once' | 'waits'> {
    const { storage, clock, jitter, by, erasesPayloads, log } = this.#deps
    const { record, isAborted } = await this.#attempts.attemptDelivery(head)
    const { messageId, position } = head
    const leasedAttempt = { subscriptionId, by, messageId, position, attempt: record }
    const decision: RetryDecision = decideRetry(record.outcome, head.failures, jitter())
    if (decision.next === 'go_on') {
      const erasure = erasesPayloads ? { isShared: head.hops.length > 1 } : null
      await storage.settleDelivered(leasedAttempt, erasure)
      if (erasesPayloads && head.payloadPartCount > 0) await deletePayloadParts(storage, messageId)
      log.debug({ subscriptionId, messageId, ms: record.ms }, 'a message was delivered')
      return 'go on'
    }
    // An aborted attempt was not refused, so the next process need not wait.
    const waitMs = isAborted ? 0 : decision.waitMs
    const dueAt = clock() + waitMs
    const isWaiting = await storage.settleFailed(leasedAttempt, dueAt)
    const { outcome, httpStatus } = record
    const failures = head.failures + 1
    log.info(
      { subscriptionId, messageId, outcome, httpStatus, failures, waitMs },
      'a message was not delivered',
    )
    if (!isWaiting) return 'go on'
    if (waitMs === 0 && !isAborted) return 'at once'
    this.#rememberWait(subscriptionId, dueAt)
    return 'waits'
  }

  async #releaseLease(subscriptionId: string): Promise<void> {
    await this.#deps.storage.releaseQueue(subscriptionId, this.#deps.by)
    this.#failedAtById.delete(subscriptionId)
  }

  #rememberWait(subscriptionId: string, dueAt: number): void {
    this.#waitsUntilById.set(subscriptionId, Math.min(dueAt, this.#deps.clock() + WAIT_CACHE_MS))
  }

  #isKnownToWait(subscriptionId: string): boolean {
    const waitsUntil = this.#waitsUntilById.get(subscriptionId) ?? 0
    return isPending(waitsUntil, WAIT_CACHE_MS, this.#deps.clock())
  }

  #isPaused(failedAt = Number.NEGATIVE_INFINITY): boolean {
    return isWithinLast(FAILURE_PAUSE_MS, failedAt, this.#deps.clock())
  }

  #isStalled({ progressAt }: QueueWork): boolean {
    return this.#deps.clock() - progressAt >= STALLED_WORK_MS
  }
}
