import { fail, KEY_UNKNOWN, ok, type Result } from '../../domain/failure.ts'
import { toAddressBlock } from '../../domain/ip-network.ts'
import { checkKeyUsable, type Key, listValidSecretHashes } from '../../domain/key.ts'
import { floorToSecond } from '../../domain/token.ts'
import type { AuditBuffer, Caller, RecordRefusal } from '../audit/buffer.ts'
import type { KeyProofs } from '../authenticate/key-proofs.ts'
import { type FailureLimiter, toParty } from '../limits/rate-limits.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { SecretHasher, TokenMinter } from '../ports/crypto.ts'
import type { Clock, Log, Random } from '../ports/runtime.ts'
import { type IssuedTokens, issueTokens } from './issue.ts'

export interface ExchangeDeps {
  readonly keyProofs: KeyProofs
  readonly hasher: SecretHasher
  readonly minter: TokenMinter
  readonly failureLimiter: FailureLimiter
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  readonly region: string
  readonly keyUseCounter: KeyUseCounter
  readonly auditBuffer: AuditBuffer
  readonly recordRefusal: RecordRefusal
}

interface ExchangeCredential {
  readonly publicId: string
  readonly secret: string
}

export type Exchange = (
  credential: ExchangeCredential,
  caller: Caller,
) => Promise<Result<IssuedTokens>>

export const createExchange =
  (deps: ExchangeDeps): Exchange =>
  (credential, caller) =>
    exchangeSecret(deps, credential, caller)

/**
 * Exchanges a key and secret for tokens. Waits for no write: both tokens carry their own proof, and
 * each use of them reads the key's row. The audit event is written a moment later.
 */
async function exchangeSecret(
  deps: ExchangeDeps,
  credential: ExchangeCredential,
  caller: Caller,
): Promise<Result<IssuedTokens>> {
  const { minter, random, clock, log, keyUseCounter, auditBuffer, recordRefusal } = deps
  const verified = await verifySecret(deps, credential, caller.address)
  if (!verified.ok) {
    recordRefusal('exchange', verified.failure, caller)
    return verified
  }
  const key = verified.value
  const grantId = random.uuid()
  const issued = await issueTokens(minter, key, {
    grantId,
    generation: 0,
    issuedAt: floorToSecond(clock()),
  })
  keyUseCounter.count(key)
  log.debug({ ...caller, keyId: key.id }, 'a secret was exchanged for tokens')
  const facts = { surface: 'exchange', grantId }
  auditBuffer.record({ action: 'token.issued', subject: key.id, caller, facts })
  return ok(issued)
}

/** Returns the key, if the secret is right and the key may be used. */
async function verifySecret(
  { keyProofs, hasher, failureLimiter, clock, region }: ExchangeDeps,
  { publicId, secret }: ExchangeCredential,
  address: string,
): Promise<Result<Key>> {
  const now = clock()
  const network = toAddressBlock(address)
  const foundKey = await keyProofs.findKey(publicId, network)
  const usable: Result<Key> =
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
  if (key !== null && proof !== 'digest') keyProofs.remember(key, secret, network)
  return usable
}
