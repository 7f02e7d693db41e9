import { fail, ok, type Result } from './failure.ts'
import type { KeyType } from './key-type.ts'
import { parseArgon2 } from './secret-forms/argon2.ts'
import { parseBcrypt, parsePasslibBcrypt } from './secret-forms/bcrypt.ts'
import { parseApr1, parseShaCrypt } from './secret-forms/crypt.ts'
import { encodeUtf8, type ParsedHash, parseDigestText } from './secret-forms/hash-text.ts'
import { parseKeycloak } from './secret-forms/keycloak.ts'
import {
  parseAspnetIdentity,
  parseDjangoPbkdf2,
  parsePasslibPbkdf2,
  parsePhcPbkdf2,
  parseSpringPbkdf2,
} from './secret-forms/pbkdf2.ts'
import {
  parseDjangoDigest,
  parseSaltColumn,
  parseSpringDigest,
  parseSsha,
} from './secret-forms/salted.ts'
import {
  parseBetterAuthScrypt,
  parsePhcScrypt,
  parseSpringScrypt,
  parseWerkzeug,
} from './secret-forms/scrypt.ts'
import {
  findExcess,
  type SecretCheck,
  type SecretCheckBounds,
  type SecretDigest,
} from './secret-forms/secret-check.ts'

/*
 * Secrets that another system stored as hashes, and that are imported as such. The operator says the form of each
 * hash: it is never guessed, because a SHA-256 and an HMAC-SHA-256 look alike.
 */

/** A hash as another system stored it. */
export interface ImportedSecret {
  readonly form: SecretForm
  readonly hash: string
  /** The salt, for the forms that have it in a column of its own. */
  readonly salt: string | null
  readonly pepperId: string | null
}

interface SecretFormTraits {
  /** The text of such a hash, by which an operator recognizes it. */
  readonly written: string
  /** The systems that store it. */
  readonly usedBy: string
  /** True for a digest so fast that only its random bits protect a secret. */
  readonly weak: boolean
  /** True if the salt is in a column of its own. */
  readonly saltColumn: boolean
  readonly pepper: 'none' | 'optional' | 'required'
  readonly parse: (hash: string, salt: string) => ParsedHash
}

const STRONG_TRAITS = { weak: false, saltColumn: false, pepper: 'none' } as const
const WEAK_TRAITS = { ...STRONG_TRAITS, weak: true } as const

const WHOLE_SECRET = { part: 'whole', keyed: false } as const

/**
 * The forms without a salt. A key can be found by such a digest, so key types without an id accept them, too.
 */
const DIGEST_FORMS = {
  sha256: { digest: 'sha256', ...WHOLE_SECRET },
  'sha256-after-underscore': { digest: 'sha256', part: 'after-underscore', keyed: false },
  'sha256-after-pipe': { digest: 'sha256', part: 'after-pipe', keyed: false },
  sha512: { digest: 'sha512', ...WHOLE_SECRET },
  'hmac-sha256': { digest: 'sha256', part: 'whole', keyed: true },
  sha1: { digest: 'sha1', ...WHOLE_SECRET },
  md5: { digest: 'md5', ...WHOLE_SECRET },
} as const satisfies Record<string, SecretDigest>

export type DigestForm = keyof typeof DIGEST_FORMS

export const DIGEST_FORM_NAMES = Object.keys(DIGEST_FORMS) as readonly DigestForm[]

export const getSecretDigest = (form: DigestForm): SecretDigest => DIGEST_FORMS[form]

export const isDigestForm = (form: SecretForm): form is DigestForm =>
  Object.hasOwn(DIGEST_FORMS, form)

const parseDigest =
  (form: DigestForm, prefix = '') =>
  (hash: string): ParsedHash => {
    const text = hash.startsWith(prefix) ? hash.slice(prefix.length) : hash
    const sum = parseDigestText(text, DIGEST_FORMS[form].digest)
    return sum === null ? null : { algorithm: 'digest', ...DIGEST_FORMS[form], sum }
  }

