import {
  base64url,
  CompactSign,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { createAssertionVerifier } from '../../../src/crypto/assertion-verifier.ts'
import { ASSERTION_ALGORITHMS } from '../../../src/domain/client-assertion.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { createClientKeys } from '../../../src/service/oauth/client-keys.ts'
import { createVerifyAssertion } from '../../../src/service/oauth/verify-assertion.ts'
import { workerPrimitives } from '../../../src/worker/primitives.ts'

/*
 * Whole assertions of hostile and of honest clients, with a stored key set.
 */

const NOW = Date.UTC(2026, 5, 1, 12)
const ISSUER = 'https://keys.example'
const clientId = 'client-a'
const claims: JWTPayload = {
  iss: clientId,
  sub: clientId,
  aud: ISSUER,
  iat: NOW / 1000,
  exp: NOW / 1000 + 60,
  jti: 'one',
}

interface Pair {
  privateKey: CryptoKey
  jwk: JWK
}
const pairs = new Map<string, Pair>()
const getPair = (name: string): Pair => {
  const pair = pairs.get(name)
  if (pair === undefined) throw new Error(`no pair ${name}`)
  return pair
}
beforeAll(async () => {
  const generate = async (name: string, alg: string) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
    pairs.set(name, { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: name } })
  }
  // A key of jose is for one algorithm.
  await Promise.all([
    ...ASSERTION_ALGORITHMS.map((alg) => generate(alg, alg)),
    generate('other', 'ES384'),
  ])
})

const sign = (alg: string, header: object = {}, payload = claims, pair = getPair(alg)) =>
  new SignJWT(payload).setProtectedHeader({ alg, kid: alg, ...header }).sign(pair.privateKey)

const createVerify = (primitives = nodePrimitives) => {
  const verifier = createAssertionVerifier(primitives)
  const clientKeys = createClientKeys({
    sendHttp: () => {
      throw new Error('nothing is to be fetched')
    },
    clock: () => NOW,
    keepAlive: () => undefined,
  })
  const verify = createVerifyAssertion({ verifier, clientKeys, clock: () => NOW })
  return async (text: string, keys?: JWK[], profile: 'vendor' | 'standard' = 'standard') => {
    const parsed = verifier.parse(text)
    if (!parsed.ok) return parsed.failure.reason
    const stored = keys ?? [...pairs.values()].map(({ jwk }) => jwk)
    const jwks = JSON.stringify({ keys: stored })
    const client = { keyId: 'key-1', clientId, jwksUrl: null, jwks }
    const result = await verify(parsed.value, client, { profile, audiences: [ISSUER] })
    return result.ok ? 'ok' : result.failure.reason
  }
}
const verify = createVerify()

