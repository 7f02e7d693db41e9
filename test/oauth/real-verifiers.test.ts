import { setTimeout as delay } from 'node:timers/promises'
import * as jose from 'jose'
import jwt from 'jsonwebtoken'
import { JwksClient } from 'jwks-rsa'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rotateRingFile } from '../support/keyring.ts'
import {
  ASSERTION_TYPE,
  createClientKeyPair,
  FORM_TYPE,
  ISSUER,
  type SigningClient,
  STANDARD_TOKEN_PATH,
  seedSigningClient,
  signAssertion,
  toForm,
} from '../support/oauth.ts'
import { createTempFolder, type LiveServer, startLiveServer } from '../support/server.ts'

/** Verifiers look at the JWK Set this often. Keys are published for longer before they sign: here a little. */
const CACHE_MS = 500
const ROTATIONS = 3

let server: LiveServer
let jwksUrl: URL
beforeAll(async () => {
  const dir = createTempFolder()
  await rotateRingFile(dir, 'RS256')
  server = await startLiveServer({ LATCHKEY_URL: ISSUER }, { dir })
  jwksUrl = new URL('/.well-known/jwks.json', server.url)
})
afterAll(() => server.close())

async function readPublishedIds(): Promise<string[]> {
  const { keys } = (await (await fetch(jwksUrl)).json()) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid)
}

async function requestToken(client: SigningClient): Promise<string> {
  const answer = await fetch(server.url + STANDARD_TOKEN_PATH, {
    method: 'POST',
    headers: { 'Content-Type': FORM_TYPE },
    body: toForm({
      grant_type: 'client_credentials',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await signAssertion(client, Date.now()),
    }),
  })
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  return token ?? `no token: ${answer.status}`
}

/** Resource servers, which keep the JWK Set as their libraries do. */
function createVerifiers(): ((token: string) => Promise<unknown>)[] {
  const keySet = jose.createRemoteJWKSet(jwksUrl, {
    cacheMaxAge: CACHE_MS,
    cooldownDuration: CACHE_MS,
  })
  const keys = new JwksClient({ jwksUri: jwksUrl.href, cache: true, cacheMaxAge: CACHE_MS })
  const metadata = { issuer: ISSUER, jwks_uri: jwksUrl.href }
  let known: oauth.AuthorizationServer = metadata
  let knownAt = 0
  return [
    (token) => jose.jwtVerify(token, keySet, { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt' }),
    async (token) => {
      const { kid } = jose.decodeProtectedHeader(token)
      const key = await keys.getSigningKey(kid)
      return jwt.verify(token, key.getPublicKey(), {
        algorithms: ['ES256', 'RS256'],
        issuer: ISSUER,
      })
    },
    (token) => {
      // This library keeps keys for minutes, by the object of the metadata.
      if (Date.now() - knownAt > CACHE_MS) [known, knownAt] = [{ ...metadata }, Date.now()]
      const request = new Request(ISSUER, { headers: { Authorization: `Bearer ${token}` } })
      return oauth.validateJwtAccessToken(known, request, ISSUER, {
        [oauth.allowInsecureRequests]: true,
      })
    },
  ]
}

test('three rotations of the signing keys under load fail no verification', async () => {
  const clients = await Promise.all(
    (['ES256', 'RS256', 'EdDSA'] as const).map(async (signingAlgorithm) => ({
      signingAlgorithm,
      client: await seedSigningClient(server, { signingAlgorithm, repeatedAssertions: 'allowed' }, [
        await createClientKeyPair('ES256'),
      ]),
    })),
  )
  const verifiers = createVerifiers()
  const failures: string[] = []
  const verify = async (token: string, algorithm: string) => {
    // jsonwebtoken knows no EdDSA.
    const able = algorithm === 'EdDSA' ? verifiers.toSpliced(1, 1) : verifiers
    for (const verifier of able) {
      await verifier(token).catch((error: unknown) => failures.push(`${algorithm}: ${error}`))
    }
  }

  const tokens = new Map<string, string>()
  let isLoaded = true
  const load = clients.map(async ({ client, signingAlgorithm }) => {
    while (isLoaded) {
      const token = await requestToken(client)
      await verify(token, signingAlgorithm)
      tokens.set(`${signingAlgorithm} ${jose.decodeProtectedHeader(token).kid}`, token)
    }
  })
  for (let n = 0; n < ROTATIONS; n += 1) {
    const before = await readPublishedIds()
    await delay(2 * CACHE_MS)
    await rotateRingFile(server.dir, 'sign')
    await expect.poll(readPublishedIds, { timeout: 30_000 }).not.toEqual(before)
  }
  // Tokens by the last keys.
  const kidCount = clients.length * (ROTATIONS + 1)
  await expect.poll(() => tokens.size, { timeout: 30_000 }).toBe(kidCount)
  isLoaded = false
  await Promise.all(load)
  // A token outlives the time for which its key signs.
  for (const [name, token] of tokens) await verify(token, name.split(' ')[0] ?? '')
  expect(failures).toEqual([])
})
