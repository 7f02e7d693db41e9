import type { SecretDigester } from '../service/ports.ts'
import type { Keyring } from './keyring.ts'
import type { Primitives } from './primitives.ts'

/**
 * HMAC-SHA-256 with the key ring: `hmac.<ring id>.<base64url>`. With the database alone nobody can try
 * guesses; and as the digest is what a key is found by, a lookup tells nothing about the secret.
 */
export function createSecretDigester(primitives: Primitives, keyring: Keyring): SecretDigester {
  const digestUnder = (id: string, secret: string): string => {
    const mac = keyring.digester(id)
    if (mac === undefined) throw new Error(`digest key ${id} is not in the key ring`)
    return `hmac.${id}.${primitives.base64urlEncode(mac(secret))}`
  }
  const encoder = new TextEncoder()
  const isSame = (a: string, b: string) => primitives.equal(encoder.encode(a), encoder.encode(b))

  const candidates = (secret: string) => keyring.digesterIds.map((id) => digestUnder(id, secret))
  return {
    digest: (secret) => digestUnder(keyring.currentId('digest'), secret),
    candidates,
    matches: (secret, digests) =>
      candidates(secret).some((candidate) => digests.some((digest) => isSame(candidate, digest))),
  }
}
