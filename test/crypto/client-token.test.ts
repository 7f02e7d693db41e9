import fc from 'fast-check'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createTokenMinter } from '../../src/crypto/minter.ts'
import { addRsaKeys, type Ring, rotateRing } from '../../src/crypto/ring.ts'
import { SIGNING_ALGORITHMS, TOKEN_TYPE_HEADERS } from '../../src/domain/oauth-client.ts'
import { isClientToken } from '../../src/domain/token.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import type { ClientTokenForm, ClientTokenRequest } from '../../src/service/ports/crypto.ts'
import { workerPrimitives } from '../../src/worker/primitives.ts'
import { createTestRing, toKeyring } from '../support/keyring.ts'
import { verifyAccessToken } from '../support/tokens.ts'

const issuer = 'https://latchkey.example'
const salt = 'AAAAAAAAAAAAAAAAAAAAAA'
const request: ClientTokenRequest = {
  keyId: '0198a0a0-0000-7000-8000-000000000001',
  clientId: 'b1a2c3d4',
  tokenId: '0198a0a0-0000-7000-8000-000000000002',
  epoch: 258,
  issuedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  lifetimeSeconds: 300,
  scope: 'fhir:production system/Patient.rs',
  audience: null,
}
const opaque: ClientTokenForm = {
  tokenStrategy: 'opaque',
  signingAlgorithm: 'ES256',
  tokenTypeHeader: 'at+jwt',
}
const forms = SIGNING_ALGORITHMS.flatMap((signingAlgorithm) =>
  TOKEN_TYPE_HEADERS.map(
    (tokenTypeHeader): ClientTokenForm => ({
      tokenStrategy: 'jwt',
      signingAlgorithm,
      tokenTypeHeader,
    }),
  ),
)

let ring: Ring
beforeAll(async () => {
  ring = await addRsaKeys(nodePrimitives, await createTestRing(), 0)
})
const createMinter = (from = ring, primitives = nodePrimitives, more: object = {}) =>
  createTokenMinter(primitives, toKeyring(from), {
    issuer,
    audience: issuer,
    strategy: 'opaque',
    ...more,
  })
const read = (token: string, minter = createMinter(), tokenSalt = salt) =>
  verifyAccessToken(minter, token, tokenSalt)
const anyRequest: fc.Arbitrary<ClientTokenRequest> = fc.record({
  keyId: fc.uuid(),
  clientId: fc.stringMatching(/^[\x21-\x7e]{1,128}$/),
  tokenId: fc.uuid(),
  epoch: fc.nat(2 ** 32 - 1),
  issuedAt: fc.nat(4_000_000_000).map((seconds) => seconds * 1000),
  lifetimeSeconds: fc.integer({ min: 60, max: 3600 }),
  scope: fc.stringMatching(/^[\x21\x23-\x5b\x5d-\x7e]{1,60}( [a-z]{1,9}){0,3}$/),
  audience: fc.constant(null),
})

