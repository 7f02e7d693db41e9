import type { Key } from '../../domain/key.ts'
import { getAccessTokenExpiry, type TokenClaims } from '../../domain/token.ts'
import type { TokenMinter, TokenPair } from '../ports/crypto.ts'

/** What an exchange or a refresh gives: two tokens, and when the access token ends (epoch ms). */
export interface IssuedTokens extends TokenPair {
  readonly expiresAt: number
}

/** The tokens of one generation of a grant: the same facts give the same bytes. */
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
