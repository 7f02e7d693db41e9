import { createPrivateKey, type KeyObject, sign as signWithNode } from 'node:crypto'
import { exportJWK, exportPKCS8 } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Credentials, TokenManager } from '../../src/client/client.ts'
import { createClientKeyPair, ISSUER, seedClient, seedSigningClient } from '../support/oauth.ts'
import {
  createTestServer,
  type LiveServer,
  seedKey,
  startLiveServer,
  type TestServer,
} from '../support/server.ts'
import { HOUR_MS, MINUTE_MS } from '../support/time.ts'
import { createClient } from './client-fixture.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
})
afterAll(() => server.close())

const readClaims = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

/** Signs as a key management service does: ECDSA in DER. */
const createServiceSigner = (key: KeyObject, hash: string) => (data: Uint8Array) =>
  signWithNode(hash, data, key)

describe('a TokenManager with a private key gets a token by its signed assertion', () => {
  test.each(['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'PS256', 'EdDSA'])(
    '%s, as a CryptoKey, a PEM text and a JWK',
    async (algorithm) => {
      const { clientId, pair } = await seedSigningClient(server, {}, [
        await createClientKeyPair(algorithm),
      ])
      for (const privateKey of [
        pair.privateKey,
        await exportPKCS8(pair.privateKey),
        { ...(await exportJWK(pair.privateKey)), use: 'sig', key_ops: ['sign'] },
      ]) {
        const credentials = { clientId, keyId: pair.kid, privateKey, algorithm }
        const { manager, paths } = createClient(server, credentials)
        expect(readClaims(await manager.token())).toMatchObject({ client_id: clientId })
        expect(paths).toEqual(['/v2/auth/token'])
      }
    },
  )

  test.each(['ES256', 'ES384', 'ES512', 'RS384', 'EdDSA'])(
    '%s, which follows from the key',
    async (algorithm) => {
      const { clientId, pair } = await seedSigningClient(server, {}, [
        await createClientKeyPair(algorithm),
      ])
      for (const privateKey of [
        pair.privateKey,
        await exportPKCS8(pair.privateKey),
        await exportJWK(pair.privateKey),
      ]) {
        const { manager } = createClient(server, { clientId, keyId: pair.kid, privateKey })
        await manager.token()
      }
    },
  )

  test.each([
    ['ES256', 'sha256'],
    ['ES384', 'sha384'],
    ['ES512', 'sha512'],
    ['RS384', 'sha384'],
  ])('%s, signed by a key management service', async (algorithm, hash) => {
    const { clientId, pair } = await seedSigningClient(server, {}, [
      await createClientKeyPair(algorithm),
    ])
    const key = createPrivateKey(await exportPKCS8(pair.privateKey))
    const sign = createServiceSigner(key, hash)
    // The numbers of a signature in DER differ in length.
    for (let n = 0; n < 20; n++) {
      const credentials = { clientId, keyId: pair.kid, algorithm, sign }
      await createClient(server, credentials).manager.token()
    }
  })

  test('at the standard endpoint, for another audience and a part of its scopes', async () => {
    const { clientId, pair } = await seedSigningClient(server, {
      scopes: ['fhir:production', 'system/Patient.rs'],
    })
    const { manager, paths } = createClient(server, {
      clientId,
      keyId: pair.kid,
      privateKey: pair.privateKey,
      tokenPath: '/oauth2/token',
      audience: ISSUER,
      scope: 'system/Patient.rs',
    })
    expect(readClaims(await manager.token())).toMatchObject({ scope: 'system/Patient.rs' })
    expect(paths).toEqual(['/oauth2/token'])
  })

  test('again before it ends', async () => {
    const { clientId, pair } = await seedSigningClient(server)
    const { manager, paths } = createClient(server, {
      clientId,
      keyId: pair.kid,
      privateKey: pair.privateKey,
    })
    const first = await manager.token()
    server.clock.advance(4.5 * MINUTE_MS)
    expect(await manager.token()).toBe(first)
    await expect.poll(() => manager.token()).not.toBe(first)
    expect(paths).toHaveLength(2)
  })
})

describe('a TokenManager with a client secret gets a token', () => {
  test.each(['client_secret_basic', 'client_secret_post'] as const)(
    'by %s',
    async (authenticationMethod) => {
      const { clientId, secret } = await seedClient(server, {
        authenticationMethod,
        scopes: ['fhir:production'],
      })
      const credentials = { clientId, clientSecret: secret, authenticationMethod }
      const { manager, paths } = createClient(server, credentials)
      expect(readClaims(await manager.token())).toMatchObject({ client_id: clientId })
      expect(paths).toEqual(['/oauth2/token'])
    },
  )

  test('with a legacy key and its secret', async () => {
    const { apiKey, secret } = await seedKey(server)
    const { manager } = createClient(server, { clientId: apiKey, clientSecret: secret })
    expect(await manager.token()).toMatch(/^at_/)
  })

  test('not if the secret is wrong, and repeats the server’s reason', async () => {
    const { clientId } = await seedClient(server, {
      authenticationMethod: 'client_secret_basic',
      scopes: ['fhir:production'],
    })
    const { manager } = createClient(server, { clientId, clientSecret: 'wrong' })
    await expect(manager.token()).rejects.toThrow(
      'refused the credentials with 401 (invalid_client: The client could not be authenticated).',
    )
  })
})

describe('over a socket', () => {
  let live: LiveServer
  beforeAll(async () => {
    live = await startLiveServer()
  })
  afterAll(() => live.close())

  test.each([HOUR_MS, -HOUR_MS])(
    'a clock that is %i ms off costs one request, whose answer corrects it',
    async (skewMs) => {
      const { clientId, pair } = await seedSigningClient(live)
      let requests = 0
      const credentials: Credentials = {
        clientId,
        keyId: pair.kid,
        privateKey: pair.privateKey,
      }
      const manager = new TokenManager({
        url: live.url,
        credentials,
        runtime: {
          now: () => Date.now() + skewMs,
          fetch: (input, init) => {
            requests++
            return fetch(input, init)
          },
        },
      })
      expect(readClaims(await manager.token())).toMatchObject({ client_id: clientId })
      expect(requests).toBe(2)
      await manager.token()
      expect(requests).toBe(2)
      const { exp } = readClaims(await manager.token())
      expect(Math.abs((manager.expiresAt ?? 0) - exp * 1000)).toBeLessThan(10_000)
    },
  )
})
