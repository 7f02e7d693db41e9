import { fail, failForged, KEY_UNKNOWN, ok, type Result } from '../../domain/failure.ts'
import { isFromFuture } from '../../domain/instant.ts'
import { checkKeyUsable } from '../../domain/key.ts'
import { getAccessTokenExpiry, isClientToken } from '../../domain/token.ts'
import type { KeyCache, KeyWithRouting } from '../authenticate/key-cache.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { GrantStorage } from '../ports/authority.ts'
import type { TokenMinter } from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'

export interface GuardDeps {
  readonly keyCache: KeyCache
  readonly storage: GrantStorage
  readonly minter: TokenMinter
  readonly keyUseCounter: KeyUseCounter
  readonly clock: Clock
  readonly region: string
}

/** A verified key with its routing, which every guarded surface works with. */
export type Principal = KeyWithRouting

export type Guard = (accessToken: string, address: string) => Promise<Result<Principal>>

export const createGuard =
  (deps: GuardDeps): Guard =>
  (accessToken, address) =>
    verifyAccess(deps, accessToken, address)

/**
 * Returns the principal of an access token. It is checked at every use, so that revocation takes
 * effect at once.
 */
async function verifyAccess(
  { keyCache, storage, minter, keyUseCounter, clock, region }: GuardDeps,
  accessToken: string,
  address: string,
): Promise<Result<Principal>> {
  const presented = await minter.readAccessToken(accessToken)
  if (!presented.ok) return presented
  const authority = await keyCache.readTokenAuthority(presented.value.keyId, accessToken)
  const verified = presented.value.verify(authority.key?.tokenSalt ?? minter.decoySalt)
  if (authority.key === null) return KEY_UNKNOWN
  if (!verified.ok) return verified
  keyCache.rememberVerified(accessToken, authority)
  const token = verified.value
  if (isClientToken(token)) return failForged('it opens no surface of exchanged tokens')
  const { keyId, grantId, generation } = token

  const now = clock()
  if (now >= getAccessTokenExpiry(token)) return fail({ reason: 'token_expired', keyId })
  if (isFromFuture(token.issuedAt, now)) return fail({ reason: 'token_from_future', keyId })
  const { principal, grant } = await keyCache.findByToken(
    token,
    authority.key.publicId,
    authority.version,
  )
  // Another key may have this public id now, and a token must not open what belongs to that key.
  if (principal?.key.id !== keyId) return KEY_UNKNOWN
  const usable = checkKeyUsable(principal.key, address, now, region)
  if (!usable.ok) return usable
  if (token.epoch !== principal.key.tokenEpoch) return fail({ reason: 'token_superseded', keyId })
  if (grant !== null && grant.revokedAt !== null) {
    return fail({ reason: 'grant_revoked', keyId, grantId })
  }

  // A use of the newest access token proves that it was received, so its response is no longer
  // repeated.
  if (grant?.generation === generation && grant.acknowledgedAt === null) {
    await storage.acknowledgeGrant(grantId, generation, now)
    keyCache.forgetGrant(token)
  }
  keyUseCounter.count(principal.key)
  return ok(principal)
}
