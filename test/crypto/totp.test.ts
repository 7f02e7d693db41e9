import { describe, expect, test } from 'vitest'
import { createTotp } from '../../src/crypto/totp.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'

const totp = createTotp(nodePrimitives)

/** RFC 6238, appendix B: the secret 12345678901234567890, and the last six digits of its codes. */
const SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const VECTORS = [
  [59, '287082'],
  [1111111109, '081804'],
  [1111111111, '050471'],
  [1234567890, '005924'],
  [2000000000, '279037'],
  [20000000000, '353130'],
] as const

describe('a code of a second factor', () => {
  test.each(VECTORS)('is what RFC 6238 says, at %d s', (seconds, code) => {
    const step = Math.floor(seconds / 30)
    expect(totp.findTimeStep(SECRET, code, seconds * 1000)).toBe(step)
  })

  test('is taken a step early or late, and no more', () => {
    const at = 1_234_567_890_000
    const step = Math.floor(1_234_567_890 / 30)
    expect(totp.findTimeStep(SECRET, '005924', at - 30_000)).toBe(step)
    expect(totp.findTimeStep(SECRET, '005924', at + 30_000)).toBe(step)
    expect(totp.findTimeStep(SECRET, '005924', at - 60_000)).toBe(null)
    expect(totp.findTimeStep(SECRET, '005924', at + 60_000)).toBe(null)
  })

  test('may be typed in two groups, and is nothing but six digits', () => {
    expect(totp.findTimeStep(SECRET, ' 005 924 ', 1_234_567_890_000)).not.toBe(null)
    for (const code of ['', '5924', '0005924', '００５９２４', '00592x', '-05924', '\ud800']) {
      expect([code, totp.findTimeStep(SECRET, code, 1_234_567_890_000)]).toEqual([code, null])
    }
  })

  test('comes of a secret of 160 bits, of which no two are the same', () => {
    const [one, other] = [totp.newSecret(), totp.newSecret()]
    expect(one).toMatch(/^[A-Z2-7]{32}$/)
    expect(one).not.toBe(other)
  })

  test('is set up by a URI with the name of its user', () => {
    const uri = new URL(totp.createUri(SECRET, 'dr@acme.example'))
    expect(uri.protocol).toBe('otpauth:')
    expect(decodeURIComponent(uri.pathname)).toMatch(/Latchkey:dr@acme\.example$/)
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'Latchkey',
      secret: SECRET,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    })
  })
})
