import {
  type AccessFailure,
  type CredentialFailure,
  fail,
  KEY_UNKNOWN,
  ok,
  type RateLimitFailure,
  type Result,
} from '../../domain/failure.ts'
import { isImportedHash } from '../../domain/imported-hash.ts'
import { toAddressBlock } from '../../domain/ip-network.ts'
import { checkKeyUsable, isPublicId, type Key, listValidSecretHashes } from '../../domain/key.ts'
import { type Credential, getKeyTypeTraits } from '../../domain/key-type.ts'
import { isDamagedSecret } from '../../domain/secret.ts'
import { checkBrownout } from '../../domain/sunset.ts'
import { type Caller, identifyKey } from '../audit/buffer.ts'
import type { FailureLimiter, KeyRateLimit } from '../limits/rate-limits.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { SecretDigester } from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'
import { findImportedHash, type ImportedSecrets, type PresentedSecret } from './imported-secrets.ts'
import type { KeyCache } from './key-cache.ts'
import type { SecretUpgrades } from './secret-upgrades.ts'

export interface AuthenticateDeps {
  readonly keyCache: KeyCache
  readonly digester: SecretDigester
  readonly importedSecrets: ImportedSecrets
  readonly secretUpgrades: SecretUpgrades
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
  const { secretUpgrades, failureLimiter, keyRateLimit, keyUseCounter, clock, region } = deps
  const { address } = caller
  const now = clock()
  const found = await findCredentialKey(deps, credential, now, address)
  if (!found.ok) {
    const { failure } = found
    if (failure.reason === 'busy' || failure.reason === 'failures_exceeded') return fail(failure)
    // A valid credential is never refused for the failures of others. Only failing callers are
    // slowed down.
    const allowed = failureLimiter.checkAllowed(address)
    failureLimiter.countFailure(address)
    return allowed.ok ? fail(failure) : allowed
  }
  const { key: foundKey, importedHash } = found.value
  identifyKey(caller, foundKey)
  const usable = checkKeyUsable(foundKey, address, now, region)
  const admitted = usable.ok ? checkBrownout(usable.value, now) : usable
  if (!admitted.ok) return admitted
  const key = admitted.value
  const { secret } = credential
  if (importedHash !== undefined && secret !== null) {
    secretUpgrades.start({ key, importedHash, secret, network: toAddressBlock(address) })
  }
  const withinRate = keyRateLimit(key)
  if (!withinRate.ok) return withinRate
  keyUseCounter.count(key, caller)
  return ok(key)
}

/** A key whose secret was presented. */
interface ProvenKey {
  readonly key: Key
  /** The hash of another system that proved it. */
  readonly importedHash?: string
}

type FindFailure = CredentialFailure | RateLimitFailure

/** Finds the key that this credential's secret belongs to. */
function findCredentialKey(
  deps: AuthenticateDeps,
  credential: Credential,
  now: number,
  address: string,
): Promise<Result<ProvenKey, FindFailure>> {
  switch (credential.keyType) {
    case 'xenrad':
      return findBySecret(deps, credential, now, (key) => key.keyType === 'xenrad')
    case 'opendental':
      return findBySecret(
        deps,
        credential,
        now,
        (key) => key.developer?.developerKey === credential.developerKey,
      )
    case 'practice':
      return findBySecret(
        deps,
        credential,
        now,
        (key) => key.keyType === 'practice' && key.username === credential.username,
      )
    case 'xdent':
      return findByPublicId(deps, credential, now, address)
  }
}

async function findBySecret(
  { keyCache, digester, importedSecrets }: AuthenticateDeps,
  { keyType, secret }: Extract<Credential, { secret: string }>,
  now: number,
  isMatch: (key: Key) => boolean,
): Promise<Result<ProvenKey, FindFailure>> {
  if (isDamagedSecret(secret)) return KEY_UNKNOWN
  const found = await keyCache.findBySecret(
    digester.candidates(secret),
    (key, digest) => isMatch(key) && listValidSecretHashes(key, now).includes(digest),
    getKeyTypeTraits(keyType).foundBySecret
      ? (version) => importedSecrets.listDigests(secret, version)
      : undefined,
  )
  if (found === null) return KEY_UNKNOWN
  const { key, digest } = found
  return ok(isImportedHash(digest) ? { key, importedHash: digest } : { key })
}

async function findByPublicId(
  deps: AuthenticateDeps,
  { publicId, secret }: { publicId: string; secret: string | null },
  now: number,
  address: string,
): Promise<Result<ProvenKey, FindFailure>> {
  const { keyCache, digester, region } = deps
  const key = isPublicId(publicId) ? await keyCache.findPresentedKey(publicId, region) : null
  if (key === null) return KEY_UNKNOWN
  if (secret === null) return fail({ reason: 'secret_missing', keyId: key.id })
  if (digester.matches(secret, listValidSecretHashes(key, now))) return ok({ key })
  const importedHash = findImportedHash(key, now)
  if (importedHash === undefined) return fail({ reason: 'secret_wrong', keyId: key.id })
  const claim = { key, hash: importedHash, secret, claim: publicId, address }
  const proven = await proveImported(deps, claim)
  if (proven.ok || proven.failure.reason !== 'secret_unverifiable') return proven
  // Another server may have replaced the hash meanwhile, and deleted a pepper that no other key has.
  const newest = await keyCache.findPresentedKey(publicId, region)
  return findImportedHash(newest, now) === importedHash
    ? proven
    : findByPublicId(deps, { publicId, secret }, now, address)
}

/**
 * Proves a secret by the hash of another system, which can be slow: callers are limited before. An unknown id does
 * not do this work, because the answers tell it from a wrong secret.
 */
async function proveImported(
  { importedSecrets, failureLimiter }: AuthenticateDeps,
  presented: PresentedSecret & { readonly key: Key },
): Promise<Result<ProvenKey, FindFailure>> {
  const { key, hash, secret, address } = presented
  const keyId = key.id
  const proven: ProvenKey = { key, importedHash: hash }
  if (importedSecrets.findProvenForm(hash, secret) !== undefined) return ok(proven)
  const allowed = failureLimiter.checkAllowed(address)
  if (!allowed.ok) return allowed
  const matched = await importedSecrets.verify(presented, failureLimiter)
  if (!matched.ok) {
    const { failure } = matched
    return fail(failure.reason === 'secret_unverifiable' ? { ...failure, keyId } : failure)
  }
  return matched.value ? ok(proven) : fail({ reason: 'secret_wrong', keyId })
}
