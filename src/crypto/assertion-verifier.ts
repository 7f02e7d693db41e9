import type { JWK } from 'jose'
import { compactVerify } from 'jose/jws/compact/verify'
import { failAssertion } from '../domain/client-assertion.ts'
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
      return typeof value === 'object' && value !== null && !Array.isArray(value)
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

    async isSigned({ text }, { jwk }, algorithm) {
      try {
        await compactVerify(text, jwk as unknown as JWK, { algorithms: [algorithm] })
        return true
      } catch {
        // A key that the runtime cannot import verifies nothing either.
        return false
      }
    },
  }
}
