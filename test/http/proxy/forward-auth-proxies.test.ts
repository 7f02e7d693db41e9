import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { openLatchkey } from '../../../src/node/open-latchkey.ts'
import {
  INSTALLABLE_PROXIES,
  isProgramInstalled,
  type RunningProxy,
  readProxySample,
  startProxy,
} from '../../support/installed-proxies.ts'
import { createBasicHeaders, seedEveryKeyType } from '../../support/key-seeds.ts'
import { findFreePort, type ServerProcess, startServerProcess } from '../../support/process.ts'
import { sendRaw } from '../../support/raw-connection.ts'
import { createTempFolder, createTestLog, seedKey, unwrap } from '../../support/server.ts'
import { createVendorClient, parseTokenResponse } from '../../support/vendor-clients.ts'

/** The proxies as docs/deploy sets them up, in front of a plain upstream that says what it was sent. */
const PROXIES = INSTALLABLE_PROXIES.filter(({ name }) => name === 'nginx' || name === 'caddy')

interface Echo {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let upstream: Server
let latchkey: ServerProcess
let seeded: Awaited<ReturnType<typeof seedKey>>
let token: string
/** Each proxy has its own key: an office's key opens once in a second. */
let keysByProxy: Record<string, Awaited<ReturnType<typeof seedOthers>>>
const dir = createTempFolder()
beforeAll(async () => {
  upstream = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { method = '', url = '', headers } = request
    response.end(JSON.stringify({ method, path: url, headers, body } satisfies Echo))
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')

  const config = readConfig({ LATCHKEY_DATA: dir })
  const made = await openLatchkey(config, { publicUrl: 'http://localhost', log: createTestLog() })
  seeded = await seedKey(made)
  keysByProxy = { nginx: await seedOthers(made), caddy: await seedOthers(made) }
  await made.storage.close()
  latchkey = await startServerProcess(dir, { LATCHKEY_TRUSTED_PROXIES: '127.0.0.1' })
  const { apiKey, secret } = seeded
  token = parseTokenResponse(
    await createVendorClient(latchkey.url).authenticate(apiKey, secret),
  ).accessToken
})
afterAll(async () => {
  await latchkey.stop()
  upstream.close()
  upstream.closeAllConnections()
})

/** A key of each type that is presented, and one that is not assigned to an office. */
async function seedOthers(
  made: Parameters<typeof seedEveryKeyType>[0],
): Promise<Record<string, { headers: Record<string, string>; key: string }>> {
  const { keys, sites } = made
  const { accountId, ownerId, developerKey, username, ...every } = await seedEveryKeyType(made)
  const findSecretOfType = (keyType: string) => {
    const key = every.keys.find((one) => one.keyType === keyType)
    if (key === undefined) throw new Error(`there is no ${keyType} key`)
    return key
  }
  const site = unwrap(await sites.add({ accountId, name: 'Office' }))
  unwrap(await keys.assign(findSecretOfType('opendental').publicId, site.id))
  const developers = await made.developers.list({ accountId, limit: 1 })
  const developerId = developers[0]?.id ?? ''
  const input = { keyType: 'opendental', ownerId, developerId, name: 'Next office' } as const
  const next = unwrap(await keys.create(input))
  const createOdfhirHeader = (secret: string) => ({
    Authorization: `ODFHIR ${developerKey}/${secret}`,
  })
  const siteKey = { keyType: 'xenrad', ownerId, siteId: site.id, name: 'Reports' } as const
  const reader = unwrap(await keys.create({ ...siteKey, access: 'read' }))
  const headers = {
    xenrad: { 'X-API-Key': findSecretOfType('xenrad').secret },
    opendental: createOdfhirHeader(findSecretOfType('opendental').secret),
    xdent: {
      'X-Api-Key': `${findSecretOfType('xdent').publicId}.${findSecretOfType('xdent').secret}`,
    },
    practice: createBasicHeaders(username, findSecretOfType('practice').secret),
  }
  const entries = Object.entries(headers).map(([keyType, sent]) => [
    keyType,
    { headers: sent, key: findSecretOfType(keyType).publicId },
  ])
  return {
    ...Object.fromEntries(entries),
    reader: { headers: { 'X-API-Key': reader.secret }, key: reader.key.publicId },
    unassigned: { headers: createOdfhirHeader(next.secret), key: next.key.publicId },
  }
}

describe.each(PROXIES)('$name, set up as the docs say', (program) => {
  const { name } = program
  if (!isProgramInstalled(name, program.versionOption)) {
    test.skip(`is not tried: ${name} is not installed here`)
    return
  }

  let proxy: RunningProxy
  beforeAll(async () => {
    const port = await findFreePort()
    const ports = {
      8088: port,
      8080: new URL(latchkey.url).port,
      9000: (upstream.address() as AddressInfo).port,
    }
    proxy = await startProxy(program, readProxySample(program, '127.0.0.1:8088', ports), port)
  })
  afterAll(() => proxy?.stop())

  const requestThroughProxy = async (init: RequestInit = {}) => {
    const answer = await fetch(`${proxy.url}/reports/7?year=2026`, init)
    return { status: answer.status, headers: answer.headers, body: await answer.text() }
  }
  /** With headers that no fetch would send. */
  const sendRawThroughProxy = (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
  ) => {
    const { host } = new URL(proxy.url)
    const lines = Object.entries({ Host: host, Connection: 'close', ...headers })
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    return sendRaw(proxy.url, `${method} ${path} HTTP/1.1\r\n${head}\r\n`)
  }
  const createBearerHeader = (text: string) => ({ Authorization: `Bearer ${text}` })

  test('lets a good credential through, and tells the upstream whose request it is', async () => {
    const { status, body } = await requestThroughProxy({
      headers: createBearerHeader(token),
      method: 'POST',
      body: 'a report',
    })
    expect(status).toBe(200)
    const echo = JSON.parse(body) as Echo
    expect(echo).toMatchObject({ method: 'POST', path: '/reports/7?year=2026', body: 'a report' })
    expect(echo.headers).toMatchObject({
      'x-latchkey-account': seeded.accountId,
      'x-latchkey-key': seeded.apiKey,
      'x-latchkey-owner': seeded.ownerId,
      'x-latchkey-key-type': 'redox',
    })
    expect(echo.headers['x-latchkey-site'] ?? '').toBe('')
    expect(echo.headers).not.toHaveProperty('authorization')
  })

  test.each(['xenrad', 'opendental', 'xdent', 'practice'])(
    'lets a good key of %s through, and never the key itself',
    async (keyType) => {
      const { headers = {}, key } = keysByProxy[name]?.[keyType] ?? {}
      const { status, body } = await requestThroughProxy({ headers })
      expect(status).toBe(200)
      const echo = JSON.parse(body) as Echo
      expect(echo.headers).toMatchObject({ 'x-latchkey-key': key, 'x-latchkey-key-type': keyType })
      expect(echo.headers).not.toHaveProperty('authorization')
      expect(echo.headers).not.toHaveProperty('x-api-key')
    },
  )

  test('hands back what is refused by neither 401 nor 403', async () => {
    const refused = await requestThroughProxy({
      headers: keysByProxy[name]?.unassigned?.headers ?? {},
    })
    expect(refused.status).toBe(400)
    expect(refused.body).toBe('"API key has not been assigned."')
  })

  test('never hands on an identity that the caller made up', async () => {
    const made = {
      'X-Latchkey-Site': 'somebody-else',
      'X-Latchkey-Account': 'somebody-else',
      'x-latchkey-OWNER': 'somebody-else',
      X_Latchkey_Account: 'somebody-else',
    }
    const { status, body } = await requestThroughProxy({
      headers: { ...made, ...createBearerHeader(token) },
    })
    expect(status).toBe(200)
    expect(body).not.toContain('somebody-else')
    expect((JSON.parse(body) as Echo).headers['x-latchkey-account']).toBe(seeded.accountId)
  })

  test('never hands on one in a spelling that the service may take for ours', async () => {
    const names = [
      'X_Latchkey_Account',
      'X-Latchkey_Account',
      'X_Latchkey-Site',
      'X.Latchkey.Owner',
    ]
    const made = Object.fromEntries(names.map((name) => [name, 'somebody-else']))
    const { status, body } = await requestThroughProxy({
      headers: { ...made, ...createBearerHeader(token) },
    })
    expect(status).toBe(200)
    expect(body).not.toContain('somebody-else')
  })

  test('never hands on what the caller says of its own address or name', async () => {
    const names = ['X-Forwarded-For', 'X_Forwarded_For', 'Forwarded', 'X-Real-IP', 'True-Client-IP']
    const made = [...names, 'X-Forwarded-Host', 'Remote-User', 'X-Remote-User', 'Proxy']
    const { headers = {} } = keysByProxy[name]?.xenrad ?? {}
    const answer = await sendRawThroughProxy('GET', '/reports/7', {
      ...headers,
      ...Object.fromEntries(made.map((header) => [header, 'made-up.example'])),
    })
    expect(answer?.status).toBe(200)
    expect(answer?.body).not.toContain('made-up.example')
    expect((JSON.parse(answer?.body ?? '') as Echo).headers['x-forwarded-for']).toBe('127.0.0.1')
  })

  test('tells the upstream whose request it is, though the caller’s Connection names that', async () => {
    const identity = ['Account', 'Site', 'Key', 'Owner', 'Key-Type'].map(
      (word) => `X-Latchkey-${word}`,
    )
    const { headers = {}, key } = keysByProxy[name]?.xenrad ?? {}
    const answer = await sendRawThroughProxy('GET', '/reports/7', {
      ...headers,
      Connection: ['close', ...identity].join(', '),
    })
    expect(answer?.status).toBe(200)
    const echo = JSON.parse(answer?.body ?? '') as Echo
    expect(echo.headers).toMatchObject({ 'x-latchkey-key': key, 'x-latchkey-key-type': 'xenrad' })
    for (const name of identity) expect(echo.headers[name.toLowerCase()]).toMatch(/./)
  })

  test('opens no connection that nobody judges', async () => {
    const { headers = {} } = keysByProxy[name]?.xenrad ?? {}
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket' }
    const answer = await sendRawThroughProxy('GET', '/reports/7', { ...headers, ...upgrade })
    expect(answer?.status).toBe(200)
    expect((JSON.parse(answer?.body ?? '') as Echo).headers).not.toHaveProperty('upgrade')
  })

  test.each([
    ['POST', {}],
    ['POST', { 'X-Original-Method': 'GET', 'X-Forwarded-Method': 'GET' }],
    ['POST', { Connection: 'close, X-Original-Method, X-Forwarded-Method' }],
    ['GET', { 'X-HTTP-Method-Override': 'DELETE' }],
  ] as const)('lets no key that only reads write: %s with %j', async (method, more) => {
    const { headers = {} } = keysByProxy[name]?.reader ?? {}
    const answer = await sendRawThroughProxy(method, '/reports/7', { ...headers, ...more })
    expect(answer?.status).toBe(403)
  })

  test('asks Latchkey nothing in the caller’s words', async () => {
    const { headers = {} } = keysByProxy[name]?.xenrad ?? {}
    const path = '/reports/7?refusal=1&statuses=404'
    expect((await sendRawThroughProxy('GET', path, headers))?.status).toBe(200)
    expect((await sendRawThroughProxy('GET', path, {}))?.status).toBe(401)
  })

  test.each(['/latchkey-judge', '/%6catchkey-judge', '/forward-auth', '//reports/7'])(
    'hands nothing on without a credential: %s',
    async (path) => {
      for (const method of ['GET', 'POST', 'OPTIONS', 'DELETE']) {
        const answer = await sendRawThroughProxy(method, path, {})
        expect([401, 404]).toContain(answer?.status)
      }
    },
  )

  test('returns a refusal in the format of the key type', async () => {
    const refused = await requestThroughProxy({
      headers: createBearerHeader('not.a.token'),
      method: 'POST',
      body: 'a report',
    })
    expect(refused.status).toBe(401)
    expect(refused.headers.get('www-authenticate')).toBe(
      'Bearer realm="Latchkey", error="invalid_token"',
    )
    expect(refused.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(JSON.parse(refused.body)).toMatchObject({
      Meta: { Errors: [{ Text: 'The access token is missing, invalid or expired.' }] },
    })
  })

  test('refuses who presents nothing', async () => {
    const { status, body } = await requestThroughProxy()
    expect({ status, body }).toEqual({
      status: 401,
      body: '{"message":"A credential is needed."}',
    })
  })
})
