import { LRUCache } from 'lru-cache'
import {
  type AccessFailure,
  type CredentialFailure,
  fail,
  KEY_UNKNOWN,
  ok,
  type Result,
  type TokenFailure,
} from '../../domain/failure.ts'
import { isFromFuture } from '../../domain/instant.ts'
import { checkKeyUsable } from '../../domain/key.ts'
import { limitEntries } from '../../domain/limits.ts'
import type { Grant } from '../../domain/rotation.ts'
import { listCurrentScopes } from '../../domain/scope.ts'
import { type AnyTokenClaims, getTokenExpiry, isClientToken } from '../../domain/token.ts'
import type { KeyCache, KeyWithRouting } from '../authenticate/key-cache.ts'
import { type Caller, identifyKey } from '../caller.ts'
import type { Authority, AuthorityStorage, GrantStorage } from '../ports/authority.ts'
import type { TokenMinter } from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'

export interface VerifyTokenDeps {
  readonly storage: Pick<GrantStorage, 'findGrant'> & Pick<AuthorityStorage, 'readAuthority'>
  readonly keyCache: KeyCache
  readonly tokenCache: TokenCache
  readonly minter: TokenMinter
  readonly clock: Clock
  readonly region: string
}

export type GuardFailure = CredentialFailure | TokenFailure | AccessFailure

/** The holder of a verified access token, whom every guarded surface works with. */
export interface Principal extends KeyWithRouting {
  /** The scopes of a client's token; null for a token that a key and secret were exchanged for. */
  readonly scopes: readonly string[] | null
}

export interface VerifiedToken {
  readonly principal: Principal
  readonly token: AnyTokenClaims
  /** The grant of a token that a key and secret were exchanged for, if it has a row. */
  readonly grant: Grant | null
}

/** The state before the first read that a token was judged by: while it lasts, the judgement holds. */
interface JudgedState {
  readonly authority: Authority
  readonly keyringVersion: number
}

interface CachedToken extends JudgedState {
  readonly verified: VerifiedToken
}

const MAX_CACHED_TOKENS = 10_000

export const createTokenCache = () =>
  new LRUCache<string, CachedToken>(limitEntries(MAX_CACHED_TOKENS))

export type TokenCache = ReturnType<typeof createTokenCache>

/**
 * Verifies an access token. It is checked at every use, so that revocation takes effect at once. `address` is
 * null if the token's user is not at the other end; the IP allowlist is not applied then.
 *
 * A token that was verified before needs only the authority, which concurrent requests read together, and
 * the checks that depend on the time and the address.
 */
export async function verifyToken(
  deps: VerifyTokenDeps,
  accessToken: string,
  address: string | null,
  caller?: Caller,
): Promise<Result<VerifiedToken, GuardFailure>> {
  const { storage, tokenCache, minter, clock, region } = deps
  const cached = tokenCache.get(accessToken)
  const authority = cached && (await storage.readAuthority())
  if (
    cached === undefined ||
    cached.authority.version !== authority?.version ||
    cached.keyringVersion !== minter.keyringVersion()
  ) {
    return verifyNewToken(deps, accessToken, address, caller)
  }
  const { verified } = cached
  const { principal, token } = verified
  if (caller !== undefined) caller.isClient = isClientToken(token)
  const now = clock()
  const failure = findTimeFailure(token, now)
  if (failure !== null) return fail(failure)
  if (caller !== undefined) identifyKey(caller, principal.key)
  const usable = checkKeyUsable(principal.key, address, now, region)
  if (!usable.ok) return usable
  return cached.authority.tokenRevocations === authority.tokenRevocations
    ? ok(verified)
    : checkRevocation(deps, accessToken, verified, { ...cached, authority })
}

async function verifyNewToken(
  deps: VerifyTokenDeps,
  accessToken: string,
  address: string | null,
  caller: Caller | undefined,
): Promise<Result<VerifiedToken, GuardFailure>> {
  const { keyCache, minter, clock, region } = deps
  const keyringVersion = minter.keyringVersion()
  const presented = await minter.readAccessToken(accessToken)
  if (!presented.ok) return presented
  const authority = await keyCache.readTokenAuthority(presented.value.keyId)
  const genuine = presented.value.verify(authority.key?.tokenSalt ?? minter.decoySalt)
  if (authority.key === null) return KEY_UNKNOWN
  if (!genuine.ok) return genuine
  const token = genuine.value
  const { keyId } = token
  if (caller !== undefined) caller.isClient = isClientToken(token)

  const now = clock()
  const failure = findTimeFailure(token, now)
  if (failure !== null) return fail(failure)
  const found = await keyCache.findAtVersion(authority.key.publicId, authority.version)
  // Another key may have this public id now, and a token must not open what belongs to that key.
  if (found?.key.id !== keyId) return KEY_UNKNOWN
  const { key, routings } = found
  if (caller !== undefined) identifyKey(caller, key)
  const usable = checkKeyUsable(key, address, now, region)
  if (!usable.ok) return usable
  if (token.epoch !== key.tokenEpoch) return fail({ reason: 'token_superseded', keyId })
  let scopes: readonly string[] | null = null
  if (isClientToken(token)) {
    if (key.oauthClient === null) return KEY_UNKNOWN
    scopes = listCurrentScopes(token.scope, key.oauthClient)
  }
  const principal = { key, routings, scopes }
  return checkRevocation(deps, accessToken, { principal, token }, { authority, keyringVersion })
}

function findTimeFailure(token: AnyTokenClaims, now: number): TokenFailure | null {
  const { keyId } = token
  if (now >= getTokenExpiry(token)) return { reason: 'token_expired', keyId }
  return isFromFuture(token.issuedAt, now) ? { reason: 'token_from_future', keyId } : null
}

/** Tests if the token or its grant was revoked, and caches the token if not. */
async function checkRevocation(
  { storage, keyCache, tokenCache }: VerifyTokenDeps,
  accessToken: string,
  { principal, token }: Omit<VerifiedToken, 'grant'>,
  { authority, keyringVersion }: JudgedState,
): Promise<Result<VerifiedToken, GuardFailure>> {
  const { keyId } = token
  let grant: Grant | null = null
  if (isClientToken(token)) {
    if (await keyCache.isRevoked(principal.key.accountId, token, authority)) {
      return fail({ reason: 'token_revoked', keyId })
    }
  } else {
    grant = await storage.findGrant(token.grantId)
    if (grant !== null && grant.revokedAt !== null) {
      return fail({ reason: 'grant_revoked', keyId, grantId: token.grantId })
    }
  }
  const verified: VerifiedToken = { principal, token, grant }
  tokenCache.set(accessToken, { verified, authority, keyringVersion })
  return ok(verified)
}
