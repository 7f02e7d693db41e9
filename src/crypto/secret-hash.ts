import { LRUCache } from 'lru-cache'
import { fail, ok, type Result } from '../domain/failure.ts'
import type { Clock, SecretHasher } from '../service/ports.ts'
import type { Argon2, Primitives } from './primitives.ts'

export interface SecretHasherOptions {
  /** How many argon2 computations run at once: the cores. */
  readonly width: number
  /** How many may wait for a turn; one more is told to come back. */
  readonly queue: number
  readonly remembered?: number
  readonly rememberedForMs?: number
}

/** A no costs this many computations, so that nobody can tell how many hashes were tried. */
const WORK_OF_A_NO = 2

/** A wait of a full queue is about a second: a core does some hundred computations a second. */
const RETRY_AFTER_SECONDS = 2

/**
 * argon2id with a bounded number at work, and a memory of what was proven. The memory holds digests
 * under a key of this process, bound to the hash: it tells nothing to who reads it, and a replaced
 * secret is not found in it.
 */
export function createSecretHasher(
  primitives: Primitives,
  argon2: Argon2,
  clock: Clock,
  { width, queue, remembered = 20_000, rememberedForMs = 3_600_000 }: SecretHasherOptions,
): SecretHasher {
  const processKey = primitives.base64urlEncode(primitives.randomBytes(32))
  const proofs = new LRUCache<string, true>({
    max: remembered,
    ttl: rememberedForMs,
    ttlResolution: 0,
    perf: { now: clock },
  })
  const atWork = new Map<string, Promise<Result<boolean>>>()
  const turn = createTurns(width, queue)
  const decoy = argon2.hash(primitives.base64urlEncode(primitives.randomBytes(32)))

  // The digests never leave this memory: there is none to extend, so the key may simply stand first.
  const proofOf = (secret: string, hash: string) =>
    primitives.sha256(`${processKey}\0${hash}\0${secret}`)

  const isProven = (secret: string, hashes: readonly string[]) =>
    hashes.some((hash) => proofs.has(proofOf(secret, hash)))

  async function compute(
    secret: string,
    hashes: readonly string[],
    mayStill: () => Result<void>,
  ): Promise<Result<boolean>> {
    return turn(async () => {
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
    hash: (secret) => turn(async () => ok(await argon2.hash(secret))),

    isProven,

    async verify(secret, hashes, asker, mayStill = () => ok(undefined)) {
      if (isProven(secret, hashes)) return ok(true)
      // Many requests of one asker are one computation, whether there is such a key or not.
      const question = proofOf(secret, [asker, ...hashes].join('\0'))
      const running = atWork.get(question)
      if (running !== undefined) return running
      const answer = compute(secret, hashes, mayStill).finally(() => atWork.delete(question))
      atWork.set(question, answer)
      return answer
    },
  }
}

/** A semaphore with a short queue. The turn belongs to the work: a caller that leaves frees nothing early. */
function createTurns(width: number, queue: number) {
  const waiting: (() => void)[] = []
  let free = width

  return async function turn<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    if (free > 0) free--
    else if (waiting.length >= queue) {
      return fail({ reason: 'busy', retryAfterSeconds: RETRY_AFTER_SECONDS })
    } else await new Promise<void>((start) => waiting.push(start))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
