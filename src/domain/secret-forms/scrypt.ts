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
import { toPbkdf2Check } from './pbkdf2.ts'
import type { Pbkdf2Check, ScryptCheck } from './secret-check.ts'

const BETTER_AUTH_SALT_LENGTH = 32

/** Reads the salt, whose hex digits are hashed as text, a colon, and the sum in hex. */
export function parseBetterAuthScrypt(hash: string): ParsedHash {
  const [salt = '', hex, ...more] = hash.split(':')
  if (hex === undefined || more.length > 0) return null
  const sum = decodeHex(hex)
  if (decodeHex(salt) === null || sum === null) return NOT_HEX
  if (salt.length !== BETTER_AUTH_SALT_LENGTH)
    return `the salt has ${salt.length} hex digits instead of ${BETTER_AUTH_SALT_LENGTH}: the hash may be truncated`
  return toScryptCheck(
    { cost: 16_384, blockSize: 16, parallelism: 1, normalized: true, salt: encodeUtf8(salt), sum },
    64,
  )
}

/** Reads `$scrypt$ln=…,r=…,p=…$salt$sum`, where ln is the logarithm of N. */
export function parsePhcScrypt(hash: string): ParsedHash {
  const [, log, blockSize, parallelism, salt = '', sum = ''] =
    /^\$scrypt\$ln=(\d\d?),r=(\d{1,10}),p=(\d{1,10})\$([^$]*)\$([^$]*)$/.exec(hash) ?? []
  if (log === undefined) return null
  return toScryptCheck(
    {
      cost: 2 ** Number(log),
      blockSize: Number(blockSize),
      parallelism: Number(parallelism),
      normalized: false,
      salt: decodeBase64(salt, 'standard'),
      sum: decodeBase64(sum, 'standard'),
    },
    32,
  )
}

/** Reads `$parameters$salt$sum`: the hex digits are the logarithm of N, then two for r and two for p. */
export function parseSpringScrypt(hash: string): ParsedHash {
  const [, parameters, salt = '', sum = ''] =
    /^(?:\{scrypt(?:@SpringSecurity_v5_8)?\})?\$([0-9a-f]{5,6})\$([^$]*)\$([^$]*)$/.exec(hash) ?? []
  if (parameters === undefined) return null
  const number = Number.parseInt(parameters, 16)
  return toScryptCheck(
    {
      cost: 2 ** (number >> 16),
      blockSize: (number >> 8) & 0xff,
      parallelism: number & 0xff,
      normalized: false,
      salt: decodePaddedBase64(salt),
      sum: decodePaddedBase64(sum),
    },
    32,
  )
}

/** Reads `scrypt:N:r:p$salt text$hex` and `pbkdf2:digest:rounds$salt text$hex`. */
export function parseWerkzeug(hash: string): ParsedHash {
  const [method = '', saltText = '', hex, ...more] = hash.split('$')
  if (hex === undefined || more.length > 0) return null
  const [salt, sum] = [encodeUtf8(saltText), decodeHex(hex)]
  const [, cost, blockSize, parallelism] =
    /^scrypt:(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(method) ?? []
  const [, digest, rounds] = /^pbkdf2:(sha1|sha256|sha512):([1-9]\d{0,9})$/.exec(method) ?? []
  if (cost === undefined && digest === undefined) return null
  if (sum === null) return NOT_HEX
  return digest === undefined
    ? toScryptCheck(
        {
          cost: Number(cost),
          blockSize: Number(blockSize),
          parallelism: Number(parallelism),
          normalized: false,
          salt,
          sum,
        },
        64,
      )
    : toPbkdf2Check({
        digest: digest as Pbkdf2Check['digest'],
        rounds: Number(rounds),
        salt,
        sum,
      })
}

type ScryptParts = Omit<ScryptCheck, 'algorithm' | 'salt' | 'sum'> &
  Record<'salt' | 'sum', Uint8Array | null>

function toScryptCheck({ salt, sum, ...parts }: ScryptParts, sumBytes: number): ParsedHash {
  if (salt === null || sum === null) return NOT_BASE64
  // RFC 7914 §2.
  if (parts.cost < 2 || !Number.isInteger(Math.log2(parts.cost)))
    return `N of scrypt is a power of two, not ${parts.cost}`
  if (parts.blockSize < 1 || parts.parallelism < 1) return 'r and p of scrypt are 1 or more'
  if (Math.log2(parts.cost) >= 16 * parts.blockSize) return 'N of scrypt is too large for its r'
  return (
    findLengthProblem('salt', salt, MIN_SALT_BYTES, MAX_SALT_BYTES) ??
    findLengthProblem('sum', sum, sumBytes) ?? { algorithm: 'scrypt', ...parts, salt, sum }
  )
}
