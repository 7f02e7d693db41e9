import { fail, type RateLimitFailure, type Result } from '../domain/failure.ts'
import type { Clock } from '../service/ports/runtime.ts'

export interface WorkLaneLimits {
  /** The number of concurrent tasks in both lanes together. */
  readonly width: number
  /** The number of tasks that may wait in each lane. */
  readonly queue: number
  /** The longest time that a task may wait. */
  readonly waitMs: number
}

interface LaneRequester<Lane> {
  readonly lane: Lane
  /** Within a lane, turns alternate between the parties, however much each requests. */
  readonly party: string
}

interface QueuedWork {
  readonly queuedAt: number
  /** Called once: true starts the work, false refuses it as busy. */
  readonly settle: (isItsTurn: boolean) => void
}

type LaneQueues = Map<string, QueuedWork[]>

/** A full queue of argon2 takes two or three seconds: a core does about a hundred computations per second. */
export const MAX_WORK_WAIT_MS = 5000

export const BUSY = fail({ reason: 'busy', retryAfterSeconds: 2 } as const)

/**
 * Runs slow work in turns. Turns alternate between two lanes, and within a lane between the parties
 * that wait there. When a lane is full, the party with the most waiting tasks loses its newest one. A
 * turn lasts until its work ends, even if the caller has gone.
 */
export function createWorkLanes<Lane extends string>(
  [firstLane, secondLane]: readonly [Lane, Lane],
  { width, queue, waitMs }: WorkLaneLimits,
  clock: Clock,
) {
  const firstQueues: LaneQueues = new Map()
  const secondQueues: LaneQueues = new Map()
  let free = width
  let lastLane = secondLane

  return async function runInLane<T>(
    requester: LaneRequester<Lane>,
    work: () => Promise<Result<T, RateLimitFailure>>,
  ): Promise<Result<T, RateLimitFailure>> {
    if (free > 0) {
      free--
      lastLane = requester.lane
    } else if (!(await waitForTurn(requester))) {
      return BUSY
    }
    try {
      return await work()
    } finally {
      const next = dequeue()
      if (next === undefined) free++
      else next.settle(true)
    }
  }

  function getQueues(lane: Lane): LaneQueues {
    return lane === firstLane ? firstQueues : secondQueues
  }

  function waitForTurn({ lane, party }: LaneRequester<Lane>): Promise<boolean> {
    const queues = getQueues(lane)
    dropExpired(queues)
    const own = queues.get(party) ?? []
    if (countQueued(queues) >= queue && !evictNewest(queues, own.length))
      return Promise.resolve(false)
    return new Promise((settle) => {
      own.push({ queuedAt: clock(), settle })
      queues.set(party, own)
    })
  }

  /** Refuses the newest waiter of the party with the most, if that party has more than its share. */
  function evictNewest(queues: LaneQueues, ownCount: number): boolean {
    const [longest] = [...queues.values()].sort((a, b) => b.length - a.length)
    if (longest === undefined || longest.length <= ownCount + 1) return false
    longest.pop()?.settle(false)
    return true
  }

  function dequeue(): QueuedWork | undefined {
    const nextLane = lastLane === firstLane ? secondLane : firstLane
    for (const lane of [nextLane, lastLane]) {
      const queues = getQueues(lane)
      dropExpired(queues)
      const [first] = queues
      if (first === undefined) continue
      const [party, waiters] = first
      const queued = waiters.shift()
      queues.delete(party)
      if (waiters.length > 0) queues.set(party, waiters)
      lastLane = lane
      return queued
    }
    return undefined
  }

  /**
   * Refuses waiters that have waited too long, or that were queued in the future because the clock was
   * set back.
   */
  function dropExpired(queues: LaneQueues): void {
    const now = clock()
    for (const [party, waiters] of queues) {
      while (waiters[0] !== undefined && Math.abs(now - waiters[0].queuedAt) >= waitMs) {
        waiters.shift()?.settle(false)
      }
      if (waiters.length === 0) queues.delete(party)
    }
  }
}

const countQueued = (queues: LaneQueues): number =>
  [...queues.values()].reduce((sum, { length }) => sum + length, 0)

/** Runs equal work once for all who request it meanwhile. */
export function createWorkSharing<T>() {
  const running = new Map<string, Promise<T>>()
  return (workKey: string, work: () => Promise<T>): Promise<T> => {
    const shared = running.get(workKey) ?? work().finally(() => running.delete(workKey))
    running.set(workKey, shared)
    return shared
  }
}
