import type { SecretDigest } from '../domain/secret-forms/secret-check.ts'
import type { HashFunctions } from './primitives.ts'

const encoder = new TextEncoder()

/** Computes the digest that another system stores for a secret. Throws if the form needs a pepper and has none. */
export function computeDigest(
  functions: Pick<HashFunctions, 'digest' | 'hmacSha256'>,
  secret: string,
  { digest, part, keyed }: SecretDigest,
  pepper: Uint8Array | null,
): Uint8Array {
  const data = encoder.encode(takePart(secret, part))
  if (!keyed) return functions.digest(digest, data)
  if (pepper === null) throw new Error('the pepper of an imported secret is missing')
  return functions.hmacSha256(pepper, data)
}

/** A secret without the separator is digested whole. */
function takePart(secret: string, part: SecretDigest['part']): string {
  switch (part) {
    case 'whole':
      return secret
    case 'after-underscore':
      return secret.slice(secret.lastIndexOf('_') + 1)
    case 'after-pipe':
      return secret.slice(secret.indexOf('|') + 1)
  }
}
