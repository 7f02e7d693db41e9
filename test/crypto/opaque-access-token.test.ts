import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Keyring } from '../../src/crypto/keyring.ts'
import { createTokenMinter } from '../../src/crypto/minter.ts'
import { type Ring, rotateRing } from '../../src/crypto/ring.ts'
import type { TokenClaims } from '../../src/domain/token.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { workerPrimitives } from '../../src/worker/primitives.ts'
import { createTestRing, toKeyring } from '../support/keyring.ts'
import { verifyAccessToken } from '../support/tokens.ts'

const issuer = 'https://latchkey.example'
let ring: Ring
beforeAll(async () => {
  ring = await createTestRing()
})

const createTestMinter = (keyring: Keyring, options: object = {}, primitives = nodePrimitives) =>
  createTokenMinter(primitives, keyring, {
    issuer,
    audience: issuer,
    strategy: 'opaque',
    ...options,
  })
const mint = async (minter = createTestMinter(toKeyring(ring)), of = facts, with_ = salt) =>
  (await minter.mint(of, with_)).accessToken
const isProven = async (
  token: string,
  tokenSalt = salt,
  minter = createTestMinter(toKeyring(ring)),
) => (await verifyAccessToken(minter, token, tokenSalt)).ok

const salts = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'))
const anyFacts: fc.Arbitrary<TokenClaims> = fc.record({
  keyId: fc.uuid(),
  clientId: fc.string(),
  grantId: fc.uuid(),
  generation: fc.nat(2 ** 32 - 1),
  epoch: fc.nat(2 ** 32 - 1),
  issuedAt: fc.nat(2 ** 48 - 1),
})
const [salt] = fc.sample(salts, 1) as [string]
const [facts] = fc.sample(anyFacts, 1) as [TokenClaims]

const toBytes = (token: string) => Buffer.from(token.slice(3), 'base64url')
const encodeToken = (bytes: Uint8Array) => `at_${Buffer.from(bytes).toString('base64url')}`

describe('an opaque access token', () => {
  test('has 93 characters and proves the facts it was minted from', async () => {
    const minter = createTestMinter(toKeyring(ring))
    await fc.assert(
      fc.asyncProperty(anyFacts, salts, async (any, tokenSalt) => {
        const token = await mint(minter, any, tokenSalt)
        expect(token).toMatch(/^at_[\w-]{90}$/)
        const { clientId: _, ...value } = any
        expect(await verifyAccessToken(minter, token, tokenSalt)).toEqual({ ok: true, value })
      }),
    )
  })

  test('has the layout of version 1', async () => {
    const id = ring.keys.find((key) => key.use === 'access' && key.state === 'current')?.id
    const token = await mint(createTestMinter(toKeyring(ring)), {
      keyId: '0198a0a0-0000-7000-8000-000000000001',
      clientId: 'any',
      grantId: '0198a0a0-0000-7000-8000-000000000002',
      generation: 3,
      epoch: 258,
      issuedAt: 0x0123_4567_89ab,
    })
    const body = toBytes(token).subarray(0, 51).toString('hex')
    expect(body).toBe(
      `01${id}0198a0a0000070008000000000000001` +
        '0198a0a000007000800000000000000200000003000001020123456789ab',
    )
  })

  test('has the same bytes whenever it is minted from the same facts, on Node and on Workers', async () => {
    const worker = createTestMinter(toKeyring(ring), {}, workerPrimitives)
    await fc.assert(
      fc.asyncProperty(anyFacts, salts, async (any, tokenSalt) => {
        const token = await mint(createTestMinter(toKeyring(ring)), any, tokenSalt)
        expect(await mint(worker, any, tokenSalt)).toBe(token)
        expect(await isProven(token, tokenSalt, worker)).toBe(true)
      }),
    )
  })

  test('outlives the rotation of its key, and is accepted by a server with the old file', async () => {
    const rotated = await rotateRing(nodePrimitives, ring, 'access', 1)
    const before = await mint()
    const after = await mint(createTestMinter(toKeyring(rotated)))
    expect(after).not.toBe(before)
    for (const keyring of [toKeyring(ring), toKeyring(rotated)]) {
      expect(await isProven(before, salt, createTestMinter(keyring))).toBe(true)
      expect(await isProven(after, salt, createTestMinter(keyring))).toBe(true)
    }
  })
})