export const SECRET_FORMS = {
  sha256: {
    ...STRONG_TRAITS,
    written: '64 hex digits, or 32 bytes in base64 or base64url',
    usedBy: 'Doorkeeper, Discourse, Sentry, Unkey, Duende, better-auth API keys',
    parse: parseDigest('sha256'),
  },
  'sha256-after-underscore': {
    ...STRONG_TRAITS,
    written: '64 hex digits, or 32 bytes in base64 or base64url',
    usedBy: 'prefixed-api-key: the digest of the part after the last underscore',
    parse: parseDigest('sha256-after-underscore'),
  },
  'sha256-after-pipe': {
    ...STRONG_TRAITS,
    written: '64 hex digits, or 32 bytes in base64 or base64url',
    usedBy: 'Laravel Sanctum: the digest of the part after the first |',
    parse: parseDigest('sha256-after-pipe'),
  },
  sha512: {
    ...STRONG_TRAITS,
    written: 'sha512$$ and 128 hex digits, or these alone',
    usedBy: 'djangorestframework-api-key 3',
    parse: parseDigest('sha512', 'sha512$$'),
  },
  'hmac-sha256': {
    ...STRONG_TRAITS,
    pepper: 'required',
    written: '64 hex digits, or 32 bytes in base64 or base64url',
    usedBy: 'an HMAC whose key is the pepper',
    parse: parseDigest('hmac-sha256'),
  },
  sha1: {
    ...WEAK_TRAITS,
    written: '{SHA} and 28 characters of base64, or 40 hex digits',
    usedBy: 'LDAP, htpasswd -s',
    parse: parseDigest('sha1', '{SHA}'),
  },
  md5: {
    ...WEAK_TRAITS,
    written: '32 hex digits',
    usedBy: 'old systems',
    parse: parseDigest('md5'),
  },
  'sha256-salt-first': {
    ...STRONG_TRAITS,
    saltColumn: true,
    written: '64 hex digits, with the salt in a column of its own',
    usedBy: 'SHA-256 of the salt followed by the secret',
    parse: parseSaltColumn('first'),
  },
  'sha256-salt-last': {
    ...STRONG_TRAITS,
    saltColumn: true,
    written: '64 hex digits, with the salt in a column of its own',
    usedBy: 'SHA-256 of the secret followed by the salt',
    parse: parseSaltColumn('last'),
  },
  'sha256-spring': {
    ...STRONG_TRAITS,
    written: '{sha256} and 80 hex digits',
    usedBy: 'Spring Security',
    parse: parseSpringDigest,
  },
  ssha: { ...WEAK_TRAITS, written: '{SSHA} and base64', usedBy: 'LDAP', parse: parseSsha },
  'sha1-django': {
    ...WEAK_TRAITS,
    written: 'sha1$salt$40 hex digits',
    usedBy: 'old Django',
    parse: parseDjangoDigest('sha1'),
  },
  'md5-django': {
    ...WEAK_TRAITS,
    written: 'md5$salt$32 hex digits',
    usedBy: 'old Django',
    parse: parseDjangoDigest('md5'),
  },
  bcrypt: {
    ...STRONG_TRAITS,
    pepper: 'optional',
    written: '$2b$10$ and 53 characters, also after {bcrypt} or bcrypt$',
    usedBy:
      'PHP, Ruby, Devise (with its pepper), htpasswd -B, Auth0, Hydra 1, Spring Security, Django',
    parse: parseBcrypt(['', '{bcrypt}', 'bcrypt$'], 'none'),
  },
  'bcrypt-sha256-django': {
    ...STRONG_TRAITS,
    written: 'bcrypt_sha256$$2b$10$ and 53 characters',
    usedBy: 'Django',
    parse: parseBcrypt(['bcrypt_sha256$'], 'sha256-hex'),
  },
  'bcrypt-sha256-passlib': {
    ...STRONG_TRAITS,
    written: '$bcrypt-sha256$v=2,t=2b,r=10$salt$sum',
    usedBy: 'passlib',
    parse: parsePasslibBcrypt,
  },
  argon2: {
    ...STRONG_TRAITS,
    written: '$argon2id$v=19$m=19456,t=2,p=1$salt$sum, also after argon2 or {argon2}',
    usedBy: 'PHC strings of argon2id, argon2i and argon2d: PHP, Django, Spring Security',
    parse: parseArgon2,
  },
  'pbkdf2-django': {
    ...STRONG_TRAITS,
    written: 'pbkdf2_sha256$260000$salt$sum',
    usedBy: 'Django',
    parse: parseDjangoPbkdf2,
  },
  'pbkdf2-passlib': {
    ...STRONG_TRAITS,
    written: '$pbkdf2-sha256$29000$salt$sum',
    usedBy: 'passlib',
    parse: parsePasslibPbkdf2,
  },
  'pbkdf2-phc': {
    ...STRONG_TRAITS,
    written: '$pbkdf2-sha256$i=25000,l=32$salt$sum',
    usedBy: 'Hydra 2, RustCrypto, Kong',
    parse: parsePhcPbkdf2,
  },
  'pbkdf2-spring': {
    ...STRONG_TRAITS,
    written: '{pbkdf2} and 80 hex digits, or these alone',
    usedBy: 'Spring Security before 5.8',
    parse: parseSpringPbkdf2('{pbkdf2}', { digest: 'sha1', rounds: 185_000, saltBytes: 8 }),
  },
  'pbkdf2-spring-5.8': {
    ...STRONG_TRAITS,
    written: '{pbkdf2@SpringSecurity_v5_8} and 96 hex digits, or these alone',
    usedBy: 'Spring Security 5.8',
    parse: parseSpringPbkdf2('{pbkdf2@SpringSecurity_v5_8}', {
      digest: 'sha256',
      rounds: 310_000,
      saltBytes: 16,
    }),
  },
  keycloak: {
    ...STRONG_TRAITS,
    written: '{"secretData":"…","credentialData":"…"}',
    usedBy: 'Keycloak: PBKDF2 and argon2',
    parse: parseKeycloak,
  },
  'aspnet-identity': {
    ...STRONG_TRAITS,
    written: 'base64 that begins with AQAAAA or AA',
    usedBy: 'ASP.NET Identity 2 and ASP.NET Core Identity',
    parse: parseAspnetIdentity,
  },
  'scrypt-better-auth': {
    ...STRONG_TRAITS,
    written: '32 hex digits, a colon and 128 hex digits',
    usedBy: 'better-auth passwords',
    parse: parseBetterAuthScrypt,
  },
  'scrypt-phc': {
    ...STRONG_TRAITS,
    written: '$scrypt$ln=14,r=8,p=1$salt$sum',
    usedBy: 'passlib, RustCrypto',
    parse: parsePhcScrypt,
  },
  'scrypt-spring': {
    ...STRONG_TRAITS,
    written: '{scrypt@SpringSecurity_v5_8}$100801$salt$sum',
    usedBy: 'Spring Security',
    parse: parseSpringScrypt,
  },
  werkzeug: {
    ...STRONG_TRAITS,
    written: 'scrypt:32768:8:1$salt$hex or pbkdf2:sha256:600000$salt$hex',
    usedBy: 'Werkzeug, Flask',
    parse: parseWerkzeug,
  },
  apr1: { ...WEAK_TRAITS, written: '$apr1$salt$sum', usedBy: 'htpasswd', parse: parseApr1 },
  'sha256-crypt': {
    ...WEAK_TRAITS,
    written: '$5$salt$sum',
    usedBy: 'crypt(3), passlib',
    parse: parseShaCrypt('sha256'),
  },
  'sha512-crypt': {
    ...WEAK_TRAITS,
    written: '$6$salt$sum',
    usedBy: 'crypt(3), passlib',
    parse: parseShaCrypt('sha512'),
  },
} as const satisfies Record<string, SecretFormTraits>

