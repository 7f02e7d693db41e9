import { expect, onTestFinished, test } from 'vitest'
import { sendRaw } from '../../support/raw-connection.ts'
import {
  startHttpUpstream,
  startTestProxy,
  type TestProxyOptions,
  type UpstreamRequestRecord,
} from '../../support/upstream/servers.ts'

/*
 * An upstream receives the whole request, but no header by which the caller could claim another
 * identity.
 */

/** Returns the headers that reach the upstream, without its own Host and Connection. */
async function passRequest(request: string, options: TestProxyOptions & { base?: string } = {}) {
  const upstream = await startHttpUpstream()
  const proxy = await startTestProxy(upstream.url + (options.base ?? ''), options)
  onTestFinished(upstream.close)
  onTestFinished(proxy.close)
  const answer = await sendRaw(proxy.url, request.replaceAll('\n', '\r\n'))
  const [received] = upstream.requests
  return { answer, received, headers: toHeaderRecord(received, new URL(upstream.url).host) }
}

function toHeaderRecord(
  received: UpstreamRequestRecord | undefined,
  host: string,
): Record<string, string> {
  if (received === undefined) return {}
  const headers = Object.fromEntries(received.headers)
  expect(headers.host).toBe(host)
  const { host: _, connection: __, ...rest } = headers
  expect(received.headers).toHaveLength(Object.keys(headers).length)
  return rest
}

const OURS = {
  'x-latchkey-account': 'account-1',
  'x-latchkey-site': 'site-1',
  'x-latchkey-key': 'KEY1',
  'x-latchkey-owner': 'owner-1',
  'x-latchkey-key-type': 'test',
  'x-request-id': 'request-1',
  'x-forwarded-for': '127.0.0.1',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'latchkey.example',
  'x-forwarded-prefix': '/base',
}

test('the upstream receives the request’s headers, method, path, query and body', async () => {
  const { received, headers } = await passRequest(
    'PUT /fhir/Patient/1?a=b&a=%20c HTTP/1.1\nHost: x\nContent-Type: text/x\nX-Own: 1\nIf-Match: W/"2"\n' +
      'Accept-Encoding: br\nUser-Agent: me\nContent-Length: 4\n\nbody',
  )
  expect(received).toMatchObject({ method: 'PUT', url: '/fhir/Patient/1?a=b&a=%20c' })
  expect(received?.body.toString()).toBe('body')
  expect(headers).toEqual({
    ...OURS,
    'content-type': 'text/x',
    'x-own': '1',
    'if-match': 'W/"2"',
    'accept-encoding': 'br',
    'user-agent': 'me',
    'content-length': '4',
  })
})

test.each([
  ['', '/fhir/a'],
  ['/', '/fhir/a'],
  ['/base', '/base/fhir/a'],
  ['/base/', '/base/fhir/a'],
])('the path is appended to the upstream’s base path %j', async (base, url) => {
  const { received } = await passRequest('GET /fhir/a HTTP/1.1\nHost: x\n\n', { base })
  expect(received?.url).toBe(url)
})

