import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Keyring } from '../../src/crypto/keyring.ts'
import { createTokenMinter } from '../../src/crypto/minter.ts'
import { type Ring, rotateRing } from '../../src/crypto/ring.ts'
import type { TokenClaims } from '../../src/domain/token.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { createTestKeyring, createTestRing, toKeyring } from '../support/keyring.ts'
import { unwrap } from '../support/server.ts'
import { verifyRefreshToken } from '../support/tokens.ts'

const issuer = 'https://latchkey.example'
let ring: Ring
beforeAll(async () => {
  ring = await createTestRing()
})

const createTestMinter = (keyring: Keyring) =>
  createTokenMinter(nodePrimitives, keyring, { issuer, audience: issuer, strategy: 'opaque' })
const mint = async (facts: TokenClaims, salt: string, keyring = toKeyring(ring)) =>
  (await createTestMinter(keyring).mint(facts, salt)).refreshToken

const salts = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'))
const anyFacts: fc.Arbitrary<TokenClaims> = fc.record({
  keyId: fc.uuid(),
  clientId: fc.string(),
  grantId: fc.uuid(),
  generation: fc.nat(2 ** 32 - 1),
  epoch: fc.nat(),
  issuedAt: fc.nat(2 ** 48 - 1),
})
const [salt] = fc.sample(salts, 1) as [string]
const [facts] = fc.sample(anyFacts, 1) as [TokenClaims]

const toBytes = (token: string) => Buffer.from(token.slice(3), 'base64url')
const encodeToken = (bytes: Uint8Array) => `rt_${Buffer.from(bytes).toString('base64url')}`

describe('a refresh token', () => {
  test('proves its grant, generation and time of issue', async () => {
    const minter = createTestMinter(toKeyring(ring))
    const ringId = ring.keys.find((key) => key.use === 'refresh' && key.state === 'current')?.id
    await fc.assert(
      fc.asyncProperty(anyFacts, salts, async (of, salt) => {
        const { refreshToken } = await minter.mint(of, salt)
        expect(refreshToken).toMatch(/^rt_[\w-]{84}$/)
        const { grantId, generation, issuedAt } = of
        const value = { ringId, grantId, generation, issuedAt }
        expect(verifyRefreshToken(minter, refreshToken, salt)).toEqual({ ok: true, value })
        expect(unwrap(minter.readRefreshToken(refreshToken)).claims).toEqual(value)
      }),
    )
  })

  test('is the same to the byte whenever it is minted from the same facts', async () => {
    expect(await mint(facts, salt)).toBe(await mint(facts, salt))
  })

  test('is refused with any single bit flipped', async () => {
    const bytes = toBytes(await mint(facts, salt))
    const minter = createTestMinter(toKeyring(ring))
    expect(verifyRefreshToken(minter, encodeToken(bytes), salt).ok).toBe(true)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      const at = bit >> 3
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7))
      expect(verifyRefreshToken(minter, encodeToken(flipped), salt).ok).toBe(false)
    }
  })

  test('is refused with the salt of another key', async () => {
    const minter = createTestMinter(toKeyring(ring))
    await fc.assert(
      fc.asyncProperty(anyFacts, salts, salts, async (of, mine, other) => {
        fc.pre(mine !== other)
        const { refreshToken } = await minter.mint(of, mine)
        expect(verifyRefreshToken(minter, refreshToken, other).ok).toBe(false)
        expect(verifyRefreshToken(minter, refreshToken, minter.decoySalt).ok).toBe(false)
      }),
    )
  })

  test('is refused by another key ring, even if that has a key with the same id', async () => {
    const token = await mint(facts, salt)
    const other = await createTestRing()
    expect(verifyRefreshToken(createTestMinter(toKeyring(other)), token, salt).ok).toBe(false)
    const ids = new Map(ring.keys.map(({ use, state, id }) => [`${use} ${state}`, id]))
    const alike = {
      ...other,
      keys: other.keys.map((key) => ({ ...key, id: ids.get(`${key.use} ${key.state}`) ?? key.id })),
    }
    expect(verifyRefreshToken(createTestMinter(toKeyring(alike)), token, salt).ok).toBe(false)
  })

  test('is refused cut off at any byte, and in any other spelling', async () => {
    const token = await mint(facts, salt)
    const minter = createTestMinter(toKeyring(ring))
    const wrong = Array.from({ length: token.length }, (_, length) => token.slice(0, length))
    for (const more of ['A', '=', '==', ' ', '\n', '\0', '\u{1f600}', '\ud800']) {
      wrong.push(token + more, more + token, `rt_${more}${token.slice(3)}`)
    }
    wrong.push(token.slice(3), `RT_${token.slice(3)}`, `rt-${token.slice(3)}`, `rt_${token}`)
    for (const text of wrong)
      expect([text, verifyRefreshToken(minter, text, salt).ok]).toEqual([text, false])
    // Standard base64 has other letters for two values; some token has one of them.
    for (let generation = 0; generation < 40; generation++) {
      const any = await mint({ ...facts, generation }, salt)
      const standard = `rt_${toBytes(any).toString('base64')}`
      expect(verifyRefreshToken(minter, standard, salt).ok).toBe(standard === any)
    }
  })

  test('that is no token at all is refused without an error', () => {
    const minter = createTestMinter(toKeyring(ring))
    const bytes = fc.uint8Array({ maxLength: 100 }).map(encodeToken)
    const exact = fc.uint8Array({ minLength: 63, maxLength: 63 }).map(encodeToken)
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), bytes, exact), (text) => {
        expect(verifyRefreshToken(minter, text, salt).ok).toBe(false)
        expect(verifyRefreshToken(minter, `rt_${text}`, salt).ok).toBe(false)
      }),
    )
  })

  test('outlives the rotation of its key, and is accepted by a server with the old file', async () => {
    const rotated = await rotateRing(nodePrimitives, ring, 'refresh', 1)
    const before = await mint(facts, salt)
    const after = await mint(facts, salt, toKeyring(rotated))
    expect(after).not.toBe(before)
    for (const keyring of [toKeyring(ring), toKeyring(rotated)]) {
      expect(verifyRefreshToken(createTestMinter(keyring), before, salt).ok).toBe(true)
      expect(verifyRefreshToken(createTestMinter(keyring), after, salt).ok).toBe(true)
    }
  })

  test('is not an access token, nor the other way round', async () => {
    const minter = createTestMinter(await createTestKeyring())
    const { accessToken, refreshToken } = await minter.mint(facts, salt)
    expect((await minter.readAccessToken(refreshToken)).ok).toBe(false)
    const renamed = refreshToken.replace('rt_', 'at_')
    expect((await minter.readAccessToken(renamed)).ok).toBe(false)
    expect(verifyRefreshToken(minter, accessToken.replace('at_', 'rt_'), salt).ok).toBe(false)
    expect(verifyRefreshToken(minter, accessToken, salt).ok).toBe(false)
    expect(minter.readRefreshToken(accessToken).ok).toBe(false)
  })
})
