/** A range of bytes: `start` is the first byte, `end` the one after the last. */
export interface ByteSpan {
  readonly start: number
  readonly end: number
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Decodes a span of scanned JSON. */
export const readSpan = (bytes: Uint8Array, { start, end }: ByteSpan): string =>
  decoder.decode(bytes.subarray(start, end))

const MAX_REPORTED_NAME_BYTES = 66

/** Reads a member's name as written, for error messages. */
export const readName = (bytes: Uint8Array, name: ByteSpan): string =>
  name.end - name.start > MAX_REPORTED_NAME_BYTES ? 'a long name' : readSpan(bytes, name)

/** Returns the offset after a byte order mark, which TextDecoder skips too. */
export const skipByteOrderMark = (bytes: Uint8Array): number =>
  bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0

export function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === 0x5c) return true
  return false
}

export function skipBlanks(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  while (at < stop) {
    const byte = bytes[at] as number
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    at++
  }
  return at
}

/**
 * Cannot be confused with an offset that a walk stopped at, because that is at least 1. They are small, because
 * a number that does not fit into 31 bits would make V8 compute all offsets as floating-point numbers.
 */
export const INVALID_JSON = -1
export const INVALID_UTF8 = -2

/** The bytes that mean themselves in a string: all of ASCII but controls, the quote and the backslash. */
const PLAIN_BYTE_FLAGS = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c ? 1 : 0,
)

/**
 * Returns the offset after the closing quote. If the string goes beyond `stop`, returns the negative of the
 * offset read up to times `DIGIT_KINDS`, as `skipNumber` does.
 */
export function skipString(bytes: Uint8Array, start: number, stop: number): number {
  const at = skipPlainBytes(bytes, start, stop)
  return at < stop && bytes[at] === 0x22 ? at + 1 : skipStringRest(bytes, at, stop)
}

const isPlain = (byte: number | undefined) => PLAIN_BYTE_FLAGS[byte as number] === 1

/** Eight bytes in each turn of the loop, because its jumps take as long as the comparisons. */
function skipPlainBytes(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  for (; at + 8 <= stop; at += 8) {
    if (!isPlain(bytes[at])) return at
    if (!isPlain(bytes[at + 1])) return at + 1
    if (!isPlain(bytes[at + 2])) return at + 2
    if (!isPlain(bytes[at + 3])) return at + 3
    if (!isPlain(bytes[at + 4])) return at + 4
    if (!isPlain(bytes[at + 5])) return at + 5
    if (!isPlain(bytes[at + 6])) return at + 6
    if (!isPlain(bytes[at + 7])) return at + 7
  }
  while (at < stop && isPlain(bytes[at])) at++
  return at
}

/** Skips the rest of a string from its first byte that is not plain. Few strings have one before their end. */
function skipStringRest(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  for (;;) {
    if (at >= stop) return at >= bytes.length ? INVALID_JSON : -at * DIGIT_KINDS
    const byte = bytes[at] as number
    if (byte === 0x22) return at + 1
    if (byte < 0x80) {
      if (byte !== 0x5c) return INVALID_JSON
      at = skipEscape(bytes, at)
      if (at < 0) return INVALID_JSON
    } else {
      at = skipCharacter(bytes, at)
      if (at < 0) return INVALID_UTF8
    }
    at = skipPlainBytes(bytes, at, stop)
  }
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 0x30 && byte <= 0x39

/** Compares the string at these bytes with an ASCII text; a string with an escape is unequal. */
export function isTextAt(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length + 2) return false
  for (let n = 0; n < text.length; n++) {
    if (bytes[start + 1 + n] !== text.charCodeAt(n)) return false
  }
  return true
}

/** Recognizes null and the empty string. */
export const isNothing = (bytes: Uint8Array, start: number, end: number): boolean =>
  bytes[start] === 0x6e || (end - start === 2 && bytes[start] === 0x22)

