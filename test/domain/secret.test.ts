import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../../src/crypto/secrets.ts'
import {
  addChecksum,
  isDamagedSecret,
  SECRET_PATTERN,
  SECRET_PREFIX,
} from '../../src/domain/secret.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'

const { secret: mint } = createRandom(nodePrimitives, Date.now)

/** Secrets as they are minted, of any 256 bits. */
const secrets = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => addChecksum(Buffer.from(bytes).toString('base64url')))
const LENGTH = 52

describe('a secret that was made here', () => {
  test('is lk_, 43 characters of base64url and 6 of a checksum, and whole', () => {
    for (let n = 0; n < 1000; n++) {
      const secret = mint()
      expect(secret).toMatch(/^lk_[A-Za-z0-9_-]{43}[0-9A-Za-z]{6}$/)
      expect(secret).toHaveLength(LENGTH)
      expect(isDamagedSecret(secret)).toBe(false)
    }
  })

  // The check value of CRC-32 (ISO 3309): 123456789 gives cbf43926.
  test('has the CRC-32 of its random part for a checksum, in base 62', () => {
    expect(addChecksum('123456789')).toBe(`lk_123456789${encodeBase62(0xcbf43926)}`)
    expect(addChecksum('')).toBe('lk_000000')
  })
  function encodeBase62(number: number): string {
    const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    let text = ''
    for (let rest = BigInt(number), n = 0; n < 6; n++, rest /= 62n)
      text = digits[Number(rest % 62n)] + text
    return text
  }

  test('is damaged by another character in any position after lk_', () => {
    fc.assert(
      fc.property(
        secrets,
        fc.integer({ min: SECRET_PREFIX.length, max: LENGTH - 1 }),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
        (secret, at, other) => {
          fc.pre(secret[at] !== other)
          expect(isDamagedSecret(secret.slice(0, at) + other + secret.slice(at + 1))).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('is garbled by any two characters that change places', () => {
    fc.assert(
      fc.property(secrets, fc.integer({ min: 3, max: LENGTH - 2 }), (secret, at) => {
        const [a = '', b = ''] = [secret[at], secret[at + 1]]
        fc.pre(a !== b)
        expect(isDamagedSecret(secret.slice(0, at) + b + a + secret.slice(at + 2))).toBe(true)
      }),
    )
  })

  test('is garbled wherever it is cut off, and by whatever is added', () => {
    const secret = mint()
    for (let length = SECRET_PREFIX.length; length < LENGTH; length++) {
      expect([length, isDamagedSecret(secret.slice(0, length))]).toEqual([length, true])
    }
    fc.assert(
      fc.property(secrets, fc.string({ unit: 'binary', minLength: 1 }), (whole, more) => {
        expect(isDamagedSecret(whole + more)).toBe(true)
      }),
    )
  })
})

test('a secret that another system made is never called garbled', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (secret) => {
      fc.pre(!secret.startsWith(SECRET_PREFIX))
      expect(isDamagedSecret(secret)).toBe(false)
    }),
  )
  for (const secret of ['', 'lk', 'LK_x', 'sk_live_51H', ' lk_', 'xlk_']) {
    expect([secret, isDamagedSecret(secret)]).toEqual([secret, false])
  }
})

describe('a scanner of source code', () => {
  const findSecret = (text: string) => SECRET_PATTERN.exec(text)?.[0]

  test('finds every secret of Latchkey in any surrounding text', () => {
    const around = fc.string({ unit: 'binary' }).filter((text) => !text.includes('lk_'))
    fc.assert(
      fc.property(around, secrets, around, (before, secret, after) => {
        fc.pre(!`${before}${SECRET_PREFIX}`.slice(0, -1).includes('lk_'))
        expect(findSecret(before + secret + after)).toBe(secret)
      }),
      { numRuns: 2000 },
    )
  })

  test.each(['?key=', '%3D', '"\\n', 'TOKEN_', 'x', '-', 'KEY:'])(
    'finds one after %s',
    (before) => {
      const secret = mint()
      expect(findSecret(`${before}${secret}"`)).toBe(secret)
    },
  )

  test('finds nothing in other texts', () => {
    for (const text of ['lk_', `lk_${'a'.repeat(48)}`, `lk-${'a'.repeat(60)}`, mint().slice(1)]) {
      expect(findSecret(text)).toBeUndefined()
    }
  })
})
