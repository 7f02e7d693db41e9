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
import { type Keyring, type Ring, rotateRing } from '../../src/crypto/keyring.ts'
import { createMinter } from '../../src/crypto/minter.ts'
import { ACCESS_TOKEN_MS, type TokenFacts } from '../../src/domain/token.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { keyringOf, testKeyring, testRing } from '../support/ring.ts'

const issuer = 'https://latchkey.example'
const audience = issuer
const salt = 'AAAAAAAAAAAAAAAAAAAAAA'
const facts: TokenFacts = {
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
  ring = await testRing()
  keyring = keyringOf(ring)
})

const minterOf = (keys: Keyring, options: object = {}) =>
  createMinter(nodePrimitives, keys, { issuer, audience, ...options })
const mint = async (minter = minterOf(keyring), of = facts) =>
  (await minter.mint(of, salt)).accessToken

const anyFacts: fc.Arbitrary<TokenFacts> = fc.record({
  keyId: fc.uuid(),
  clientId: fc.stringMatching(/^[\x21-\x7e]{1,128}$/),
  grantId: fc.uuid(),
  generation: fc.nat(2 ** 32 - 1),
  epoch: fc.nat(),
  issuedAt: fc.nat(4_000_000_000).map((seconds) => seconds * 1000),
})

/** Refused as it is, and also right after the genuine token was proven and is remembered. */
async function refuses(forged: string, genuine: string, minter = minterOf(keyring)) {
  for (const round of ['unseen', 'seen']) {
    const proven = await minter.proveAccess(forged)
    expect([round, forged, proven.ok]).toEqual([round, forged, false])
    expect((await minter.proveAccess(genuine)).ok).toBe(true)
  }
}

const parts = (token: string) => token.split('.') as [string, string, string]
const encode = (value: unknown) => base64url.encode(JSON.stringify(value))

