import { decodeJwt } from 'jose'
import { unpackAccessToken } from '../../src/crypto/token-layouts.ts'
import type { Result } from '../../src/domain/failure.ts'
import type {
  AccessTokenClaims,
  AnyTokenClaims,
  RefreshTokenClaims,
} from '../../src/domain/token.ts'
import type { TokenMinter } from '../../src/service/ports/crypto.ts'

/** Reads an access token of either kind, without a proof of it, as no client should. */
export function decodeAccessToken({
  accessToken,
}: {
  accessToken: string
}): Omit<AccessTokenClaims, 'keyId' | 'epoch'> {
  if (!accessToken.startsWith('at_')) {
    const { sid, gen, iat } = decodeJwt<{ sid: string; gen: number; iat: number }>(accessToken)
    return { grantId: sid, generation: gen, issuedAt: iat * 1000 }
  }
  const claims = unpackAccessToken(Buffer.from(accessToken.slice('at_'.length), 'base64url'))
  if (claims === null) throw new Error(`not an access token: ${accessToken}`)
  return claims
}

/** Reads and proves an access token, as the guard does. */
export async function verifyAccessToken(
  minter: TokenMinter,
  accessToken: string,
  tokenSalt: string,
): Promise<Result<AnyTokenClaims>> {
  const presented = await minter.readAccessToken(accessToken)
  return presented.ok ? presented.value.verify(tokenSalt) : presented
}

/** Reads and proves a refresh token. */
export function verifyRefreshToken(
  minter: TokenMinter,
  refreshToken: string,
  tokenSalt: string,
): Result<RefreshTokenClaims> {
  const presented = minter.readRefreshToken(refreshToken)
  return presented.ok ? presented.value.verify(tokenSalt) : presented
}
