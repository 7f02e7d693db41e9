import { LRUCache } from 'lru-cache'
import { failForged, ok, type Result, type TokenFailure } from '../domain/failure.ts'
import { limitEntries } from '../domain/limits.ts'
import {
  type SigningAlgorithm,
  TOKEN_TYPE_HEADERS,
  type TokenTypeHeader,
} from '../domain/oauth-client.ts'
import {
  type AnyTokenClaims,
  getAccessTokenExpiry,
  getClientTokenExpiry,
  type TokenClaims,
} from '../domain/token.ts'
import type {
  ClientTokenForm,
  ClientTokenRequest,
  PresentedAccessToken,
} from '../service/ports/crypto.ts'
import type { MaybePromise } from '../service/ports/runtime.ts'
import type { Keyring, PublicKey } from './keyring.ts'
import { convertResult, type Primitives } from './primitives.ts'

/** RFC 9068 claims, in signing order. Times are in whole seconds (RFC 7519 §2). */
interface RegisteredClaims {
  iss: string
  aud: string
  sub: string
  client_id: string
  epoch: number
  jti: string
  iat: number
  exp: number
}

/** The claims of a token that a key and secret were exchanged for. */
interface ExchangeJwtClaims extends RegisteredClaims {
  sid: string
  gen: number
}

interface ClientJwtClaims extends RegisteredClaims {
  scope: string
  /** The row id of the key. `sub` is the client itself, which resource servers know (RFC 9068 §2.2). */
  key: string
}

/** The algorithm and type of exchanged tokens. */
const EXCHANGE_ALGORITHM: SigningAlgorithm = 'EdDSA'
const [EXCHANGE_TYPE] = TOKEN_TYPE_HEADERS

export interface JwtOptions {
  /** The `iss` claim: the server's public URL. */
  readonly issuer: string
  /** The `aud` claim: the resource that the tokens give access to. */
  readonly audience: string
  /** The number of verified signatures to cache. */
  readonly remembered?: number
}

/** Mints and verifies access tokens that a service can verify on its own, with the JWK Set (RFC 9068). */
export function createJwtAccessTokens(
  primitives: Primitives,
  keyring: Keyring,
  { issuer, audience, remembered = 20_000 }: JwtOptions,
) {
  const decoder = new TextDecoder()

  // Each signing key has exactly one valid header for each type. A token with any other header is
  // rejected, so no algorithm is ever read from a token (RFC 8725 §3.1).
  let headers = encodeHeaders(keyring.publicKeys)

  // Caches proofs of authenticity, never permissions. A verified signature stays valid under the
  // keys of this ring.
  const verifiedTokens = new LRUCache<string, PresentedAccessToken>(limitEntries(remembered))
  let keyringVersion = keyring.version

  /** Forgets everything that another ring proved. */
  function followKeyring(): void {
    if (keyringVersion === keyring.version) return
    verifiedTokens.clear()
    headers = encodeHeaders(keyring.publicKeys)
    keyringVersion = keyring.version
  }

  return {
    mint: (claims: TokenClaims): MaybePromise<string> =>
      sign(EXCHANGE_ALGORITHM, EXCHANGE_TYPE, {
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
      } satisfies ExchangeJwtClaims),

    mintForClient: (
      claims: ClientTokenRequest,
      { signingAlgorithm, tokenTypeHeader }: ClientTokenForm,
    ): MaybePromise<string> =>
      sign(signingAlgorithm, tokenTypeHeader, {
        iss: issuer,
        aud: claims.audience ?? audience,
        sub: claims.clientId,
        client_id: claims.clientId,
        scope: claims.scope,
        key: claims.keyId,
        epoch: claims.epoch,
        jti: claims.tokenId,
        iat: claims.issuedAt / 1000,
        exp: getClientTokenExpiry(claims) / 1000,
      } satisfies ClientJwtClaims),

    /** Reads a token. Its signature proves it, so no salt is needed. */
    read(token: string): MaybePromise<Result<PresentedAccessToken, TokenFailure>> {
      followKeyring()
      const digest = primitives.sha256(token)
      const verifiedToken = verifiedTokens.get(digest)
      if (verifiedToken !== undefined) return ok(verifiedToken)
      return convertResult(verifySignature(token), (result) => {
        if (!result.ok) return result
        const presented = { keyId: result.value.keyId, verify: () => result }
        verifiedTokens.set(digest, presented)
        return ok(presented)
      })
    },
  }

  function encodeHeaders(keys: readonly PublicKey[]) {
    return keys.flatMap(({ kid, alg }) =>
      TOKEN_TYPE_HEADERS.map((typ) => {
        const text = primitives.base64urlEncode(JSON.stringify({ alg, typ, kid }))
        return { kid, typ, text }
      }),
    )
  }

  function sign(
    algorithm: SigningAlgorithm,
    typ: TokenTypeHeader,
    claims: ExchangeJwtClaims | ClientJwtClaims,
  ): MaybePromise<string> {
    followKeyring()
    const kid = keyring.currentId(algorithm)
    const signer = keyring.signer(kid)
    const header = headers.find((one) => one.kid === kid && one.typ === typ)
    if (signer === undefined || header === undefined)
      throw new Error('the current signing key is missing')
    const signingInput = `${header.text}.${primitives.base64urlEncode(JSON.stringify(claims))}`
    return convertResult(
      signer.sign(signingInput),
      (signature) => `${signingInput}.${primitives.base64urlEncode(signature)}`,
    )
  }

  function verifySignature(token: string): MaybePromise<Result<AnyTokenClaims, TokenFailure>> {
    const [head, payload, tail, ...more] = token.split('.')
    if (head === undefined || payload === undefined || tail === undefined || more.length > 0) {
      return failForged('not an access token')
    }
    const header = headers.find(({ text }) => text === head)
    const signer = header && keyring.signer(header.kid)
    if (header === undefined || signer === undefined) {
      return failForged('the header is not one that we write')
    }
    const signature = primitives.base64urlDecode(tail)
    if (signature === null) return failForged('the signature is not base64url')
    return convertResult(signer.verify(`${head}.${payload}`, signature), (isGenuine) =>
      isGenuine ? parsePayload(payload, header.typ) : failForged('the signature is wrong'),
    )
  }

  /** A verified signature guarantees the payload's shape, but not its issuer or audience. */
  function parsePayload(
    payload: string,
    typ: TokenTypeHeader,
  ): Result<AnyTokenClaims, TokenFailure> {
    const bytes = primitives.base64urlDecode(payload)
    if (bytes === null) return failForged('the payload is not base64url')
    const claims = JSON.parse(decoder.decode(bytes)) as ExchangeJwtClaims | ClientJwtClaims
    const { iss, aud, sub, epoch, iat } = claims
    if (iss !== issuer) return failForged('of another issuer')
    const issuedAt = iat * 1000
    if ('scope' in claims) {
      const { jti: tokenId, exp, scope, key: keyId } = claims
      const lifetimeSeconds = exp - iat
      return ok({ keyId, tokenId, epoch, issuedAt, lifetimeSeconds, scope, audience: aud })
    }
    if (typ !== EXCHANGE_TYPE) return failForged('an exchanged token of another type')
    if (aud !== audience) return failForged('for another audience')
    return ok({ keyId: sub, grantId: claims.sid, generation: claims.gen, epoch, issuedAt })
  }
}