describe('an access token', () => {
  test('proves the facts it was minted from', async () => {
    const minter = minterOf(keyring)
    await fc.assert(
      fc.asyncProperty(anyFacts, async (any) => {
        const token = await mint(minter, any)
        for (const prover of [minter, minter, minterOf(keyring)]) {
          expect(await prover.proveAccess(token)).toEqual({ ok: true, value: any })
        }
      }),
    )
  })

  test('is the same to the byte whenever it is minted from the same facts', async () => {
    await fc.assert(
      fc.asyncProperty(anyFacts, async (any) => {
        const first = await minterOf(keyring).mint(any, salt)
        expect(await minterOf(keyringOf(ring)).mint(any, salt)).toEqual(first)
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
    const kid = keyring.currentId('sign')
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
    const minter = minterOf(keyring)
    const old = { ...facts, issuedAt: 1000 }
    expect(await minter.proveAccess(await mint(minter, old))).toEqual({ ok: true, value: old })
  })
})

describe('an access token is refused', () => {
  test('with the algorithm none, signed or not', async () => {
    const token = await mint()
    const [, payload, signature] = parts(token)
    for (const alg of ['none', 'None', 'NONE', '']) {
      for (const header of [{ alg }, { alg, typ: 'at+jwt', kid: keyring.currentId('sign') }]) {
        await refuses(`${encode(header)}.${payload}.`, token)
        await refuses(`${encode(header)}.${payload}.${signature}`, token)
      }
    }
    await refuses(`${parts(token)[0]}.${payload}.`, token)
  })

  test('signed by HMAC with the public key as the secret', async () => {
    const token = await mint()
    const kid = keyring.currentId('sign')
    const jwk = keyring.publicKeys.find((key) => key.kid === kid)
    if (jwk?.x === undefined) throw new Error('the current key is not public')
    const spki = await exportSPKI((await importJWK(jwk)) as Parameters<typeof exportSPKI>[0])
    for (const secret of [spki, spki.trim(), jwk.x, JSON.stringify(jwk)]) {
      const forge = new SignJWT(decodeJwt(token)).setProtectedHeader({
        alg: 'HS256',
        typ: 'at+jwt',
        kid,
      })
      await refuses(await forge.sign(new TextEncoder().encode(secret)), token)
    }
    const raw = base64url.decode(jwk.x)
    const forge = new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'HS256', kid })
    await refuses(await forge.sign(raw), token)
  })

  test('with the payload of another genuine token', async () => {
    const minter = minterOf(keyring)
    const [a, b] = [await mint(minter), await mint(minter, { ...facts, generation: 4 })]
    const [[header, , signature], [, payload]] = [parts(a), parts(b)]
    await refuses(`${header}.${payload}.${signature}`, a, minter)
    await refuses(`${header}.${payload}.${signature}`, b, minter)
  })

  test('with the header of another key of the ring, or its own written in another way', async () => {
    const token = await mint()
    const [, payload, signature] = parts(token)
    const kid = keyring.currentId('sign')
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
      await refuses(`${encode(header)}.${payload}.${signature}`, token)
    }
  })

  test('with a genuine signature of ours over another kind of token', async () => {
    const token = await mint()
    const kid = keyring.currentId('sign')
    const signer = keyring.signer(kid)
    for (const typ of ['JWT', 'logout+jwt', undefined]) {
      const signed = `${encode({ alg: 'EdDSA', typ, kid })}.${parts(token)[1]}`
      const signature = base64url.encode((await signer?.sign(signed)) ?? new Uint8Array())
      await refuses(`${signed}.${signature}`, token)
    }
  })

  test('of another key ring, another issuer or another audience', async () => {
    const token = await mint()
    await refuses(await mint(minterOf(await testKeyring())), token)
    await refuses(await mint(minterOf(keyring, { issuer: `${issuer}/` })), token)
    await refuses(await mint(minterOf(keyring, { audience: 'https://other.example' })), token)
  })

  test('wherever it is cut off, and with anything put before or behind it', async () => {
    const token = await mint()
    for (let length = 0; length < token.length; length++)
      await refuses(token.slice(0, length), token)
    for (const more of ['A', '.', '=', ' ', '\n', '\0', '.A', '%', '\u{1f600}', '\ud800']) {
      await refuses(token + more, token)
      await refuses(more + token, token)
    }
  })

  test('in any other spelling of the same bytes', async () => {
    const token = await mint()
    const [header, payload, signature] = parts(token)
    // 64 bytes leave four spare bits in the last of 86 characters: fifteen more spellings.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const bytes = Buffer.from(signature, 'base64url')
    const spellings = [...alphabet]
      .map((letter) => signature.slice(0, -1) + letter)
      .filter((text) => text !== signature && Buffer.from(text, 'base64url').equals(bytes))
    expect(spellings).toHaveLength(15)
    spellings.push(`${signature}==`, bytes.toString('base64'), `${signature} `, ` ${signature}`)
    for (const text of spellings) await refuses(`${header}.${payload}.${text}`, token)
    for (const text of [`${payload}=`, `${payload}==`, ` ${payload}`]) {
      await refuses(`${header}.${text}.${signature}`, token)
    }
    await refuses(`${header}=.${payload}.${signature}`, token)
  })

  test('with any one character replaced', async () => {
    const token = await mint()
    const minter = minterOf(keyring)
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.stringMatching(/^[\w.=+/-]$/),
        async (at, letter) => {
          fc.pre(token[at] !== letter)
          await refuses(token.slice(0, at) + letter + token.slice(at + 1), token, minter)
        },
      ),
    )
  })

  test('that is no token at all, without an error', async () => {
    const minter = minterOf(keyring)
    const [header] = parts(await mint())
    const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.base64String())
    await fc.assert(
      fc.asyncProperty(fc.array(texts, { maxLength: 5 }), async (words) => {
        expect((await minter.proveAccess(words.join('.'))).ok).toBe(false)
        expect((await minter.proveAccess([header, ...words].join('.'))).ok).toBe(false)
      }),
    )
  })
})

describe('when the key ring changes', () => {
  test('a token outlives the rotation of the key that signed it', async () => {
    const keys = keyringOf(ring)
    const minter = minterOf(keys)
    const before = await mint(minter)
    const rotated = await rotateRing(nodePrimitives, ring, 'sign', 1)
    keys.replace(rotated)
    const after = await mint(minter)
    expect(after).not.toBe(before)
    for (const prover of [minter, minterOf(keyringOf(rotated))]) {
      expect(await prover.proveAccess(before)).toEqual({ ok: true, value: facts })
      expect(await prover.proveAccess(after)).toEqual({ ok: true, value: facts })
    }
  })

  test('a server that still has the old file believes tokens of the new key', async () => {
    const rotated = await rotateRing(nodePrimitives, ring, 'sign', 1)
    const token = await mint(minterOf(keyringOf(rotated)))
    expect((await minterOf(keyring).proveAccess(token)).ok).toBe(true)
  })

  test('a token of a key that was taken out is refused at once, although it was proven before', async () => {
    const keys = keyringOf(ring)
    const minter = minterOf(keys)
    const token = await mint(minter)
    expect((await minter.proveAccess(token)).ok).toBe(true)
    const rotated = await rotateRing(nodePrimitives, ring, 'sign', 1)
    keys.replace({ ...rotated, keys: rotated.keys.filter(({ state }) => state !== 'retired') })
    expect((await minter.proveAccess(token)).ok).toBe(false)
  })
})
