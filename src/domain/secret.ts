/*
 * Secrets that are made here: `lk_`, 256 random bits in base64url, and a checksum of 6 characters, so
 * that a scanner finds a leaked one and a mistyped one is refused without a lookup.
 */

export const SECRET_PREFIX = 'lk_'
const RANDOM_LENGTH = 43
const CHECKSUM_LENGTH = 6

/** What a scanner looks for, whatever stands before it: `%3Dlk_…` in a URL, `\nlk_…` in JSON. */
export const SECRET_PATTERN = /lk_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}/

/** `random`: 256 bits, base64url. */
export const addChecksum = (random: string): string =>
  `${SECRET_PREFIX}${random}${computeChecksum(random)}`

/** Whether it looks like one of ours and is none: a part is missing, or a character is wrong. */
export function isDamagedSecret(secret: string): boolean {
  if (!secret.startsWith(SECRET_PREFIX)) return false
  const random = secret.slice(SECRET_PREFIX.length, SECRET_PREFIX.length + RANDOM_LENGTH)
  return random.length < RANDOM_LENGTH || secret !== addChecksum(random)
}

/** Whether it has our form and a correct checksum. Such a secret has 256 random bits, unless forged. */
export const isLatchkeySecret = (secret: string): boolean =>
  secret.startsWith(SECRET_PREFIX) && !isDamagedSecret(secret)

const BASE62_DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** CRC-32 in base 62. It is no protection: who knows the secret's random part can make it. */
function computeChecksum(text: string): string {
  let remaining = crc32(text)
  let digits = ''
  for (let n = 0; n < CHECKSUM_LENGTH; n++) {
    digits = BASE62_DIGITS.charAt(remaining % 62) + digits
    remaining = Math.floor(remaining / 62)
  }
  return digits
}

/** CRC-32 (ISO 3309), of a text's UTF-16 units: for ASCII, of its bytes. */
function crc32(text: string): number {
  let crc = 0xffffffff
  for (let n = 0; n < text.length; n++) {
    crc ^= text.charCodeAt(n)
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
