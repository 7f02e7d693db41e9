const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'

/** The alphabets of base64 in hashes of other systems. */
const BASE64_ALPHABETS = {
  standard: `${UPPER}${LOWER}${DIGITS}+/`,
  url: `${UPPER}${LOWER}${DIGITS}-_`,
  /** passlib writes a full stop for the plus sign. */
  passlib: `${UPPER}${LOWER}${DIGITS}./`,
  bcrypt: `./${UPPER}${LOWER}${DIGITS}`,
} as const

/** Returns null for anything but the canonical spelling without padding: no spare bits, no other character. */
export function decodeBase64(
  text: string,
  alphabet: keyof typeof BASE64_ALPHABETS,
): Uint8Array | null {
  const characters = BASE64_ALPHABETS[alphabet]
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let bits = 0
  let bitCount = 0
  let length = 0
  for (const character of text) {
    const value = characters.indexOf(character)
    if (value < 0) return null
    bits = ((bits << 6) | value) & 0xffff
    bitCount += 6
    if (bitCount < 8) continue
    bitCount -= 8
    bytes[length++] = (bits >> bitCount) & 0xff
  }
  const spareBits = bits & ((1 << bitCount) - 1)
  return bitCount < 6 && spareBits === 0 ? bytes : null
}

/** Like `decodeBase64` with the standard alphabet, for text with its padding. */
export const decodePaddedBase64 = (text: string): Uint8Array | null =>
  text.length % 4 === 0 ? decodeBase64(text.replace(/={1,2}$/, ''), 'standard') : null

/** Returns null for anything but pairs of hex digits. */
export function decodeHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return null
  return Uint8Array.from({ length: text.length / 2 }, (_, n) =>
    Number.parseInt(text.slice(n * 2, n * 2 + 2), 16),
  )
}
