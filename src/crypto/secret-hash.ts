import { LRUCache } from 'lru-cache'
import { ok, type RateLimitFailure, type Result } from '../domain/failure.ts'
import { limitEntries } from '../domain/limits.ts'
import type { SecretHasher, WorkRequester } from '../service/ports/crypto.ts'
import type { Clock } from '../service/ports/runtime.ts'
import type { Argon2, Primitives } from './primitives.ts'
import { createWorkLanes, createWorkSharing, MAX_WORK_WAIT_MS } from './work-lanes.ts'

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
    waitMs = MAX_WORK_WAIT_MS,
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
  const shareWork = createWorkSharing<Result<boolean, RateLimitFailure>>()
  const runInLane = createWorkLanes(['vendors', 'people'], { width, queue, waitMs }, clock)
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
      return shareWork(workKey, () => compute(secret, hashes, requester, checkAllowed))
    },
  }
}
