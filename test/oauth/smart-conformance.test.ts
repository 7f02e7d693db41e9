import { once } from 'node:events'
import { connect } from 'node:tls'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  INSTALLABLE_PROXIES,
  isProgramInstalled,
  readProxySample,
  startProxy,
  writeProxyCertificates,
} from '../support/installed-proxies.ts'
import {
  ASSERTION_TYPE,
  createBasicHeader,
  createClientKeyPair,
  FORM_TYPE,
  SECRET_CLIENT,
  seedClient,
  seedSigningClient,
  toForm,
} from '../support/oauth.ts'
import { findFreePort } from '../support/process.ts'
import { createTempFolder, type LiveServer, startLiveServer } from '../support/server.ts'

/*
 * The checks of Inferno's SMART App Launch Test Kit (inferno-framework/smart-app-launch-test-kit, as of
 * November 2025) for backend services, token introspection and discovery. Each is a test by its id, or, where the
 * kit gives none, by its group's id and title. The requests are the kit's.
 */

const SCOPE = 'system/Patient.rs'
const JSON_HEADERS = { Accept: 'application/json', 'Content-Type': FORM_TYPE }

let server: LiveServer
let fhirUrl: string
let client: Awaited<ReturnType<typeof seedSigningClient>>
/** The resource server that the kit plays. */
let introspector: Awaited<ReturnType<typeof seedClient>>
beforeAll(async () => {
  server = await startLiveServer()
  fhirUrl = `${server.url}/fhir`
  const pair = await createClientKeyPair('ES384')
  client = await seedSigningClient(server, { scopes: [SCOPE] }, [pair])
  introspector = await seedClient(server, SECRET_CLIENT, { ownerId: client.ownerId })
})
afterAll(() => server.close())

interface Discovered {
  readonly [member: string]: unknown
  readonly token_endpoint: string
  readonly introspection_endpoint: string
}

async function discover(): Promise<Discovered> {
  const answer = await fetch(`${fhirUrl}/.well-known/smart-configuration`, {
    headers: { Accept: 'application/json' },
  })
  return (await answer.json()) as Discovered
}

/** `BackendServicesAuthorizationRequestBuilder` of the kit: no `iat`, and the token URL as `aud`. */
async function postToken(changes: {
  readonly grantType?: string
  readonly assertionType?: string
  readonly issuer?: string
}): Promise<Response> {
  const { token_endpoint: tokenUrl } = await discover()
  const { clientId, pair } = client
  const claims = {
    iss: changes.issuer ?? clientId,
    sub: clientId,
    aud: tokenUrl,
    exp: Math.floor(Date.now() / 1000) + 300,
    jti: crypto.randomUUID(),
  }
  const assertion = await new SignJWT(claims)
    .setProtectedHeader({ alg: pair.algorithm, kid: pair.kid, typ: 'JWT' })
    .sign(pair.privateKey)
  return fetch(tokenUrl, {
    method: 'POST',
    headers: JSON_HEADERS,
    body: toForm({
      scope: SCOPE,
      grant_type: changes.grantType ?? 'client_credentials',
      client_assertion_type: changes.assertionType ?? ASSERTION_TYPE,
      client_assertion: assertion,
    }),
  })
}

/** Starts a proxy with the configuration of its page. */
async function startTlsProxy(proxy: (typeof INSTALLABLE_PROXIES)[number]) {
  const [home, port] = [createTempFolder(), await findFreePort()]
  await writeProxyCertificates(home, ['latchkey.example', 'console.latchkey.example'])
  const sample = readProxySample(proxy, 'ssl/latchkey', {
    '/etc/ssl/latchkey': home,
    443: port,
    '.example {': `.example:${port} {`,
    8080: new URL(server.url).port,
    8081: new URL(server.consoleUrl).port,
  })
  return { ...(await startProxy(proxy, sample, port)), port }
}

/** The server's refusal, and not this side's. */
const REFUSED_VERSION = 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'

type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'

/** Returns the version of the connection, or the code of its failure. */
async function connectBy(port: number, version: TlsVersion): Promise<string | null | undefined> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: 'latchkey.example',
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    // Lets this side offer what the server must refuse.
    ciphers: 'DEFAULT:@SECLEVEL=0',
  })
  const outcome = await once(socket, 'secureConnect').then(
    () => socket.getProtocol(),
    (error: NodeJS.ErrnoException) => error.code,
  )
  socket.destroy()
  return outcome
}

async function requestToken(): Promise<Record<string, unknown>> {
  return (await (await postToken({})).json()) as Record<string, unknown>
}

