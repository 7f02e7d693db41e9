import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  buildPost,
  getContentType,
  type HostileFixture,
  openHostileFixture,
  readErrorMessage,
  readMetaError,
  requireResponse,
} from '../../support/hostile-client.ts'
import { type RawResponse, sendRaw } from '../../support/raw-connection.ts'

let fixture: HostileFixture
let expectUnchanged: () => Promise<void>
beforeAll(async () => {
  fixture = await openHostileFixture()
})
beforeEach(() => {
  expectUnchanged = fixture.snapshotDatabase()
})
afterEach(() => expectUnchanged())
afterAll(() => fixture.close())

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/
const getRequestId = ({ headers }: RawResponse) =>
  headers.find(([name]) => name.toLowerCase() === 'x-request-id')?.[1]

const AUTH = ['/auth/authenticate', '/auth/refreshToken']
const MESSAGES = ['/endpoint', '/query']
const METHODS = ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND', 'TRACE', 'QUERY', 'PURGE']

describe.each([...AUTH, ...MESSAGES])('%s', (path) => {
  test.each(METHODS)('%s: 405 that allows POST', async (method) => {
    const answer = await fixture.send(`${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect(answer.status).toBe(405)
    expect(answer.headers).toContainEqual(['Allow', 'POST'])
    const text = MESSAGES.includes(path) ? readMetaError(answer) : readErrorMessage(answer)
    expect(text).toBe('This path takes POST only.')
  })

  test('HEAD: 405 without a body', async () => {
    const request = `HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`
    const answer = await fixture.send(request, { toHead: true })
    expect(answer.status).toBe(405)
    expect(answer.headers.map(([name, value]) => [name.toLowerCase(), value])).toContainEqual([
      'allow',
      'POST',
    ])
  })
})

test.each([
  '/',
  '/auth',
  '/auth/',
  '//auth/authenticate',
  '/auth//authenticate',
  '/auth%2fauthenticate',
  '/auth/authenticate%00',
  '/auth/authenticate%0d%0aX:y',
  '/auth/authenticate;a=b',
  '/auth/%zz',
  '/auth/authenticate/../refresh',
  '/../../etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/..%2f..%2fetc/passwd',
  '/.%00./etc/passwd',
  '/endpoint.php',
  `/${'a'.repeat(8000)}`,
])('%s: 404', async (path) => {
  const answer = await fixture.send(buildPost(path, fixture.credentials))
  expect([answer.status, readErrorMessage(answer)]).toEqual([404, 'There is nothing at this path.'])
})

// RFC 3986 §6.2.2: these are one path, however they are spelled; the vendor's are, in any case.
test.each([
  '/auth/%61uthenticate',
  '/auth/./authenticate',
  '/auth/../auth/authenticate',
  '/%2e%2e/auth/authenticate',
  '/auth/authenticate?secret=x',
  '/auth/authenticate/',
  '/AUTH/AUTHENTICATE',
  'http://elsewhere.example/auth/authenticate',
])('%s: as the path that it is', async (path) => {
  const answer = await fixture.send(buildPost(path, fixture.credentials))
  expect(answer.status).toBe(200)
})

// Envoy appends the path of the request that it guards, and takes 200 for a yes.
test.each([
  '/forward-auth/any/../../health',
  '/forward-auth/any/reports/../../../.well-known/jwks.json',
  '/forward-auth/any/%2e%2E/.%2e/health?x',
  '/forward-auth/xenrad/../any/reports',
  '/forward-auth/any/..',
  'http://elsewhere.example/forward-auth/any/../../health',
  'http://elsewhere.example/forward-auth/xenrad/%2e%2E/any',
  'HTTP://elsewhere.example/forward-auth/any/../../health?/',
])('%s: 400, and not what it leads to', async (path) => {
  const answer = await fixture.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  expect(answer.status).toBe(400)
  expect(readErrorMessage(answer)).toMatch(/no dot segments|do not form a URL/)
  expect(getRequestId(answer)).toMatch(UUID)
})

test.each([
  ['*', 'Invalid URL'],
  ['http://', 'Invalid absolute URL'],
  ['ftp://x/auth/authenticate', 'Invalid URL'],
  ['/auth\\authenticate', 'Backslash in request path'],
  ['/forward-auth/any\\..\\..\\health', 'Backslash in request path'],
  ['http://x/forward-auth/any\\..\\..\\health', 'Invalid absolute URL'],
])('%s is no URL: 400 that says so', async (target, why) => {
  const answer = await fixture.send(buildPost(target, fixture.credentials))
  expect([answer.status, readErrorMessage(answer)]).toEqual([
    400,
    `Host and path do not form a URL: ${why}.`,
  ])
  expect(getRequestId(answer)).toMatch(UUID)
})

test.each([
  ['no Host', []],
  ['an empty Host', ['Host: ']],
  ['a Host that is none', ['Host: a b/c@d']],
])('%s: 400 that says so', async (_, lines) => {
  const answer = await fixture.send(['GET /health HTTP/1.1', ...lines, '', ''].join('\r\n'))
  expect(answer.status).toBe(400)
  expect(readErrorMessage(answer)).toMatch(
    /^(Host and path do not form a URL: |The Host header is missing)/,
  )
  expect(getRequestId(answer)).toMatch(UUID)
})

test.each([
  ['no Host', []],
  ['an empty Host', ['Host: ']],
  ['a Host', ['Host: x']],
])('by HTTP/1.0, %s will do', async (_, lines) => {
  const health = await fixture.send(['GET /health HTTP/1.0', ...lines, '', ''].join('\r\n'))
  expect([health.status, health.body]).toEqual([200, '{"status":"live"}'])
  const { credentials } = fixture
  const head = ['POST /auth/authenticate HTTP/1.0', ...lines]
  const length = `Content-Length: ${credentials.length}`
  const tokens = await fixture.send([...head, length, '', credentials].join('\r\n'))
  expect(tokens.status).toBe(200)
})

test.each(['HTTP/1.0', 'HTTP/1.1'])(
  'by %s, two Hosts are 400, the same or not',
  async (version) => {
    for (const second of ['Host: x', 'hOST: y', 'Host: ']) {
      const answer = await fixture.send(`GET /health ${version}\r\nHost: x\r\n${second}\r\n\r\n`)
      expect(answer.status).toBe(400)
      expect(readErrorMessage(answer)).toMatch(/more than one Host header/)
      expect(getRequestId(answer)).toMatch(UUID)
    }
  },
)

const refused: [what: string, lines: string[], status: number, message: RegExp][] = [
  ['a header without a colon', ['broken'], 400, /header line/],
  ['a header whose name has a blank', ['Content Type: x'], 400, /header line/],
  ['a header without a name', [': x'], 400, /header line/],
  ['a header with NUL', ['X: a\0b'], 400, /header line/],
  ['a header of 20 KB', [`X: ${'a'.repeat(20_000)}`], 431, /too long/],
  ['3,000 headers', Array.from({ length: 3000 }, (_, n) => `X-${n}: y`), 431, /too long/],
  ['two lengths', ['Content-Length: 5', 'Content-Length: 6'], 400, /Content-Length/],
  ['a length that is no number', ['Content-Length: x'], 400, /Content-Length/],
  ['a negative length', ['Content-Length: -1'], 400, /Content-Length/],
  [
    'a length, then chunks',
    ['Content-Length: 5', 'Transfer-Encoding: chunked'],
    400,
    /sent with Content-Length/,
  ],
  [
    'chunks, then a length',
    ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    400,
    /sent with Transfer-Encoding/,
  ],
  [
    'an unknown transfer encoding',
    ['Transfer-Encoding: gzip'],
    400,
    /only transfer coding is chunked/,
  ],
  ['an expectation that nobody can meet', ['Expect: tea'], 417, /Expect/],
]
test.each(refused)('%s: refused, with the reason', async (_, lines, status, message) => {
  const head = ['POST /auth/authenticate HTTP/1.1', 'Host: x', ...lines]
  const answer = await fixture.send([...head, '', ''].join('\r\n'))
  expect(answer.status).toBe(status)
  expect(readErrorMessage(answer)).toMatch(message)
  expect(getContentType(answer)).toBe('application/json; charset=utf-8')
  expect(answer.headers).toContainEqual(['Connection', 'close'])
  const requestId = getRequestId(answer)
  expect(requestId).toMatch(UUID)
  expect(fixture.log.lines.map(({ facts }) => facts)).toContainEqual(
    expect.objectContaining({ requestId }),
  )
})

test.each([
  ['an unknown method', 'BREW /endpoint HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a method in small letters', 'post /endpoint HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['another protocol version', 'POST /endpoint HTTP/3.7\r\nHost: x\r\n\r\n'],
  ['a TLS handshake', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  ['a path that is not ASCII', 'POST /é HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['no request at all', 'hello\r\n\r\n'],
])('%s: 400 in JSON', async (_, request) => {
  const answer = await fixture.send(request)
  expect([answer.status, readErrorMessage(answer)]).toEqual([400, expect.any(String)])
  expect(getRequestId(answer)).toMatch(UUID)
})

test.each([
  '/',
  '/nothing',
  '/health',
  '/ready',
  '/.well-known/jwks.json',
  '/console',
  '/apikeys',
  '/api/v1/Identity',
  '/practice/v1/me',
  '/fhir/metadata',
  '/fhir/Patient',
  '/v2/ingest',
  '/ingest',
  '/forward-auth',
  '/forward-auth/nothing',
  '/auth/authenticate',
  '/endpoint',
])('%s: its answer carries a request id, whatever it is', async (path) => {
  for (const method of ['GET', 'POST', 'OPTIONS']) {
    const answer = await fixture.send(`${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    expect([method, getRequestId(answer)]).toEqual([method, expect.stringMatching(UUID)])
  }
})

test.each([
  '/',
  '/nothing',
  '/health',
  '/console',
  '/console/sign-in',
  '/console/nothing',
  '/admin/v1/keys',
  '/admin/v1/openapi.json',
])('%s of the console: its answer carries a request id, whatever it is', async (path) => {
  for (const method of ['GET', 'POST', 'OPTIONS']) {
    const answer = requireResponse(
      await sendRaw(fixture.consoleUrl, `${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`),
    )
    expect([method, getRequestId(answer)]).toEqual([method, expect.stringMatching(UUID)])
  }
})

test.each([
  ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', 400],
  ['CONNECT with a path', 'CONNECT /endpoint HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['CONNECT by HTTP/1.0', 'CONNECT x:443 HTTP/1.0\r\n\r\n', 400],
  ['CONNECT and a TLS handshake', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01', 400],
  ['OPTIONS of *', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['TRACE of *', 'TRACE * HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['TRACE', 'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n', 404],
  ['TRACK', 'TRACK / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
  [
    'an upgrade to HTTP/2',
    'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    404,
  ],
  [
    'an upgrade to a WebSocket',
    'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    404,
  ],
])('%s is refused in JSON with a request id, on either listener', async (_, request, status) => {
  for (const url of [fixture.url, fixture.consoleUrl]) {
    const answer = requireResponse(await sendRaw(url, request))
    expect([answer.status, readErrorMessage(answer)]).toEqual([status, expect.any(String)])
    expect(getRequestId(answer)).toMatch(UUID)
  }
})

test('the connection of a CONNECT is closed, and later requests on it are not answered', async () => {
  const connection = await fixture.connect()
  connection.write('CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n')
  connection.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  const answer = requireResponse(await connection.readResponse())
  expect(answer.headers).toContainEqual(['Connection', 'close'])
  expect(readErrorMessage(answer)).toBe('CONNECT is not supported: this server is not a proxy.')
  connection.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  expect(await connection.readResponse()).toBeNull()
})

test('a length that is announced twice, each time the same, is read once', async () => {
  const { credentials } = fixture
  const length = `Content-Length: ${credentials.length}`
  const answer = await fixture.send(
    `POST /auth/authenticate HTTP/1.1\r\nHost: x\r\n${length}\r\n${length}\r\n\r\n${credentials}`,
  )
  expect(answer.status).toBe(400)
  expect(readErrorMessage(answer)).toMatch(/Content-Length is repeated/)
})

test('a body in a transfer coding other than chunked is refused before it is read', async () => {
  const answer = await fixture.send(
    'POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  )
  expect(answer.status).toBe(400)
  expect(readErrorMessage(answer)).toMatch(/^The only transfer coding is chunked/)
})

test('a smuggled request is never answered', async () => {
  const connection = await fixture.connect()
  const smuggled = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'
  connection.write(
    `POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length + 5}\r\n` +
      `Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  )
  expect(requireResponse(await connection.readResponse()).status).toBe(400)
  expect(await connection.readResponse()).toBeNull()
})