describe('an assertion', () => {
  test.each(ASSERTION_ALGORITHMS)(
    'signed with %s is verified, on Node and on Workers',
    async (alg) => {
      const text = await sign(alg)
      expect(await verify(text)).toBe('ok')
      expect(await createVerify(workerPrimitives)(text)).toBe('ok')
    },
  )

  test('without a kid is verified where one key fits, and not at the vendor’s endpoint', async () => {
    const { privateKey, jwk } = getPair('ES384')
    const text = await new SignJWT(claims).setProtectedHeader({ alg: 'ES384' }).sign(privateKey)
    expect(await verify(text, [jwk, getPair('RS384').jwk])).toBe('ok')
    expect(await verify(text, [jwk, getPair('other').jwk])).toBe('key_ambiguous')
    expect(await verify(text, [jwk], 'vendor')).toBe('kid_missing')
  })

  test('of another key, or with a changed payload, is refused', async () => {
    expect(await verify(await sign('ES384', {}, claims, getPair('other')))).toBe('signature_wrong')
    const [head, , signature] = (await sign('ES384')).split('.')
    const payload = base64url.encode(JSON.stringify({ ...claims, jti: 'two' }))
    expect(await verify(`${head}.${payload}.${signature}`)).toBe('signature_wrong')
    expect(await verify(`${(await sign('ES384')).split('.').slice(0, 2).join('.')}.`)).toBe(
      'signature_wrong',
    )
  })

  test('of another client is refused, although its signature is right', async () => {
    expect(await verify(await sign('ES384', {}, { ...claims, iss: 'client-b' }))).toBe(
      'issuer_other',
    )
    expect(await verify(await sign('ES384', {}, { ...claims, sub: 'client-b' }))).toBe(
      'subject_other',
    )
  })

  test('with the algorithm none is refused', async () => {
    const payload = base64url.encode(JSON.stringify(claims))
    for (const alg of ['none', 'None', 'NONE']) {
      const head = base64url.encode(JSON.stringify({ alg, kid: 'ES384' }))
      expect(await verify(`${head}.${payload}.`)).toBe('algorithm_refused')
    }
  })

  test('with HMAC under the public key is refused', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), kid: 'mine' }
    for (const secret of [await exportSPKI(publicKey), JSON.stringify(jwk), jwk.n ?? '']) {
      const text = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', kid: 'mine' })
        .sign(new TextEncoder().encode(secret))
      expect(await verify(text, [jwk])).toBe('algorithm_refused')
    }
  })

  test('with an algorithm that does not match the key of its kid is refused', async () => {
    const { jwk } = getPair('ES384')
    const named = (alg: string) => sign(alg, { kid: 'ES384' })
    expect(await verify(await named('ES256'), [jwk])).toBe('key_refused')
    expect(await verify(await named('RS256'), [jwk])).toBe('key_refused')
    const forged = (await sign('ES384')).split('.')
    forged[0] = base64url.encode(JSON.stringify({ alg: 'ES256', kid: 'ES384' }))
    expect(await verify(forged.join('.'), [jwk])).toBe('key_refused')
  })

  test('that brings its own key, or the address of one, is judged by the registered key', async () => {
    const { jwk } = getPair('other')
    const own = { jwk, x5u: 'https://evil.example/cert', kid: 'ES384' }
    expect(await verify(await sign('ES384', own, claims, getPair('other')))).toBe('signature_wrong')
    const jku = { jku: 'https://evil.example/jwks.json' }
    expect(await verify(await sign('ES384', jku))).toBe('jku_other')
  })

  test('with critical extensions, an unencoded payload or another assertion in it is refused', async () => {
    const forge = async (header: object, payload: string) => {
      const signer = new CompactSign(new TextEncoder().encode(payload))
      return signer
        .setProtectedHeader({ alg: 'ES384', kid: 'ES384', ...header })
        .sign(getPair('ES384').privateKey)
    }
    const [, payload, signature] = (await sign('ES384')).split('.')
    for (const extra of [{ crit: ['exp'] }, { b64: false, crit: ['b64'] }, { b64: false }]) {
      const head = base64url.encode(JSON.stringify({ alg: 'ES384', kid: 'ES384', ...extra }))
      expect(await verify(`${head}.${payload}.${signature}`)).toBe('extension_refused')
    }
    expect(await verify(await forge({ cty: 'JWT' }, await sign('ES384')))).toBe(
      'assertion_malformed',
    )
    expect(await verify(await forge({}, JSON.stringify([claims])))).toBe('assertion_malformed')
    expect(await verify(await forge({}, 'null'))).toBe('assertion_malformed')
  })

  test('that is no JWT is refused without an error, however long it is', async () => {
    const good = await sign('ES384')
    const [head, payload, signature] = good.split('.')
    const bad = [
      '',
      '.',
      '..',
      '...',
      'a.b.c',
      `${good}.`,
      `${good}.${signature}`,
      `${head}=.${payload}.${signature}`,
      `${head}.${payload}`,
      good.replaceAll('.', ' '),
      'A'.repeat(100_000),
      `${'A'.repeat(100_000)}.${payload}.${signature}`,
      `${base64url.encode('{"alg":"ES384"}\ud800')}.${payload}.${signature}`,
      `${base64url.encode(new Uint8Array([0x7b, 0xff, 0x7d]))}.${payload}.${signature}`,
    ]
    for (const text of bad) expect(await verify(text)).not.toBe('ok')
    const spelled = [`${good}=`, `${good} `, ` ${good}`, good.replace('.', '\n.')]
    for (const text of spelled) expect(await verify(text)).not.toBe('ok')
  })
})
