import {
  type DigestForm,
  type ImportedSecret,
  isDigestForm,
  isSecretForm,
} from './imported-secret.ts'

/*
 * The hash of another system, as a key's `secret_hash` has it until the first success. Where an id finds the key,
 * it is sealed. A key that is found by its secret alone has a keyed digest of the other system's digest.
 */

const SEALED_PREFIX = 'imported:'
const DIGEST_PREFIX = 'digest:'

export const isImportedHash = (hash: string): boolean =>
  hash.startsWith(SEALED_PREFIX) || hash.startsWith(DIGEST_PREFIX)

export const formatSealedHash = (sealed: string): string => SEALED_PREFIX + sealed

/** Returns the sealed text of an imported secret; null for any other hash. */
export const parseSealedHash = (hash: string): string | null =>
  hash.startsWith(SEALED_PREFIX) ? hash.slice(SEALED_PREFIX.length) : null

export const formatImportedSecret = (imported: ImportedSecret): string => JSON.stringify(imported)

/** Parses what `formatImportedSecret` wrote; null if it has a form that only a later version knows. */
export function parseStoredSecret(text: string): ImportedSecret | null {
  const { form, hash, salt, pepperId } = JSON.parse(text) as Record<string, unknown>
  if (typeof form !== 'string' || !isSecretForm(form) || typeof hash !== 'string') return null
  return { form, hash, salt: toTextOrNull(salt), pepperId: toTextOrNull(pepperId) }
}

const toTextOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** A digest that another system stores: its form, and the pepper of an HMAC. */
export interface ImportedDigest {
  readonly form: DigestForm
  readonly pepperId: string | null
}

/** The text whose keyed digest is stored in place of the other system's digest. */
export const toImportedDigestText = ({ form, pepperId }: ImportedDigest, sum: Uint8Array): string =>
  `imported\0${form}\0${pepperId ?? ''}\0${toHex(sum)}`

/** `keyedDigest`: of `toImportedDigestText`. */
export const formatImportedDigest = (
  { form, pepperId }: ImportedDigest,
  keyedDigest: string,
): string => `${DIGEST_PREFIX}${form}:${pepperId ?? ''}:${keyedDigest}`

/** Returns the form of an imported digest; null for any other hash. */
export function findDigestForm(hash: string): DigestForm | null {
  const [, form = ''] = hash.startsWith(DIGEST_PREFIX) ? hash.split(':') : []
  return isSecretForm(form) && isDigestForm(form) ? form : null
}

const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
