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
import {
  checkKeyUsable,
  checkMethodAllowed,
  isPublicId,
  type Key,
  listValidSecretHashes,
} from '../../domain/key.ts'
import { type Credential, getKeyTypeTraits } from '../../domain/key-type.ts'
import { isDamagedSecret } from '../../domain/secret.ts'
import { checkBrownout } from '../../domain/sunset.ts'
import { type Caller, identifyKey } from '../caller.ts'
import type { FailureLimiter, KeyRateLimit } from '../limits/rate-limits.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { Authority } from '../ports/authority.ts'
import type { SecretDigester } from '../ports/crypto.ts'
import type { Clock, MaybePromise } from '../ports/runtime.ts'
import {
  findImportedHash,
  type ImportedSecrets,
  isHashReplaced,
  type PresentedSecret,
} from './imported-secrets.ts'
import type { KeyCache, ProvenKey } from './key-cache.ts'
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

/** A key whose credential is verified, with the scopes of a client's token; null for other credentials. */
export interface AuthenticatedKey {
  readonly key: Key
  readonly scopes: readonly string[] | null
}

/** Checks that the key may be used with each of these methods. */
export function checkMethods(
  authenticated: AuthenticatedKey,
  methods: readonly string[],
): Result<AuthenticatedKey, AccessFailure> {
  for (const method of methods) {
    const methodCheck = checkMethodAllowed(authenticated.key, method)
    if (!methodCheck.ok) return methodCheck
  }
  return ok(authenticated)
}

type AuthenticateFailure = CredentialFailure | AccessFailure | RateLimitFailure

export type Authenticate = (
  credential: Credential,
  caller: Caller,
) => Promise<Result<AuthenticatedKey, AuthenticateFailure>>

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
): Promise<Result<AuthenticatedKey, AuthenticateFailure>> {
  const { keyCache, secretUpgrades, failureLimiter, keyRateLimit, keyUseCounter, clock, region } =
    deps
  const { address } = caller
  const now = clock()
  const found = isPossible(credential)
    ? await findCredentialKey(deps, credential, await keyCache.readAuthority(), now, address)
    : KEY_UNKNOWN
  if (!found.ok) {
    const { failure } = found
    if (failure.reason === 'busy' || failure.reason === 'failures_exceeded') return fail(failure)
    // A valid credential is never refused for the failures of others. Only failing callers are
    // slowed down.
    const allowed = failureLimiter.checkAllowed(address)
    failureLimiter.countFailure(address)
    return allowed.ok ? fail(failure) : allowed
  }
  const { key: foundKey, digest } = found.value
  identifyKey(caller, foundKey)
  const usable = checkKeyUsable(foundKey, address, now, region)
  const admitted = usable.ok ? checkBrownout(usable.value, now) : usable
  if (!admitted.ok) return admitted
  const key = admitted.value
  const { secret } = credential
  if (secret !== null && isImportedHash(digest)) {
    secretUpgrades.start({ key, importedHash: digest, secret, network: toAddressBlock(address) })
  }
  const withinRate = keyRateLimit(key)
  if (!withinRate.ok) return withinRate
  keyUseCounter.count(key, caller)
  return ok({ key, scopes: null })
}

type FindFailure = CredentialFailure | RateLimitFailure

/** False for a credential that no key can have: nothing is read for it. */
const isPossible = (credential: Credential): boolean =>
  credential.keyType === 'xdent'
    ? isPublicId(credential.publicId)
    : !isDamagedSecret(credential.secret)

/** Finds the key that this credential's secret belongs to, at once if it is cached. */
function findCredentialKey(
  deps: AuthenticateDeps,
  credential: Credential,
  authority: Authority,
  now: number,
  address: string,
): MaybePromise<Result<ProvenKey, FindFailure>> {
  switch (credential.keyType) {
    case 'xenrad':
      return findBySecret(deps, credential, authority, now, (key) => key.keyType === 'xenrad')
    case 'opendental':
      return findBySecret(
        deps,
        credential,
        authority,
        now,
        (key) => key.developer?.developerKey === credential.developerKey,
      )
    case 'practice':
      return findBySecret(
        deps,
        credential,
        authority,
        now,
        (key) => key.keyType === 'practice' && key.username === credential.username,
      )
    case 'xdent':
      return findByPublicId(deps, credential, authority, now, address)
  }
}

function findBySecret(
  { keyCache, digester, importedSecrets }: AuthenticateDeps,
  { keyType, secret }: Extract<Credential, { secret: string }>,
  authority: Authority,
  now: number,
  isMatch: (key: Key) => boolean,
): MaybePromise<Result<ProvenKey, FindFailure>> {
  return keyCache.findBySecret(
    digester.candidates(secret),
    authority.version,
    (key, digest) => isMatch(key) && listValidSecretHashes(key, now).includes(digest),
    getKeyTypeTraits(keyType).foundBySecret
      ? () => importedSecrets.listDigests(secret, authority.version)
      : undefined,
  )
}

async function findByPublicId(
  deps: AuthenticateDeps,
  { publicId, secret }: { publicId: string; secret: string | null },
  authority: Authority,
  now: number,
  address: string,
): Promise<Result<ProvenKey, FindFailure>> {
  const { keyCache, digester, region } = deps
  const key = await keyCache.findPresentedKey(publicId, region, authority.version)
  if (key === null) return KEY_UNKNOWN
  if (secret === null) return fail({ reason: 'secret_missing', keyId: key.id })
  const digest = listValidSecretHashes(key, now).find((each) => digester.matches(secret, [each]))
  if (digest !== undefined) return ok({ key, digest })
  const importedHash = findImportedHash(key, now)
  if (importedHash === undefined) return fail({ reason: 'secret_wrong', keyId: key.id })
  const claim = { key, hash: importedHash, secret, claim: publicId, address }
  const proven = await proveImported(deps, claim)
  const readKey = async () =>
    keyCache.findPresentedKey(publicId, region, (await keyCache.readAuthority()).version)
  return (await isHashReplaced(proven, importedHash, now, readKey))
    ? findByPublicId(deps, { publicId, secret }, await keyCache.readAuthority(), now, address)
    : proven
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
  const proven: ProvenKey = { key, digest: hash }
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
