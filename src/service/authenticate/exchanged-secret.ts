import {
  type AccessFailure,
  type CredentialFailure,
  fail,
  KEY_UNKNOWN,
  type RateLimitFailure,
  type Result,
} from '../../domain/failure.ts'
import { toAddressBlock } from '../../domain/ip-network.ts'
import { checkKeyUsable, type Key, listValidSecretHashes } from '../../domain/key.ts'
import type { KeyType } from '../../domain/key-type.ts'
import { type FailureLimiter, toParty } from '../limits/rate-limits.ts'
import type { SecretHasher } from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'
import type { KeyProofs } from './key-proofs.ts'

export interface ExchangedSecretDeps {
  readonly keyProofs: KeyProofs
  readonly hasher: SecretHasher
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
  { keyProofs, hasher, failureLimiter, clock, region }: ExchangedSecretDeps,
  { publicId, secret }: ExchangedCredential,
  address: string,
  keyTypes: readonly KeyType[],
): Promise<Result<Key, SecretFailure>> {
  const now = clock()
  const network = toAddressBlock(address)
  const presented = keyProofs.presentKey(publicId, secret, network)
  const foundKey = await keyProofs.findKey(presented, keyTypes)
  const usable: Result<Key, SecretFailure> =
    foundKey === null ? KEY_UNKNOWN : checkKeyUsable(foundKey, address, now, region)
  // A key that may not be used is treated like one that does not exist: the same work is done, so the
  // time does not tell them apart.
  const key = usable.ok ? foundKey : null

  // Key ids are public, so the owner is recognized before any limit that strangers could use up.
  const proof = keyProofs.findProof(key, secret, now)
  if (proof === null) {
    const ownerId = key !== null && keyProofs.isOwnerNetwork(key, now) ? key.id : undefined
    const checkAllowed = () => failureLimiter.checkAllowed(address, ownerId)
    const allowed = checkAllowed()
    if (!allowed.ok) return allowed
    const hashes = key === null ? [] : listValidSecretHashes(key, now)
    const party = toParty(address, ownerId)
    const requester = { lane: 'vendors', party, claim: publicId } as const
    // The limit is checked again when the work begins: of many guesses at once, most must be refused.
    const matched = await hasher.verify(secret, hashes, requester, checkAllowed)
    if (!matched.ok) return matched
    if (!matched.value) {
      failureLimiter.countFailure(address, ownerId)
      return usable.ok ? fail({ reason: 'secret_wrong', keyId: usable.value.id }) : usable
    }
  }
  if (key !== null) {
    if (proof === 'digest' || keyProofs.isOwnerNetwork(key, now))
      keyProofs.rememberKey(presented, key)
    if (proof !== 'digest') keyProofs.remember(key, secret, network)
  }
  return usable
}
