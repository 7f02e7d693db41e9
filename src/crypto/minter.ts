import { LRUCache } from 'lru-cache'
import { fail, ok, type Result } from '../domain/failure.ts'
import { toStoredId } from '../domain/id.ts'
import { limitEntries } from '../domain/limits.ts'
import { getAccessTokenExpiry, type RefreshTokenClaims, type TokenClaims } from '../domain/token.ts'
import type { TokenMinter, TokenPair } from '../service/ports/crypto.ts'
import type { Maybe } from '../service/ports/runtime.ts'
import type { Keyring } from './keyring.ts'
import type { Primitives } from './primitives.ts'

export interface TokenMinterOptions {
  /** The `iss` claim: the server's public URL. */
  readonly issuer: string
  /** The `aud` claim: the resource that the tokens give access to. */
  readonly audience: string
  /** The number of verified signatures to cache. */
  readonly remembered?: number
}

/** RFC 9068 claims, in signing order. Times are in whole seconds (RFC 7519 §2). */
interface JwtClaims {
  iss: string
  aud: string
  sub: string
  client_id: string
  sid: string
  gen: number
  epoch: number
  jti: string
  iat: number
  exp: number
}

export function createTokenMinter(
  primitives: Primitives,
  keyring: Keyring,
  { issuer, audience, remembered = 20_000 }: TokenMinterOptions,
): TokenMinter {
  const decoder = new TextDecoder()

  // Each signing key has exactly one valid header. A token with any other header is rejected, so no
  // algorithm is ever read from a token (RFC 8725 §3.1).
  const headers = new Map<string, string>()
  function encodeHeader(kid: string): string {
    let text = headers.get(kid)
    if (text === undefined) {
      text = primitives.base64urlEncode(JSON.stringify({ alg: 'EdDSA', typ: 'at+jwt', kid }))
      headers.set(kid, text)
    }
    return text
  }

  // Caches proofs of authenticity, never permissions. A verified signature stays valid under the
  // keys of this ring.
  const verifiedTokens = new LRUCache<string, TokenClaims>(limitEntries(remembered))
  let verifiedUnder = keyring.publicKeys

  return {
    decoySalt: primitives.base64urlEncode(primitives.randomBytes(16)),

    mint(claims, tokenSalt) {
      const refreshToken = mintRefresh(claims, tokenSalt)
      const kid = keyring.currentId('sign')
      const signer = keyring.signer(kid)
      if (signer === undefined) throw new Error('the current signing key is missing')
      const signingInput = `${encodeHeader(kid)}.${primitives.base64urlEncode(JSON.stringify(toJwtClaims(claims)))}`
      const finish = (signature: Uint8Array): TokenPair => ({
        accessToken: `${signingInput}.${primitives.base64urlEncode(signature)}`,
        refreshToken,
      })
      const signature = signer.sign(signingInput)
      return signature instanceof Promise ? signature.then(finish) : finish(signature)
    },

    verifyAccessToken(accessToken) {
      if (verifiedUnder !== keyring.publicKeys) {
        verifiedTokens.clear()
        verifiedUnder = keyring.publicKeys
      }
      const digest = primitives.sha256(accessToken)
      const cachedClaims = verifiedTokens.get(digest)
      if (cachedClaims !== undefined) return ok(cachedClaims)
      const verdict = verifyAccess(accessToken)
      const remember = (result: Result<TokenClaims>) => {
        if (result.ok) verifiedTokens.set(digest, result.value)
        return result
      }
      return verdict instanceof Promise ? verdict.then(remember) : remember(verdict)
    },

    readGrantId(refreshToken) {
      const bytes = decodeRefreshToken(refreshToken)
      return (bytes && unpackRefreshToken(bytes)?.grantId) ?? null
    },

    verifyRefreshToken(refreshToken, tokenSalt) {
      const bytes = decodeRefreshToken(refreshToken)
      if (bytes === null) return failForged('not a refresh token')
      const token = unpackRefreshToken(bytes)
      if (token === null) return failForged('a refresh token of another version')
      const mac = keyring.mac(token.ringId)
      if (mac === undefined) return failForged('made with a key that is not in the key ring')
      const tag = mac(tokenSalt, bytes.subarray(0, REFRESH_TOKEN_BODY_BYTES))
      if (!primitives.equal(tag, bytes.subarray(REFRESH_TOKEN_BODY_BYTES)))
        return failForged('the tag is wrong')
      return ok(token)
    },
  }

  function toJwtClaims(claims: TokenClaims): JwtClaims {
    return {
      iss: issuer,
      aud: audience,
      sub: claims.keyId,
      client_id: claims.clientId,
      sid: claims.grantId,
      gen: claims.generation,
      epoch: claims.epoch,
      jti: `${claims.grantId}.${claims.generation}`,
      iat: claims.issuedAt / 1000,
      exp: getAccessTokenExpiry(claims) / 1000,
    }
  }

  function verifyAccess(token: string): Maybe<Result<TokenClaims>> {
    const [head, payload, tail, ...more] = token.split('.')
    if (head === undefined || payload === undefined || tail === undefined || more.length > 0) {
      return failForged('not an access token')
    }
    const kid = keyring.publicKeys.find((key) => key.kid && encodeHeader(key.kid) === head)?.kid
    const signer = kid === undefined ? undefined : keyring.signer(kid)
    if (signer === undefined) return failForged('the header is not one that we write')
    const signature = primitives.base64urlDecode(tail)
    if (signature === null) return failForged('the signature is not base64url')
    const finishVerification = (genuine: boolean) =>
      genuine ? parsePayload(payload) : failForged('the signature is wrong')
    const genuine = signer.verify(`${head}.${payload}`, signature)
    return genuine instanceof Promise
      ? genuine.then(finishVerification)
      : finishVerification(genuine)
  }

  /** A verified signature guarantees the payload's shape, but not its issuer or audience. */
  function parsePayload(payload: string): Result<TokenClaims> {
    const bytes = primitives.base64urlDecode(payload)
    if (bytes === null) return failForged('the payload is not base64url')
    const { iss, aud, sub, client_id, sid, gen, epoch, iat } = JSON.parse(
      decoder.decode(bytes),
    ) as JwtClaims
    if (iss !== issuer) return failForged('of another issuer')
    if (aud !== audience) return failForged('for another audience')
    return ok({
      keyId: sub,
      // Tokens that an earlier version issued may have the id in upper case.
      clientId: toStoredId(client_id),
      grantId: sid,
      generation: gen,
      epoch,
      issuedAt: iat * 1000,
    })
  }

  function decodeRefreshToken(refreshToken: string): Uint8Array | null {
    if (!refreshToken.startsWith(REFRESH_TOKEN_PREFIX)) return null
    const bytes = primitives.base64urlDecode(refreshToken.slice(REFRESH_TOKEN_PREFIX.length))
    return bytes?.length === REFRESH_TOKEN_BYTES ? bytes : null
  }

  function mintRefresh(claims: TokenClaims, tokenSalt: string): string {
    const ringId = keyring.currentId('refresh')
    const mac = keyring.mac(ringId)
    if (mac === undefined) throw new Error('the current refresh key is missing')
    const bytes = packRefreshToken({ ...claims, ringId })
    const body = bytes.subarray(0, REFRESH_TOKEN_BODY_BYTES)
    bytes.set(mac(tokenSalt, body), REFRESH_TOKEN_BODY_BYTES)
    return REFRESH_TOKEN_PREFIX + primitives.base64urlEncode(bytes)
  }
}

