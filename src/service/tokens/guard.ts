import { failForged, ok, type Result } from '../../domain/failure.ts'
import type { Key } from '../../domain/key.ts'
import { type ClientTokenClaims, isClientToken } from '../../domain/token.ts'
import type { Caller } from '../caller.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { GrantStorage } from '../ports/authority.ts'
import {
  type GuardFailure,
  type Principal,
  type VerifyTokenDeps,
  verifyToken,
} from './verify-token.ts'

export interface GuardDeps extends VerifyTokenDeps {
  readonly storage: VerifyTokenDeps['storage'] & Pick<GrantStorage, 'acknowledgeGrant'>
  readonly keyUseCounter: KeyUseCounter
  /** The server's public URL, which tokens of clients must be for. */
  readonly publicUrl: string
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
  const { tokenCache, storage, keyUseCounter, clock, publicUrl } = deps
  const verified = await verifyToken(deps, accessToken, caller.address, caller)
  if (!verified.ok) {
    if ('keyId' in verified.failure) caller.keyId = verified.failure.keyId
    return verified
  }
  const { principal, token, grant } = verified.value
  if (isClientToken(token)) {
    const audience = findAudience(token, principal.key) ?? publicUrl
    const isOwn = audience === publicUrl || audience.startsWith(`${publicUrl}/`)
    if (!isOwn && !anyAudience) return failForged('for another audience')
  } else if (grant?.generation === token.generation && grant.acknowledgedAt === null) {
    // A use of the newest access token proves that it was received, so its response is no longer
    // repeated. The authority does not show that change of the grant.
    await storage.acknowledgeGrant(token.grantId, token.generation, clock())
    tokenCache.delete(accessToken)
  }
  keyUseCounter.count(principal.key, caller)
  return ok(principal)
}

/** Returns the audience of a client's token; null for this server. */
export const findAudience = (
  { audience }: ClientTokenClaims,
  { oauthClient }: Key,
): string | null => audience ?? oauthClient?.audience ?? null
