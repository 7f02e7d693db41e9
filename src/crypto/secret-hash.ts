import { LRUCache } from 'lru-cache'
import { fail, ok, type RateLimitFailure, type Result } from '../domain/failure.ts'
import { limitEntries } from '../domain/limits.ts'
import type { SecretHasher, WorkLane, WorkRequester } from '../service/ports/crypto.ts'
import type { Clock } from '../service/ports/runtime.ts'
import type { Argon2, Primitives } from './primitives.ts'

export interface SecretHasherOptions {
  /** The number of concurrent argon2 computations: the number of cores. */
  readonly width: number
  /** The number of computations that may wait in each lane. Further ones are refused as busy. */
  readonly queue: number
  /** The longest time that a computation may wait. */
  readonly waitMs?: number
  readonly remembered?: number
  readonly rememberedForMs?: number
}

/**
 * Each mismatch costs this many computations, so that the time does not reveal how many hashes were
 * tried.
 */
const COMPUTATIONS_PER_MISMATCH = 2

/** A full queue takes two or three seconds: a core does about a hundred computations per second. */
const DEFAULT_MAX_WAIT_MS = 5000

/** Creating a secret requires a permission, so all such callers share one place in the queue. */
const SECRET_CREATION_REQUESTER = { lane: 'people', party: 'makers of secrets' } as const

/**
 * Hashes with argon2id at bounded concurrency, and caches proofs of matches. A proof is a digest under
 * a key of this process and is bound to the hash, so the cache reveals no secret, and a replaced
 * secret is not found in it.
 */
export function createSecretHasher(
  primitives: Primitives,
  argon2: Argon2,
  clock: Clock,
  options: SecretHasherOptions,
): SecretHasher {
  const {
    width,
    queue,
    waitMs = DEFAULT_MAX_WAIT_MS,
    remembered = 20_000,
    rememberedForMs = 3_600_000,
  } = options
  const processKey = primitives.base64urlEncode(primitives.randomBytes(32))
  const proofs = new LRUCache<string, true>({
    ...limitEntries(remembered),
    ttl: rememberedForMs,
    ttlResolution: 0,
    perf: { now: clock },
  })
  const runningWork = new Map<string, Promise<Result<boolean, RateLimitFailure>>>()
  const runInLane = createWorkLanes({ width, queue, waitMs }, clock)
  let decoy: string | undefined

  // These digests never leave the process, so length extension is not a threat and the key may be a
  // plain prefix.
  const computeProof = (secret: string, hash: string) =>
    primitives.sha256(`${processKey}\0${hash}\0${secret}`)

  function isProven(secret: string, hashes: readonly string[]): boolean {
    for (let n = 0; n < Math.max(COMPUTATIONS_PER_MISMATCH, hashes.length); n++) {
      const hash = hashes[n]
      if (proofs.has(computeProof(secret, hash ?? '')) && hash !== undefined) return true
    }
    return false
  }

  async function compute(
    secret: string,
    hashes: readonly string[],
    requester: WorkRequester,
    checkAllowed: () => Result<void, RateLimitFailure>,
  ): Promise<Result<boolean, RateLimitFailure>> {
    return runInLane(requester, async () => {
      if (isProven(secret, hashes)) return ok(true)
      const allowed = checkAllowed()
      if (!allowed.ok) return allowed
      // Computed at the first verification, whether or not the key exists: most commands verify nothing.
      decoy ??= await argon2.hash(primitives.base64urlEncode(primitives.randomBytes(32)))
      for (let n = 0; n < Math.max(COMPUTATIONS_PER_MISMATCH, hashes.length); n++) {
        const hash = hashes[n]
        const matches = await argon2.verify(hash ?? decoy, secret)
        if (matches && hash !== undefined) {
          proofs.set(computeProof(secret, hash), true)
          return ok(true)
        }
      }
      return ok(false)
    })
  }

  return {
    hash: (secret) =>
      runInLane(SECRET_CREATION_REQUESTER, async () => ok(await argon2.hash(secret))),

    isProven,

    async verify(secret, hashes, requester, checkAllowed = () => ok(undefined)) {
      if (isProven(secret, hashes)) return ok(true)
      // Concurrent identical requests of one requester share one computation, whether or not the
      // key exists.
      const { lane, party, claim } = requester
      const workKey = computeProof(secret, [lane, party, claim, ...hashes].join('\0'))
      const running = runningWork.get(workKey)
      if (running !== undefined) return running
      const result = compute(secret, hashes, requester, checkAllowed).finally(() =>
        runningWork.delete(workKey),
      )
      runningWork.set(workKey, result)
      return result
    },
  }
}

export interface WorkLaneLimits {
  /** The number of concurrent tasks in all lanes together. */
  readonly width: number
  /** The number of tasks that may wait in each lane. */
  readonly queue: number
  /** The longest time that a task may wait. */
  readonly waitMs: number
}

interface QueuedWork {
  readonly queuedAt: number
  /** Called once: true starts the work, false refuses it as busy. */
  readonly settle: (isItsTurn: boolean) => void
}

type LaneQueues = Map<string, QueuedWork[]>

const RETRY_AFTER_SECONDS = 2

/**
 * Runs slow work in turns. Turns alternate between the lanes, and within a lane between the parties
 * that wait there. When a lane is full, the party with the most waiting tasks loses its newest one. A
 * turn lasts until its work ends, even if the caller has gone.
 */
export function createWorkLanes({ width, queue, waitMs }: WorkLaneLimits, clock: Clock) {
  const lanes: Record<WorkLane, LaneQueues> = { vendors: new Map(), people: new Map() }
  let free = width
  let lastLane: WorkLane = 'people'

  return async function runInLane<T>(
    requester: Pick<WorkRequester, 'lane' | 'party'>,
    work: () => Promise<Result<T, RateLimitFailure>>,
  ): Promise<Result<T, RateLimitFailure>> {
    if (free > 0) {
      free--
      lastLane = requester.lane
    } else if (!(await waitForTurn(requester))) {
      return fail({ reason: 'busy', retryAfterSeconds: RETRY_AFTER_SECONDS })
    }
    try {
      return await work()
    } finally {
      const next = dequeue()
      if (next === undefined) free++
      else next.settle(true)
    }
  }

  function waitForTurn({ lane, party }: Pick<WorkRequester, 'lane' | 'party'>): Promise<boolean> {
    const queues = lanes[lane]
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
    const order: WorkLane[] = lastLane === 'people' ? ['vendors', 'people'] : ['people', 'vendors']
    for (const lane of order) {
      const queues = lanes[lane]
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
