import fc from 'fast-check'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  readCacheSeconds,
  readClientKeySet,
  readPastedKeySet,
  selectClientKey,
} from '../../src/domain/client-key-set.ts'

const keys: Record<string, JWK> = {}
beforeAll(async () => {
  const generate = async (name: string, alg: string, options: object = {}) => {
    const { publicKey } = await generateKeyPair(alg, { extractable: true, ...options })
    keys[name] = await exportJWK(publicKey)
  }
  await Promise.all([
    generate('rsa', 'RS384'),
    generate('p256', 'ES256'),
    generate('p384', 'ES384'),
    generate('p521', 'ES512'),
    generate('ed25519', 'EdDSA'),
  ])
})
const key = (name: string, more: object = {}) => ({ ...keys[name], ...more })

const readOne = (entry: unknown) => {
  const set = readClientKeySet({ keys: [entry] })
  if (!set.ok) throw new Error(set.failure.detail)
  return set.value
}

describe('a key of a client', () => {
  test.each([
    ['rsa', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'], 'RSA 2048'],
    ['p256', ['ES256'], 'P-256'],
    ['p384', ['ES384'], 'P-384'],
    ['p521', ['ES512'], 'P-521'],
    ['ed25519', ['EdDSA', 'Ed25519'], 'Ed25519'],
  ])('of type %s fits its algorithms, and keeps only what makes it', (name, algorithms, type) => {
    const extras = { kid: 'k', use: 'sig', key_ops: ['verify'], x5c: ['MII'], ext: true }
    expect(readOne(key(name, extras)).keys).toEqual([
      { kid: 'k', type, algorithms, jwk: key(name) },
    ])
  })

  test('fits the algorithm that it names, and no other', () => {
    const readAlgorithms = (name: string, alg: string) =>
      readOne(key(name, { alg })).keys[0]?.algorithms
    expect(readAlgorithms('rsa', 'PS384')).toEqual(['PS384'])
    expect(readAlgorithms('p256', 'ES256')).toEqual(['ES256'])
    // RFC 9864 gives EdDSA with this curve a second name.
    for (const alg of ['EdDSA', 'Ed25519']) {
      expect(readAlgorithms('ed25519', alg)).toEqual(['EdDSA', 'Ed25519'])
    }
  })

  const shortRsa = (bits: number) => {
    const bytes = Buffer.alloc(Math.ceil(bits / 8), 0xff)
    bytes[0] = 0xff >> (bytes.length * 8 - bits)
    return { kty: 'RSA', e: 'AQAB', n: bytes.toString('base64url') }
  }
  test.each([
    ['for encryption', () => key('rsa', { use: 'enc' }), /for the use enc/],
    ['for other operations', () => key('rsa', { key_ops: ['encrypt'] }), /without verify/],
    ['with key_ops that is a text', () => key('rsa', { key_ops: 'verify' }), /without verify/],
    ['with a private exponent', () => key('rsa', { d: 'AQAB' }), /private/],
    ['with a private scalar', () => key('p256', { d: 'AAAA' }), /private/],
    ['with a prime', () => key('rsa', { p: 'AQAB' }), /private/],
    ['with a shared secret', () => ({ kty: 'oct', k: 'AAAA' }), /private/],
    ['of 2047 bits', () => shortRsa(2047), /has 2047 bits/],
    ['of 1024 bits', () => shortRsa(1024), /has 1024 bits/],
    [
      'of 2048 bits with leading zeros before 1024',
      () => ({
        ...shortRsa(1024),
        n: Buffer.concat([Buffer.alloc(128), Buffer.alloc(128, 255)]).toString('base64url'),
      }),
      /has 1024 bits/,
    ],
    ['of 16384 bits', () => shortRsa(16_384), /more than 8192/],
    ['with the exponent 1', () => ({ ...shortRsa(2048), e: 'AQ' }), /exponent/],
    ['with an even exponent', () => ({ ...shortRsa(2048), e: 'AQAC' }), /exponent/],
    ['with a long exponent', () => ({ ...shortRsa(2048), e: 'AQABAQAB' }), /exponent/],
    ['without a modulus', () => ({ kty: 'RSA', e: 'AQAB' }), /no n and e/],
    ['with a modulus in base64', () => ({ kty: 'RSA', e: 'AQAB', n: 'a+/=' }), /no n and e/],
    ['on another curve', () => key('p256', { crv: 'secp256k1' }), /curve/],
    ['on a curve of another type', () => key('p256', { kty: 'OKP' }), /curve/],
    ['on the curve of another length', () => key('p256', { crv: 'P-384' }), /no x of 48 bytes/],
    ['on the curve of nobody', () => key('p256', { crv: 'constructor' }), /curve/],
    ['for key agreement', () => ({ kty: 'OKP', crv: 'X25519', x: keys.ed25519?.x }), /curve/],
    ['without y', () => key('p256', { y: undefined }), /no y/],
    ['of an unknown type', () => ({ kty: 'AKP', alg: 'ML-DSA-65' }), /type/],
    ['for HS256', () => key('rsa', { alg: 'HS256' }), /algorithm HS256/],
    ['for an algorithm of another type', () => key('rsa', { alg: 'ES256' }), /algorithm ES256/],
    ['with a kid that is a number', () => key('rsa', { kid: 1 }), /kid/],
    ['that is null', () => null, /no object/],
    ['that is a list', () => [], /no object/],
  ])('%s is refused', (_, make, why) => {
    const { keys: usable, refused } = readOne(make())
    expect(usable).toEqual([])
    expect(refused).toEqual([expect.objectContaining({ why: expect.stringMatching(why) })])
    expect(readPastedKeySet({ keys: [make()] })).toMatchObject({
      ok: false,
      failure: { reason: 'key_set_invalid', detail: expect.stringMatching(why) },
    })
  })

  test('with the kid and type of another is refused, and so is the other; other types are not', () => {
    const set = readClientKeySet({
      keys: [key('p256', { kid: 'a' }), key('p384', { kid: 'a' }), key('rsa', { kid: 'a' })],
    })
    expect(set).toMatchObject({
      value: {
        keys: [{ kid: 'a', type: 'RSA 2048' }],
        refused: [
          { kid: 'a', type: 'P-256', why: 'has the kid and the type of another key' },
          { kid: 'a', type: 'P-384', why: 'has the kid and the type of another key' },
        ],
      },
    })
  })
})

describe('a set of keys', () => {
  test.each([null, [], {}, { keys: {} }, 'keys', 1])('that is %j is refused', (value) => {
    expect(readClientKeySet(value)).toMatchObject({ failure: { reason: 'key_set_invalid' } })
  })

  test('has at most 50 keys', () => {
    const list = (length: number) =>
      readClientKeySet({ keys: Array.from({ length }, (_, n) => key('p256', { kid: `${n}` })) }).ok
    expect([list(50), list(51)]).toEqual([true, false])
  })

  test('that is pasted has at least one', () => {
    expect(readPastedKeySet({ keys: [] }).ok).toBe(false)
    expect(readPastedKeySet({ keys: [key('p256')] }).ok).toBe(true)
  })

  test('is read without an error, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.dictionary(fc.constantFrom('kty', 'crv', 'kid', 'n', 'e', 'x', 'alg'), fc.jsonValue()),
        ),
        (entries) => {
          const set = readClientKeySet({ keys: entries })
          if (set.ok) expect(set.value.keys).toEqual([])
        },
      ),
    )
  })
})