/** The name of a form, which the column `form` of a file holds. */
export type SecretForm = keyof typeof SECRET_FORMS

export const SECRET_FORM_NAMES = Object.keys(SECRET_FORMS) as readonly SecretForm[]

export const isSecretForm = (form: string): form is SecretForm => Object.hasOwn(SECRET_FORMS, form)

const getTraits = (form: SecretForm): SecretFormTraits => SECRET_FORMS[form]

export interface ImportedSecretInput {
  readonly form: string
  readonly hash: string
  readonly salt: string | null
  readonly pepperId: string | null
}

export interface ImportedSecretOptions {
  /** The most that a check may cost where the server runs. */
  readonly bounds: SecretCheckBounds
  /** True if the operator says that each secret has at least 128 random bits. */
  readonly weakFormsAllowed: boolean
}

const MAX_HASH_LENGTH = 1024
const MAX_SALT_LENGTH = 256

/** Fails with a reason for the operator. */
export function parseImportedSecret(
  { form, hash, salt, pepperId }: ImportedSecretInput,
  { bounds, weakFormsAllowed }: ImportedSecretOptions,
): Result<ImportedSecret, string> {
  if (!isSecretForm(form)) {
    const shown = JSON.stringify(form.slice(0, 40))
    return fail(`the form ${shown} is unknown: use ${SECRET_FORM_NAMES.join(', ')}`)
  }
  const { weak, pepper } = getTraits(form)
  if (weak && !weakFormsAllowed)
    return fail(
      `the form ${form} is too fast to protect a secret that can be guessed: allow weak forms if each secret has at least 128 random bits`,
    )
  if (pepper === 'required' && pepperId === null)
    return fail(`the form ${form} needs a pepper: name it in the column pepper`)
  if (pepper === 'none' && pepperId !== null)
    return fail(`the form ${form} has no pepper: leave the column pepper empty`)
  const imported = { form, hash, salt, pepperId }
  const check = parseSecretCheck(imported, bounds)
  return check.ok ? ok(imported) : check
}

