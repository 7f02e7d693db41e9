import { ok, type Result } from '../../domain/failure.ts'
import type { Key } from '../../domain/key.ts'
import {
  type AnyTokenClaims,
  GRANT_RETENTION_MS,
  getTokenExpiry,
  isClientToken,
} from '../../domain/token.ts'
import type { RecordRefusal } from '../audit/record-refusal.ts'
import type { Caller } from '../caller.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { AuditEvent } from '../ports/audit.ts'
import type { AssertionStorage, GrantStorage, RevokedTokenStorage } from '../ports/authority.ts'
import type { TokenMinter } from '../ports/crypto.ts'
import type { Random } from '../ports/runtime.ts'
import {
  type AuthenticateClientDeps,
  authenticateClient,
  type ClientCredential,
  type ClientFailure,
} from './authenticate-client.ts'

export interface RevokeTokenDeps extends AuthenticateClientDeps {
  readonly storage: Pick<AssertionStorage, 'useAssertion'> &
    Pick<GrantStorage, 'revokeGrant'> &
    Pick<RevokedTokenStorage, 'revokeToken'>
  readonly minter: TokenMinter
  readonly random: Random
  readonly keyUseCounter: KeyUseCounter
  readonly recordRefusal: RecordRefusal
}

export type RevokeToken = (
  request: { readonly credential: ClientCredential; readonly token: string },
  caller: Caller,
) => Promise<Result<void, ClientFailure>>

/** Revokes a token of the client (RFC 7009). Every other token is ignored, and answered alike. */
export const createRevokeToken =
  (deps: RevokeTokenDeps): RevokeToken =>
  async ({ credential, token }, caller) => {
    const client = await authenticateClient(deps, credential, caller)
    if (!client.ok) {
      deps.recordRefusal('revocation', client.failure, caller)
      return client
    }
    const key = client.value
    caller.keyId = key.id
    deps.keyUseCounter.count(key, caller)
    await revokeOwnToken(deps, key, token, caller)
    return ok(undefined)
  }

async function revokeOwnToken(
  { storage, minter, random, clock }: RevokeTokenDeps,
  key: Key,
  token: string,
  { address, path, requestId }: Caller,
): Promise<void> {
  const now = clock()
  const { id: keyId, accountId } = key
  const createEvent = (
    action: 'token.revoked' | 'grant.revoked',
    subject: string,
    facts: AuditEvent['facts'],
  ): AuditEvent => ({
    id: random.uuid(),
    at: now,
    actor: keyId,
    action,
    subject,
    facts: { ...facts, address, path },
    requestId,
  })

  const accessToken = await verifyOwnAccessToken(minter, key, token)
  if (accessToken !== null && isClientToken(accessToken)) {
    const { tokenId } = accessToken
    const endsAt = getTokenExpiry(accessToken)
    if (now >= endsAt) return
    const event = createEvent('token.revoked', keyId, { tokenId })
    await storage.revokeToken({ accountId, tokenId, endsAt }, event)
    return
  }
  // A token that a legacy key was exchanged for ends with all tokens of its grant (RFC 7009 §2.1).
  const read = minter.readRefreshToken(token)
  const refreshToken = read.ok ? read.value.verify(key.tokenSalt) : read
  const grant = accessToken ?? (refreshToken.ok ? refreshToken.value : null)
  if (grant === null) return
  const { grantId, generation } = grant
  await storage.revokeGrant(
    { grantId, keyId, generation, revokedAt: now, expiresAt: now + GRANT_RETENTION_MS },
    createEvent('grant.revoked', grantId, { keyId, generation }),
  )
}

/** Returns the claims of an access token that was issued to this key; null for any other text. */
async function verifyOwnAccessToken(
  minter: TokenMinter,
  { id, tokenSalt }: Key,
  token: string,
): Promise<AnyTokenClaims | null> {
  const presented = await minter.readAccessToken(token)
  if (!presented.ok || presented.value.keyId !== id) return null
  const verified = presented.value.verify(tokenSalt)
  return verified.ok ? verified.value : null
}