const failForged = (detail: string): Result<never> => fail({ reason: 'token_forged', detail })

/*
 * rt_ + base64url( version 1 ‖ ring id 4 ‖ grant id 16 ‖ generation 4 ‖ issued-at 6 ‖ tag 32 )
 * 63 bytes, so 84 characters without padding or spare bits: one spelling for each token.
 */
export const REFRESH_TOKEN_PREFIX = 'rt_'
export const REFRESH_TOKEN_BODY_BYTES = 31
export const REFRESH_TOKEN_BYTES = REFRESH_TOKEN_BODY_BYTES + 32
const REFRESH_TOKEN_VERSION = 1
const UINT32_RANGE = 2 ** 32

/** Packs a token and leaves its tag zero. The tag is computed over the salt and these body bytes. */
export function packRefreshToken(token: RefreshTokenClaims): Uint8Array {
  const bytes = new Uint8Array(REFRESH_TOKEN_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, REFRESH_TOKEN_VERSION)
  view.setUint32(1, Number.parseInt(token.ringId, 16))
  const grant = token.grantId.replaceAll('-', '')
  for (let word = 0; word < 4; word++) {
    view.setUint32(5 + word * 4, Number.parseInt(grant.slice(word * 8, word * 8 + 8), 16))
  }
  view.setUint32(21, token.generation)
  view.setUint16(25, Math.floor(token.issuedAt / UINT32_RANGE))
  view.setUint32(27, token.issuedAt % UINT32_RANGE)
  return bytes
}

/** Returns null for an unsupported version. */
export function unpackRefreshToken(bytes: Uint8Array): RefreshTokenClaims | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, REFRESH_TOKEN_BODY_BYTES)
  if (view.getUint8(0) !== REFRESH_TOKEN_VERSION) return null
  const word = (at: number) => view.getUint32(at).toString(16).padStart(8, '0')
  const grant = word(5) + word(9) + word(13) + word(17)
  return {
    ringId: word(1),
    grantId: [
      grant.slice(0, 8),
      grant.slice(8, 12),
      grant.slice(12, 16),
      grant.slice(16, 20),
      grant.slice(20),
    ].join('-'),
    generation: view.getUint32(21),
    issuedAt: view.getUint16(25) * UINT32_RANGE + view.getUint32(27),
  }
}
