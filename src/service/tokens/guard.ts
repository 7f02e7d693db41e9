import {
  type AccessFailure,
  type CredentialFailure,
  fail,
  failForged,
  KEY_UNKNOWN,
  ok,
  type Result,
  type TokenFailure,
} from '../../domain/failure.ts'
import { isFromFuture } from '../../domain/instant.ts'
import { checkKeyUsable, type Key } from '../../domain/key.ts'
import type { Grant } from '../../domain/rotation.ts'
import { listCurrentScopes } from '../../domain/scope.ts'
import {
  type AnyTokenClaims,
  type ClientTokenClaims,
  getTokenExpiry,
  isClientToken,
} from '../../domain/token.ts'
import type { Caller } from '../audit/buffer.ts'
import type { KeyCache, KeyWithRouting } from '../authenticate/key-cache.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { GrantStorage } from '../ports/authority.ts'
import type { TokenMinter } from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'

export interface VerifyTokenDeps {
  readonly keyCache: KeyCache
  readonly minter: TokenMinter
  readonly clock: Clock
  readonly region: string
}

export interface GuardDeps extends VerifyTokenDeps {
  readonly storage: GrantStorage
  readonly keyUseCounter: KeyUseCounter
  /** The server's public URL, which tokens of clients must be for. */
  readonly publicUrl: string
}

export type GuardFailure = CredentialFailure | TokenFailure | AccessFailure

/** The holder of a verified access token, whom every guarded surface works with. */
export interface Principal extends KeyWithRouting {
  /** The scopes of a client's token; null for a token that a key and secret were exchanged for. */
  readonly scopes: readonly string[] | null
}

/**
 * Returns the principal of an access token, and sets the caller's key if the token is genuine. A token of a
 * client must be for this server, unless `anyAudience` is true: a proxy guards other services.
 */
export type Guard = (
  accessToken: string,
  caller: Caller,
  options?: { readonly anyAudience: boolean },
) => Promise<Result<Principal, GuardFailure>>

export const createGuard =
  (deps: GuardDeps): Guard =>
  (accessToken, caller, { anyAudience } = OWN_AUDIENCE) =>
    admitToken(deps, accessToken, caller, anyAudience)

const OWN_AUDIENCE = { anyAudience: false }

async function admitToken(
  deps: GuardDeps,
  accessToken: string,
  caller: Caller,
  anyAudience: boolean,
): Promise<Result<Principal, GuardFailure>> {
  const { keyCache, storage, keyUseCounter, clock, publicUrl } = deps
  const verified = await verifyToken(deps, accessToken, caller.address, caller)
  if (!verified.ok) {
    if ('keyId' in verified.failure) caller.keyId = verified.failure.keyId
    return verified
  }
  const { principal, token, grant } = verified.value
  caller.keyId = principal.key.id
  if (isClientToken(token)) {
    const audience = findAudience(token, principal.key) ?? publicUrl
    const isOwn = audience === publicUrl || audience.startsWith(`${publicUrl}/`)
    if (!isOwn && !anyAudience) return failForged('for another audience')
  } else if (grant?.generation === token.generation && grant.acknowledgedAt === null) {
    // A use of the newest access token proves that it was received, so its response is no longer
    // repeated.
    await storage.acknowledgeGrant(token.grantId, token.generation, clock())
    keyCache.forgetGrant(token)
  }
  keyUseCounter.count(principal.key)
  return ok(principal)
}

/** Returns the audience of a client's token; null for this server. */
export const findAudience = (
  { audience }: ClientTokenClaims,
  { oauthClient }: Key,
): string | null => audience ?? oauthClient?.audience ?? null

export interface VerifiedToken {
  readonly principal: Principal
  readonly token: AnyTokenClaims
  /** The grant of a token that a key and secret were exchanged for, if it has a row. */
  readonly grant: Grant | null
}

/**
 * Verifies an access token. It is checked at every use, so that revocation takes effect at once. `address` is
 * null if the token's user is not at the other end; the IP allowlist is not applied then.
 */
export async function verifyToken(
  { keyCache, minter, clock, region }: VerifyTokenDeps,
  accessToken: string,
  address: string | null,
  caller?: Pick<Caller, 'isClient'>,
): Promise<Result<VerifiedToken, GuardFailure>> {
  const presented = await minter.readAccessToken(accessToken)
  if (!presented.ok) return presented
  const authority = await keyCache.readTokenAuthority(presented.value.keyId, accessToken)
  const verified = presented.value.verify(authority.key?.tokenSalt ?? minter.decoySalt)
  if (authority.key === null) return KEY_UNKNOWN
  if (!verified.ok) return verified
  keyCache.rememberVerified(accessToken, authority)
  const token = verified.value
  const { keyId } = token
  if (caller !== undefined) caller.isClient = isClientToken(token)

  const now = clock()
  if (now >= getTokenExpiry(token)) return fail({ reason: 'token_expired', keyId })
  if (isFromFuture(token.issuedAt, now)) return fail({ reason: 'token_from_future', keyId })
  const found = await keyCache.findAtVersion(authority.key.publicId, authority.version)
  // Another key may have this public id now, and a token must not open what belongs to that key.
  if (found?.key.id !== keyId) return KEY_UNKNOWN
  const { key, routings } = found
  const usable = checkKeyUsable(key, address, now, region)
  if (!usable.ok) return usable
  if (token.epoch !== key.tokenEpoch) return fail({ reason: 'token_superseded', keyId })

  if (isClientToken(token)) {
    if (key.oauthClient === null) return KEY_UNKNOWN
    if (await keyCache.isRevoked(key.accountId, token, authority)) {
      return fail({ reason: 'token_revoked', keyId })
    }
    const scopes = listCurrentScopes(token.scope, key.oauthClient)
    return ok({ principal: { key, routings, scopes }, token, grant: null })
  }
  const grant = await keyCache.findGrant(token, authority)
  if (grant !== null && grant.revokedAt !== null) {
    return fail({ reason: 'grant_revoked', keyId, grantId: token.grantId })
  }
  return ok({ principal: { key, routings, scopes: null }, token, grant })
}