test.each([
  'Authorization: Bearer x',
  'aUTHORIZATION: ODFHIR a/b',
  'X-API-Key: x',
  'x_api_key: x',
  'Cookie: a=b',
  'Proxy-Authorization: Basic x',
  'X-Latchkey-Account: other',
  'x-latchkey-site: other',
  'X_Latchkey_Account: other',
  'x_latchkey-key: other',
  'X-Latchkey_Owner: other',
  'X.Latchkey.Account: other',
  'X-LATCHKEY-ROLE: operator',
  'X-Latchkey: other',
  'X_Request_Id: other',
  'X-Request-Id: other',
  'X-Forwarded-For: 10.0.0.1',
  'X_Forwarded_For: 10.0.0.1',
  'X-Forwarded-Proto: gopher',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Port: 1',
  'X-Forwarded-User: root',
  'Forwarded: for=10.0.0.1;host=evil.example',
  'X-Real-IP: 10.0.0.1',
  'X-HTTP-Method-Override: DELETE',
  'X-HTTP-Method: DELETE',
  'X-Method-Override: DELETE',
  'x_http.method_override: DELETE',
  'X-Original-URL: /admin',
  'X_Original_URL: /admin',
  'X-Rewrite-Url: /admin',
  'X-Rewrite_URL: /admin',
  'X-Host: evil.example',
  'X-Original-Host: evil.example',
  'X-Script-Name: /admin',
  'X-Middleware-Subrequest: middleware',
  'X-Sendfile-Type: X-Accel-Redirect',
  'X-Accel-Mapping: /=/',
  'Proxy: http://evil.example',
  'Proxy-Client-IP: 10.0.0.1',
  'Remote-User: root',
  'Remote_User: root',
  'REMOTE.USER: root',
  'Remote-Groups: admins',
  'X-Remote-User: root',
  'X_REMOTE_USER: root',
  'X-Remote-Extra-Scopes: all',
  'X-Auth-Request-User: root',
  'X-Auth_Request-Email: root@example',
  'X-WebAuth-User: root',
  'X-Authenticated-User: root',
  'X-Consumer-Username: root',
  'X-MS-Client-Principal-Name: root',
  'Client-Cert: :AA==:',
  'SSL-Client-Verify: SUCCESS',
  'X-SSL-Client-DN: CN=root',
  'X-Forwarded-Client-Cert: By=root',
  'True-Client-IP: 10.0.0.1',
  'True_Client_IP: 10.0.0.1',
  'X-Client-IP: 10.0.0.1',
  'CF-Connecting-IP: 10.0.0.1',
  'Cf-Access-Jwt-Assertion: x',
  'X-Cluster-Client-IP: 10.0.0.1',
  'X-Envoy-External-Address: 10.0.0.1',
  'X-Forwarded: for=10.0.0.1',
  '-X-Latchkey-Site: other',
  '_X__Latchkey_Site_: other',
  'HTTP_X_FORWARDED_FOR: 10.0.0.1',
  'HTTP-Remote-User: root',
  'SM_USER: root',
  'IV-Groups: admins',
  'Shib-Session-Id: x',
  'Impersonate-User: root',
  'X-Shib-User: root',
  'L5d-Client-Id: root',
  'X-ClientIP: 10.0.0.1',
  'X-Override-URL: /admin',
  'Unencoded-Url: /admin',
  'X-Method: DELETE',
  'Content_Length: 5',
  'Content.Type: text/html',
  'Keep-Alive: timeout=5',
  'TE: trailers',
  'Proxy-Connection: keep-alive',
  'Upgrade: h2c',
  'Expect: 100-continue',
  'Connection: X-Secret, x-latchkey-site, x-forwarded-for',
])('the upstream does not receive a caller’s %s', async (line) => {
  const { headers } = await passRequest(`GET /fhir HTTP/1.1\nHost: x\nX-Own: 1\n${line}\n\n`)
  expect(headers).toEqual({ ...OURS, 'x-own': '1' })
})

test.each([
  'X-Auth-Token: mine',
  'X-Client-Version: 2',
  'X-Amzn-Trace-Id: Root=1',
  'Traceparent: 00-1-1-01',
  'X_Own_Name: 1',
  'Via: 1.1 edge',
])('the upstream receives a caller’s %s', async (line) => {
  const { headers } = await passRequest(`GET /fhir HTTP/1.1\nHost: x\n${line}\n\n`)
  const [name = '', value = ''] = line.split(': ')
  expect(headers).toEqual({ ...OURS, [name.toLowerCase()]: value })
})

test('headers that Connection names are not forwarded', async () => {
  const { headers } = await passRequest(
    'GET /fhir HTTP/1.1\nHost: x\nX-Hop: 1\nX-Own: 1\nConnection: keep-alive, x-hop\n\n',
  )
  expect(headers).toEqual({ ...OURS, 'x-own': '1' })
})

test('a key without a site sends no site header', async () => {
  const request = 'GET /fhir HTTP/1.1\nHost: x\nX-Latchkey-Site: other\n\n'
  const { headers } = await passRequest(request, { identity: { siteIds: [] } })
  expect(Object.keys(headers)).not.toContain('x-latchkey-site')
})

test('a request that needs no key has no identity headers', async () => {
  const request =
    'GET /fhir/metadata HTTP/1.1\nHost: x\nX-Latchkey-Key: other\nAuthorization: Bearer x\n\n'
  const { headers } = await passRequest(request, { identity: null })
  const ours = Object.entries(OURS).filter(([name]) => !name.startsWith('x-latchkey-'))
  expect(headers).toEqual(Object.fromEntries(ours))
})

