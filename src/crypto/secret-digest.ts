import type { SecretDigester } from '../service/ports/crypto.ts'
import type { Keyring } from './keyring.ts'
import type { Mac, Primitives } from './primitives.ts'

/**
 * Digests secrets with HMAC-SHA-256 under the key ring, as `hmac.<ring id>.<base64url>`. The database
 * alone does not allow guesses. Keys are looked up by digest, so the time of a lookup reveals nothing
 * about the secret.
 */
export function createSecretDigester(primitives: Primitives, keyring: Keyring): SecretDigester {
  const formatDigest = (id: string, mac: Mac, secret: string) =>
    `hmac.${id}.${primitives.base64urlEncode(mac(secret))}`
  const digestWithKey = (id: string, secret: string): string => {
    const mac = keyring.mac('digest', id)
    if (mac === undefined) throw new Error(`digest key ${id} is not in the key ring`)
    return formatDigest(id, mac, secret)
  }
  const encoder = new TextEncoder()
  const isEqualText = (a: string, b: string) =>
    primitives.equal(encoder.encode(a), encoder.encode(b))

  return {
    digest: (secret) => digestWithKey(keyring.currentId('digest'), secret),
    *candidates(secret) {
      for (const id of keyring.digesterIds) yield digestWithKey(id, secret)
    },
    matches: (secret, digests) =>
      digests.some((digest) => {
        const [, id = ''] = digest.split('.', 2)
        const mac = keyring.mac('digest', id)
        return mac !== undefined && isEqualText(formatDigest(id, mac, secret), digest)
      }),
  }
}
