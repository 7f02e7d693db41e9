import { decodeHex, decodePaddedBase64 } from './base64.ts'
import {
  encodeUtf8,
  findLengthProblem,
  MAX_SALT_BYTES,
  NOT_HEX,
  type ParsedHash,
  parseDigestText,
} from './hash-text.ts'
import { DIGEST_BYTES, type SaltedCheck } from './secret-check.ts'

/** Reads SHA-256 with a salt in a column of its own. */
export const parseSaltColumn =
  (saltPosition: SaltedCheck['saltPosition']) =>
  (hash: string, salt: string): ParsedHash => {
    const sum = parseDigestText(hash, 'sha256')
    if (sum === null) return null
    return {
      algorithm: 'salted',
      digest: 'sha256',
      salt: encodeUtf8(salt),
      saltPosition,
      rounds: 1,
      sum,
    }
  }

/** Reads `{SSHA}` and base64 of the sum and the salt. */
export function parseSsha(hash: string): ParsedHash {
  const bytes = hash.startsWith('{SSHA}') ? decodePaddedBase64(hash.slice('{SSHA}'.length)) : null
  if (bytes === null) return null
  const salt = bytes.slice(DIGEST_BYTES.sha1)
  return (
    // OpenLDAP made four bytes of salt.
    findLengthProblem('salt', salt, 4, MAX_SALT_BYTES) ?? {
      algorithm: 'salted',
      digest: 'sha1',
      salt,
      saltPosition: 'last',
      rounds: 1,
      sum: bytes.slice(0, DIGEST_BYTES.sha1),
    }
  )
}

/** Reads `sha1$salt$hex`. */
export const parseDjangoDigest =
  (digest: 'sha1' | 'md5') =>
  (hash: string): ParsedHash => {
    const [name, salt = '', hex = '', ...more] = hash.split('$')
    if (name !== digest || salt === '' || more.length > 0) return null
    const sum = decodeHex(hex)
    if (sum === null) return NOT_HEX
    return (
      findLengthProblem('sum', sum, DIGEST_BYTES[digest]) ?? {
        algorithm: 'salted',
        digest,
        salt: encodeUtf8(salt),
        saltPosition: 'first',
        rounds: 1,
        sum,
      }
    )
  }

const SPRING_SALT_BYTES = 8
const SPRING_ROUNDS = 1024

/** Reads `{sha256}` and hex of the salt and the sum. */
export function parseSpringDigest(hash: string): ParsedHash {
  const bytes = hash.startsWith('{sha256}') ? decodeHex(hash.slice('{sha256}'.length)) : null
  if (bytes === null) return null
  const sum = bytes.slice(SPRING_SALT_BYTES)
  return (
    findLengthProblem('sum', sum, DIGEST_BYTES.sha256) ?? {
      algorithm: 'salted',
      digest: 'sha256',
      salt: bytes.slice(0, SPRING_SALT_BYTES),
      saltPosition: 'first',
      rounds: SPRING_ROUNDS,
      sum,
    }
  )
}
