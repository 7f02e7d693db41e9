import fc from 'fast-check'
import {
  base64url,
  createLocalJWKSet,
  decodeJwt,
  exportSPKI,
  importJWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Keyring } from '../../src/crypto/keyring.ts'
import { createTokenMinter } from '../../src/crypto/minter.ts'
import { type Ring, rotateRing } from '../../src/crypto/ring.ts'
import {
  ACCESS_TOKEN_MS,
  type AccessTokenClaims,
  type TokenClaims,
} from '../../src/domain/token.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import type { TokenMinter } from '../../src/service/ports/crypto.ts'
import { createTestKeyring, createTestRing, toKeyring } from '../support/keyring.ts'
import { verifyAccessToken } from '../support/tokens.ts'

const issuer = 'https://latchkey.example'
const audience = issuer
const salt = 'AAAAAAAAAAAAAAAAAAAAAA'
const facts: TokenClaims = {
  keyId: '0198a0a0-0000-7000-8000-000000000001',
  clientId: 'b1a2c3d4-public',
  grantId: '0198a0a0-0000-7000-8000-000000000002',
  generation: 3,
  epoch: 1,
  issuedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
}

let ring: Ring
let keyring: Keyring
beforeAll(async () => {
  ring = await createTestRing()
  keyring = toKeyring(ring)
})

const createTestMinter = (keys: Keyring, options: object = {}) =>
  createTokenMinter(nodePrimitives, keys, { issuer, audience, strategy: 'jwt', ...options })
const mint = async (minter = createTestMinter(keyring), of = facts) =>
  (await minter.mint(of, salt)).accessToken

const verify = (minter: TokenMinter, token: string) => verifyAccessToken(minter, token, salt)
const toProven = ({ clientId: _, ...value }: TokenClaims) => ({
  ok: true,
  value: value satisfies AccessTokenClaims,
})

const anyFacts: fc.Arbitrary<TokenClaims> = fc.record({
  keyId: fc.uuid(),
  clientId: fc.stringMatching(/^[\x21-\x7e]{1,128}$/),
  grantId: fc.uuid(),
  generation: fc.nat(2 ** 32 - 1),
  epoch: fc.nat(),
  issuedAt: fc.nat(4_000_000_000).map((seconds) => seconds * 1000),
})

/** Refused as it is, and also right after the genuine token was proven and is remembered. */
async function expectForged(forged: string, genuine: string, minter = createTestMinter(keyring)) {
  for (const round of ['unseen', 'seen']) {
    const proven = await verify(minter, forged)
    expect([round, forged, proven.ok]).toEqual([round, forged, false])
    expect((await verify(minter, genuine)).ok).toBe(true)
  }
}

const splitToken = (token: string) => token.split('.') as [string, string, string]
const encode = (value: unknown) => base64url.encode(JSON.stringify(value))

describe('a JWT access token', () => {
  test('proves the facts it was minted from', async () => {
    const minter = createTestMinter(keyring)
    await fc.assert(
      fc.asyncProperty(anyFacts, async (any) => {
        const token = await mint(minter, any)
        for (const prover of [minter, minter, createTestMinter(keyring)]) {
          expect(await verify(prover, token)).toEqual(toProven(any))
        }
      }),
    )
  })

  test('is the same to the byte whenever it is minted from the same facts', async () => {
    await fc.assert(
      fc.asyncProperty(anyFacts, async (any) => {
        const first = await createTestMinter(keyring).mint(any, salt)
        expect(await createTestMinter(toKeyring(ring)).mint(any, salt)).toEqual(first)
      }),
    )
  })

  test('is an RFC 9068 token to another implementation: header, claims, signature', async () => {
    const token = await mint()
    const jwks = createLocalJWKSet({ keys: [...keyring.publicKeys] })
    const { payload, protectedHeader } = await jwtVerify(token, jwks, {
      typ: 'at+jwt',
      issuer,
      audience,
      algorithms: ['EdDSA'],
      requiredClaims: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
      currentDate: new Date(facts.issuedAt),
    })
    const kid = keyring.currentId('EdDSA')
    expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid })
    expect(payload).toEqual({
      iss: issuer,
      aud: audience,
      sub: facts.keyId,
      client_id: facts.clientId,
      sid: facts.grantId,
      gen: 3,
      epoch: 1,
      jti: `${facts.grantId}.3`,
      iat: facts.issuedAt / 1000,
      exp: (facts.issuedAt + ACCESS_TOKEN_MS) / 1000,
    } satisfies JWTPayload)
  })

  test('ends for another implementation exactly 24 hours after it was issued', async () => {
    const token = await mint()
    const jwks = createLocalJWKSet({ keys: [...keyring.publicKeys] })
    const at = (ms: number) =>
      jwtVerify(token, jwks, { currentDate: new Date(facts.issuedAt + ms) })
    await at(ACCESS_TOKEN_MS - 1000)
    await expect(at(ACCESS_TOKEN_MS)).rejects.toThrow('"exp" claim timestamp check failed')
  })

  test('is proven although its time is over: time is the caller’s to judge', async () => {
    const minter = createTestMinter(keyring)
    const old = { ...facts, issuedAt: 1000 }
    expect(await verify(minter, await mint(minter, old))).toEqual(toProven(old))
  })
})

