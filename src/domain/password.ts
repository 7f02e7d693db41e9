/*
 * What a password must be, by NIST SP 800-63B §3.1.1 (revision 4): as it may be all that somebody
 * signs in with, at least 15 characters; a long one is welcome; no rules of composition, no expiry.
 */

export const PASSWORD_MIN_LENGTH = 15
export const PASSWORD_MAX_LENGTH = 256

/** Longer than this, and a password was not typed: it is not even looked at. */
const TEXT_MAX_LENGTH = 4 * PASSWORD_MAX_LENGTH

/** A short piece that is said again and again: 123456789012345, or a word twice. */
const LONGEST_PIECE = 10

/**
 * The password as it is hashed: one spelling for what looks the same, whichever keyboard it comes from
 * (SP 800-63B: NFKC; RFC 8265 §4.2.2 likewise makes every blank an ASCII one). Null for what can be
 * nobody's: lone surrogates, which all would be hashed alike.
 */
export function normalPassword(typed: string): string | null {
  if (typed.length > TEXT_MAX_LENGTH || !typed.isWellFormed()) return null
  const normal = typed.normalize('NFKC')
  return [...normal].length > PASSWORD_MAX_LENGTH ? null : normal
}

/** What is wrong with a new password, and what would help; null where it is good. `names`: its user's. */
export function whyUnfit(typed: string, names: readonly string[]): string | null {
  if (!typed.isWellFormed()) return 'the password has characters that are none: type it again'
  const normal = normalPassword(typed)
  if (normal === null) {
    return `the password is too long: it may have ${PASSWORD_MAX_LENGTH} characters`
  }
  const length = [...normal].length
  if (length < PASSWORD_MIN_LENGTH) {
    return (
      `the password must have at least ${PASSWORD_MIN_LENGTH} characters, this one has ${length}: ` +
      'four words that have nothing to do with each other are easy to keep in mind'
    )
  }
  const plain = normal.toLowerCase()
  if (names.some((name) => name.toLowerCase() === plain)) {
    return 'the password must not be a name or an e-mail address: anybody tries that first'
  }
  if (isRepetition([...plain])) {
    return 'the password only says a short piece again and again: add something else to it'
  }
  return null
}

function isRepetition(characters: readonly string[]): boolean {
  for (let piece = 1; piece <= LONGEST_PIECE && piece < characters.length; piece++) {
    if (characters.every((character, n) => character === characters[n % piece])) return true
  }
  return false
}