describe('an access token of an OAuth client', () => {
  test('proves the facts it was minted from, on Node and on Workers', async () => {
    const minters = [createMinter(), createMinter(ring, workerPrimitives)]
    await fc.assert(
      fc.asyncProperty(anyRequest, fc.constantFrom(opaque, ...forms), async (any, form) => {
        const { clientId: _, ...facts } = any
        const audience = form.tokenStrategy === 'opaque' ? null : issuer
        for (const minter of minters) {
          const token = await minter.mintClientToken(any, form, salt)
          for (const reader of minters) {
            const result = await read(token, reader)
            expect(result).toEqual({ ok: true, value: { ...facts, audience } })
            expect(result.ok && isClientToken(result.value)).toBe(true)
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  test.each(forms)(
    'is an RFC 9068 token to another implementation: $signingAlgorithm, $tokenTypeHeader',
    async (form) => {
      const keyring = toKeyring(ring)
      const minter = createMinter()
      const token = await minter.mintClientToken(
        { ...request, audience: 'https://fhir.example' },
        form,
        salt,
      )
      const { payload, protectedHeader } = await jwtVerify(
        token,
        createLocalJWKSet({ keys: [...keyring.publicKeys] }),
        {
          issuer,
          audience: 'https://fhir.example',
          algorithms: [form.signingAlgorithm],
          currentDate: new Date(request.issuedAt + 299_000),
        },
      )
      expect(protectedHeader).toEqual({
        alg: form.signingAlgorithm,
        typ: form.tokenTypeHeader,
        kid: keyring.currentId(form.signingAlgorithm),
      })
      expect(payload).toEqual({
        iss: issuer,
        aud: 'https://fhir.example',
        sub: 'b1a2c3d4',
        client_id: 'b1a2c3d4',
        scope: 'fhir:production system/Patient.rs',
        key: request.keyId,
        epoch: 258,
        jti: request.tokenId,
        iat: request.issuedAt / 1000,
        exp: request.issuedAt / 1000 + 300,
      })
      expect(await read(token)).toMatchObject({ value: { audience: 'https://fhir.example' } })
    },
  )

  test('has as opaque token the layout of version 2, with lifetime and scopes', async () => {
    const id = ring.keys.find((key) => key.use === 'access' && key.state === 'current')?.id
    const token = await createMinter().mintClientToken(
      { ...request, issuedAt: 0x0123_4567_89ab, lifetimeSeconds: 0x0e10, scope: 'a b' },
      opaque,
      salt,
    )
    expect(Buffer.from(token.slice(3), 'base64url').subarray(0, -16).toString('hex')).toBe(
      `02${id}0198a0a0000070008000000000000001` +
        '0198a0a0000070008000000000000002' +
        '000001020123456789ab0e10612062',
    )
  })

  test('as opaque token is refused under another salt, issuer or ring', async () => {
    const token = await createMinter().mintClientToken(request, opaque, salt)
    expect((await read(token, createMinter(), 'BAAAAAAAAAAAAAAAAAAAAA')).ok).toBe(false)
    expect((await read(token, createMinter(await createTestRing()))).ok).toBe(false)
    const other = createMinter(ring, nodePrimitives, { issuer: `${issuer}/` })
    expect((await read(token, other)).ok).toBe(false)
  })

  test('is refused with any one character replaced or left out', async () => {
    const minter = createMinter()
    for (const form of [opaque, ...forms.slice(0, 1)]) {
      const token = await minter.mintClientToken(request, form, salt)
      await fc.assert(
        fc.asyncProperty(
          fc.nat(token.length - 1),
          fc.stringMatching(/^[\w.-]?$/),
          async (at, letter) => {
            fc.pre(token[at] !== letter)
            const forged = token.slice(0, at) + letter + token.slice(at + 1)
            expect((await read(forged, minter)).ok).toBe(false)
          },
        ),
      )
    }
  })

  test('cannot have its header replaced by that of another algorithm or key', async () => {
    const minter = createMinter()
    const tokens = await Promise.all(
      forms.map((form) => minter.mintClientToken(request, form, salt)),
    )
    for (const [n, token] of tokens.entries()) {
      const [, payload, signature] = token.split('.')
      for (const [m, other] of tokens.entries()) {
        const forged = `${other.split('.')[0]}.${payload}.${signature}`
        expect((await read(forged, minter)).ok).toBe(n === m)
      }
    }
  })

  test('outlives three rotations of the key that signed it', async () => {
    let rotated = ring
    for (const form of forms) {
      const token = await createMinter().mintClientToken(request, form, salt)
      for (const now of [1, 2, 3]) rotated = await rotateRing(nodePrimitives, rotated, 'sign', now)
      expect((await read(token, createMinter(rotated))).ok).toBe(true)
    }
  })

  test('in the form of an exchanged token is accepted only with the type of one', async () => {
    const keyring = toKeyring(ring)
    const kid = keyring.currentId('ES256')
    const encode = (value: object) => nodePrimitives.base64urlEncode(JSON.stringify(value))
    const claims = { iss: issuer, aud: issuer, sub: request.keyId, sid: request.tokenId, gen: 0 }
    for (const typ of TOKEN_TYPE_HEADERS) {
      const input = `${encode({ alg: 'ES256', typ, kid })}.${encode({ ...claims, epoch: 1, iat: 1 })}`
      const signature = (await keyring.signer(kid)?.sign(input)) ?? new Uint8Array()
      const token = `${input}.${nodePrimitives.base64urlEncode(signature)}`
      expect(decodeProtectedHeader(token).typ).toBe(typ)
      expect((await read(token)).ok).toBe(typ === 'at+jwt')
    }
  })
})