describe('the key of an assertion', () => {
  const select = (
    entries: object[],
    algorithm: 'RS384' | 'ES256' | 'ES384',
    kid: string | null,
  ) => {
    const set = readClientKeySet({ keys: entries })
    if (!set.ok) throw new Error(set.failure.detail)
    const result = selectClientKey(set.value, { algorithm, kid })
    return result.ok ? result.value.type : result.failure.reason
  }
  const entries = () => [key('rsa', { kid: 'a' }), key('p256', { kid: 'b' }), key('p384')]

  test.each([
    ['has its kid', 'RS384', 'a', 'RSA 2048'],
    ['has its kid and fits its algorithm', 'ES256', 'b', 'P-256'],
    ['is not one of another type with its kid', 'RS384', 'b', 'key_refused'],
    ['is not one of another curve with its kid', 'ES384', 'b', 'key_refused'],
    ['is unknown by another kid', 'ES256', 'c', 'key_unknown'],
    ['is unknown by a kid that is a path', 'ES256', '../b', 'key_unknown'],
    ['is unknown by a kid in other case', 'ES256', 'B', 'key_unknown'],
    ['without a kid, is the only one that fits', 'ES384', null, 'P-384'],
    ['without a kid, may have one in the set', 'RS384', null, 'RSA 2048'],
  ] as const)('%s', (_, algorithm, kid, expected) => {
    expect(select(entries(), algorithm, kid)).toBe(expected)
  })

  test('without a kid is ambiguous where two fit, and unknown where none does', () => {
    expect(select([key('rsa', { kid: 'a' }), key('rsa', { kid: 'b' })], 'RS384', null)).toBe(
      'key_ambiguous',
    )
    expect(select([key('p256')], 'RS384', null)).toBe('key_unknown')
  })

  test('of two types with one kid is the one that fits', () => {
    const both = [key('p256', { kid: 'a' }), key('rsa', { kid: 'a' })]
    expect(select(both, 'RS384', 'a')).toBe('RSA 2048')
    expect(select(both, 'ES256', 'a')).toBe('P-256')
  })

  test('that is in the set but refused is refused with the reason', () => {
    const set = readClientKeySet({ keys: [key('rsa', { kid: 'a', use: 'enc' })] })
    expect(set.ok && selectClientKey(set.value, { algorithm: 'RS384', kid: 'a' })).toMatchObject({
      failure: { reason: 'key_refused', detail: 'the key "a" is for the use enc, not sig' },
    })
  })
})

test.each([
  [undefined, undefined, 300],
  ['', undefined, 300],
  ['public', undefined, 300],
  ['max-age=60', undefined, 60],
  ['public, max-age=60', '20', 40],
  ['max-age=60', '61', 0],
  ['max-age=60', 'old', 60],
  ['MAX-AGE="60"', undefined, 60],
  ['max-age=0', undefined, 0],
  ['max-age=86400', undefined, 3600],
  ['max-age=86400', '86000', 400],
  ['max-age=-1', undefined, 300],
  ['s-maxage=60', undefined, 300],
  ['no-store', undefined, 0],
  ['no-cache="Set-Cookie", max-age=60', undefined, 0],
  ['max-age=60, no-store', undefined, 0],
])(
  'a response with Cache-Control %j and Age %j is kept for the time it says',
  (header, age, seconds) => {
    expect(readCacheSeconds(header, age)).toBe(seconds)
  },
)
