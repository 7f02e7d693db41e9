import { hashSync } from 'bcryptjs'
import { decodeBase64 } from '../domain/secret-forms/base64.ts'
import type { BcryptCheck, SaltedCheck, SecretCheck } from '../domain/secret-forms/secret-check.ts'
import { computeCrypt } from './crypt-hash.ts'
import type { HashFunctions } from './primitives.ts'
import { computeDigest } from './secret-digest.ts'

/** libxcrypt takes no longer ones, and each round reads all of a secret. */
const MAX_CRYPT_SECRET_LENGTH = 512

const encoder = new TextEncoder()
const encodeUtf8 = (text: string): Uint8Array => encoder.encode(text)

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** True if the secret has the sum of the check. Compares in constant time. May block the thread for a second. */
export async function checkSecret(
  functions: HashFunctions,
  secret: string,
  check: SecretCheck,
  pepper: Uint8Array | null,
): Promise<boolean> {
  const sum = await computeSum(functions, secret, check, pepper)
  const expected = check.algorithm === 'crypt' ? encodeUtf8(check.sum) : check.sum
  return functions.equal(sum, expected) && isHashable(secret, check)
}

/**
 * False for a secret that matches like another one: HMAC pads its key with NULs, and bcrypt repeats a secret with a
 * NUL between.
 */
const isHashable = (secret: string, { algorithm }: SecretCheck): boolean =>
  !secret.includes('\0') && (algorithm !== 'crypt' || secret.length <= MAX_CRYPT_SECRET_LENGTH)

async function computeSum(
  functions: HashFunctions,
  secret: string,
  check: SecretCheck,
  pepper: Uint8Array | null,
): Promise<Uint8Array> {
  switch (check.algorithm) {
    case 'digest':
      return computeDigest(functions, secret, check, pepper)
    case 'salted':
      return computeSalted(functions, encodeUtf8(secret), check)
    case 'bcrypt':
      return computeBcrypt(functions, secret, check, pepper)
    case 'pbkdf2':
      return functions.pbkdf2(encodeUtf8(secret), check)
    case 'scrypt':
      return functions.scrypt(
        encodeUtf8(check.normalized ? secret.normalize('NFKC') : secret),
        check,
      )
    case 'argon2':
      return functions.argon2(secret, check)
    case 'crypt':
      return encodeUtf8(
        computeCrypt(functions, encodeUtf8(secret.slice(0, MAX_CRYPT_SECRET_LENGTH)), check),
      )
  }
}

function computeSalted(
  functions: HashFunctions,
  secret: Uint8Array,
  { digest, salt, saltPosition, rounds }: SaltedCheck,
): Uint8Array {
  const parts = saltPosition === 'first' ? [salt, secret] : [secret, salt]
  let sum = new Uint8Array(salt.length + secret.length)
  sum.set(parts[0] ?? salt)
  sum.set(parts[1] ?? salt, parts[0]?.length)
  for (let round = 0; round < rounds; round++) sum = new Uint8Array(functions.digest(digest, sum))
  return sum
}

const BCRYPT_SUM_LENGTH = 31

function computeBcrypt(
  functions: HashFunctions,
  secret: string,
  { preparation, cost, salt }: BcryptCheck,
  pepper: Uint8Array | null,
): Uint8Array {
  const prepared = {
    none: () => secret + decoder.decode(pepper ?? undefined),
    'sha256-hex': () => toHex(functions.digest('sha256', encodeUtf8(secret))),
    'hmac-sha256-base64': () =>
      toBase64(functions.hmacSha256(encodeUtf8(salt), encodeUtf8(secret))),
  }[preparation]()
  const hash = hashSync(prepared, `$2b$${String(cost).padStart(2, '0')}$${salt}`)
  return decodeBase64(hash.slice(-BCRYPT_SUM_LENGTH), 'bcrypt') ?? new Uint8Array()
}

const toHex = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')

const toBase64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes))
