import { decodeBase64, decodeHex, decodePaddedBase64 } from './base64.ts'
import { DIGEST_BYTES, type DigestName, type SecretCheck } from './secret-check.ts'

/**
 * The result of reading a hash as another system stores it: null for text of another form, and the reason for
 * text of this form that cannot be right.
 */
export type ParsedHash = SecretCheck | string | null

/** RFC 8018 §4.1 and RFC 9106 §3.1 ask for this many, and every system makes them: shorter salts are truncated. */
export const MIN_SALT_BYTES = 8
export const MAX_SALT_BYTES = 64

export const NOT_BASE64 = 'the salt or the sum is not valid base64: the hash may be truncated'
export const NOT_HEX = 'the salt or the sum is not valid hex: the hash may be truncated'

export function findLengthProblem(
  part: 'salt' | 'sum',
  { length }: Uint8Array | string,
  min: number,
  max = min,
): string | null {
  if (length >= min && length <= max) return null
  const expected = min === max ? `${min}` : `${min} to ${max}`
  return `the ${part} has ${length} bytes instead of ${expected}: the hash may be truncated`
}

/** Reads a digest in hex, base64 or base64url. The length of the text tells them apart. */
export function parseDigestText(text: string, digest: DigestName): Uint8Array | null {
  const length = DIGEST_BYTES[digest]
  const bytes =
    text.length === 2 * length
      ? decodeHex(text)
      : (decodePaddedBase64(text) ?? decodeBase64(text, 'url'))
  return bytes?.length === length ? bytes : null
}

const encoder = new TextEncoder()
export const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text)
