import {
  type AccessFailure,
  type CredentialFailure,
  fail,
  KEY_UNKNOWN,
  ok,
  type RateLimitFailure,
  type Result,
} from '../../domain/failure.ts'
import { toAddressBlock } from '../../domain/ip-network.ts'
import { checkKeyUsable, type Key, listValidSecretHashes } from '../../domain/key.ts'
import type { KeyType } from '../../domain/key-type.ts'
import { type FailureLimiter, toParty } from '../limits/rate-limits.ts'
import type { HashedKey } from '../ports/authority.ts'
import type { SecretHasher } from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'
import { findImportedHash, type ImportedSecrets, isHashReplaced } from './imported-secrets.ts'
import type { FoundKey, KeyProofs, PresentedKey } from './key-proofs.ts'
import type { SecretUpgrades } from './secret-upgrades.ts'

export interface ExchangedSecretDeps {
  readonly keyProofs: KeyProofs
  readonly hasher: SecretHasher
  readonly importedSecrets: ImportedSecrets
  readonly secretUpgrades: SecretUpgrades
  readonly failureLimiter: FailureLimiter
  readonly clock: Clock
  readonly region: string
}

/** The id and secret of a key whose secret is exchanged for tokens. */
export interface ExchangedCredential {
  readonly publicId: string
  readonly secret: string
}

export type SecretFailure = CredentialFailure | AccessFailure | RateLimitFailure

/** Returns the key of one of these types, if the secret is right and the key may be used. */
export async function verifyExchangedSecret(
  deps: ExchangedSecretDeps,
  credential: ExchangedCredential,
  address: string,
  keyTypes: readonly KeyType[],
): Promise<Result<Key, SecretFailure>> {
  const { keyProofs, clock, region } = deps
  const now = clock()
  const { publicId, secret } = credential
  const presented = keyProofs.presentKey(publicId, secret, toAddressBlock(address))
  const found = await keyProofs.findKey(presented, keyTypes)
  const usable: Result<Key, SecretFailure> =
    found.key === null ? KEY_UNKNOWN : checkKeyUsable(found.key, address, now, region)
  if (usable.ok && keyProofs.isStillProven(found, now)) return usable
  const claim = { publicId, secret, address, presented, found, usable, now }
  const proven = await proveOwner(deps, claim)
  const readKey = async () => (await keyProofs.findKey(presented, keyTypes)).key
  return (await isHashReplaced(proven, findImportedHash(found.key, now), now, readKey))
    ? verifyExchangedSecret(deps, credential, address, keyTypes)
    : proven
}

/** A secret that is not proven yet. */
interface UnprovenClaim extends ExchangedCredential {
  readonly address: string
  readonly presented: PresentedKey
  readonly found: FoundKey
  readonly usable: Result<Key, SecretFailure>
  readonly now: number
}

/** Returns `usable` if the secret is the key's. */
async function proveOwner(
  deps: ExchangedSecretDeps,
  { publicId, secret, address, presented, found, usable, now }: UnprovenClaim,
): Promise<Result<Key, SecretFailure>> {
  const { keyProofs, importedSecrets, secretUpgrades } = deps
  const { network } = presented
  // A key that may not be used is treated like one that does not exist: the same work is done, so the
  // time does not tell them apart.
  const key = usable.ok ? found.key : null
  // The hash of another system is checked for each of them: an unknown id has that of another key.
  const hashedKey = found.key ?? found.decoy
  const importedHash = findImportedHash(hashedKey, now)

  // Key ids are public, so the owner is recognized before any limit that strangers could use up.
  const digest = keyProofs.findDigest(key, secret, now)
  let proof: Proof | null = digest === null ? null : 'digest'
  if (proof === null && keyProofs.isProven(key, secret, now)) proof = 'memory'
  if (
    importedHash !== undefined &&
    importedSecrets.findProvenForm(importedHash, secret) !== undefined &&
    key !== null
  ) {
    proof ??= 'import'
  }
  if (proof === null) {
    const ownerId = key !== null && keyProofs.isOwnerNetwork(key, now) ? key.id : undefined
    const attempt = { publicId, secret, address, ownerId, key, hashedKey, importedHash, now }
    const proven = await proveSecret(deps, attempt)
    if (!proven.ok) {
      const { failure } = proven
      if (!('isMismatch' in failure)) return fail(failure)
      if (!usable.ok) return usable
      const keyId = usable.value.id
      return failure.detail === null
        ? fail({ reason: 'secret_wrong', keyId })
        : fail({ reason: 'secret_unverifiable', keyId, detail: failure.detail })
    }
    proof = proven.value
  }
  if (key !== null) {
    if (proof === 'digest' || keyProofs.isOwnerNetwork(key, now))
      keyProofs.rememberKey(presented, key, digest)
    if (proof === 'import' && importedHash !== undefined)
      secretUpgrades.start({ key, importedHash, secret, network })
    else if (proof !== 'digest') keyProofs.remember(key, secret, network)
  }
  return usable
}

/** The proof that a secret is the key's. `import`: the hash of another system. */
type Proof = 'digest' | 'memory' | 'hash' | 'import'

interface SecretAttempt extends ExchangedCredential {
  readonly address: string
  readonly ownerId: string | undefined
  /** The key that may be used; null if there is none. */
  readonly key: Key | null
  readonly hashedKey: HashedKey | null
  readonly importedHash: string | undefined
  readonly now: number
}

/** `detail`: why the hash of another system could not be checked; null if all hashes were. */
interface Mismatch {
  readonly isMismatch: true
  readonly detail: string | null
}

/**
 * Proves the secret by slow hashes, within the limits of its caller. Every mismatch costs the same argon2id
 * computations, and one check of the hash of another system where the key, or the one read in place of an unknown
 * one, has such a hash.
 */
async function proveSecret(
  { hasher, importedSecrets, failureLimiter }: ExchangedSecretDeps,
  { publicId, secret, address, ownerId, key, hashedKey, importedHash, now }: SecretAttempt,
): Promise<Result<Proof, RateLimitFailure | Mismatch>> {
  const checkAllowed = () => failureLimiter.checkAllowed(address, ownerId)
  const allowed = checkAllowed()
  if (!allowed.ok) return allowed
  const hashes = key === null ? [] : listValidSecretHashes(key, now)
  const requester = { lane: 'vendors', party: toParty(address, ownerId), claim: publicId } as const
  // The limit is checked again when the work begins: of many guesses at once, most must be refused. These
  // computations come first, because they slow down guesses of secrets whose own check takes no time.
  const matched = await hasher.verify(
    secret,
    hashes.filter((hash) => hash !== importedHash),
    requester,
    checkAllowed,
  )
  if (!matched.ok) return matched
  if (matched.value) return ok('hash')
  let detail: string | null = null
  if (hashedKey !== null && importedHash !== undefined) {
    const imported = await importedSecrets.verify(
      { key: hashedKey, hash: importedHash, secret, claim: publicId, address, ownerId },
      failureLimiter,
    )
    if (imported.ok && imported.value && key !== null) return ok('import')
    if (!imported.ok) {
      if (imported.failure.reason !== 'secret_unverifiable') return fail(imported.failure)
      detail = imported.failure.detail
    }
  }
  failureLimiter.countFailure(address, ownerId)
  return fail({ isMismatch: true, detail })
}
