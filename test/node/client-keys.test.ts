import { createServer, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseKnownNetworks } from '../../src/domain/ip-network.ts'
import { createSendHttp } from '../../src/node/outbound-http.ts'
import { createClientKeys } from '../../src/service/oauth/client-keys.ts'
import {
  type CertificateWithKey,
  createCertificateAuthority,
  createServerCertificate,
} from '../support/database/certificates.ts'
import { LOOPBACK_NETWORKS } from '../support/delivery/webhook-client.ts'
import { type ListeningServer, startListening } from '../support/upstream/servers.ts'

/*
 * The JWK Set of a client over real sockets: only its own server is asked, and for not too long.
 */

let authority: CertificateWithKey
let server: ListeningServer
let inside: ListeningServer
let jwks: string
let asked: (string | undefined)[] = []
let wasInsideReached = false

const answers: Record<string, (response: ServerResponse) => void> = {
  '/jwks.json': (response) => response.end(jwks),
  '/hanging': () => undefined,
  '/half': (response) => response.write(jwks.slice(0, 20)),
  '/long': (response) => response.end(Buffer.alloc(10 * 1024 * 1024, ' ')),
  '/moved': (response) => response.writeHead(302, { Location: `${inside.url}/jwks.json` }).end(),
}

beforeAll(async () => {
  const { publicKey } = await generateKeyPair('ES384', { extractable: true })
  jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] })
  authority = await createCertificateAuthority('Authority of the tests')
  const certified = await createServerCertificate(['client.example'], authority)
  server = await startListening(
    createTlsServer(certified, (request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.accept}`)
      answers[request.url ?? '']?.(response)
    }),
  )
  inside = await startListening(
    createServer((_, response) => {
      wasInsideReached = true
      response.end(jwks)
    }),
  )
})
afterAll(async () => {
  await server.close()
  await inside.close()
})

interface Changes {
  readonly allowed?: readonly string[]
  readonly origin?: string
  readonly timeoutMs?: number
}

async function find(
  path: string,
  { allowed = LOOPBACK_NETWORKS, origin, timeoutMs }: Changes = {},
) {
  asked = []
  const clientKeys = createClientKeys({
    sendHttp: createSendHttp({
      allowed: parseKnownNetworks(allowed),
      resolve: async () => ['127.0.0.1'],
      ca: authority.cert,
    }),
    clock: Date.now,
    keepAlive: () => undefined,
    ...(timeoutMs !== undefined && { timeoutMs }),
  })
  const { port } = new URL(server.url)
  const jwksUrl = `${origin ?? `https://client.example:${port}`}${path}`
  const client = { keyId: 'key-1', jwksUrl, jwks: null }
  const result = await clientKeys.findKey(client, { algorithm: 'ES384', kid: 'one' })
  return result.ok ? result.value.kid : `${result.failure.reason}: ${result.failure.detail}`
}

test('a set is fetched from an address that was allowed, with a certificate for its name', async () => {
  expect(await find('/jwks.json')).toBe('one')
  expect(asked).toEqual(['GET /jwks.json application/json'])
})

test('a set at a private address is not fetched unless the operator allows it', async () => {
  expect(await find('/jwks.json', { allowed: [] })).toBe(
    'key_set_unreachable: the JWKS URL: LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of client.example',
  )
  const { port } = new URL(server.url)
  for (const host of ['127.0.0.1', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', '169.254.169.254']) {
    expect(await find('/jwks.json', { allowed: [], origin: `https://${host}:${port}` })).toMatch(
      /does not allow/,
    )
  }
  expect(asked).toEqual([])
})

test('a set over plain http is not fetched', async () => {
  expect(await find('/jwks.json', { origin: inside.url })).toBe(
    'key_set_unreachable: the JWKS URL: it is not at an https URL',
  )
  expect(wasInsideReached).toBe(false)
})

test('a redirect is not followed', async () => {
  expect(await find('/moved')).toBe(
    'key_set_unreachable: the JWKS URL answered 302, and redirects are not followed',
  )
  expect(wasInsideReached).toBe(false)
})

test('a set of 10 MB is not read to its end', async () => {
  expect(await find('/long')).toBe(
    'key_set_invalid: the set is longer than 65536 bytes, or broke off',
  )
})

test('a server that answers nothing, or half, is given up on', async () => {
  expect(await find('/hanging', { timeoutMs: 500 })).toBe(
    'key_set_unreachable: the JWKS URL: it took too long',
  )
  expect(await find('/half', { timeoutMs: 500 })).toMatch(/broke off|took too long/)
})
