export const isUsername = (text: string): boolean => /^[\w.@-]{1,64}$/.test(text)

export const USERNAME_RULE = 'a username is 1 to 64 of a–z, A–Z, 0–9, dot, dash, underscore and @'

export const isEmail = (text: string): boolean => /^[^\s@]+@[^\s@]+$/.test(text)

/*
 * What a password must be, by NIST SP 800-63B §3.1.1 (revision 4): as it may be all that somebody
 * signs in with, at least 15 characters; a long one is welcome; no rules of composition, no expiry.
 */

export const PASSWORD_MIN_LENGTH = 15
export const PASSWORD_MAX_LENGTH = 256

/** Longer than this, and a password was not typed: it is not even looked at. */
const MAX_TYPED_LENGTH = 4 * PASSWORD_MAX_LENGTH

/** A short piece that is said again and again: 123456789012345, or a word twice. */
const MAX_REPEATED_LENGTH = 10

/**
 * The password as it is hashed: one spelling for what looks the same, whichever keyboard it comes from
 * (SP 800-63B: NFKC; RFC 8265 §4.2.2 likewise makes every blank an ASCII one). Null for what can be
 * nobody's: lone surrogates, which all would be hashed alike.
 */
export function normalizePassword(password: string): string | null {
  if (password.length > MAX_TYPED_LENGTH || !password.isWellFormed()) return null
  const normalized = password.normalize('NFKC')
  return [...normalized].length > PASSWORD_MAX_LENGTH ? null : normalized
}

/** What is wrong with a new password, and what would help; null where it is good. `names`: its user's. */
export function findPasswordProblem(password: string, names: readonly string[]): string | null {
  if (!password.isWellFormed()) return 'the password has characters that are none: type it again'
  const normalized = normalizePassword(password)
  if (normalized === null) {
    return `the password is too long: it may have ${PASSWORD_MAX_LENGTH} characters`
  }
  const length = [...normalized].length
  if (length < PASSWORD_MIN_LENGTH) {
    return (
      `the password must have at least ${PASSWORD_MIN_LENGTH} characters, this one has ${length}: ` +
      'four words that have nothing to do with each other are easy to keep in mind'
    )
  }
  const lowerCase = normalized.toLowerCase()
  if (names.some((name) => name.toLowerCase() === lowerCase)) {
    return 'the password must not be a name or an e-mail address: anybody tries that first'
  }
  if (isRepetition([...lowerCase])) {
    return 'the password only says a short piece again and again: add something else to it'
  }
  return null
}

function isRepetition(characters: readonly string[]): boolean {
  for (let piece = 1; piece <= MAX_REPEATED_LENGTH && piece < characters.length; piece++) {
    if (characters.every((character, n) => character === characters[n % piece])) return true
  }
  return false
}
