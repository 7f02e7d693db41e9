import type { Key } from '../../domain/key.ts'
import { getAccessTokenExpiry, type TokenClaims } from '../../domain/token.ts'
import type { TokenMinter, TokenPair } from '../ports/crypto.ts'

/** The result of an exchange or a refresh: two tokens, and the expiry of the access token (epoch ms). */
export interface IssuedTokens extends TokenPair {
  readonly expiresAt: number
}

/** Issues the tokens of one generation of a grant. The same facts give the same bytes. */
export async function issueTokens(
  minter: TokenMinter,
  key: Key,
  generation: Pick<TokenClaims, 'grantId' | 'generation' | 'issuedAt'>,
): Promise<IssuedTokens> {
  const claims: TokenClaims = {
    keyId: key.id,
    clientId: key.publicId,
    epoch: key.tokenEpoch,
    ...generation,
  }
  return { ...(await minter.mint(claims, key.tokenSalt)), expiresAt: getAccessTokenExpiry(claims) }
}
