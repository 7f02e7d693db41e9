import * as jose from 'jose'
import jwt from 'jsonwebtoken'
import { JwksClient } from 'jwks-rsa'
import * as oauth from 'oauth4webapi'
import * as openid from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SIGNING_ALGORITHMS, TOKEN_TYPE_HEADERS } from '../../src/domain/oauth-client.ts'
import { rotateRingFile } from '../support/keyring.ts'
import {
  createClientKeyPair,
  SECRET_CLIENT,
  seedClient,
  seedSigningClient,
} from '../support/oauth.ts'
import { createTempFolder, type LiveServer, startLiveServer } from '../support/server.ts'

/*
 * The libraries of real clients and resource servers, unchanged, over sockets. Each has habits of its own.
 */

const SCOPE = 'fhir:production'

let server: LiveServer
/** The metadata that a client discovers. */
let metadata: oauth.AuthorizationServer
beforeAll(async () => {
  const dir = createTempFolder()
  await rotateRingFile(dir, 'RS256')
  server = await startLiveServer({}, { dir })
  metadata = await discover()
})
afterAll(() => server.close())

const INSECURE = { [oauth.allowInsecureRequests]: true } as const

async function discover(): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(server.url)
  const answer = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE })
  return oauth.processDiscoveryResponse(issuer, answer)
}

describe('openid-client', () => {
  const configure = (
    clientId: string,
    authentication: openid.ClientAuth,
    algorithm: 'oauth2' | 'oidc' = 'oidc',
  ) =>
    openid.discovery(new URL(server.url), clientId, undefined, authentication, {
      algorithm,
      execute: [openid.allowInsecureRequests],
    })

  test.each(['oauth2', 'oidc'] as const)('discovers the server as %s does', async (algorithm) => {
    const configuration = await configure('any', openid.None(), algorithm)
    expect(configuration.serverMetadata().token_endpoint).toBe(`${server.url}/oauth2/token`)
  })

  // It sends no kid if it is given a key alone, the issuer as `aud`, client_id beside the assertion, and
  // names EdDSA as RFC 9864 does.
  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])(
    'gets a token by an assertion of %s without a kid',
    async (algorithm) => {
      const pair = await createClientKeyPair(algorithm)
      const { clientId } = await seedSigningClient(server, {}, [pair])
      const configuration = await configure(clientId, openid.PrivateKeyJwt(pair.privateKey))
      const tokens = await openid.clientCredentialsGrant(configuration, { scope: SCOPE })
      expect(tokens).toMatchObject({ scope: SCOPE, token_type: 'bearer', expires_in: 300 })
      expect(tokens.expiresIn()).toBeGreaterThan(290)
    },
  )

  // It form-encodes both halves of HTTP Basic, the dashes of a UUID included.
  test.each([
    ['client_secret_basic', openid.ClientSecretBasic],
    ['client_secret_post', openid.ClientSecretPost],
  ] as const)('gets a token by %s', async (authenticationMethod, authenticate) => {
    const client = await seedClient(server, { ...SECRET_CLIENT, authenticationMethod })
    const configuration = await configure(client.clientId, authenticate(client.secret))
    const tokens = await openid.clientCredentialsGrant(configuration)
    expect(tokens.scope).toBe(SCOPE)
  })

  test.each(['jwt', 'opaque'] as const)(
    'looks up and revokes its token, as %s, by assertions',
    async (tokenStrategy) => {
      const { clientId, pair } = await seedSigningClient(server, { tokenStrategy })
      const configuration = await configure(clientId, openid.PrivateKeyJwt(pair.privateKey))
      const { access_token: token } = await openid.clientCredentialsGrant(configuration)
      const active = await openid.tokenIntrospection(configuration, token)
      expect(active).toMatchObject({ active: true, client_id: clientId, scope: SCOPE })
      await openid.tokenRevocation(configuration, token)
      expect(await openid.tokenIntrospection(configuration, token)).toEqual({ active: false })
    },
  )

  test('reads the error of a wrong secret', async () => {
    const { clientId } = await seedClient(server, SECRET_CLIENT)
    const configuration = await configure(clientId, openid.ClientSecretPost('wrong'))
    const failure = await openid.clientCredentialsGrant(configuration).catch((error) => error)
    expect(failure).toBeInstanceOf(openid.ResponseBodyError)
    expect(failure).toMatchObject({ error: 'invalid_client', status: 400 })
  })
})