describe('backend_services_authorization', () => {
  // Latchkey speaks HTTP, and the proxies of its documentation TLS.
  describe.each(INSTALLABLE_PROXIES)('behind $name', (proxy) => {
    test.skipIf(!isProgramInstalled(proxy.name, proxy.versionOption))(
      `smart_backend_services_token_tls_version (needs ${proxy.name}, installed)`,
      async () => {
        const running = await startTlsProxy(proxy)
        try {
          for (const version of ['TLSv1', 'TLSv1.1'] as const) {
            expect(await connectBy(running.port, version)).toBe(REFUSED_VERSION)
          }
          for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
            expect(await connectBy(running.port, version)).toBe(version)
          }
        } finally {
          await running.stop()
        }
      },
    )
  })

  test('smart_backend_services_invalid_grant_type', async () => {
    expect((await postToken({ grantType: 'not_a_grant_type' })).status).toBe(400)
  })

  test('smart_backend_services_invalid_client_assertion', async () => {
    const { status } = await postToken({ assertionType: 'not_an_assertion_type' })
    expect([400, 401]).toContain(status)
  })

  test('smart_backend_services_invalid_jwt', async () => {
    expect([400, 401]).toContain((await postToken({ issuer: 'not_a_valid_iss' })).status)
  })

  test('smart_backend_services_auth_request_success', async () => {
    expect([200, 201]).toContain((await postToken({})).status)
  })

  test('smart_backend_services_auth_response_body', async () => {
    const body = await requestToken()
    expect(body.access_token).toEqual(expect.stringMatching(/./))
    expect(String(body.token_type).toLowerCase()).toBe('bearer')
    expect(body.expires_in).toEqual(expect.any(Number))
    expect(body.scope).toBe(SCOPE)
  })
})

/** The kit's tester types the header in. */
async function introspect(token: string): Promise<Response> {
  const { introspection_endpoint: url } = await discover()
  return fetch(url, {
    method: 'POST',
    headers: {
      ...JSON_HEADERS,
      ...createBasicHeader(introspector.clientId, introspector.secret),
    },
    body: `token=${token}`,
  })
}

describe('smart_token_introspection_request_group', () => {
  test('Token introspection endpoint returns a response when provided an active token', async () => {
    const { access_token: token } = await requestToken()
    const answer = await introspect(String(token))
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual(expect.any(Object))
  })

  test('Token introspection endpoint returns a response when provided an invalid token', async () => {
    const answer = await introspect('invalid_token_value')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual(expect.any(Object))
  })
})

describe('smart_token_introspection_response_group', () => {
  test('Token introspection response for an active token contains required fields', async () => {
    const { access_token: token, scope } = await requestToken()
    const body = (await (await introspect(String(token))).json()) as Record<string, unknown>
    expect(body.active).toBe(true)
    expect(body.client_id).toBe(client.clientId)
    expect(String(body.scope).split(' ').sort()).toEqual(String(scope).split(' ').sort())
    expect(Number(body.exp)).toBeGreaterThanOrEqual(Math.floor(Date.now() / 1000) - 600)
  })

  test('Token introspection response for an invalid token contains required fields', async () => {
    expect(await (await introspect('invalid_token_value')).json()).toEqual({ active: false })
  })
})

describe('smart_discovery_stu2_2', () => {
  const readConfiguration = (headers: Record<string, string> = {}) =>
    fetch(`${fhirUrl}/.well-known/smart-configuration`, {
      headers: { Accept: 'application/json', ...headers },
    })

  test('well_known_endpoint', async () => {
    const answer = await readConfiguration()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await answer.json()).toEqual(expect.any(Object))
  })

  test('smart_cors_well_known_endpoint', async () => {
    const { headers } = await readConfiguration({ Origin: 'https://inferno.example' })
    expect(headers.get('access-control-allow-origin')).toBe('*')
  })

  // The kit demands the members of a server that launches apps. This server has no user to authorize one, so that
  // the check fails, and by these two findings alone.
  test('well_known_capabilities_stu2 fails, because apps are not launched', async () => {
    expect(findCapabilityProblems(await discover())).toEqual([
      'authorization_endpoint is missing',
      'grant_types_supported has no authorization_code',
    ])
  })
})

/** `WellKnownCapabilitiesSTU2Test` of the kit. */
function findCapabilityProblems(configuration: Discovered): string[] {
  const list = (name: string) => configuration[name] as readonly unknown[]
  const problems = Object.entries({
    authorization_endpoint: (value: unknown) => typeof value === 'string',
    token_endpoint: (value: unknown) => typeof value === 'string',
    capabilities: Array.isArray,
    grant_types_supported: Array.isArray,
    code_challenge_methods_supported: Array.isArray,
  })
    .filter(([name, isRight]) => !isRight(configuration[name]))
    .map(([name]) => `${name} is missing`)
  if (!list('grant_types_supported').includes('authorization_code')) {
    problems.push('grant_types_supported has no authorization_code')
  }
  const methods = list('code_challenge_methods_supported')
  if (!methods.includes('S256')) problems.push('S256 is missing')
  if (methods.includes('plain')) problems.push('plain is there')
  const capabilities = list('capabilities')
  if (capabilities.includes('sso-openid-connect')) problems.push('issuer and jwks_uri are missing')
  else if ('issuer' in configuration) problems.push('issuer is there')
  if (capabilities.some((each) => typeof each !== 'string'))
    problems.push('a capability is no text')
  return problems
}
