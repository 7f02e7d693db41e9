import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { seedSiteKey } from '../support/key-seeds.ts'
import {
  createBasicHeader,
  FORM_TYPE,
  type SigningClient,
  seedSigningClient,
} from '../support/oauth.ts'
import { post, requestToken, revoke } from '../support/oauth-tokens.ts'
import {
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
  unwrap,
} from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

/* Access tokens at the FHIR surface: what a scope does not allow never reaches the service behind. */

const ISSUER = 'https://latchkey.example'
const RESOURCE_METADATA = `resource_metadata="${ISSUER}/.well-known/oauth-protected-resource/fhir"`

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
let ownerId: string
let siteIds: string[]
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({
    LATCHKEY_UPSTREAM_FHIR: `${upstream.url}/r4`,
    LATCHKEY_UPSTREAM_HL7: upstream.url,
    LATCHKEY_FAILURES_PER_ADDRESS: '100000',
    LATCHKEY_QUOTA_REQUESTS: '100000',
  })
  const account = unwrap(await server.accounts.create({ name: 'Vendor Health' }))
  const accountId = account.id
  const owner = { accountId, email: 'owner@vendor.example', role: 'engineer' } as const
  ownerId = unwrap(await server.users.add(owner)).id
  siteIds = []
  for (const name of ['North', 'South']) {
    siteIds.push(unwrap(await server.sites.add({ accountId, name })).id)
  }
})
afterAll(async () => {
  await server.close()
  upstream.close()
})
beforeEach(() => upstream.requests.splice(0))

type ClientSettings = Parameters<typeof seedSigningClient>[1]

const createClient = (
  scopes: readonly string[],
  more: ClientSettings = {},
): Promise<SigningClient> =>
  seedSigningClient(server, { scopes, siteIds: siteIds.slice(0, 1), ...more }, [], { ownerId })

const createToken = async (...scopes: readonly string[]) =>
  requestToken(server, await createClient(scopes))

