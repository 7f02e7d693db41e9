import {
  type AccessFailure,
  type CredentialFailure,
  fail,
  KEY_UNKNOWN,
  ok,
  type RateLimitFailure,
  type Result,
} from '../../domain/failure.ts'
import { checkKeyUsable, isPublicId, type Key, listValidSecretHashes } from '../../domain/key.ts'
import type { Credential } from '../../domain/key-type.ts'
import { isDamagedSecret } from '../../domain/secret.ts'
import { checkBrownout } from '../../domain/sunset.ts'
import { type Caller, identifyKey } from '../audit/buffer.ts'
import type { FailureLimiter, KeyRateLimit } from '../limits/rate-limits.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { SecretDigester } from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'
import type { KeyCache } from './key-cache.ts'

export interface AuthenticateDeps {
  readonly keyCache: KeyCache
  readonly digester: SecretDigester
  readonly failureLimiter: FailureLimiter
  readonly keyRateLimit: KeyRateLimit
  readonly keyUseCounter: KeyUseCounter
  readonly clock: Clock
  readonly region: string
}

export type Authenticate = (
  credential: Credential,
  caller: Caller,
) => Promise<Result<Key, CredentialFailure | AccessFailure | RateLimitFailure>>

export const createAuthenticate =
  (deps: AuthenticateDeps): Authenticate =>
  (credential, caller) =>
    authenticateCredential(deps, credential, caller)

/**
 * Authenticates a credential that is presented at every request, and returns its key. The key is
 * checked at every request, so that revocation takes effect at once. Only a caller who holds the
 * secret learns the problem with a key or its account.
 */
async function authenticateCredential(
  deps: AuthenticateDeps,
  credential: Credential,
  caller: Caller,
): Promise<Result<Key, CredentialFailure | AccessFailure | RateLimitFailure>> {
  const { failureLimiter, keyRateLimit, keyUseCounter, clock, region } = deps
  const { address } = caller
  const now = clock()
  const foundKey = await findCredentialKey(deps, credential, now)
  if (!foundKey.ok) {
    // A valid credential is never refused for the failures of others. Only failing callers are
    // slowed down.
    const allowed = failureLimiter.checkAllowed(address)
    failureLimiter.countFailure(address)
    return allowed.ok ? foundKey : allowed
  }
  identifyKey(caller, foundKey.value)
  const usable = checkKeyUsable(foundKey.value, address, now, region)
  const admitted = usable.ok ? checkBrownout(usable.value, now) : usable
  if (!admitted.ok) return admitted
  const key = admitted.value
  const withinRate = keyRateLimit(key)
  if (!withinRate.ok) return withinRate
  keyUseCounter.count(key, caller)
  return ok(key)
}

/** Finds the key that this credential's secret belongs to. */
function findCredentialKey(
  deps: AuthenticateDeps,
  credential: Credential,
  now: number,
): Promise<Result<Key, CredentialFailure>> {
  switch (credential.keyType) {
    case 'xenrad':
      return findBySecret(deps, credential.secret, now, (key) => key.keyType === 'xenrad')
    case 'opendental':
      return findBySecret(
        deps,
        credential.secret,
        now,
        (key) => key.developer?.developerKey === credential.developerKey,
      )
    case 'practice':
      return findBySecret(
        deps,
        credential.secret,
        now,
        (key) => key.keyType === 'practice' && key.username === credential.username,
      )
    case 'xdent':
      return findByPublicId(deps, credential, now)
  }
}

async function findBySecret(
  { keyCache, digester }: AuthenticateDeps,
  secret: string,
  now: number,
  isMatch: (key: Key) => boolean,
): Promise<Result<Key, CredentialFailure>> {
  if (isDamagedSecret(secret)) return KEY_UNKNOWN
  for (const digest of digester.candidates(secret)) {
    const key = await keyCache.findBySecretDigest(digest)
    if (key !== null && isMatch(key) && listValidSecretHashes(key, now).includes(digest))
      return ok(key)
  }
  return KEY_UNKNOWN
}

async function findByPublicId(
  { keyCache, digester, region }: AuthenticateDeps,
  { publicId, secret }: { publicId: string; secret: string | null },
  now: number,
): Promise<Result<Key, CredentialFailure>> {
  const key = isPublicId(publicId) ? await keyCache.findPresentedKey(publicId, region) : null
  if (key === null) return KEY_UNKNOWN
  if (secret === null) return fail({ reason: 'secret_missing', keyId: key.id })
  return digester.matches(secret, listValidSecretHashes(key, now))
    ? ok(key)
    : fail({ reason: 'secret_wrong', keyId: key.id })
}
