import { createPrivateKey, type JsonWebKey, sign } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import { readConfig } from '../src/config.ts'
import { silentLog } from '../src/node/log.ts'
import { openLatchkey } from '../src/node/open-latchkey.ts'
import {
  ASSERTION_TYPE,
  SECRET_CLIENT,
  seedClient,
  seedSigningClient,
} from '../test/support/oauth.ts'
import type { LoadScript } from './load.ts'
import { buildPostRequest, createRotatingScripts, takeTurn } from './requests.ts'

/** A client that signs assertions, and the credential of a resource server of its account. */
export interface BenchClient {
  readonly clientId: string
  readonly kid: string
  /** ES256, as a JWK. */
  readonly privateKey: JsonWebKey
  /** The value of its Authorization header. */
  readonly resourceServer: string
}

const MAX_TOKEN_SECONDS = 3600

/** Adds clients to a data folder. */
export async function seedClients(dataDir: string, count: number): Promise<BenchClient[]> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const kid = 'bench'
  const pair = {
    kid,
    algorithm: 'ES256',
    privateKey,
    jwk: { ...(await exportJWK(publicKey)), kid },
  }
  const jwk = (await exportJWK(privateKey)) as JsonWebKey
  const config = readConfig({ LATCHKEY_DATA: dataDir })
  const latchkey = await openLatchkey(config, { publicUrl: 'http://localhost', log: silentLog })
  try {
    const clients: BenchClient[] = []
    for (let n = 0; n < count; n++) {
      // A token lives longer than a measurement.
      const settings = { tokenLifetimeSeconds: MAX_TOKEN_SECONDS }
      const { clientId, ownerId } = await seedSigningClient(latchkey, settings, [pair])
      const { clientId: id, secret } = await seedClient(latchkey, SECRET_CLIENT, { ownerId })
      clients.push({ clientId, kid, privateKey: jwk, resourceServer: formatBasic(id, secret) })
    }
    return clients
  } finally {
    await latchkey.storage.close()
  }
}

export const formatBasic = (id: string, secret: string) =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

/** The OAuth endpoints of a server: its issuer, and the paths. */
export interface OAuthServer {
  readonly port: number
  readonly issuer: string
  readonly tokenPath: string
  readonly introspectionPath: string
}

export async function findLatchkeyOAuth(port: number): Promise<OAuthServer> {
  const url = `http://127.0.0.1:${port}/.well-known/oauth-authorization-server`
  const { issuer } = (await (await fetch(url)).json()) as { issuer: string }
  return {
    port,
    issuer,
    tokenPath: '/oauth2/token',
    introspectionPath: '/oauth2/introspect',
  }
}

const FORM_TYPE = 'application/x-www-form-urlencoded'

/** Signs an assertion for each request, because one works only once. */
export function createAssertionScripts(
  server: OAuthServer,
  clients: readonly BenchClient[],
  connections: number,
): LoadScript[] {
  return Array.from({ length: connections }, (_, n) => {
    const createBody = createAssertionSigner(server, takeTurn(clients, n))
    return {
      status: 200,
      next: () => buildPostRequest(server.tokenPath, createBody(), [], FORM_TYPE),
    }
  })
}

function createAssertionSigner({ issuer }: OAuthServer, client: BenchClient): () => string {
  const { clientId, kid } = client
  const key = createPrivateKey({ key: client.privateKey, format: 'jwk' })
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const header = encode({ alg: 'ES256', typ: 'JWT', kid })
  return () => {
    const now = Math.floor(Date.now() / 1000)
    const lifetime = { iat: now, exp: now + 300, jti: crypto.randomUUID() }
    const claims = encode({ iss: clientId, sub: clientId, aud: issuer, ...lifetime })
    const signature = sign('sha256', Buffer.from(`${header}.${claims}`), {
      key,
      dsaEncoding: 'ieee-p1363',
    })
    return new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: `${header}.${claims}.${signature.toString('base64url')}`,
    }).toString()
  }
}

/** Looks up one token of each client again and again, as a resource server does. */
export async function createIntrospectionScripts(
  server: OAuthServer,
  clients: readonly BenchClient[],
  connections: number,
): Promise<LoadScript[]> {
  const requests: Buffer[] = []
  for (const client of clients) {
    const answer = await fetch(`http://127.0.0.1:${server.port}${server.tokenPath}`, {
      method: 'POST',
      headers: { 'Content-Type': FORM_TYPE },
      body: createAssertionSigner(server, client)(),
    })
    const { access_token: token } = (await answer.json()) as { access_token?: string }
    if (token === undefined) throw new Error(`a seeded client gets no token: ${answer.status}`)
    const headers = [['Authorization', client.resourceServer]] as const
    const body = new URLSearchParams({ token }).toString()
    const request = buildPostRequest(server.introspectionPath, body, headers, FORM_TYPE)
    // The first one may run argon2, which is not measured here.
    await sendOnce(server, client, body)
    requests.push(request)
  }
  return createRotatingScripts(requests, connections)
}

async function sendOnce(
  { port, introspectionPath }: OAuthServer,
  { resourceServer }: BenchClient,
  body: string,
): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}${introspectionPath}`, {
    method: 'POST',
    headers: { 'Content-Type': FORM_TYPE, Authorization: resourceServer },
    body,
  })
  const { active } = (await answer.json()) as { active?: boolean }
  if (active !== true) throw new Error(`a token of a seeded client is not active: ${answer.status}`)
}
