import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DIGEST_FORM_NAMES,
  findFormRefusal,
  type ImportedSecretInput,
  parseImportedSecret,
  SECRET_FORM_NAMES,
} from '../../src/domain/imported-secret.ts'
import { KEY_TYPE_NAMES } from '../../src/domain/key-type.ts'
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
  ['argon2', argon2('m=32,t=1,p=1'), argon2('m=2147483648,t=1,p=1')],
  ['argon2', argon2('m=4096,t=10,p=1'), argon2('m=4096,t=11,p=1')],
  ['argon2', argon2('m=4096,t=10,p=1'), argon2('m=4096,t=10,p=17')],
  ['sha256-crypt', crypt(700_000), crypt(2 ** 31)],
])('the form %s', (form, cheap, expensive) => {
  test(`accepts ${cheap.slice(0, 40)} and refuses ${expensive.slice(0, 40)} for its cost`, () => {
    expect(parse({ form, hash: cheap }).ok).toBe(true)
    expect(parse({ form, hash: expensive })).toEqual({
      ok: false,
      failure: expect.stringMatching(
        /^the check costs too much \(.+\): this server computes at most \d+$/,
      ),
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
      'the check costs too much (PBKDF2 rounds: 100001): this server computes at most 100000',
  })
})

const SHA256 = '4da30c37ee0ecc0369ee62679f2f78cd3187cacb8d790e899371257c964a90bd'

test.each<[string, Partial<ImportedSecretInput>, RegExp]>([
  ['an unknown form', { form: 'sha-256' }, /^the form "sha-256" is unknown: use sha256, /],
  ['a form of an object', { form: 'constructor' }, /^the form "constructor" is unknown/],
  ['an empty form', { form: '', hash: SHA256 }, /^the form "" is unknown/],
  [
    'an empty hash',
    { hash: '' },
    /^the hash is not of the form sha256, which is written as 64 hex/,
  ],
  ['63 hex digits', { hash: SHA256.slice(1) }, /^the hash is not of the form sha256/],
  ['a NUL in hex', { hash: SHA256.replace('4', '\0') }, /^the hash is not of the form sha256/],
  ['a blank at the end', { hash: `${SHA256} ` }, /^the hash is not of the form sha256/],
  [
    'a salt beside SHA-256',
    { hash: SHA256, salt: 's' },
    /^the form sha256 has its salt in the hash/,
  ],
  ['a pepper beside SHA-256', { hash: SHA256, pepperId: 'p' }, /^the form sha256 has no pepper/],
  ['an HMAC without a pepper', { form: 'hmac-sha256', hash: SHA256 }, /needs a pepper: name it/],
  ['no salt', { form: 'sha256-salt-first', hash: SHA256 }, /needs a salt in the column salt/],
  ['an empty salt', { form: 'sha256-salt-last', hash: SHA256, salt: '' }, /needs a salt in the/],
  ['a NUL in a salt', { form: 'sha256-salt-last', hash: SHA256, salt: 'a\0' }, /has a NUL/],
  ['a hash of 2,000 characters', { hash: 'a'.repeat(2000) }, /^the hash has 2000 characters/],
  [
    'bcrypt of Blowfish’s faulty kind',
    { form: 'bcrypt', hash: bcrypt(10).replace('b', 'x') },
    /^\$2x\$ is/,
  ],
  [
    'bcrypt with cost 3',
    { form: 'bcrypt', hash: bcrypt(10).replace('10', '03') },
    /cost of at least 4/,
  ],
  [
    'a short bcrypt',
    { form: 'bcrypt', hash: bcrypt(10).slice(0, 40) },
    /31 of sum, not 22 and 11: the hash may/,
  ],
  [
    'a salt of 7 bytes',
    { form: 'pbkdf2-django', hash: pbkdf2(1).replace('0123456789abcdef', '0123456') },
    /^the salt has 7 bytes instead of 8 to 64/,
  ],
  [
    'a sum that is no base64',
    { form: 'pbkdf2-django', hash: pbkdf2(1).replace('UC', '**') },
    /is not valid base64/,
  ],
  [
    'no rounds',
    { form: 'pbkdf2-django', hash: pbkdf2(0) },
    /^the hash is not of the form pbkdf2-django/,
  ],
  [
    'N = 3',
    { form: 'werkzeug', hash: `scrypt:3:8:1$saltsalt$${'0'.repeat(128)}` },
    /^N of scrypt is a power of two/,
  ],
  [
    'N = 2^16 with r = 1',
    { form: 'scrypt-phc', hash: scrypt('ln=16,r=1,p=1') },
    /^N of scrypt is too large for its r/,
  ],
  [
    'Hydra’s text as passlib’s',
    {
      form: 'pbkdf2-passlib',
      hash: '$pbkdf2-sha256$i=25000,l=32$Xk3NjhYzw2vo0iHb0dENsw$85qvQUf5V71AmArvdGdczye399QcGfByVrEhTAIX4XU',
    },
    /: it may be of the form pbkdf2-phc$/,
  ],
  [
    'argon2 of an old version',
    { form: 'argon2', hash: argon2('m=32,t=1,p=1').replace('v=19', 'v=16') },
    /computes version 19 of argon2, not 16/,
  ],
  [
    'argon2 without memory',
    { form: 'argon2', hash: argon2('m=31,t=1,p=1') },
    /8 KiB of memory for each lane/,
  ],
  [
    'JSON that is no object',
    { form: 'keycloak', hash: '[]' },
    /^the hash is not of the form keycloak/,
  ],
  [
    'Keycloak without a sum',
    { form: 'keycloak', hash: '{"secretData":{},"credentialData":{}}' },
    /^secretData has no value/,
  ],
  [
    'ASP.NET of version 2',
    { form: 'aspnet-identity', hash: btoa('\x02').padEnd(4, '=') },
    /versions 0 and 1 of this form, not 2/,
  ],
  [
    'ASP.NET cut in its header',
    { form: 'aspnet-identity', hash: btoa('\x01\0\0') },
    /^the hash is truncated/,
  ],
])('%s is refused', (_, input, sentence) => {
  expect(parse(input)).toEqual({ ok: false, failure: expect.stringMatching(sentence) })
})

test('forms of MD5, SHA-1 and crypt are accepted only where weak forms are allowed', () => {
  const weak = [
    'sha1',
    'md5',
    'ssha',
    'sha1-django',
    'md5-django',
    'apr1',
    'sha256-crypt',
    'sha512-crypt',
  ]
  for (const form of SECRET_FORM_NAMES) {
    const result = parse({ form }, { weakFormsAllowed: false })
    const sentence = expect.stringContaining('allow weak forms if each secret has at least 128')
    if (weak.includes(form)) expect(result).toEqual({ ok: false, failure: sentence })
    else expect(result).not.toEqual({ ok: false, failure: sentence })
  }
})

test('each key type accepts the forms by which its keys can be found', () => {
  const accepted = KEY_TYPE_NAMES.map((keyType) => [
    keyType,
    SECRET_FORM_NAMES.filter((form) => findFormRefusal(keyType, form) === null),
  ])
  expect(Object.fromEntries(accepted)).toEqual({
    redox: SECRET_FORM_NAMES,
    xdent: SECRET_FORM_NAMES,
    oauth: SECRET_FORM_NAMES,
    xenrad: DIGEST_FORM_NAMES,
    opendental: [],
    'opendental-portal': [],
    practice: [],
  })
  expect(findFormRefusal('xenrad', 'bcrypt')).toMatch(
    /found by its secret alone, which a salt prevents/,
  )
  expect(findFormRefusal('practice', 'sha256')).toMatch(/: import the secret itself$/)
})

/** A hash with some characters replaced, deleted or inserted. */
const damagedHash = fc
  .record({
    hash: fc.constantFrom(...IMPORTED_SECRET_VECTORS.map(({ imported }) => imported.hash)),
    at: fc.nat(200),
    deleted: fc.nat(20),
    inserted: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom('$', '=', ',', '"', '9'),
    ),
  })
  .map(({ hash, at, deleted, inserted }) => hash.slice(0, at) + inserted + hash.slice(at + deleted))

test('whatever a hash is, it is accepted or refused with a reason', () => {
  const input = fc.record({
    form: fc.constantFrom(...SECRET_FORM_NAMES),
    hash: fc.oneof(damagedHash, fc.string({ unit: 'binary', maxLength: 200 }), fc.json()),
    salt: fc.oneof(fc.constant(null), fc.string()),
    pepperId: fc.oneof(fc.constant(null), fc.string()),
  })
  fc.assert(
    fc.property(input, (imported) => {
      const result = parse(imported)
      if (result.ok) expect(result.value).toEqual(imported)
      else expect(result.failure).toMatch(/^[^A-Z].{20,}[^.]$|^(?:N|PBKDF2) .+[^.]$/s)
    }),
    { numRuns: 20_000 },
  )
})

test('a hash that has a prefix and another form is refused with the name of its form', () => {
  for (const { imported } of IMPORTED_SECRET_VECTORS) {
    const form = imported.form === 'apr1' ? 'ssha' : 'apr1'
    const hint = `it may be of the form ${imported.form}`
    const result = parse({ form, hash: imported.hash })
    if (/[${]/.test(imported.hash))
      expect(result).toEqual({ ok: false, failure: expect.stringContaining(hint) })
    else expect(result).toEqual({ ok: false, failure: expect.not.stringContaining('it may be') })
  }
})