const LITERALS: ReadonlyMap<number, string> = new Map(
  ['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]),
)

/** Returns the offset after true, false, null or a number; for a number that goes beyond `stop`, see `skipNumber`. */
export function skipScalar(
  bytes: Uint8Array,
  start: number,
  first: number | undefined,
  stop: number,
  partAt: number,
  digits: number,
): number {
  const word = first === undefined || first < 0x41 ? undefined : LITERALS.get(first)
  if (word === undefined) return skipNumber(bytes, partAt || start, stop, digits)
  for (let n = 1; n < word.length; n++) {
    if (bytes[start + n] !== word.charCodeAt(n)) return INVALID_JSON
  }
  return start + word.length
}

/** The parts of a number whose digits a walk can stop in. */
export const NO_DIGITS = 0
const INTEGER = 1
const FRACTION = 2
const EXPONENT = 3
export const DIGIT_KINDS = 4

/**
 * Returns the offset after the number. If its digits go beyond `stop`, returns the negative of the offset read
 * up to times `DIGIT_KINDS` plus the kind of the digits, so that the next call can continue from both.
 */
function skipNumber(bytes: Uint8Array, start: number, stop: number, from: number): number {
  let at = start
  let digits = from
  if (digits === NO_DIGITS) {
    if (bytes[at] === 0x2d) at++
    if (bytes[at] === 0x30) at++
    else digits = INTEGER
  }
  if (digits === INTEGER) {
    at = skipDigits(bytes, at, stop)
    if (at < 0) return at === INVALID_JSON ? at : at * DIGIT_KINDS - INTEGER
    digits = NO_DIGITS
  }
  if (digits === NO_DIGITS && bytes[at] === 0x2e) {
    at++
    digits = FRACTION
  }
  if (digits === FRACTION) {
    at = skipDigits(bytes, at, stop)
    if (at < 0) return at === INVALID_JSON ? at : at * DIGIT_KINDS - FRACTION
    digits = NO_DIGITS
  }
  if (digits === NO_DIGITS && (bytes[at] === 0x65 || bytes[at] === 0x45)) {
    at++
    if (bytes[at] === 0x2b || bytes[at] === 0x2d) at++
    digits = EXPONENT
  }
  if (digits === EXPONENT) {
    at = skipDigits(bytes, at, stop)
    if (at < 0) return at === INVALID_JSON ? at : at * DIGIT_KINDS - EXPONENT
  }
  return at
}

/** Returns the offset after one or more digits or, if they go beyond `stop`, minus the offset read up to. */
function skipDigits(bytes: Uint8Array, start: number, stop: number): number {
  let at = start
  while (at < stop && isDigit(bytes[at])) at++
  if (at >= stop && at < bytes.length) return -at
  // Without any digit, the byte before `at` is not a digit.
  return isDigit(bytes[at - 1]) ? at : INVALID_JSON
}

const ESCAPE_LETTERS = new Set([...'"\\/bfnrt'].map((letter) => letter.charCodeAt(0)))

const isHexDigit = (byte: number | undefined) => {
  if (byte === undefined) return false
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}

function skipEscape(bytes: Uint8Array, start: number): number {
  const letter = bytes[start + 1]
  if (letter === undefined) return -1
  if (letter !== 0x75) return ESCAPE_LETTERS.has(letter) ? start + 2 : -1
  for (let n = 2; n < 6; n++) if (!isHexDigit(bytes[start + n])) return -1
  return start + 6
}

/** Returns the offset after a well-formed character of two to four bytes (Unicode 16, table 3-7), or -1. */
function skipCharacter(bytes: Uint8Array, start: number): number {
  const first = bytes[start] as number
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  if (first < 0xc2 || first > 0xf4) return -1
  const second = bytes[start + 1] as number
  // Excludes overlong forms, surrogates, and code points beyond U+10FFFF.
  const minimum = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const maximum = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (!(second >= minimum && second <= maximum)) return -1
  for (let n = 2; n < length; n++) {
    const byte = bytes[start + n] as number
    if (!(byte >= 0x80 && byte <= 0xbf)) return -1
  }
  return start + length
}
