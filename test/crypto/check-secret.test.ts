import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkSecret } from '../../src/crypto/check-secret.ts'
import { computeCrypt } from '../../src/crypto/crypt-hash.ts'
import { type ImportedSecret, parseSecretCheck } from '../../src/domain/imported-secret.ts'
import { NODE_CHECK_BOUNDS } from '../../src/domain/secret-forms/secret-check.ts'
import { nodeHashFunctions } from '../../src/node/primitives.ts'
import { IMPORTED_SECRET_VECTORS } from '../support/imported-secret-vectors.ts'

const check = (presented: string, imported: ImportedSecret, pepper: string | null = null) => {
  const parsed = parseSecretCheck(imported, NODE_CHECK_BOUNDS)
  if (!parsed.ok) throw new Error(parsed.failure)
  const pepperBytes = pepper === null ? null : Buffer.from(pepper)
  return checkSecret(nodeHashFunctions, presented, parsed.value, pepperBytes)
}

describe.each(IMPORTED_SECRET_VECTORS)('$name', ({ secret, otherSecret, imported, pepper }) => {
  test('matches its secret and no other', async () => {
    expect(await check(secret, imported, pepper)).toBe(true)
    expect(await check(otherSecret, imported, pepper)).toBe(false)
  })

  test('matches nothing when a character of the sum is another', async () => {
    const end = imported.hash.replace(/[="}]+$/, '').length
    // Not the last character: base64 spares some of its bits.
    const at = imported.form === 'keycloak' ? imported.hash.indexOf('value') + 12 : end - 3
    const other = imported.hash[at] === 'a' ? 'b' : 'a'
    const hash = imported.hash.slice(0, at) + other + imported.hash.slice(at + 1)
    expect(await check(secret, { ...imported, hash }, pepper)).toBe(false)
  })
})

const UNSALTED = { salt: null, pepperId: null }

test('bcrypt compares 72 bytes of the secret, and refuses a NUL before and after them', async () => {
  const hash = '$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i'
  const imported = { form: 'bcrypt', hash, ...UNSALTED } as const
  const known = 'x'.repeat(72)
  expect(await check(known, imported)).toBe(true)
  expect(await check(`${known}whatever`, imported)).toBe(true)
  expect(await check(known.slice(1), imported)).toBe(false)
  expect(await check(`${known}\0`, imported)).toBe(false)
})

test('bcrypt does not match a secret that is repeated after a NUL', async () => {
  const { hashSync } = await import('bcryptjs')
  const imported = { form: 'bcrypt', hash: hashSync('ab', 4), ...UNSALTED } as const
  expect(await check('ab', imported)).toBe(true)
  // The library itself accepts this one.
  expect(hashSync('ab\0ab', imported.hash.slice(0, 29))).toBe(imported.hash)
  expect(await check('ab\0ab', imported)).toBe(false)
})

test('better-auth normalizes the secret to NFKC, and others do not', async () => {
  const betterAuth = IMPORTED_SECRET_VECTORS.find(
    ({ imported }) => imported.form === 'scrypt-better-auth',
  )
  const sha256 = IMPORTED_SECRET_VECTORS.find(({ imported }) => imported.form === 'sha256')
  // The digits of full width.
  const secret = 'correct horse battery staple \uff14\uff12'
  expect(betterAuth && (await check(secret, betterAuth.imported))).toBe(true)
  expect(sha256 && (await check(secret, sha256.imported))).toBe(false)
})

test('crypt matches no secret of more than 512 characters', async () => {
  const sha256Crypt = (secret: string) => ({
    form: 'sha256-crypt' as const,
    hash: `$5$rounds=1000$salt$${computeCrypt(nodeHashFunctions, Buffer.from(secret), { algorithm: 'crypt', digest: 'sha256', rounds: 1000, salt: 'salt', sum: '' })}`,
    ...UNSALTED,
  })
  const known = 'k'.repeat(512)
  expect(await check(known, sha256Crypt(known))).toBe(true)
  expect(await check(`${known}k`, sha256Crypt(known))).toBe(false)
  expect(await check(`${known}k`, sha256Crypt(`${known}k`))).toBe(false)
})

/** Hashes with the least cost that their forms know, and a little more. */
const cheapHash = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 0, max: 9 }), fc.nat(3))
    .map(([ln, r, p]) => ['scrypt-phc', `$scrypt$ln=${ln},r=${r},p=${p}$`, 32] as const),
  fc.constant(['scrypt-phc', '$scrypt$ln=16,r=1,p=1$', 32] as const),
  fc
    .tuple(fc.constantFrom('d', 'i', 'id'), fc.nat(70), fc.nat(2), fc.nat(9))
    .map(([v, m, t, p]) => ['argon2', `$argon2${v}$v=19$m=${m},t=${t},p=${p}$`, 16] as const),
  fc
    .tuple(fc.constantFrom('sha256', 'sha512'), fc.nat(2), fc.integer({ min: 15, max: 65 }))
    .map(([d, i, l]) => ['pbkdf2-phc', `$pbkdf2-${d}$i=${i},l=${l}$`, l] as const),
)

test('whatever hash is accepted can be computed, for any secret', async () => {
  const encode = (length: number) => Buffer.alloc(length, 7).toString('base64').replaceAll('=', '')
  const secrets = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.constantFrom('', '\0', '\ud800', '\udc00x', 'é'.repeat(2000)),
  )
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(
      cheapHash,
      fc.integer({ min: 7, max: 65 }),
      secrets,
      async ([form, parameters, sumBytes], saltBytes, secret) => {
        const hash = `${parameters}${encode(saltBytes)}$${encode(sumBytes)}`
        const parsed = parseSecretCheck({ form, hash, salt: null }, NODE_CHECK_BOUNDS)
        if (!parsed.ok) return
        accepted++
        expect(await checkSecret(nodeHashFunctions, secret, parsed.value, null)).toBe(false)
      },
    ),
    { numRuns: 1000 },
  )
  expect(accepted).toBeGreaterThan(100)
})