describe('a JWT access token is refused', () => {
  test('with the algorithm none, signed or not', async () => {
    const token = await mint()
    const [, payload, signature] = splitToken(token)
    for (const alg of ['none', 'None', 'NONE', '']) {
      for (const header of [{ alg }, { alg, typ: 'at+jwt', kid: keyring.currentId('EdDSA') }]) {
        await expectForged(`${encode(header)}.${payload}.`, token)
        await expectForged(`${encode(header)}.${payload}.${signature}`, token)
      }
    }
    await expectForged(`${splitToken(token)[0]}.${payload}.`, token)
  })

  test('signed by HMAC with the public key as the secret', async () => {
    const token = await mint()
    const kid = keyring.currentId('EdDSA')
    const jwk = keyring.publicKeys.find((key) => key.kid === kid)
    if (jwk?.x === undefined) throw new Error('the current key is not public')
    const spki = await exportSPKI((await importJWK(jwk)) as Parameters<typeof exportSPKI>[0])
    for (const secret of [spki, spki.trim(), jwk.x, JSON.stringify(jwk)]) {
      const forge = new SignJWT(decodeJwt(token)).setProtectedHeader({
        alg: 'HS256',
        typ: 'at+jwt',
        kid,
      })
      await expectForged(await forge.sign(new TextEncoder().encode(secret)), token)
    }
    const raw = base64url.decode(jwk.x)
    const forge = new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'HS256', kid })
    await expectForged(await forge.sign(raw), token)
  })

  test('with the payload of another genuine token', async () => {
    const minter = createTestMinter(keyring)
    const [a, b] = [await mint(minter), await mint(minter, { ...facts, generation: 4 })]
    const [[header, , signature], [, payload]] = [splitToken(a), splitToken(b)]
    await expectForged(`${header}.${payload}.${signature}`, a, minter)
    await expectForged(`${header}.${payload}.${signature}`, b, minter)
  })

  test('with the header of another key of the ring, or its own written in another way', async () => {
    const token = await mint()
    const [, payload, signature] = splitToken(token)
    const kid = keyring.currentId('EdDSA')
    const next = ring.keys.find((key) => key.use === 'sign' && key.state === 'next')?.id
    for (const header of [
      { alg: 'EdDSA', typ: 'at+jwt', kid: next },
      { alg: 'EdDSA', typ: 'at+jwt' },
      { alg: 'EdDSA', typ: 'JWT', kid },
      { typ: 'at+jwt', alg: 'EdDSA', kid },
      { alg: 'EdDSA', typ: 'at+jwt', kid, crit: ['exp'] },
      { alg: 'EdDSA', typ: 'at+jwt', kid, jwk: keyring.publicKeys[0] },
      {},
    ]) {
      await expectForged(`${encode(header)}.${payload}.${signature}`, token)
    }
  })

  test('with a genuine signature of ours over another kind of token', async () => {
    const token = await mint()
    const kid = keyring.currentId('EdDSA')
    const signer = keyring.signer(kid)
    for (const typ of ['JWT', 'logout+jwt', undefined]) {
      const signed = `${encode({ alg: 'EdDSA', typ, kid })}.${splitToken(token)[1]}`
      const signature = base64url.encode((await signer?.sign(signed)) ?? new Uint8Array())
      await expectForged(`${signed}.${signature}`, token)
    }
  })

  test('of another key ring, another issuer or another audience', async () => {
    const token = await mint()
    await expectForged(await mint(createTestMinter(await createTestKeyring())), token)
    await expectForged(await mint(createTestMinter(keyring, { issuer: `${issuer}/` })), token)
    await expectForged(
      await mint(createTestMinter(keyring, { audience: 'https://other.example' })),
      token,
    )
  })

  test('wherever it is cut off, and with anything put before or behind it', async () => {
    const token = await mint()
    for (let length = 0; length < token.length; length++)
      await expectForged(token.slice(0, length), token)
    for (const more of ['A', '.', '=', ' ', '\n', '\0', '.A', '%', '\u{1f600}', '\ud800']) {
      await expectForged(token + more, token)
      await expectForged(more + token, token)
    }
  })

  test('in any other spelling of the same bytes', async () => {
    const token = await mint()
    const [header, payload, signature] = splitToken(token)
    // 64 bytes leave four spare bits in the last of 86 characters: fifteen more spellings.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const bytes = Buffer.from(signature, 'base64url')
    const spellings = [...alphabet]
      .map((letter) => signature.slice(0, -1) + letter)
      .filter((text) => text !== signature && Buffer.from(text, 'base64url').equals(bytes))
    expect(spellings).toHaveLength(15)
    spellings.push(`${signature}==`, bytes.toString('base64'), `${signature} `, ` ${signature}`)
    for (const text of spellings) await expectForged(`${header}.${payload}.${text}`, token)
    for (const text of [`${payload}=`, `${payload}==`, ` ${payload}`]) {
      await expectForged(`${header}.${text}.${signature}`, token)
    }
    await expectForged(`${header}=.${payload}.${signature}`, token)
  })

  test('with any one character replaced', async () => {
    const token = await mint()
    const minter = createTestMinter(keyring)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.stringMatching(/^[\w.=+/-]$/),
        async (at, letter) => {
          fc.pre(token[at] !== letter)
          await expectForged(token.slice(0, at) + letter + token.slice(at + 1), token, minter)
        },
      ),
    )
  })

  test('if it is not a token, without an error', async () => {
    const minter = createTestMinter(keyring)
    const [header] = splitToken(await mint())
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.base64String())
    await fc.assert(
      fc.asyncProperty(fc.array(texts, { maxLength: 5 }), async (words) => {
        expect((await verify(minter, words.join('.'))).ok).toBe(false)
        expect((await verify(minter, [header, ...words].join('.'))).ok).toBe(false)
      }),
    )
  })
})