describe('an opaque access token is refused', () => {
  test('with any single bit flipped', async () => {
    const bytes = toBytes(await mint())
    const minter = createTestMinter(toKeyring(ring))
    expect(await isProven(encodeToken(bytes), salt, minter)).toBe(true)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      const at = bit >> 3
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7))
      expect(await isProven(encodeToken(flipped), salt, minter)).toBe(false)
    }
  })

  test('with the salt of another key, or that of no key', async () => {
    const minter = createTestMinter(toKeyring(ring))
    await fc.assert(
      fc.asyncProperty(anyFacts, salts, salts, async (any, mine, other) => {
        fc.pre(mine !== other)
        const token = await mint(minter, any, mine)
        expect(await isProven(token, other, minter)).toBe(false)
        expect(await isProven(token, minter.decoySalt, minter)).toBe(false)
      }),
    )
  })

  test('of another issuer or audience, and with the two swapped', async () => {
    const keyring = toKeyring(ring)
    const [a, b] = ['https://a.example', 'https://b.example']
    const token = await mint(createTestMinter(keyring, { issuer: a, audience: b }))
    const isProvenFor = (options: object) =>
      isProven(token, salt, createTestMinter(keyring, options))
    expect(await isProvenFor({ issuer: a, audience: b })).toBe(true)
    expect(await isProvenFor({ issuer: b, audience: a })).toBe(false)
    expect(await isProvenFor({ issuer: a, audience: a })).toBe(false)
    expect(await isProvenFor({ issuer: b, audience: b })).toBe(false)
    expect(await isProvenFor({ issuer: `${a}/`, audience: b })).toBe(false)
  })

  test('by another key ring, even if that has a key with the same id', async () => {
    const token = await mint()
    const other = await createTestRing()
    expect(await isProven(token, salt, createTestMinter(toKeyring(other)))).toBe(false)
    const ids = new Map(ring.keys.map(({ use, state, id }) => [`${use} ${state}`, id]))
    const alike = {
      ...other,
      keys: other.keys.map((key) => ({ ...key, id: ids.get(`${key.use} ${key.state}`) ?? key.id })),
    }
    expect(await isProven(token, salt, createTestMinter(toKeyring(alike)))).toBe(false)
  })

  test('cut off at any byte, and in any other spelling', async () => {
    const token = await mint()
    const wrong = Array.from({ length: token.length }, (_, length) => token.slice(0, length))
    for (const more of ['A', '=', '==', '.', ' ', '\n', '\0', '\u{1f600}', '\ud800']) {
      wrong.push(token + more, more + token, `at_${more}${token.slice(3)}`)
    }
    wrong.push(token.slice(3), `AT_${token.slice(3)}`, `at-${token.slice(3)}`, `at_${token}`)
    // 67 bytes leave four spare bits in the last of 90 characters: fifteen more spellings.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const spellings = [...alphabet]
      .map((letter) => token.slice(0, -1) + letter)
      .filter((text) => text !== token && toBytes(text).equals(toBytes(token)))
    expect(spellings).toHaveLength(15)
    for (const text of [...wrong, ...spellings]) {
      expect([text, await isProven(text)]).toEqual([text, false])
    }
  })

  test('if it is not a token, without an error', async () => {
    const minter = createTestMinter(toKeyring(ring))
    const bytes = fc.uint8Array({ maxLength: 100 }).map(encodeToken)
    const exact = fc.uint8Array({ minLength: 67, maxLength: 67 }).map((text) => {
      text[0] = 1
      return encodeToken(text)
    })
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), bytes, exact), async (text) => {
        expect(await isProven(text, salt, minter)).toBe(false)
        expect(await isProven(`at_${text}`, salt, minter)).toBe(false)
      }),
    )
  })

  test('as soon as the key that made it is removed from the ring', async () => {
    const keys = toKeyring(ring)
    const minter = createTestMinter(keys)
    const token = await mint(minter)
    expect(await isProven(token, salt, minter)).toBe(true)
    const rotated = await rotateRing(nodePrimitives, ring, 'access', 1)
    keys.replace({ ...rotated, keys: rotated.keys.filter(({ state }) => state !== 'retired') })
    expect(await isProven(token, salt, minter)).toBe(false)
  })
})