/** Requests a token as oauth4webapi does: with a kid, and the issuer as `aud`. */
async function requestToken(settings: Parameters<typeof seedSigningClient>[1] = {}) {
  const { clientId, pair } = await seedSigningClient(server, settings, [
    await createClientKeyPair('ES256'),
  ])
  const authentication = oauth.PrivateKeyJwt({ key: pair.privateKey, kid: pair.kid })
  const client = { client_id: clientId }
  const answer = await oauth.clientCredentialsGrantRequest(
    metadata,
    client,
    authentication,
    { scope: SCOPE },
    INSECURE,
  )
  const tokens = await oauth.processClientCredentialsResponse(metadata, client, answer)
  return { clientId, accessToken: tokens.access_token, tokens }
}

describe('oauth4webapi', () => {
  test('gets a token, and verifies it as a resource server does', async () => {
    const { clientId, accessToken, tokens } = await requestToken()
    expect(tokens).toMatchObject({ scope: SCOPE, expires_in: 300 })
    const request = new Request('https://api.example/', {
      headers: { Authorization: `Bearer ${accessToken}` },
    })
    const claims = await oauth.validateJwtAccessToken(metadata, request, server.url, INSECURE)
    expect(claims).toMatchObject({ iss: server.url, client_id: clientId, scope: SCOPE })
  })

  test('looks up and revokes a token of HTTP Basic', async () => {
    const { clientId, secret } = await seedClient(server, SECRET_CLIENT)
    const [client, proof] = [{ client_id: clientId }, oauth.ClientSecretBasic(secret)]
    const answer = await oauth.clientCredentialsGrantRequest(metadata, client, proof, {}, INSECURE)
    const tokens = await oauth.processClientCredentialsResponse(metadata, client, answer)
    const introspect = async () => {
      const { access_token: token } = tokens
      const found = await oauth.introspectionRequest(metadata, client, proof, token, INSECURE)
      return oauth.processIntrospectionResponse(metadata, client, found)
    }
    expect(await introspect()).toMatchObject({ active: true, client_id: clientId, scope: SCOPE })
    const { access_token: token } = tokens
    const revoked = await oauth.revocationRequest(metadata, client, proof, token, INSECURE)
    expect(await oauth.processRevocationResponse(revoked)).toBeUndefined()
    expect(await introspect()).toEqual({ active: false })
  })

  test('reads the challenge of a wrong secret', async () => {
    const { clientId } = await seedClient(server, SECRET_CLIENT)
    const client = { client_id: clientId }
    const answer = await oauth.clientCredentialsGrantRequest(
      metadata,
      client,
      oauth.ClientSecretBasic('wrong'),
      {},
      INSECURE,
    )
    const failure = await oauth
      .processClientCredentialsResponse(metadata, client, answer)
      .catch((error) => error)
    expect(failure).toBeInstanceOf(oauth.WWWAuthenticateChallengeError)
    expect(failure.cause).toMatchObject([{ scheme: 'basic' }])
  })
})

describe.each(SIGNING_ALGORITHMS)('a token that %s signed', (signingAlgorithm) => {
  test.each(TOKEN_TYPE_HEADERS)('and whose type is %s is verified by jose', async (typ) => {
    const { clientId, accessToken } = await requestToken({
      signingAlgorithm,
      tokenTypeHeader: typ,
      audience: 'https://api.example',
    })
    const keySet = jose.createRemoteJWKSet(new URL(String(metadata.jwks_uri)))
    const { payload, protectedHeader } = await jose.jwtVerify(accessToken, keySet, {
      issuer: server.url,
      audience: 'https://api.example',
      algorithms: [signingAlgorithm],
      typ,
      requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
    })
    expect(payload).toMatchObject({ client_id: clientId, scope: SCOPE })
    expect(protectedHeader.kid).toEqual(expect.any(String))
  })
})

// jsonwebtoken knows no EdDSA, and jwks-rsa reads sets that hold such keys.
describe.each(['ES256', 'RS256'] as const)('a token that %s signed', (signingAlgorithm) => {
  test.each(TOKEN_TYPE_HEADERS)(
    'and whose type is %s is verified by jsonwebtoken with the keys of jwks-rsa',
    async (tokenTypeHeader) => {
      const { clientId, accessToken } = await requestToken({ signingAlgorithm, tokenTypeHeader })
      const keys = new JwksClient({ jwksUri: String(metadata.jwks_uri) })
      const payload = await new Promise((resolve, reject) => {
        jwt.verify(
          accessToken,
          ({ kid }, done) =>
            keys.getSigningKey(kid).then(
              (key) => done(null, key.getPublicKey()),
              (error) => done(error),
            ),
          { algorithms: [signingAlgorithm], issuer: server.url, audience: server.url },
          (error, decoded) => (error === null ? resolve(decoded) : reject(error)),
        )
      })
      expect(payload).toMatchObject({ client_id: clientId, scope: SCOPE })
    },
  )
})