test.each([
  ['a trusted proxy', ['127.0.0.0/8'], '203.0.113.9'],
  ['anybody else', ['192.0.2.1'], '127.0.0.1'],
  ['anybody, where none is trusted', [], '127.0.0.1'],
])('X-Forwarded-For of %s has the caller’s address', async (_, trusted, address) => {
  const { headers } = await passRequest(
    'GET /fhir HTTP/1.1\nHost: x\nX-Forwarded-For: 10.0.0.1, 203.0.113.9\n\n',
    { trusted },
  )
  expect(headers['x-forwarded-for']).toBe(address)
})

test.each([
  ['POST', 'Content-Length: 4', 'body', { 'content-length': '4' }],
  ['DELETE', 'Content-Length: 4', 'body', { 'content-length': '4' }],
  ['POST', 'Transfer-Encoding: chunked', '4\nbody\n0\n\n', { 'transfer-encoding': 'chunked' }],
  ['DELETE', 'Transfer-Encoding: chunked', '4\nbody\n0\n\n', { 'transfer-encoding': 'chunked' }],
])('a body of %s keeps its framing: %s', async (method, framing, text, kept) => {
  const { received, headers } = await passRequest(
    `${method} /a HTTP/1.1\nHost: x\n${framing}\n\n${text}`,
  )
  expect(received?.body.toString()).toBe('body')
  expect(headers).toEqual({ ...OURS, ...kept })
})

test.each([
  ['POST', 'X-Own: 1\n\n', { 'content-length': '0' }],
  ['POST', 'Content-Length: 0\n\n', { 'content-length': '0' }],
  ['DELETE', 'X-Own: 1\n\n', {}],
  ['GET', 'Content-Length: 4\n\nbody', {}],
])('%s is forwarded without a body: %j', async (method, rest, kept) => {
  const { received, headers } = await passRequest(`${method} /a HTTP/1.1\nHost: x\n${rest}`)
  expect(received?.body).toHaveLength(0)
  const { 'x-own': _, ...others } = headers
  expect(others).toEqual({ ...OURS, ...kept })
})

test.each([
  '/fhir/..%2fadmin',
  '/fhir/..%5Cadmin',
  '/fhir/%2e%2E%2Fadmin',
  '/fhir/..;/admin',
  '/fhir/..;jsessionid=1/admin',
  '/fhir/%2e%2e%3bx/admin',
  '/fhir/a%2f..%2f..',
  '/fhir/..%00/admin',
  '/fhir/..%20/admin',
  '/fhir/%20../admin',
  '/fhir/..%09/admin',
  '/fhir/..%3Fx',
  '/fhir/..%252fadmin',
  '/fhir/%252e%252e/admin',
  '/fhir/..%25252fadmin',
  '/fhir/%2525252525252e/admin',
  '/fhir/%c0%ae%c0%ae/admin',
  '/fhir/..%c0%afadmin',
  '/fhir/%u002e%u002e/admin',
  '/fhir/a%00.json',
  '/fhir/a%0d%0aX:y',
  '/fhir/a%2500b',
])('a path with hidden dot segments is refused: %s', async (path) => {
  const { answer, received } = await passRequest(`GET ${path} HTTP/1.1\nHost: x\n\n`)
  expect(JSON.parse(answer?.body ?? '')).toMatchObject({ reason: 'field_invalid' })
  expect(received).toBeUndefined()
})

test.each([
  ['/fhir/../admin', '/admin'],
  ['/fhir/%2e%2e/admin', '/admin'],
  ['//evil.example/a', '//evil.example/a'],
  ['http://evil.example/a', '/a'],
  ['/fhir/a..b/...', '/fhir/a..b/...'],
  ['/fhir/a%20b/c%2Fd/100%25', '/fhir/a%20b/c%2Fd/100%25'],
  ['/fhir/%E2%82%AC;v=1?a=..%2f%00', '/fhir/%E2%82%AC;v=1?a=..%2f%00'],
])('a path is forwarded as it was routed: %s', async (path, url) => {
  const { received } = await passRequest(`GET ${path} HTTP/1.1\nHost: x\n\n`)
  expect(received?.url).toBe(url)
})

test('Upgrade is not forwarded, so no WebSocket is opened', async () => {
  const { answer, headers } = await passRequest(
    'GET /fhir HTTP/1.1\nHost: x\nConnection: Upgrade\nUpgrade: websocket\nX-Own: 1\n\n',
  )
  expect(answer?.status).toBe(200)
  expect(headers).toEqual({ ...OURS, 'x-own': '1' })
})
