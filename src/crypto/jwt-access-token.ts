import { LRUCache } from 'lru-cache'
import { failForged, ok, type Result } from '../domain/failure.ts'
import { limitEntries } from '../domain/limits.ts'
import { type AccessTokenClaims, getAccessTokenExpiry, type TokenClaims } from '../domain/token.ts'
import type { PresentedAccessToken } from '../service/ports/crypto.ts'
import type { Maybe } from '../service/ports/runtime.ts'
import type { Keyring } from './keyring.ts'
import type { TokenMinterOptions } from './minter.ts'
import type { Primitives } from './primitives.ts'

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

/** Mints and verifies access tokens that a service can verify on its own, with the JWK set (RFC 9068). */
export function createJwtAccessTokens(
  primitives: Primitives,
  keyring: Keyring,
  { issuer, audience, remembered = 20_000 }: TokenMinterOptions,
) {
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
  const verifiedTokens = new LRUCache<string, PresentedAccessToken>(limitEntries(remembered))
  let verifiedUnder = keyring.publicKeys

  return {
    mint(claims: TokenClaims): Maybe<string> {
      const kid = keyring.currentId('sign')
      const signer = keyring.signer(kid)
      if (signer === undefined) throw new Error('the current signing key is missing')
      const signingInput = `${encodeHeader(kid)}.${primitives.base64urlEncode(JSON.stringify(toJwtClaims(claims)))}`
      const finish = (signature: Uint8Array) =>
        `${signingInput}.${primitives.base64urlEncode(signature)}`
      const signature = signer.sign(signingInput)
      return signature instanceof Promise ? signature.then(finish) : finish(signature)
    },

    /** Reads a token. Its signature proves it, so no salt is needed. */
    read(token: string): Maybe<Result<PresentedAccessToken>> {
      if (verifiedUnder !== keyring.publicKeys) {
        verifiedTokens.clear()
        verifiedUnder = keyring.publicKeys
      }
      const digest = primitives.sha256(token)
      const verifiedToken = verifiedTokens.get(digest)
      if (verifiedToken !== undefined) return ok(verifiedToken)
      const verdict = verifySignature(token)
      const remember = (result: Result<AccessTokenClaims>): Result<PresentedAccessToken> => {
        if (!result.ok) return result
        const presented = { keyId: result.value.keyId, verify: () => result }
        verifiedTokens.set(digest, presented)
        return ok(presented)
      }
      return verdict instanceof Promise ? verdict.then(remember) : remember(verdict)
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

  function verifySignature(token: string): Maybe<Result<AccessTokenClaims>> {
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
  function parsePayload(payload: string): Result<AccessTokenClaims> {
    const bytes = primitives.base64urlDecode(payload)
    if (bytes === null) return failForged('the payload is not base64url')
    const { iss, aud, sub, sid, gen, epoch, iat } = JSON.parse(decoder.decode(bytes)) as JwtClaims
    if (iss !== issuer) return failForged('of another issuer')
    if (aud !== audience) return failForged('for another audience')
    return ok({ keyId: sub, grantId: sid, generation: gen, epoch, issuedAt: iat * 1000 })
  }
}
