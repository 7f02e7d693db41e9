import { failForged, ok } from '../domain/failure.ts'
import type { AccessTokenStrategy, TokenClaims } from '../domain/token.ts'
import type { TokenMinter, TokenPair } from '../service/ports/crypto.ts'
import { createJwtAccessTokens } from './jwt-access-token.ts'
import type { Keyring } from './keyring.ts'
import { createOpaqueAccessTokens } from './opaque-access-token.ts'
import type { Primitives } from './primitives.ts'
import {
  ACCESS_TOKEN_PREFIX,
  packRefreshToken,
  REFRESH_TOKEN_BODY_BYTES,
  REFRESH_TOKEN_PREFIX,
  unpackRefreshToken,
} from './token-layout.ts'

export interface TokenMinterOptions {
  /** The `iss` claim: the server's public URL. */
  readonly issuer: string
  /** The `aud` claim: the resource that the tokens give access to. */
  readonly audience: string
  /** The kind of access token to mint. */
  readonly strategy: AccessTokenStrategy
  /** The number of verified signatures to cache. */
  readonly remembered?: number
}

export function createTokenMinter(
  primitives: Primitives,
  keyring: Keyring,
  options: TokenMinterOptions,
): TokenMinter {
  const opaqueTokens = createOpaqueAccessTokens(primitives, keyring, options)
  const jwts = createJwtAccessTokens(primitives, keyring, options)

  return {
    decoySalt: primitives.base64urlEncode(primitives.randomBytes(16)),

    mint(claims, tokenSalt) {
      const refreshToken = mintRefreshToken(claims, tokenSalt)
      const toPair = (accessToken: string): TokenPair => ({ accessToken, refreshToken })
      if (options.strategy === 'opaque') return toPair(opaqueTokens.mint(claims, tokenSalt))
      const jwt = jwts.mint(claims)
      return jwt instanceof Promise ? jwt.then(toPair) : toPair(jwt)
    },

    readAccessToken: (accessToken) =>
      accessToken.startsWith(ACCESS_TOKEN_PREFIX)
        ? opaqueTokens.read(accessToken)
        : jwts.read(accessToken),

    readGrantId(refreshToken) {
      const bytes = decodeRefreshToken(refreshToken)
      return (bytes && unpackRefreshToken(bytes)?.grantId) ?? null
    },

    verifyRefreshToken(refreshToken, tokenSalt) {
      const bytes = decodeRefreshToken(refreshToken)
      const token = bytes === null ? null : unpackRefreshToken(bytes)
      if (bytes === null || token === null) {
        return failForged('not a refresh token of a known version')
      }
      const mac = keyring.mac('refresh', token.ringId)
      if (mac === undefined) return failForged('made with a key that is not in the key ring')
      const tag = mac(tokenSalt, bytes.subarray(0, REFRESH_TOKEN_BODY_BYTES))
      return primitives.equal(tag, bytes.subarray(REFRESH_TOKEN_BODY_BYTES))
        ? ok(token)
        : failForged('the tag is wrong')
    },
  }

  function decodeRefreshToken(refreshToken: string): Uint8Array | null {
    return refreshToken.startsWith(REFRESH_TOKEN_PREFIX)
      ? primitives.base64urlDecode(refreshToken.slice(REFRESH_TOKEN_PREFIX.length))
      : null
  }

  function mintRefreshToken(claims: TokenClaims, tokenSalt: string): string {
    const ringId = keyring.currentId('refresh')
    const mac = keyring.mac('refresh', ringId)
    if (mac === undefined) throw new Error('the current refresh key is missing')
    const bytes = packRefreshToken({ ...claims, ringId })
    bytes.set(mac(tokenSalt, bytes.subarray(0, REFRESH_TOKEN_BODY_BYTES)), REFRESH_TOKEN_BODY_BYTES)
    return REFRESH_TOKEN_PREFIX + primitives.base64urlEncode(bytes)
  }
}
