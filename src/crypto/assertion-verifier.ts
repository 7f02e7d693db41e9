import type { JWK } from 'jose'
import { compactVerify } from 'jose/jws/compact/verify'
import { type AssertionAlgorithm, failAssertion, isShallow } from '../domain/client-assertion.ts'
import { ok } from '../domain/failure.ts'
import type { AssertionVerifier } from '../service/ports/crypto.ts'
import type { Primitives } from './primitives.ts'

/** Reads client assertions, and verifies their signatures with jose. */
export function createAssertionVerifier(primitives: Primitives): AssertionVerifier {
  const decoder = new TextDecoder('utf-8', { fatal: true })

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
      const [head, payload, signature, ...more] = text.split('.')
      if (signature === undefined || more.length > 0) {
        return failAssertion('assertion_malformed', 'it is no signed JWT of three parts')
      }
      // jose accepts other spellings of one signature, by which an assertion could be repeated.
      if (primitives.base64urlDecode(signature) === null) {
        return failAssertion('assertion_malformed', 'its signature is no base64url')
      }
      const header = decodeObject(head)
      const claims = decodeObject(payload)
      if (header === null) return failAssertion('assertion_malformed', 'its header is no object')
      if (claims === null) return failAssertion('assertion_malformed', 'its payload is no object')
      return ok({ header, claims, text, signingInput: `${head}.${payload}` })
    },

    isSigned: ({ text }, { jwk }, algorithm) => isSigned(text, jwk as unknown as JWK, algorithm),

    async spendVerification({ text }, algorithm) {
      await isSigned(text, findDecoyKey(algorithm), algorithm)
    },
  }
}

async function isSigned(text: string, jwk: JWK, algorithm: AssertionAlgorithm): Promise<boolean> {
  try {
    await compactVerify(text, jwk, { algorithms: [algorithm] })
    return true
  } catch {
    // A key that the runtime cannot import verifies nothing either.
    return false
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
