import { ok, type RateLimitFailure, type Result } from '../domain/failure.ts'
import { getSecretDigest, parseSecretCheck } from '../domain/imported-secret.ts'
import type { ImportedSecretVerifier } from '../service/ports/crypto.ts'
import type { Clock } from '../service/ports/runtime.ts'
import type { Primitives, SecretChecks } from './primitives.ts'
import { computeDigest } from './secret-digest.ts'
import { BUSY, createWorkLanes, createWorkSharing, type WorkLaneLimits } from './work-lanes.ts'

/** Checks imported secrets at bounded concurrency, in lanes of their own. */
export function createImportedSecretVerifier(
  primitives: Pick<Primitives, 'base64urlEncode' | 'randomBytes' | 'sha256'>,
  { functions, bounds, check }: SecretChecks,
  clock: Clock,
  limits: WorkLaneLimits,
): ImportedSecretVerifier {
  const processKey = primitives.base64urlEncode(primitives.randomBytes(32))
  const runInLane = createWorkLanes(['unfailed', 'failed'], limits, clock)
  const shareWork = createWorkSharing<Result<boolean, RateLimitFailure>>()

  return {
    bounds,

    async verify(secret, imported, pepper, requester, checkAllowed = () => ok(undefined)) {
      const { lane, party, claim } = requester
      const { form, hash, salt, pepperId } = imported
      const work = JSON.stringify([lane, party, claim, form, hash, salt, pepperId, secret])
      return shareWork(primitives.sha256(processKey + work), () =>
        runInLane(requester, async () => {
          const allowed = checkAllowed()
          if (!allowed.ok) return allowed
          const parsed = parseSecretCheck(imported, bounds)
          // A database that was copied from another runtime can have hashes that cost too much here.
          if (!parsed.ok) throw new Error(parsed.failure)
          const matches = await check(secret, parsed.value, pepper)
          return matches === null ? BUSY : ok(matches)
        }),
      )
    },

    toDigest: (secret, form, pepper) =>
      computeDigest(functions, secret, getSecretDigest(form), pepper),
  }
}
