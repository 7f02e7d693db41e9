import { LRUCache } from 'lru-cache'
import { fail, KEY_UNKNOWN, ok, type Result } from '../../domain/failure.ts'
import { checkKeyUsable, type Key } from '../../domain/key.ts'
import { limitEntries } from '../../domain/limits.ts'
import { decideRotation, type Grant, type Rotation } from '../../domain/rotation.ts'
import { checkBrownout } from '../../domain/sunset.ts'
import { GRANT_RETENTION_MS, type RefreshTokenClaims } from '../../domain/token.ts'
import type { AuditBuffer } from '../audit/buffer.ts'
import type { RecordRefusal } from '../audit/record-refusal.ts'
import type { KeyProofs } from '../authenticate/key-proofs.ts'
import { type Caller, identifyKey } from '../caller.ts'
import type { FailureLimiter } from '../limits/rate-limits.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { GrantStorage } from '../ports/authority.ts'
import type { TokenMinter } from '../ports/crypto.ts'
import { type Clock, type Log, mapMaybePromise, type Random } from '../ports/runtime.ts'
import { type Generation, type IssuedTokens, issueTokens } from './issue.ts'

export interface RefreshDeps {
  readonly storage: GrantStorage
  readonly keyProofs: Pick<KeyProofs, 'presentKey' | 'findKey' | 'rememberKey'>
  readonly minter: TokenMinter
  readonly failureLimiter: FailureLimiter
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  readonly region: string
  readonly leewayMs: number
  readonly keyUseCounter: KeyUseCounter
  readonly auditBuffer: AuditBuffer
  readonly recordRefusal: RecordRefusal
}

/**
 * The number of times that a lost race is judged again. Each loss means that another request moved the
 * grant.
 */
const MAX_ROTATION_ATTEMPTS = 10

const MAX_CACHED_GRANTS = 10_000

interface RefreshContext extends RefreshDeps {
  /** The newest generation of the grants that this process rotated. */
  readonly newestGenerations: LRUCache<string, number>
}

interface RefreshCredential {
  readonly publicId: string
  readonly refreshToken: string
}

export type Refresh = (
  credential: RefreshCredential,
  caller: Caller,
) => Promise<Result<IssuedTokens>>

export function createRefresh(deps: RefreshDeps): Refresh {
  const newestGenerations = new LRUCache<string, number>(limitEntries(MAX_CACHED_GRANTS))
  const context: RefreshContext = { ...deps, newestGenerations }
  return (credential, caller) => refreshTokens(context, credential, caller)
}

/** Issues the tokens of the next generation, or repeats the response for a client that lost it. */
async function refreshTokens(
  deps: RefreshContext,
  credential: RefreshCredential,
  caller: Caller,
): Promise<Result<IssuedTokens>> {
  const { failureLimiter, log, recordRefusal } = deps
  const verified = await verifyRefresh(deps, credential, caller)
  const result = verified.ok ? await rotateGrant(deps, verified.value) : verified
  if (result.ok) {
    log.debug(caller, 'tokens were refreshed')
    return result
  }
  recordRefusal('refresh', result.failure, caller)
  // A brownout refuses callers who have proven their token.
  if (result.failure.reason === 'brownout') return result
  // A genuine token is never refused for the failures of others. Only failing callers are slowed
  // down.
  const { address } = caller
  const allowed = failureLimiter.checkAllowed(address)
  failureLimiter.countFailure(address)
  return allowed.ok ? result : allowed
}

