import { LRUCache } from 'lru-cache'
import { ok, type Result } from '../domain/failure.ts'
import type { Clock, Requester, SecretHasher } from '../service/ports.ts'
import type { Argon2, Primitives } from './primitives.ts'
import { createWorkLanes } from './work-lanes.ts'

export interface SecretHasherOptions {
  /** How many argon2 computations run at once: the cores. */
  readonly width: number
  /** How many computations may wait in each lane; one more is refused as busy. */
  readonly queue: number
  /** How long a computation may wait. */
  readonly waitMs?: number
  readonly remembered?: number
  readonly rememberedForMs?: number
}

/** A no costs this many computations, so that nobody can tell how many hashes were tried. */
const WORK_OF_A_NO = 2

/** A full queue takes two or three seconds: a core does about a hundred computations a second. */
const MAX_WAIT_MS = 5000

/** Creating a secret needs a permission, so all such callers share one place in the queue. */
const SECRET_CREATOR = { lane: 'people', party: 'makers of secrets' } as const

/**
 * argon2id with a bounded number at work, and a memory of what was proven. The memory holds digests
 * under a key of this process, bound to the hash: it tells nothing to who reads it, and a replaced
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
    waitMs = MAX_WAIT_MS,
    remembered = 20_000,
    rememberedForMs = 3_600_000,
  } = options
  const processKey = primitives.base64urlEncode(primitives.randomBytes(32))
  const proofs = new LRUCache<string, true>({
    max: remembered,
    ttl: rememberedForMs,
    ttlResolution: 0,
    perf: { now: clock },
  })
  const atWork = new Map<string, Promise<Result<boolean>>>()
  const take = createWorkLanes({ width, queue, waitMs }, clock)
  const decoy = argon2.hash(primitives.base64urlEncode(primitives.randomBytes(32)))

  // The digests never leave this memory: there is none to extend, so the key may simply stand first.
  const proofOf = (secret: string, hash: string) =>
    primitives.sha256(`${processKey}\0${hash}\0${secret}`)

  function isProven(secret: string, hashes: readonly string[]): boolean {
    for (let n = 0; n < Math.max(WORK_OF_A_NO, hashes.length); n++) {
      const hash = hashes[n]
      if (proofs.has(proofOf(secret, hash ?? '')) && hash !== undefined) return true
    }
    return false
  }

  async function compute(
    secret: string,
    hashes: readonly string[],
    requester: Requester,
    mayStill: () => Result<void>,
  ): Promise<Result<boolean>> {
    return take(requester, async () => {
      if (isProven(secret, hashes)) return ok(true)
      const may = mayStill()
      if (!may.ok) return may
      for (let n = 0; n < Math.max(WORK_OF_A_NO, hashes.length); n++) {
        const hash = hashes[n]
        const matches = await argon2.verify(hash ?? (await decoy), secret)
        if (matches && hash !== undefined) {
          proofs.set(proofOf(secret, hash), true)
          return ok(true)
        }
      }
      return ok(false)
    })
  }

  return {
    hash: (secret) => take(SECRET_CREATOR, async () => ok(await argon2.hash(secret))),

    isProven,

    async verify(secret, hashes, requester, mayStill = () => ok(undefined)) {
      if (isProven(secret, hashes)) return ok(true)
      // Many requests of one requester are one computation, whether there is such a key or not.
      const { lane, party, claim } = requester
      const question = proofOf(secret, [lane, party, claim, ...hashes].join('\0'))
      const running = atWork.get(question)
      if (running !== undefined) return running
      const answer = compute(secret, hashes, requester, mayStill).finally(() =>
        atWork.delete(question),
      )
      atWork.set(question, answer)
      return answer
    },
  }
}
