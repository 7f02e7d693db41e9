import { decodeBase64, decodeHex, decodePaddedBase64 } from './base64.ts'
import {
  encodeUtf8,
  findLengthProblem,
  MAX_SALT_BYTES,
  MIN_SALT_BYTES,
  NOT_BASE64,
  NOT_HEX,
  type ParsedHash,
} from './hash-text.ts'
import { DIGEST_BYTES, type Pbkdf2Check } from './secret-check.ts'

type Pbkdf2Digest = Pbkdf2Check['digest']
type Pbkdf2Parts = Omit<Pbkdf2Check, 'algorithm' | 'salt' | 'sum'> &
  Record<'salt' | 'sum', Uint8Array | null>

/** Reads `pbkdf2_sha256$rounds$salt text$base64`. */
export function parseDjangoPbkdf2(hash: string): ParsedHash {
  const [, digest, rounds, salt = '', sum = ''] =
    /^pbkdf2_(sha1|sha256)\$([1-9]\d{0,9})\$([^$]*)\$([^$]*)$/.exec(hash) ?? []
  if (digest === undefined) return null
  return toPbkdf2Check({
    digest: digest as Pbkdf2Digest,
    rounds: Number(rounds),
    salt: encodeUtf8(salt),
    sum: decodePaddedBase64(sum),
  })
}

/** Reads `$pbkdf2-sha256$rounds$salt$sum`, and `$pbkdf2$…` for SHA-1. */
export function parsePasslibPbkdf2(hash: string): ParsedHash {
  const [whole, digest = 'sha1', rounds, salt = '', sum = ''] =
    /^\$pbkdf2(?:-(sha256|sha512))?\$([1-9]\d{0,9})\$([^$]*)\$([^$]*)$/.exec(hash) ?? []
  if (whole === undefined) return null
  return toPbkdf2Check({
    digest: digest as Pbkdf2Digest,
    rounds: Number(rounds),
    salt: decodeBase64(salt, 'passlib'),
    sum: decodeBase64(sum, 'passlib'),
  })
}

/** Reads a PHC string: `$pbkdf2-sha256$i=rounds,l=length$salt$sum`. */
export function parsePhcPbkdf2(hash: string): ParsedHash {
  const [, digest, rounds, length, salt = '', sum = ''] =
    /^\$pbkdf2-(sha256|sha512)\$i=([1-9]\d{0,9}),l=(\d{1,10})\$([^$]*)\$([^$]*)$/.exec(hash) ?? []
  if (digest === undefined) return null
  if (Number(length) < 16 || Number(length) > 64) return `the sum has 16 to 64 bytes, not ${length}`
  return toPbkdf2Check(
    {
      digest: digest as Pbkdf2Digest,
      rounds: Number(rounds),
      salt: decodeBase64(salt, 'standard'),
      sum: decodeBase64(sum, 'standard'),
    },
    Number(length),
  )
}

/** Spring writes no parameters: they belong to the form. */
export const parseSpringPbkdf2 =
  (
    prefix: string,
    { saltBytes, ...cost }: Pick<Pbkdf2Check, 'digest' | 'rounds'> & { saltBytes: number },
  ) =>
  (hash: string): ParsedHash => {
    const text = hash.startsWith(prefix) ? hash.slice(prefix.length) : hash
    if (text.startsWith('{')) return null
    const bytes = decodeHex(text)
    if (bytes === null) return NOT_HEX
    return toPbkdf2Check(
      { ...cost, salt: bytes.slice(0, saltBytes), sum: bytes.slice(saltBytes) },
      SPRING_SUM_BYTES,
    )
  }

const SPRING_SUM_BYTES = 32

const IDENTITY_SALT_BYTES = 16
const IDENTITY_SUM_BYTES = 32
const IDENTITY_DIGESTS: readonly Pbkdf2Digest[] = ['sha1', 'sha256', 'sha512']

/**
 * Reads base64 of a version and its parts. 0: salt and sum, with SHA-1 and 1,000 rounds. 1: digest, rounds and
 * length of the salt as big-endian numbers, salt and sum.
 */
export function parseAspnetIdentity(hash: string): ParsedHash {
  const bytes = decodePaddedBase64(hash)
  if (bytes === null || bytes.length === 0) return null
  if (bytes[0] === 0) {
    const saltEnd = 1 + IDENTITY_SALT_BYTES
    return toPbkdf2Check(
      { digest: 'sha1', rounds: 1000, salt: bytes.slice(1, saltEnd), sum: bytes.slice(saltEnd) },
      IDENTITY_SUM_BYTES,
    )
  }
  if (bytes[0] !== 1) return `this server computes versions 0 and 1 of this form, not ${bytes[0]}`
  if (bytes.length < 13) return 'the hash is truncated'
  const numbers = new DataView(bytes.buffer)
  const digest = IDENTITY_DIGESTS[numbers.getUint32(1)]
  if (digest === undefined) return `the digest number ${numbers.getUint32(1)} is unknown`
  const saltEnd = 13 + numbers.getUint32(9)
  return toPbkdf2Check(
    {
      digest,
      rounds: numbers.getUint32(5),
      salt: bytes.slice(13, saltEnd),
      sum: bytes.slice(saltEnd),
    },
    IDENTITY_SUM_BYTES,
  )
}

export function toPbkdf2Check(
  { salt, sum, ...cost }: Pbkdf2Parts,
  sumBytes = DIGEST_BYTES[cost.digest],
): ParsedHash {
  if (salt === null || sum === null) return NOT_BASE64
  if (cost.rounds < 1) return 'PBKDF2 needs at least one round'
  return (
    findLengthProblem('salt', salt, MIN_SALT_BYTES, MAX_SALT_BYTES) ??
    findLengthProblem('sum', sum, sumBytes) ?? { algorithm: 'pbkdf2', ...cost, salt, sum }
  )
}
