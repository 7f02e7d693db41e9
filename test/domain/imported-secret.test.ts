import { describe, expect, test } from 'vitest'
import {
  type ImportedSecretInput,
  parseImportedSecret,
  SECRET_FORM_NAMES,
} from '../../src/domain/imported-secret.ts'
import {
  NODE_CHECK_BOUNDS,
  WORKER_CHECK_BOUNDS,
} from '../../src/domain/secret-forms/secret-check.ts'
import { IMPORTED_SECRET_VECTORS } from '../support/imported-secret-vectors.ts'

const options = { bounds: NODE_CHECK_BOUNDS, weakFormsAllowed: true }
const parse = (input: Partial<ImportedSecretInput>, overrides: Partial<typeof options> = {}) =>
  parseImportedSecret(
    { form: 'sha256', hash: '', salt: null, pepperId: null, ...input },
    { ...options, ...overrides },
  )

test('there is a hash of every form but unsalted MD5', () => {
  const known = new Set(IMPORTED_SECRET_VECTORS.map(({ imported }) => imported.form))
  expect(SECRET_FORM_NAMES.filter((form) => !known.has(form))).toEqual(['md5'])
})

describe.each(IMPORTED_SECRET_VECTORS)('$name', ({ imported }) => {
  test('is accepted as it is stored', () => {
    expect(parse(imported)).toEqual({ ok: true, value: imported })
  })

  test('is refused when characters are missing at the end', () => {
    // A PHC string of argon2 tells no length, and the salt that ends {SSHA} has any.
    if (imported.form === 'argon2' || imported.form === 'ssha') return
    const end = imported.hash.replace(/=+$/, '').length
    const truncated = [1, 2, 3, 4, 8, 20].map((count) => imported.hash.slice(0, end - count))
    expect(truncated.filter((hash) => parse({ ...imported, hash }).ok)).toEqual([])
  })
})

const pbkdf2 = (rounds: number) =>
  `pbkdf2_sha256$${rounds}$0123456789abcdef$NBsAmpDQC9MUC2WoJgxzTigJDgVQy+ZthI0xvGCJDxU=`
const bcrypt = (cost: number) => `$2b$${cost}$abcdefghijklmnopqrstuuFRL4HsHTBtkdzvD8.3.3nTl.ZcTcgo2`
const scrypt = (parameters: string) =>
  `$scrypt$${parameters}$MDEyMzQ1Njc4OWFiY2RlZg$rtuVO43TUGNhfPKvw9h+vlBQc2YoCwLNZjw47mnXgos`
const argon2 = (parameters: string) =>
  `$argon2id$v=19$${parameters}$MDEyMzQ1Njc4OWFiY2RlZg$2ZANHJqWIOWj6zHwEj8VZyAKfJLfbef7qjIYn+WgoGU`
const crypt = (rounds: number) =>
  `$5$rounds=${rounds}$0123456789abcdef$ZOT4e8qCCJU.RfvS8lPx78e3gPCWDyygnjq4ig83Hg.`

describe.each([
  ['pbkdf2-django', pbkdf2(2_000_000), pbkdf2(2_000_001)],
  ['pbkdf2-django', pbkdf2(1), pbkdf2(2 ** 31)],
  ['bcrypt', bcrypt(14), bcrypt(15)],
  ['bcrypt', bcrypt(10), bcrypt(31)],
  ['scrypt-phc', scrypt('ln=17,r=8,p=1'), scrypt('ln=18,r=8,p=1')],
  ['scrypt-phc', scrypt('ln=14,r=8,p=8'), scrypt('ln=14,r=8,p=9')],
  ['scrypt-phc', scrypt('ln=1,r=1,p=1'), scrypt('ln=99,r=9999999999,p=9999999999')],
  ['argon2', argon2('m=131072,t=10,p=16'), argon2('m=131073,t=1,p=1')],
  ['argon2', argon2('m=8,t=1,p=1'), argon2('m=2147483648,t=1,p=1')],
  ['argon2', argon2('m=4096,t=10,p=1'), argon2('m=4096,t=11,p=1')],
  ['argon2', argon2('m=4096,t=10,p=1'), argon2('m=4096,t=10,p=17')],
  ['sha256-crypt', crypt(700_000), crypt(2 ** 31)],
])('the form %s', (form, cheap, expensive) => {
  test(`accepts ${cheap.slice(0, 40)} and refuses ${expensive.slice(0, 40)} for its cost`, () => {
    expect(parse({ form, hash: cheap }).ok).toBe(true)
    expect(parse({ form, hash: expensive })).toEqual({
      ok: false,
      failure: expect.stringMatching(/^The check costs too much\. .+ computes at most \d+\.$/),
    })
  })
})

test('on Workers, PBKDF2 is accepted up to 100,000 rounds for each block', () => {
  const bounds = WORKER_CHECK_BOUNDS
  const form = 'pbkdf2-django'
  expect(parse({ form, hash: pbkdf2(100_000) }, { bounds }).ok).toBe(true)
  expect(parse({ form, hash: pbkdf2(100_001) }, { bounds })).toEqual({
    ok: false,
    failure:
      'The check costs too much. PBKDF2 rounds: 100001, but this server computes at most 100000.',
  })
})
