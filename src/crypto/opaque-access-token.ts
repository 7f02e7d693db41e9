import { failForged, ok, type Result } from '../domain/failure.ts'
import type { AccessTokenClaims } from '../domain/token.ts'
import type { PresentedAccessToken } from '../service/ports/crypto.ts'
import type { Keyring } from './keyring.ts'
import type { TokenMinterOptions } from './minter.ts'
import type { Primitives } from './primitives.ts'
import {
  ACCESS_TOKEN_BODY_BYTES,
  ACCESS_TOKEN_PREFIX,
  ACCESS_TOKEN_TAG_BYTES,
  packAccessToken,
  unpackAccessToken,
} from './token-layout.ts'

/**
 * Mints and verifies opaque access tokens: nothing to sign, and short enough for a narrow column. The tag is
 * an HMAC-SHA-256, cut to 128 bits, over issuer, audience, the key's token salt and the body. Without the
 * salt, the key ring mints none; without the ring, the database mints none.
 */
export function createOpaqueAccessTokens(
  primitives: Primitives,
  keyring: Keyring,
  { issuer, audience }: Pick<TokenMinterOptions, 'issuer' | 'audience'>,
) {
  const domain = ['latchkey access token', issuer, audience, ''].join('\0')

  const computeTag = (ringId: string, tokenSalt: string, body: Uint8Array) =>
    keyring
      .mac('access', ringId)?.(domain + tokenSalt, body)
      .subarray(0, ACCESS_TOKEN_TAG_BYTES)

  return {
    mint(claims: AccessTokenClaims, tokenSalt: string): string {
      const ringId = keyring.currentId('access')
      const bytes = packAccessToken({ ...claims, ringId })
      const tag = computeTag(ringId, tokenSalt, bytes.subarray(0, ACCESS_TOKEN_BODY_BYTES))
      if (tag === undefined) throw new Error('the current access token key is missing')
      bytes.set(tag, ACCESS_TOKEN_BODY_BYTES)
      return ACCESS_TOKEN_PREFIX + primitives.base64urlEncode(bytes)
    },

    /** Reads a token that begins with the prefix. */
    read(token: string): Result<PresentedAccessToken> {
      const bytes = primitives.base64urlDecode(token.slice(ACCESS_TOKEN_PREFIX.length))
      const unpacked = bytes === null ? null : unpackAccessToken(bytes)
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
          const tag = computeTag(ringId, tokenSalt, bytes.subarray(0, ACCESS_TOKEN_BODY_BYTES))
          return tag !== undefined && primitives.equal(tag, bytes.subarray(ACCESS_TOKEN_BODY_BYTES))
            ? ok(claims)
            : failForged('the tag is wrong, or the secret was replaced after it was issued')
        },
      })
    },
  }
}