describe('when the key ring changes', () => {
  test('a token outlives the rotation of the key that signed it', async () => {
    const keys = toKeyring(ring)
    const minter = createTestMinter(keys)
    const before = await mint(minter)
    const rotated = await rotateRing(nodePrimitives, ring, 'sign', 1)
    keys.replace(rotated)
    const after = await mint(minter)
    expect(after).not.toBe(before)
    for (const prover of [minter, createTestMinter(toKeyring(rotated))]) {
      expect(await verify(prover, before)).toEqual(toProven(facts))
      expect(await verify(prover, after)).toEqual(toProven(facts))
    }
  })

  test('a server that still has the old file accepts tokens of the new key', async () => {
    const rotated = await rotateRing(nodePrimitives, ring, 'sign', 1)
    const token = await mint(createTestMinter(toKeyring(rotated)))
    expect((await verify(createTestMinter(keyring), token)).ok).toBe(true)
  })

  test('a token of a key that was taken out is refused at once, although it was proven before', async () => {
    const keys = toKeyring(ring)
    const minter = createTestMinter(keys)
    const token = await mint(minter)
    expect((await verify(minter, token)).ok).toBe(true)
    const rotated = await rotateRing(nodePrimitives, ring, 'sign', 1)
    keys.replace({ ...rotated, keys: rotated.keys.filter(({ state }) => state !== 'retired') })
    expect((await verify(minter, token)).ok).toBe(false)
  })
})
