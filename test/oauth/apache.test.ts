import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, request as openRequest, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findDocument } from '../docs/documents.ts'
import {
  createCertificateAuthority,
  createServerCertificate,
} from '../support/database/certificates.ts'
import {
  INSTALLABLE_PROXIES,
  isProgramInstalled,
  type RunningProxy,
  startProxy,
} from '../support/installed-proxies.ts'
import {
  ASSERTION_TYPE,
  createClientKeyPair,
  FORM_TYPE,
  SECRET_CLIENT,
  STANDARD_TOKEN_PATH,
  seedClient,
  seedSigningClient,
  signAssertion,
  toForm,
} from '../support/oauth.ts'
import { findFreePort } from '../support/process.ts'
import { type LiveServer, startLiveServer } from '../support/server.ts'

/** Starts a proxy that terminates TLS in front of a port. */
async function startTls(findPort: () => number): Promise<Server> {
  const { cert, key } = await createServerCertificate(
    ['localhost'],
    await createCertificateAuthority('Test CA'),
  )
  const tls = createTlsServer({ cert, key }, (incoming, outgoing) => {
    const { method, url, headers } = incoming
    const options = { host: '127.0.0.1', port: findPort(), method, path: url, headers }
    const passed = openRequest(options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(passed)
  })
  tls.listen(0, '127.0.0.1')
  await once(tls, 'listening')
  return tls
}

/*
 * Apache with mod_auth_openidc in front of a service, configured as docs/deploy/apache.md says.
 */

const PAGE = 'docs/deploy/apache.md'
const MODULE_PATH = '/usr/lib/apache2/modules/mod_auth_openidc.so'
/** Modules that Debian enables by itself. */
const AUTHENTICATION_MODULES = ['authn_core', 'authz_user', 'auth_openidc']

const apache = INSTALLABLE_PROXIES.find(({ name }) => name === 'apache2')
const isInstalled =
  apache !== undefined &&
  isProgramInstalled(apache.name, apache.versionOption) &&
  existsSync(MODULE_PATH)

describe.skipIf(!isInstalled)('mod_auth_openidc (needs libapache2-mod-auth-openidc)', () => {
  let server: LiveServer
  let service: Server
  /** The module speaks only TLS to Latchkey. */
  let tls: Server
  let publicUrl: string
  let clients: Awaited<ReturnType<typeof seedClients>>
  beforeAll(async () => {
    tls = await startTls(() => server.port)
    publicUrl = `https://127.0.0.1:${(tls.address() as AddressInfo).port}`
    server = await startLiveServer({ LATCHKEY_URL: publicUrl })
    clients = await seedClients()
    // The service shows what Apache tells it.
    service = createServer((request, response) => response.end(JSON.stringify(request.headers)))
    service.listen(0, '127.0.0.1')
    await once(service, 'listening')
  })
  afterAll(async () => {
    await server.close()
    service.close()
    tls.close()
  })

  async function seedClients() {
    const client = await seedSigningClient(
      server,
      { scopes: ['fhir:production', 'fhir:staging'] },
      [await createClientKeyPair('ES256')],
    )
    const resourceServer = await seedClient(server, SECRET_CLIENT, { ownerId: client.ownerId })
    return { client, resourceServer }
  }

  async function requestToken(scope: string): Promise<string> {
    const assertion = await signAssertion(clients.client, Date.now(), {
      claims: { aud: publicUrl },
    })
    const answer = await fetch(server.url + STANDARD_TOKEN_PATH, {
      method: 'POST',
      headers: { 'Content-Type': FORM_TYPE },
      body: toForm({
        grant_type: 'client_credentials',
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: assertion,
        scope,
      }),
    })
    return ((await answer.json()) as { access_token: string }).access_token
  }

  /** Starts Apache with the page's sample; `change` makes another of it. */
  async function startApache(change: (sample: string) => string): Promise<RunningProxy> {
    if (apache === undefined) throw new Error('there is no Apache')
    const port = await findFreePort()
    const modules = AUTHENTICATION_MODULES.map(
      (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
    )
    const sample = change(readSample('OIDCOAuthIntrospectionEndpoint '))
      // The certificate of the test is no public one.
      .replace(/^ *SSL.*\n/m, '  OIDCOAuthSSLValidateServer Off\n')
      .replace(/^ *SSL.*\n/gm, '')
      .replace('*:443', `*:${port}`)
      .replaceAll('https://latchkey.example', publicUrl)
      .replace(
        'http://127.0.0.1:9000',
        `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
      )
      .replace('CLIENT_ID', clients.resourceServer.clientId)
      .replace('CLIENT_SECRET', clients.resourceServer.secret)
    return startProxy(apache, [...modules, sample].join('\n'), port)
  }

  const readSample = (marker: string) => {
    const sample = findDocument(PAGE).samples.find(({ text }) => text.includes(marker))
    if (sample === undefined) throw new Error(`${PAGE} shows no ${marker}`)
    return sample.text
  }

  /** Replaces the lines for the introspection by those for the key set. */
  const verifyByKeySet = (sample: string) =>
    sample.replace(/(?: *OIDCOAuth(?:Introspection|Client|TokenIntrospection)\S* .*\n)+/, () =>
      readSample('OIDCOAuthVerifyJwksUri'),
    )

  async function get(running: RunningProxy, token: string | null) {
    const answer = await fetch(running.url, {
      headers: {
        OIDC_CLAIM_scope: 'claimed by the caller',
        ...(token !== null && { Authorization: `Bearer ${token}` }),
      },
    })
    const text = await answer.text()
    return { status: answer.status, claims: answer.ok ? (JSON.parse(text) as object) : null }
  }

  describe.each([
    ['asks the introspection endpoint', (sample: string) => sample],
    ['verifies by the JWK Set', verifyByKeySet],
  ])('%s', (name, change) => {
    let running: RunningProxy
    beforeAll(async () => {
      running = await startApache(change)
    })
    afterAll(() => running?.stop())

    test('and lets a token with the scope pass, with its claims', async () => {
      const { status, claims } = await get(running, await requestToken('fhir:production'))
      expect(status).toBe(200)
      expect(claims).toMatchObject({
        oidc_claim_client_id: clients.client.clientId,
        oidc_claim_scope: 'fhir:production',
      })
    })

    test('and refuses other tokens', async () => {
      const token = await requestToken('fhir:production')
      expect((await get(running, null)).status).toBe(401)
      expect((await get(running, `${token.slice(0, -8)}AAAAAAAA`)).status).toBe(401)
      expect([401, 403]).toContain((await get(running, await requestToken('fhir:staging'))).status)
    })

    test('and a revoked token ends at once only where Latchkey is asked', async () => {
      const token = await requestToken('fhir:production')
      expect((await get(running, token)).status).toBe(200)
      await server.keys.disable(clients.client.keyId)
      const expected = name.startsWith('asks') ? 401 : 200
      expect((await get(running, token)).status).toBe(expected)
      await server.keys.enable(clients.client.keyId)
    })
  })
})
