import type { JWK } from 'jose'
import {
  type AssertionAlgorithm,
  failAssertion,
  isShallow,
  type ParsedAssertion,
} from '../domain/client-assertion.ts'
import { ok } from '../domain/failure.ts'
import type { AssertionVerifier } from '../service/ports/crypto.ts'
import type { Primitives, VerifySignature } from './primitives.ts'

/** Reads client assertions, and verifies their signatures. */
export function createAssertionVerifier(primitives: Primitives): AssertionVerifier {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  /** Prepared keys by their JWK, of which the cache of key sets keeps one object. */
  const verifiers = new WeakMap<object, Map<AssertionAlgorithm, VerifySignature>>()

  function decodeObject(part: string | undefined): Readonly<Record<string, unknown>> | null {
    const bytes = part === undefined ? null : primitives.base64urlDecode(part)
    if (bytes === null) return null
    try {
      const value: unknown = JSON.parse(decoder.decode(bytes))
      return typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        isShallow(value)
        ? (value as Record<string, unknown>)
        : null
    } catch {
      return null
    }
  }

  return {
    parse(text) {
      const [head, payload, tail, ...more] = text.split('.')
      if (tail === undefined || more.length > 0) {
        return failAssertion('assertion_malformed', 'it is no signed JWT of three parts')
      }
      // A signature has one spelling, or an assertion could be repeated by another.
      const signature = primitives.base64urlDecode(tail)
      if (signature === null) {
        return failAssertion('assertion_malformed', 'its signature is no base64url')
      }
      const header = decodeObject(head)
      const claims = decodeObject(payload)
      if (header === null) return failAssertion('assertion_malformed', 'its header is no object')
      if (claims === null) return failAssertion('assertion_malformed', 'its payload is no object')
      return ok({ header, claims, signature, signingInput: `${head}.${payload}` })
    },

    isSigned: (assertion, { jwk }, algorithm) =>
      isSigned(assertion, jwk as unknown as JWK, algorithm),

    async spendVerification(assertion, algorithm) {
      await isSigned(assertion, findDecoyKey(algorithm), algorithm)
    },
  }

  async function isSigned(
    { signingInput, signature }: ParsedAssertion,
    jwk: JWK,
    algorithm: AssertionAlgorithm,
  ): Promise<boolean> {
    try {
      return await prepareVerifier(jwk, algorithm)(signingInput, signature)
    } catch {
      // A key that the runtime cannot import verifies nothing either.
      return false
    }
  }

  function prepareVerifier(jwk: JWK, algorithm: AssertionAlgorithm): VerifySignature {
    const byAlgorithm = verifiers.get(jwk) ?? new Map<AssertionAlgorithm, VerifySignature>()
    verifiers.set(jwk, byAlgorithm)
    const verify = byAlgorithm.get(algorithm) ?? primitives.verifier(jwk, algorithm)
    byAlgorithm.set(algorithm, verify)
    return verify
  }
}

const DECOY_RSA_KEY: JWK = {
  kty: 'RSA',
  n: 'oF7fEgg8CzG6kihIu4eLXrxlS1HfK_xqNM5rlcXuOaonuvsWuQE8AdrZaJNfQv_12IGb9ON70zssdjHDYqMoFMzdFSZuz121tum4UU3Tp-SyZLoTTB5j82mARqdJANDID1iUspOXNuevBaL8-SvMocmbLGvk2EIFwIUJaOttzhRMSECOLSwh1pWEHAmNTr0P2mabFojRBHIPTEbedP6M0rISCBeOmMLcGeE-ucvk2OSqyXs75r5iL2JCjVnIm6cDVji3Xrdy3_iFvnNeQ29zNJliiDYi8LmnbyasB9P0ECFdaMWhg2rxWhIeS2MMqCcgM97noyWhniWzk--r0KrluQ',
  e: 'AQAB',
}

/** Public keys whose private keys nobody has, by the algorithms that need a key of their own. */
const DECOY_KEYS: Readonly<Partial<Record<AssertionAlgorithm, JWK>>> = {
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    x: 'mO2T3yP-475kZFQOK-lO8ylwVi6qHKjBlnZMxmUyVTE',
    y: 'cWMr8Atq6tBj9OwzeFLjnxe033MNjTha3K3F-jGLFKo',
  },
  ES384: {
    kty: 'EC',
    crv: 'P-384',
    x: 'AriTdotdrg3-S9oyKbqY-wp8kE5p5LSgb-C2O0mJst4MimYPcspqWhe8Pxl_h7qc',
    y: 'CrveglXGE837zw3vIliciMe28FIT528aGwUnd2jjD2LxknlHmERVk5zm1HEPxMqO',
  },
  ES512: {
    kty: 'EC',
    crv: 'P-521',
    x: 'AOFyGGw3NUifg5ExLEVzHxWtmSnsq3mFGjy0QApwRiHaCpREdyiHt1BLDa-XS2hkAwE6uetOt3urntiCM6nygkRP',
    y: 'ABZC5TgQUNWD5yMGQviAbUR45jus-rfsEHirrUwqRsJsyp2OypRv2nwZUicsgvBAJbccnOX2Qk01WIiV5lMpvoBf',
  },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', x: 'Q85_vbg9-YZ4TlhBl3cuL7o6_xrRK_WA9Ijr6i5ik1A' },
}

const findDecoyKey = (algorithm: AssertionAlgorithm): JWK => DECOY_KEYS[algorithm] ?? DECOY_RSA_KEY