/** Reads the computation that checks a secret. Fails with a reason for the operator. */
export function parseSecretCheck(
  { form, hash, salt }: Omit<ImportedSecret, 'pepperId'>,
  bounds: SecretCheckBounds,
): Result<SecretCheck, string> {
  const { saltColumn, written, parse } = getTraits(form)
  if (hash.length > MAX_HASH_LENGTH)
    return fail(
      `the hash has ${hash.length} characters, and no form has more than ${MAX_HASH_LENGTH}`,
    )
  if (saltColumn && (salt === null || salt === ''))
    return fail(`the form ${form} needs a salt in the column salt`)
  if (!saltColumn && salt !== null)
    return fail(`the form ${form} has its salt in the hash: leave the column salt empty`)
  if (salt !== null && (salt.length > MAX_SALT_LENGTH || salt.includes('\0')))
    return fail(`the salt has a NUL, or more than ${MAX_SALT_LENGTH} characters`)
  const parsed = parse(hash, salt ?? '')
  if (parsed === null)
    return fail(
      `the hash is not of the form ${form}, which is written as ${written}${suggestForm(hash)}`,
    )
  if (typeof parsed === 'string') return fail(parsed)
  const excess = findExcess(parsed, bounds)
  return excess === null ? ok(parsed) : fail(excess)
}

/** Names another form with such a hash. Without a prefix, hashes of several forms look alike. */
function suggestForm(hash: string): string {
  if (!/[${]/.test(hash)) return ''
  const other = SECRET_FORM_NAMES.find((name) => {
    const parsed = getTraits(name).parse(hash, '')
    return parsed !== null && typeof parsed !== 'string'
  })
  return other === undefined ? '' : `: it may be of the form ${other}`
}

const BCRYPT_BYTES = 72

/** True if the form reads only the beginning of the secret, so that others that begin so match as well. */
export const isTruncatedByForm = (form: string, secret: string): boolean =>
  form === 'bcrypt' && encodeUtf8(secret).length > BCRYPT_BYTES

type AcceptedForms = 'all' | 'digests' | 'none'

const ACCEPTED_FORMS: Readonly<Record<KeyType, AcceptedForms>> = {
  redox: 'all',
  xdent: 'all',
  oauth: 'all',
  xenrad: 'digests',
  opendental: 'none',
  'opendental-portal': 'none',
  practice: 'none',
}

/** Explains why keys of this type cannot be imported with such a hash; null if they can. */
export function findFormRefusal(keyType: KeyType, form: SecretForm): string | null {
  const accepted = ACCEPTED_FORMS[keyType]
  if (accepted === 'all' || (accepted === 'digests' && isDigestForm(form))) return null
  return accepted === 'none'
    ? `a key of the type ${keyType} cannot be imported as a hash, because this server must know the secret: import the secret itself`
    : `a key of the type ${keyType} is found by its secret alone, which a salt prevents: the forms without a salt are ${DIGEST_FORM_NAMES.join(', ')}`
}
