/*
 * Secrets that are created here: `lk_`, 256 random bits in base64url, and a 6-character checksum.
 * Scanners can find leaked secrets, and a mistyped secret is refused without a lookup.
 */

export const SECRET_PREFIX = 'lk_'
const RANDOM_LENGTH = 43
const CHECKSUM_LENGTH = 6

/** The pattern for secret scanners. It matches after any prefix: `%3Dlk_…` in a URL, `\nlk_…` in JSON. */
export const SECRET_PATTERN = /lk_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}/

/** `random`: 256 bits as base64url. */
export const addChecksum = (random: string): string =>
  `${SECRET_PREFIX}${random}${computeChecksum(random)}`

/** True if the text begins like a Latchkey secret but is truncated or has a wrong checksum. */
export function isDamagedSecret(secret: string): boolean {
  if (!secret.startsWith(SECRET_PREFIX)) return false
  const randomEnd = SECRET_PREFIX.length + RANDOM_LENGTH
  const random = secret.slice(SECRET_PREFIX.length, randomEnd)
  return random.length < RANDOM_LENGTH || secret.slice(randomEnd) !== computeChecksum(random)
}

/**
 * True if the text has the form and checksum of a Latchkey secret. Such a secret has 256 random bits,
 * unless it is forged.
 */
export const isLatchkeySecret = (secret: string): boolean =>
  secret.startsWith(SECRET_PREFIX) && !isDamagedSecret(secret)

/** The text that is digested for an exchanged secret. It differs for each key. */
export const toExchangedSecretText = (keyId: string, secret: string) =>
  `exchanged\0${keyId}\0${secret}`

const BASE62_DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Computes a CRC-32 in base 62. It detects typing errors and is no protection against forgery. */
function computeChecksum(text: string): string {
  let remaining = crc32(text)
  let digits = ''
  for (let n = 0; n < CHECKSUM_LENGTH; n++) {
    digits = BASE62_DIGITS.charAt(remaining % 62) + digits
    remaining = Math.floor(remaining / 62)
  }
  return digits
}

/** CRC-32 (ISO 3309) of a text's UTF-16 units, which for ASCII are its bytes. */
function crc32(text: string): number {
  let crc = 0xffffffff
  for (let n = 0; n < text.length; n++) {
    crc ^= text.charCodeAt(n)
    crc = (crc >>> 8) ^ (CRC_TABLE[crc & 0xff] ?? 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}

/** The remainder of each byte. With it, a checksum takes a tenth of the time. */
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0)
  }
  return remainder
})
