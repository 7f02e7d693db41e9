import type { Key } from '../../domain/key.ts'
import { getAccessTokenExpiry, type TokenClaims } from '../../domain/token.ts'
import type { TokenMinter, TokenPair } from '../ports/crypto.ts'
import { type MaybePromise, mapMaybePromise } from '../ports/runtime.ts'

/** The result of an exchange or a refresh: two tokens, and the expiry of the access token (epoch ms). */
export interface IssuedTokens extends TokenPair {
  readonly expiresAt: number
}

/** The facts that set one generation of a grant apart from all others. */
export type Generation = Pick<TokenClaims, 'grantId' | 'generation' | 'issuedAt'>

/** Issues the tokens of one generation of a grant. The same facts give the same bytes. */
export function issueTokens(
  minter: TokenMinter,
  key: Key,
  { grantId, generation, issuedAt }: Generation,
): MaybePromise<IssuedTokens> {
  const claims: TokenClaims = {
    keyId: key.id,
    clientId: key.publicId,
    epoch: key.tokenEpoch,
    grantId,
    generation,
    issuedAt,
  }
  const expiresAt = getAccessTokenExpiry(claims)
  return mapMaybePromise(
    minter.mint(claims, key.tokenSalt),
    ({ accessToken, refreshToken }): IssuedTokens => ({ accessToken, refreshToken, expiresAt }),
  )
}
