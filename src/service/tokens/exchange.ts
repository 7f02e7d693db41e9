import { type Failure, fail, KEY_UNKNOWN, ok, type Result } from '../../domain/failure.ts'
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

/**
 * Exchanges a key and secret for tokens. Waits for no write: both tokens carry their own proof, and
 * each use of them reads the key's row. The audit event is written a moment later.
 */
export function createExchange(deps: ExchangeDeps) {
  const { keyProofs, hasher, minter, failureLimiter, random, clock, log, region } = deps
  const { keyUseCounter, auditBuffer, recordRefusal } = deps

  return async function exchange(
    credential: { publicId: string; secret: string },
    caller: Caller,
  ): Promise<Result<IssuedTokens>> {
    const verified = await verifyCredential(credential, caller)
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
    log.debug({ ...caller, keyId: key.id }, 'exchanged')
    const facts = { surface: 'exchange', grantId }
    auditBuffer.record({ action: 'token.issued', subject: key.id, caller, facts })
    return ok(issued)
  }

  /** Returns the key, if the secret is right and the key may be used. */
  async function verifyCredential(
    { publicId, secret }: { publicId: string; secret: string },
    { address }: Caller,
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
    if (!keyProofs.isProven(key, secret, now)) {
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
        return usable.ok ? fail(toSecretFailure(usable.value)) : usable
      }
    }
    if (key !== null) keyProofs.remember(key, secret, network)
    return usable
  }
}

const toSecretFailure = (key: Key): Failure => ({ reason: 'secret_wrong', keyId: key.id })

export type Exchange = ReturnType<typeof createExchange>
