export const isUsername = (text: string): boolean => /^[\w.@-]{1,64}$/.test(text)

export const USERNAME_RULE = 'a username is 1 to 64 of a–z, A–Z, 0–9, dot, dash, underscore and @'

export const isEmail = (text: string): boolean => /^[^\s@]+@[^\s@]+$/.test(text)

/*
 * Password rules of NIST SP 800-63B §3.1.1 (revision 4). A password may be the only factor, so it has
 * at least 15 characters; long passwords are accepted; no composition rules, no expiry.
 */

const PASSWORD_MIN_LENGTH = 15
const PASSWORD_MAX_LENGTH = 256

/** Longer input was not typed by a person, and is rejected before it is normalized. */
const MAX_TYPED_LENGTH = 4 * PASSWORD_MAX_LENGTH

/** The longest repeated piece that is detected: 123456789012345, or a word twice. */
const MAX_REPEATED_LENGTH = 10

/**
 * Normalizes a password for hashing, so that equal-looking texts of any keyboard have one spelling
 * (NFKC by SP 800-63B; RFC 8265 §4.2.2 also maps every blank to an ASCII one). Returns null for texts
 * that are too long or have lone surrogates, which would all hash alike.
 */
export function normalizePassword(password: string): string | null {
  if (password.length > MAX_TYPED_LENGTH || !password.isWellFormed()) return null
  const normalized = password.normalize('NFKC')
  return [...normalized].length > PASSWORD_MAX_LENGTH ? null : normalized
}

/**
 * Describes the problem with a new password, and the remedy; null if there is none. `names`: the
 * user's own names.
 */
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
