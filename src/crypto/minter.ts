import { LRUCache } from 'lru-cache'
import { fail, ok, type Result } from '../domain/failure.ts'
import { toStoredId } from '../domain/id.ts'
import { expiresAt, type TokenFacts } from '../domain/token.ts'
import type { Maybe, TokenMinter, Tokens } from '../service/ports.ts'
import type { Keyring } from './keyring.ts'
import type { Primitives } from './primitives.ts'
import { BODY_BYTES, PREFIX, packToken, TOKEN_BYTES, unpackToken } from './refresh-token.ts'

export interface MinterOptions {
  /** `iss`: the server's public URL. */
  readonly issuer: string
  /** `aud`: what the tokens open. */
  readonly audience: string
  /** How many signature proofs are remembered. */
  readonly remembered?: number
}

/** RFC 9068 claims, in the order in which they are signed. Times in whole seconds (RFC 7519 §2). */
interface Claims {
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

export function createMinter(
  primitives: Primitives,
  keyring: Keyring,
  { issuer, audience, remembered = 20_000 }: MinterOptions,
): TokenMinter {
  const decoder = new TextDecoder()

  // The header is a function of the signing key: a token with any other header is not ours, so no
  // algorithm is ever read from a token (RFC 8725 §3.1).
  const headers = new Map<string, string>()
  function header(kid: string): string {
    let text = headers.get(kid)
    if (text === undefined) {
      text = primitives.base64urlEncode(JSON.stringify({ alg: 'EdDSA', typ: 'at+jwt', kid }))
      headers.set(kid, text)
    }
    return text
  }

  // Proofs, never permissions: a signature once verified stays verified, by the keys of this ring.
  const proofs = new LRUCache<string, TokenFacts>({ max: remembered })
  let provenBy = keyring.publicKeys

  return {
    decoySalt: primitives.base64urlEncode(primitives.randomBytes(16)),

    mint(facts, tokenSalt) {
      const refreshToken = mintRefresh(facts, tokenSalt)
      const kid = keyring.currentId('sign')
      const signer = keyring.signer(kid)
      if (signer === undefined) throw new Error('the current signing key is missing')
      const signed = `${header(kid)}.${primitives.base64urlEncode(JSON.stringify(claims(facts)))}`
      const finish = (signature: Uint8Array): Tokens => ({
        accessToken: `${signed}.${primitives.base64urlEncode(signature)}`,
        refreshToken,
      })
      const signature = signer.sign(signed)
      return signature instanceof Promise ? signature.then(finish) : finish(signature)
    },

    proveAccess(accessToken) {
      if (provenBy !== keyring.publicKeys) {
        proofs.clear()
        provenBy = keyring.publicKeys
      }
      const digest = primitives.sha256(accessToken)
      const proven = proofs.get(digest)
      if (proven !== undefined) return ok(proven)
      const verdict = verifyAccess(accessToken)
      const remember = (result: Result<TokenFacts>) => {
        if (result.ok) proofs.set(digest, result.value)
        return result
      }
      return verdict instanceof Promise ? verdict.then(remember) : remember(verdict)
    },

    proveRefresh(refreshToken, tokenSalt) {
      const bytes = refreshToken.startsWith(PREFIX)
        ? primitives.base64urlDecode(refreshToken.slice(PREFIX.length))
        : null
      if (bytes?.length !== TOKEN_BYTES) return forged('not a refresh token')
      const token = unpackToken(bytes)
      if (token === null) return forged('a refresh token of another version')
      const mac = keyring.mac(token.ringId)
      if (mac === undefined) return forged('made with a key that is not in the key ring')
      const tag = mac(tokenSalt, bytes.subarray(0, BODY_BYTES))
      if (!primitives.equal(tag, bytes.subarray(BODY_BYTES))) return forged('the tag is wrong')
      return ok(token)
    },
  }

  function claims(facts: TokenFacts): Claims {
    return {
      iss: issuer,
      aud: audience,
      sub: facts.keyId,
      client_id: facts.clientId,
      sid: facts.grantId,
      gen: facts.generation,
      epoch: facts.epoch,
      jti: `${facts.grantId}.${facts.generation}`,
      iat: facts.issuedAt / 1000,
      exp: expiresAt(facts) / 1000,
    }
  }

  function verifyAccess(token: string): Maybe<Result<TokenFacts>> {
    const [head, payload, tail, ...more] = token.split('.')
    if (head === undefined || payload === undefined || tail === undefined || more.length > 0) {
      return forged('not an access token')
    }
    const kid = keyring.publicKeys.find((key) => key.kid && header(key.kid) === head)?.kid
    const signer = kid === undefined ? undefined : keyring.signer(kid)
    if (signer === undefined) return forged('the header is not one that we write')
    const signature = primitives.base64urlDecode(tail)
    if (signature === null) return forged('the signature is not base64url')
    const judge = (genuine: boolean) => (genuine ? read(payload) : forged('the signature is wrong'))
    const genuine = signer.verify(`${head}.${payload}`, signature)
    return genuine instanceof Promise ? genuine.then(judge) : judge(genuine)
  }

  /** The payload carries our signature, so its shape is ours; who it is for may still be another. */
  function read(payload: string): Result<TokenFacts> {
    const bytes = primitives.base64urlDecode(payload)
    if (bytes === null) return forged('the payload is not base64url')
    const { iss, aud, sub, client_id, sid, gen, epoch, iat } = JSON.parse(
      decoder.decode(bytes),
    ) as Claims
    if (iss !== issuer) return forged('of another issuer')
    if (aud !== audience) return forged('for another audience')
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

  function mintRefresh(facts: TokenFacts, tokenSalt: string): string {
    const ringId = keyring.currentId('refresh')
    const mac = keyring.mac(ringId)
    if (mac === undefined) throw new Error('the current refresh key is missing')
    const bytes = packToken({ ...facts, ringId })
    const body = bytes.subarray(0, BODY_BYTES)
    bytes.set(mac(tokenSalt, body), BODY_BYTES)
    return PREFIX + primitives.base64urlEncode(bytes)
  }
}

const forged = (detail: string): Result<never> => fail({ reason: 'token_forged', detail })