interface FhirCall {
  readonly method: string
  /** The path below the FHIR base, and the query. */
  readonly target: string
  readonly form?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function callFhir(token: string, { method, target, form, headers = {} }: FhirCall) {
  const hasBody = method === 'POST' || method === 'PUT' || method === 'PATCH'
  const body = form ?? (hasBody ? '{"resourceType":"Patient"}' : undefined)
  const response = await server.call(`/fhir${target}`, {
    method,
    ...(body !== undefined && { body }),
    headers: {
      Authorization: `Bearer ${token}`,
      ...(body !== undefined && {
        'Content-Type': form === undefined ? 'application/fhir+json' : FORM_TYPE,
      }),
      ...headers,
    },
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text }
}

/** Checks that the request is forwarded, or refused before the service behind hears of it. */
async function expectAccess(token: string, request: FhirCall, missing: string | null) {
  upstream.requests.splice(0)
  const { status, headers, text } = await callFhir(token, request)
  const what = `${request.method} ${request.target} ${request.form ?? ''}`
  const forwarded = upstream.requests.map(({ method, url }) => `${method} ${url}`)
  if (missing === null) {
    const { pathname, search } = new URL(`http://x/r4/fhir${request.target}`)
    expect([what, status, forwarded]).toEqual([
      what,
      200,
      [`${request.method} ${pathname}${search}`],
    ])
    if (request.form !== undefined) {
      expect(upstream.requests[0]?.body.toString()).toBe(request.form)
    }
    return
  }
  expect([what, status, forwarded]).toEqual([what, 403, []])
  expect(headers.get('www-authenticate')).toBe(
    `Bearer realm="Latchkey", error="insufficient_scope", scope="${missing}", ${RESOURCE_METADATA}`,
  )
  expect(headers.get('content-type')).toBe('application/fhir+json')
  if (request.method === 'HEAD') return
  expect(JSON.parse(text)).toEqual({
    resourceType: 'OperationOutcome',
    issue: [
      {
        severity: 'error',
        code: 'forbidden',
        details: { text: `The access token lacks a scope that this needs: ${missing}.` },
      },
    ],
  })
}

/** Each interaction with its letter (SMART App Launch 2.2). */
const INTERACTIONS: readonly (readonly [letter: string, method: string, target: string])[] = [
  ['r', 'GET', '/Patient/1'],
  ['r', 'HEAD', '/Patient/1'],
  ['r', 'GET', '/Patient/1/_history'],
  ['r', 'GET', '/Patient/1/_history/2'],
  ['s', 'GET', '/Patient?name=x'],
  ['s', 'GET', '/Patient'],
  ['s', 'POST', '/Patient/_search'],
  ['c', 'POST', '/Patient'],
  ['u', 'PUT', '/Patient/1'],
  ['u', 'PATCH', '/Patient/1'],
  ['d', 'DELETE', '/Patient/1'],
]

const LETTER_SETS = ['c', 'r', 'u', 'd', 's', 'rs', 'cud', 'cruds', 'cr', 'us']

describe.each(['Patient', '*'])('the scope system/%s', (type) => {
  test.each(LETTER_SETS)('with the letters %s allows their interactions alone', async (letters) => {
    const token = await createToken(`system/${type}.${letters}`)
    for (const [letter, method, target] of INTERACTIONS) {
      const isSearch = target.endsWith('_search')
      const request = { method, target, ...(isSearch && { form: 'name=x' }) }
      const isAllowed = letters.includes(letter)
      await expectAccess(token, request, isAllowed ? null : `system/Patient.${letter}`)
    }
  })

  test.each([
    ['read', 'rs'],
    ['write', 'cud'],
    ['*', 'cruds'],
  ])('of version 1, %s, allows the interactions of %s', async (name, letters) => {
    const token = await createToken(`system/${type}.${name}`)
    for (const [letter, method, target] of INTERACTIONS) {
      const isSearch = target.endsWith('_search')
      const request = { method, target, ...(isSearch && { form: 'name=x' }) }
      await expectAccess(
        token,
        request,
        letters.includes(letter) ? null : `system/Patient.${letter}`,
      )
    }
  })
})

describe('a scope for one type', () => {
  const SEARCH = { method: 'GET', form: undefined }
  const searchByPost = (form: string) => ({ method: 'POST', target: '/Patient/_search', form })
  const search = (target: string) => ({ method: SEARCH.method, target })
  const OBSERVATIONS = 'system/Observation.s'
  const EVERYTHING = 'system/*.s'
  const ALL = 'system/*.cruds'

  /** Requests that leak another type, or depend on one. */
  const LEAKS: readonly (readonly [request: FhirCall, missing: string])[] = [
    [search('/Observation/1'), 'system/Observation.r'],
    [search('/Patient?_revinclude=Observation:patient'), OBSERVATIONS],
    [search('/Patient?_revinclude=Observation%3Apatient'), OBSERVATIONS],
    [search('/Patient?%5Frevinclude=Observation:patient'), OBSERVATIONS],
    [search('/Patient?_REVINCLUDE=Observation:patient'), OBSERVATIONS],
    [search('/Patient?name=x;_revinclude=Observation:patient'), OBSERVATIONS],
    [search('/Patient?_revinclude:iterate=Observation:patient'), OBSERVATIONS],
    [search('/Patient?_revinclude=*'), EVERYTHING],
    [search('/Patient?_include=Patient:organization:Organization'), 'system/Organization.s'],
    [search('/Patient?_include=Patient:link'), EVERYTHING],
    [search('/Patient?_include=*'), EVERYTHING],
    [search('/Patient?_has:Observation:patient:code=1234-5'), OBSERVATIONS],
    [search('/Patient?general-practitioner:Practitioner.name=x'), 'system/Practitioner.s'],
    [search('/Patient?organization.name=x'), EVERYTHING],
    [search('/Patient?_filter=name eq x'), EVERYTHING],
    [search('/Patient/1/Observation'), OBSERVATIONS],
    [search('/Patient/1/*'), EVERYTHING],
    [search('/?_type=Patient'), EVERYTHING],
    [search('/_history'), 'system/*.rs'],
    [searchByPost('_revinclude=Observation:patient'), OBSERVATIONS],
    [searchByPost('name=x&_has:Observation:patient:code=1'), OBSERVATIONS],
    [{ method: 'POST', target: '/_search', form: '_type=Patient' }, EVERYTHING],
    [{ ...searchByPost('name=x'), headers: { 'Content-Type': 'text/plain' } }, EVERYTHING],
    [
      { ...searchByPost('name=x'), headers: { 'Content-Type': `${FORM_TYPE}; charset=utf-16` } },
      EVERYTHING,
    ],
    [{ method: 'POST', target: '' }, ALL],
    [{ method: 'POST', target: '/' }, ALL],
    [search('/Patient/1/$everything'), ALL],
    [search('/Patient/1/%24everything'), ALL],
    [{ method: 'POST', target: '/$export' }, ALL],
    [{ method: 'POST', target: '/Patient/$match' }, ALL],
    [search('/Patient//1'), ALL],
    [search('/Patient%2F1'), ALL],
    [{ method: 'DELETE', target: '/Observation?patient=1' }, 'system/Observation.ds'],
    [{ ...search('/Patient/1'), method: 'DELETE', headers: { 'X-Cascade': 'delete' } }, ALL],
    [
      {
        method: 'POST',
        target: '/Patient',
        headers: { 'If-None-Exist': '_has:Observation:patient:code=1' },
      },
      OBSERVATIONS,
    ],
  ]

  test('leaks no other type, by any of the known ways', async () => {
    const token = await createToken('system/Patient.cruds')
    for (const [request, missing] of LEAKS) {
      upstream.requests.splice(0)
      const { status, headers } = await callFhir(token, request)
      const what = `${request.method} ${request.target} ${request.form ?? ''}`
      expect([what, status, upstream.requests]).toEqual([what, 403, []])
      const challenge = headers.get('www-authenticate') ?? ''
      expect([what, /scope="([^"]*)"/.exec(challenge)?.[1]]).toEqual([what, missing])
    }
  })

  test('and that of what the request names together allow it', async () => {
    const token = await createToken('system/Patient.rs', 'system/Observation.s')
    for (const request of [
      search('/Patient?_revinclude=Observation:patient'),
      search('/Patient?_has:Observation:patient:code=1'),
      search('/Patient/1/Observation'),
      searchByPost('_revinclude=Observation:patient'),
    ]) {
      await expectAccess(token, request, null)
    }
  })

  test('for every type and letter allows batches, operations and everything else', async () => {
    const token = await createToken('system/*.cruds')
    for (const [request] of LEAKS) {
      const { status } = await callFhir(token, request)
      expect([request, status]).toEqual([request, 200])
    }
  })
})

describe('a token at the FHIR surface', () => {
  const READ = { method: 'GET', target: '/Patient/1' }

  test.each(['jwt', 'opaque'] as const)('as %s names its client, site and scopes', async (form) => {
    const scopes = ['fhir:production', 'system/Patient.rs']
    const client = await createClient(scopes, { tokenStrategy: form, siteIds })
    const token = await requestToken(server, client, 'system/Patient.read')
    expect((await callFhir(token, READ)).status).toBe(200)
    const headers = Object.fromEntries(upstream.requests[0]?.headers ?? [])
    expect(headers).toMatchObject({
      'x-latchkey-account': client.accountId,
      'x-latchkey-site': [...siteIds].sort().join(','),
      'x-latchkey-key': client.clientId,
      'x-latchkey-owner': ownerId,
      'x-latchkey-key-type': 'oauth',
      'x-latchkey-scope': 'system/Patient.read',
    })
    expect(JSON.stringify(headers)).not.toContain(token)
  })

  test('of a client without a site is refused', async () => {
    const client = await createClient(['system/*.cruds'], { siteIds: [] })
    const { status, text } = await callFhir(await requestToken(server, client), READ)
    expect([status, text]).toEqual([403, expect.stringContaining('it has no site')])
    expect(upstream.requests).toEqual([])
  })

  test('of a legacy key opens nothing', async () => {
    const legacy = await seedKey(server)
    const answer = await server.authenticate(legacy.apiKey, legacy.secret)
    const { accessToken } = (await answer.json()) as TokenResponse
    const basic = createBasicHeader(legacy.apiKey, legacy.secret)
    const grant = { grant_type: 'client_credentials' }
    const { text } = await post(server, '/oauth2/token', grant, basic)
    for (const token of [accessToken, JSON.parse(text).access_token]) {
      await expectAccess(token, READ, 'system/Patient.r')
    }
  })

  test('with scopes of messages alone opens nothing', async () => {
    await expectAccess(await createToken('fhir:production', 'introspect'), READ, 'system/Patient.r')
  })

  test('that is revoked, expired or of another server gets 401 and a challenge', async () => {
    const client = await createClient(['system/*.rs'])
    const [revoked, expired] = [
      await requestToken(server, client),
      await requestToken(server, client),
    ]
    await revoke(server, client, revoked)
    server.clock.advance(301_000)
    for (const token of [revoked, expired, 'x', '', 'a b']) {
      const { status, headers, text } = await callFhir(token, READ)
      expect([token, status, headers.get('www-authenticate')]).toEqual([
        token,
        401,
        `Bearer realm="Latchkey", error="invalid_token", ${RESOURCE_METADATA}`,
      ])
      expect(JSON.parse(text)).toMatchObject({ issue: [{ code: 'login' }] })
    }
    expect(upstream.requests).toEqual([])
  })

  test('does not count where a site key is sent', async () => {
    const { secret, siteId } = await seedSiteKey(server)
    const token = await createToken('system/*.cruds')
    const { status } = await callFhir(token, { ...READ, headers: { 'X-API-Key': secret } })
    expect(status).toBe(200)
    expect(Object.fromEntries(upstream.requests[0]?.headers ?? [])).toMatchObject({
      'x-latchkey-site': siteId,
      'x-latchkey-key-type': 'xenrad',
    })
    const refused = await callFhir(token, {
      method: 'DELETE',
      target: '/Patient/1',
      headers: { 'X-API-Key': secret },
    })
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, PUT'])
  })

  test('opens no other surface of a site', async () => {
    const token = await createToken('system/*.cruds')
    const headers = { Authorization: `Bearer ${token}` }
    const { status } = await server.call('/v2/ingest', { body: 'MSH|', headers })
    expect([status, upstream.requests]).toEqual([401, []])
  })

  test('may search by a form of 64 KB, and no longer one', async () => {
    const token = await createToken('system/Patient.s')
    for (const [length, status] of [
      [64 * 1024, 200],
      [64 * 1024 + 1, 413],
    ] as const) {
      const form = 'name='.padEnd(length, 'x')
      const request = { method: 'POST', target: '/Patient/_search', form }
      expect((await callFhir(token, request)).status).toBe(status)
    }
  })
})