async function verifyRefresh(
  { storage, newestGenerations, keyProofs, minter, keyUseCounter, clock, region }: RefreshContext,
  { publicId, refreshToken }: RefreshCredential,
  caller: Caller,
): Promise<Result<VerifiedRefresh>> {
  const now = clock()
  // The grant that the token names is read in one round trip with the key, and counts only if the token is
  // genuine. It is not read for the newest token that this process knows: the write that rotates the grant
  // fails if another process rotated or revoked it.
  const read = minter.readRefreshToken(refreshToken)
  const { grantId, generation } = read.ok ? read.value.claims : NO_GRANT
  const presented = keyProofs.presentKey(publicId, grantId)
  const isNewest = newestGenerations.get(grantId) === generation
  const [{ key: foundKey }, grant] = isNewest
    ? [await keyProofs.findKey(presented), null]
    : await Promise.all([keyProofs.findKey(presented), storage.findGrant(grantId)])
  const verifiedToken = read.ok ? read.value.verify(foundKey?.tokenSalt ?? minter.decoySalt) : read
  if (foundKey === null) return KEY_UNKNOWN
  if (!verifiedToken.ok) return verifiedToken
  keyProofs.rememberKey(presented, foundKey)
  identifyKey(caller, foundKey)
  const usable = checkKeyUsable(foundKey, caller.address, now, region)
  const admitted = usable.ok ? checkBrownout(usable.value, now) : usable
  if (!admitted.ok) return admitted
  keyUseCounter.count(foundKey, caller)
  return ok({ key: admitted.value, token: verifiedToken.value, grant, now, caller })
}

/** The claims of a text that is no refresh token: they name no grant. */
const NO_GRANT = { grantId: '', generation: undefined }

/** A refresh token that is proven to be the key's. */
interface VerifiedRefresh {
  readonly key: Key
  readonly token: RefreshTokenClaims
  /** The token's grant, as far as it was read. */
  readonly grant: Grant | null
  readonly now: number
  readonly caller: Caller
}

async function rotateGrant(
  deps: RefreshContext,
  verified: VerifiedRefresh,
): Promise<Result<IssuedTokens>> {
  const { token, now } = verified
  let { grant } = verified
  for (let attempt = 0; attempt < MAX_ROTATION_ATTEMPTS; attempt++) {
    const rotation = decideRotation(token, grant, now, deps.leewayMs)
    const result = await applyRotation(deps, verified, rotation)
    if (result !== 'lost the race') return result
    grant = await deps.storage.findGrant(token.grantId)
  }
  throw new Error(
    `grant ${token.grantId} moved ${MAX_ROTATION_ATTEMPTS} times while it was refreshed once`,
  )
}

async function applyRotation(
  { storage, newestGenerations, minter, random, auditBuffer }: RefreshContext,
  { key, token, now, caller }: VerifiedRefresh,
  rotation: Rotation,
): Promise<Result<IssuedTokens> | 'lost the race'> {
  const keyId = key.id
  const { grantId, generation } = token
  switch (rotation.act) {
    case 'rotate': {
      const { to, issuedAt } = rotation
      const won = await storage.rotateGrant({
        grantId,
        keyId,
        to,
        rotatedAt: issuedAt,
        expiresAt: issuedAt + GRANT_RETENTION_MS,
      })
      if (!won) return 'lost the race'
      newestGenerations.set(grantId, to)
      const facts = { surface: 'refresh', grantId, generation: to }
      auditBuffer.record({ action: 'token.refreshed', subject: keyId, caller, facts })
      return issueGeneration(minter, key, { grantId, generation: to, issuedAt })
    }
    case 'repeat': {
      const { to, issuedAt } = rotation
      return issueGeneration(minter, key, { grantId, generation: to, issuedAt })
    }
    case 'expired':
      return fail({ reason: 'token_expired', keyId })
    case 'revoked':
      return fail({ reason: 'grant_revoked', keyId, grantId })
    case 'outdated':
      return fail({ reason: 'refresh_outdated', keyId, grantId, generation })
    case 'reuse': {
      const { address, path, requestId } = caller
      await storage.revokeGrant(
        { grantId, keyId, generation, revokedAt: now, expiresAt: now + GRANT_RETENTION_MS },
        {
          id: random.uuid(),
          at: now,
          actor: keyId,
          action: 'grant.reused',
          subject: grantId,
          facts: { keyId, generation, address, path },
          requestId,
        },
      )
      return fail({ reason: 'refresh_reused', keyId, grantId, generation })
    }
  }
}

const issueGeneration = (minter: TokenMinter, key: Key, generation: Generation) =>
  mapMaybePromise(issueTokens(minter, key, generation), ok<IssuedTokens>)
