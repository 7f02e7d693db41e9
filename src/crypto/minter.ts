import { failForged, ok, type Result, type TokenFailure } from '../domain/failure.ts'
import type {
  AccessTokenClaims,
  AccessTokenStrategy,
  ClientTokenClaims,
  TokenClaims,
} from '../domain/token.ts'
import type { PresentedAccessToken, TokenMinter, TokenPair } from '../service/ports/crypto.ts'
import { createJwtAccessTokens, type JwtOptions } from './jwt-access-token.ts'
import type { Keyring } from './keyring.ts'
import { convertResult, type Primitives } from './primitives.ts'
import {
  ACCESS_TOKEN_PREFIX,
  ACCESS_TOKEN_TAG_BYTES,
  packAccessToken,
  packClientToken,
  packRefreshToken,
  REFRESH_TOKEN_BODY_BYTES,
  REFRESH_TOKEN_PREFIX,
  unpackAccessToken,
  unpackClientToken,
  unpackRefreshToken,
} from './token-layouts.ts'

export interface TokenMinterOptions extends JwtOptions {
  /** The kind of access token to mint. */
  readonly strategy: AccessTokenStrategy
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
    keyringVersion: () => keyring.version,

    mint(claims, tokenSalt) {
      const refreshToken = mintRefreshToken(claims, tokenSalt)
      const accessToken =
        options.strategy === 'opaque' ? opaqueTokens.mint(claims, tokenSalt) : jwts.mint(claims)
      return convertResult(accessToken, (text): TokenPair => ({ accessToken: text, refreshToken }))
    },

    mintClientToken: (request, form, tokenSalt) =>
      form.tokenStrategy === 'opaque'
        ? opaqueTokens.mintForClient(request, tokenSalt)
        : jwts.mintForClient(request, form),

    readAccessToken: (accessToken) =>
      accessToken.startsWith(ACCESS_TOKEN_PREFIX)
        ? opaqueTokens.read(accessToken)
        : jwts.read(accessToken),

    readRefreshToken(refreshToken) {
      const bytes = refreshToken.startsWith(REFRESH_TOKEN_PREFIX)
        ? primitives.base64urlDecode(refreshToken.slice(REFRESH_TOKEN_PREFIX.length))
        : null
      const claims = bytes && unpackRefreshToken(bytes)
      if (bytes === null || claims === null) {
        return failForged('not a refresh token of a known version')
      }
      return ok({
        claims,
        verify(tokenSalt) {
          const mac = keyring.mac('refresh', claims.ringId)
          if (mac === undefined) return failForged('made with a key that is not in the key ring')
          const tag = mac.compute(tokenSalt, bytes.subarray(0, REFRESH_TOKEN_BODY_BYTES))
          return primitives.equal(tag, bytes.subarray(REFRESH_TOKEN_BODY_BYTES))
            ? ok(claims)
            : failForged('the tag is wrong')
        },
      })
    },
  }

  function mintRefreshToken(claims: TokenClaims, tokenSalt: string): string {
    const ringId = keyring.currentId('refresh')
    const mac = keyring.mac('refresh', ringId)
    if (mac === undefined) throw new Error('the current refresh key is missing')
    const bytes = packRefreshToken(claims, ringId)
    bytes.set(
      mac.compute(tokenSalt, bytes.subarray(0, REFRESH_TOKEN_BODY_BYTES)),
      REFRESH_TOKEN_BODY_BYTES,
    )
    return REFRESH_TOKEN_PREFIX + primitives.base64urlEncode(bytes)
  }
}

/**
 * Mints and verifies opaque access tokens: nothing to sign, and short enough for a narrow column. The tag is
 * an HMAC-SHA-256, cut to 128 bits, over issuer, audience, the key's token salt and the body. Without the
 * salt, the key ring mints none; without the ring, the database mints none.
 */
function createOpaqueAccessTokens(
  primitives: Primitives,
  keyring: Keyring,
  { issuer, audience }: Pick<JwtOptions, 'issuer' | 'audience'>,
) {
  const domain = ['latchkey access token', issuer, audience, ''].join('\0')

  const computeTag = (ringId: string, tokenSalt: string, body: Uint8Array) =>
    keyring
      .mac('access', ringId)
      ?.compute(domain + tokenSalt, body)
      .subarray(0, ACCESS_TOKEN_TAG_BYTES)

  /** The tag covers everything before it. */
  function seal(bytes: Uint8Array, ringId: string, tokenSalt: string): string {
    const bodyBytes = bytes.length - ACCESS_TOKEN_TAG_BYTES
    const tag = computeTag(ringId, tokenSalt, bytes.subarray(0, bodyBytes))
    if (tag === undefined) throw new Error('the current access token key is missing')
    bytes.set(tag, bodyBytes)
    return ACCESS_TOKEN_PREFIX + primitives.base64urlEncode(bytes)
  }

  return {
    mint(claims: AccessTokenClaims, tokenSalt: string): string {
      const ringId = keyring.currentId('access')
      return seal(packAccessToken(claims, ringId), ringId, tokenSalt)
    },

    mintForClient(claims: ClientTokenClaims, tokenSalt: string): string {
      const ringId = keyring.currentId('access')
      return seal(packClientToken(claims, ringId), ringId, tokenSalt)
    },

    /** Reads a token that begins with the prefix. */
    read(token: string): Result<PresentedAccessToken, TokenFailure> {
      const bytes = primitives.base64urlDecode(token.slice(ACCESS_TOKEN_PREFIX.length))
      const unpacked = bytes && (unpackAccessToken(bytes) ?? unpackClientToken(bytes))
      if (bytes === null || unpacked === null) {
        return failForged('not an access token of a known version')
      }
      const { ringId, ...claims } = unpacked
      if (keyring.mac('access', ringId) === undefined) {
        return failForged('made with a key that is not in the key ring')
      }
      return ok({
        keyId: claims.keyId,
        verify(tokenSalt) {
          const bodyBytes = bytes.length - ACCESS_TOKEN_TAG_BYTES
          const tag = computeTag(ringId, tokenSalt, bytes.subarray(0, bodyBytes))
          return tag !== undefined && primitives.equal(tag, bytes.subarray(bodyBytes))
            ? ok(claims)
            : failForged(
                'the secret was replaced after it was issued, or LATCHKEY_URL is another one, or the tag is wrong',
              )
        },
      })
    },
  }
}
