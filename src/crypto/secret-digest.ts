import type { SecretDigester } from '../service/ports/crypto.ts'
import type { Keyring } from './keyring.ts'
import type { Primitives } from './primitives.ts'

/**
 * Digests secrets with HMAC-SHA-256 under the key ring, as `hmac.<ring id>.<base64url>`. The database
 * alone does not allow guesses. Keys are looked up by digest, so the time of a lookup reveals nothing
 * about the secret.
 */
export function createSecretDigester(primitives: Primitives, keyring: Keyring): SecretDigester {
  const digestWithKey = (id: string, secret: string): string => {
    const mac = keyring.mac('digest', id)
    if (mac === undefined) throw new Error(`digest key ${id} is not in the key ring`)
    return `hmac.${id}.${primitives.base64urlEncode(mac(secret))}`
  }
  const decoyKey = primitives.base64urlEncode(primitives.randomBytes(32))

  return {
    digest: (secret) => digestWithKey(keyring.currentId('digest'), secret),
    *candidates(secret) {
      for (const id of keyring.digesterIds) yield digestWithKey(id, secret)
    },
    matches: (secret, digests) =>
      digests.some((digest) => {
        const [scheme, id = '', encoded = '', ...more] = digest.split('.')
        const mac = keyring.mac('digest', id)
        const bytes = primitives.base64urlDecode(encoded)
        if (scheme !== 'hmac' || more.length > 0 || mac === undefined || bytes === null)
          return false
        return primitives.equal(mac(secret), bytes)
      }),
    toDecoyId: (id) => toHexDigits(primitives.sha256(decoyKey + id).slice(0, DECOY_ID_LENGTH)),
  }
}

const DECOY_ID_LENGTH = 8

/** Maps each character to a hex digit by its low bits, so that the text sorts among ids. */
function toHexDigits(text: string): string {
  let digits = ''
  for (let n = 0; n < text.length; n++) digits += (text.charCodeAt(n) & 15).toString(16)
  return digits
}
