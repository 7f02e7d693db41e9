import type { RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { Hono } from 'hono'
import { expect, onTestFinished, test } from 'vitest'
import { sendRaw } from '../../support/raw-connection.ts'
import { startRawUpstream } from '../../support/upstream/raw-upstream.ts'
import { startHttpUpstream, startTestProxy } from '../../support/upstream/servers.ts'

/*
 * The caller receives the upstream's response unchanged, to the byte.
 */

const SANDBOX = "sandbox; default-src 'none'"

/** Headers that the proxy sets on every upstream response. */
const ADDED = [
  ['cache-control', 'no-store'],
  ['content-security-policy', SANDBOX],
  ['x-content-type-options', 'nosniff'],
  ['x-request-id', 'request-1'],
] as const

async function requestThroughProxy(
  listener: RequestListener,
  { method = 'GET', toHead = false } = {},
) {
  const upstream = await startHttpUpstream((request, response) => {
    response.sendDate = false
    listener(request, response)
  })
  const proxy = await startTestProxy(upstream.url)
  onTestFinished(upstream.close)
  onTestFinished(proxy.close)
  const request = `${method} /fhir HTTP/1.1\r\nHost: x\r\n\r\n`
  return readRawResponse(proxy.url, request, toHead)
}

/** Returns the raw response to an upstream that sends exactly `text`. */
async function requestRawThroughProxy(text: string, { method = 'GET', toHead = false } = {}) {
  const request = `${method} /fhir HTTP/1.1\r\nHost: x\r\n\r\n`
  const answer = await sendRaw(await startProxyTo(text), request, { toHead })
  if (answer === null) throw new Error('there was no whole answer')
  const added = ['date', 'connection', 'keep-alive', ...ADDED.map(([name]) => name)]
  return {
    ...answer,
    headers: answer.headers.filter(([name]) => !added.includes(name.toLowerCase())),
  }
}

/** A server before an upstream that answers every request with this text. */
async function startProxyTo(text: string) {
  const upstream = await startRawUpstream((socket) => socket.end(text, 'latin1'))
  const proxy = await startTestProxy(upstream.url)
  onTestFinished(upstream.close)
  onTestFinished(proxy.close)
  return proxy.url
}

async function readRawResponse(
  url: string,
  request = 'GET /fhir HTTP/1.1\r\nHost: x\r\n\r\n',
  toHead = false,
) {
  const answer = await sendRaw(url, request, { toHead })
  if (answer === null) throw new Error('there was no whole answer')
  const headers = answer.headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name))
  return { ...answer, headers: headers.sort(([a], [b]) => (a < b ? -1 : 1)) }
}

test('a response has the upstream’s status, headers and body, and Latchkey’s request id', async () => {
  const answer = await requestThroughProxy((_, response) => {
    response.writeHead(418, {
      'Content-Type': 'application/fhir+json',
      ETag: 'W/"1"',
      'Content-Length': '2',
      'X-Own': '1',
      'X-Request-Id': 'other',
    })
    response.end('{}')
  })
  expect(answer).toMatchObject({ status: 418, body: '{}' })
  expect(answer.headers).toEqual([
    ['cache-control', 'no-store'],
    ['content-length', '2'],
    ['content-type', 'application/fhir+json'],
    ['etag', 'W/"1"'],
    ['x-content-type-options', 'nosniff'],
    ['x-own', '1'],
    ['x-request-id', 'request-1'],
  ])
})

test('the upstream’s Cache-Control is unchanged', async () => {
  const answer = await requestThroughProxy((_, response) => {
    response.setHeader('Cache-Control', 'max-age=5').end()
  })
  expect(answer.headers).toContainEqual(['cache-control', 'max-age=5'])
})

test('hop-by-hop headers of a response are removed', async () => {
  const answer = await requestThroughProxy((_, response) => {
    response.writeHead(200, {
      Connection: 'close, X-Hop',
      'X-Hop': '1',
      'Proxy-Authenticate': 'Basic',
      Trailer: 'X-Sum',
      'Content-Type': 'text/plain',
    })
    response.end('chunked')
  })
  expect(answer.headers.map(([name]) => name)).toEqual(
    [
      'cache-control',
      'content-type',
      'transfer-encoding',
      'x-content-type-options',
      'x-request-id',
    ].sort(),
  )
  expect(answer.body).toBe('chunked')
})

test.each(['gzip', 'br', 'zstd', 'made-up'])('a body in %s keeps its bytes', async (coding) => {
  // Nobody looks inside: that it is not what it says must not matter.
  const bytes = coding === 'gzip' ? gzipSync('{"resourceType":"Bundle"}') : Buffer.from('any bytes')
  const answer = await requestThroughProxy((_, response) => {
    response.writeHead(200, { 'Content-Encoding': coding, 'Content-Length': bytes.length })
    response.end(bytes)
  })
  expect(answer.headers).toContainEqual(['content-encoding', coding])
  expect(answer.headers).toContainEqual(['content-length', String(bytes.length)])
  expect(answer.body).toBe(bytes.toString())
})

test.each([301, 302, 303, 307, 308])('a redirect is returned unchanged: %i', async (status) => {
  const answer = await requestThroughProxy((_, response) => {
    response.writeHead(status, { Location: 'http://127.0.0.1:1/elsewhere' }).end()
  })
  expect(answer.status).toBe(status)
  expect(answer.headers).toContainEqual(['location', 'http://127.0.0.1:1/elsewhere'])
})

test('a TRACE is refused, because its response would repeat the upstream’s headers', async () => {
  let reached = false
  const answer = await requestThroughProxy(
    (_, response) => {
      reached = true
      response.end()
    },
    { method: 'TRACE' },
  )
  expect(JSON.parse(answer.body)).toMatchObject({ reason: 'field_invalid', field: 'The method' })
  expect(reached).toBe(false)
})

test('a 204 has no body', async () => {
  const answer = await requestThroughProxy((_, response) => void response.writeHead(204).end(), {
    toHead: true,
  })
  expect(answer).toMatchObject({ status: 204, body: '' })
  expect(answer.headers).toEqual(ADDED)
})

test.each(['GET', 'POST', 'HEAD'])('a 204 to %s has no Content-Length', async (method) => {
  const head = 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nX-Own: 1\r\n\r\n'
  const answer = await requestRawThroughProxy(head, { method, toHead: true })
  expect(answer.headers).toEqual([['X-Own', '1']])
})

test('reason phrase, order, spelling, repeated lines and bytes above 127 are the upstream’s', async () => {
  const lines = [
    ['X-Zeta', '\xe9 \xc3\xa9'],
    ['content-DISPOSITION', 'attachment; filename="\xc3\xa9.json"'],
    ['Warning', '1'],
    ['x-alpha', ''],
    ['Warning', '2, 3'],
    ['Content-Type', 'application/json'],
    ['Content-Length', '2'],
  ] as const
  for (const head of [lines, [...lines.slice(-2), ...lines.slice(0, -2)]]) {
    const text = head.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const answer = await requestRawThroughProxy(`HTTP/1.1 200 Tr\xe8s bien\r\n${text}\r\nok`)
    expect([answer.status, answer.reason, answer.body]).toEqual([200, 'Tr\xe8s bien', 'ok'])
    // A length stands last, whatever its place was.
    const length = head.findIndex(([name]) => name === 'Content-Length')
    expect(answer.headers).toEqual([...head.toSpliced(length, 1), ['Content-Length', '2']])
  }
})

test.each([
  ['with a length', 'Content-Length: 2\r\n\r\nok'],
  ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
  ['until its connection ends', '\r\nok'],
])('a response %s without a Content-Type gets none', async (_, rest) => {
  const answer = await requestRawThroughProxy(`HTTP/1.1 200 OK\r\n${rest}`)
  expect(answer.body).toBe('ok')
  expect(answer.headers.map(([name]) => name)).not.toContain('Content-Type')
})

test.each([
  ['a 304', 'GET', 304],
  ['the answer to HEAD', 'HEAD', 200],
])('%s keeps its Content-Length without a body', async (_, method, status) => {
  const answer = await requestThroughProxy(
    (_request, response) => {
      response.writeHead(status, { 'Content-Length': 12, ETag: '"1"' }).end()
    },
    { method, toHead: true },
  )
  expect(answer.status).toBe(status)
  expect(answer.headers).toContainEqual(['content-length', '12'])
  expect(answer.headers).toContainEqual(['etag', '"1"'])
})

test('interim responses are dropped, and the final one is returned', async () => {
  const answer = await requestThroughProxy((_, response) => {
    response.writeProcessing()
    response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    response.writeHead(201, { 'Content-Length': 4 }).end('last')
  })
  expect([answer.status, answer.body]).toEqual([201, 'last'])
})

test.each([
  'Set-Cookie: __Host-session=1; Secure; Path=/',
  'set-cookie2: a=1',
  'Clear-Site-Data: "*"',
  'Service-Worker-Allowed: /',
  'Origin-Agent-Cluster: ?1',
  'Sec-Session-Registration: (ES256)',
  'X-Accel-Expires: 3600',
  'Strict-Transport-Security: max-age=0',
  'Public-Key-Pins: max-age=5',
  'Public-Key-Pins-Report-Only: max-age=5',
  'Expect-CT: enforce',
  'Alt-Svc: h2="evil.example:443"',
  'NEL: {"report_to":"x","max_age":5}',
  'Report-To: {}',
  'Reporting-Endpoints: x="https://evil.example"',
  'Accept-CH: Sec-CH-UA-Model',
  'Critical-CH: Sec-CH-UA-Model',
  'Use-As-Dictionary: match="/*"',
  'Speculation-Rules: "/rules.json"',
  'Set-Login: logged-out',
  'Secure-Session-Registration: (ES256);path="/"',
  'Refresh: 0; url=https://evil.example',
  'X-Accel-Redirect: /secret',
  'X-Sendfile: /etc/passwd',
  'X-Hono-Already-Sent: true',
])('a header that acts beyond its response is removed: %s', async (line) => {
  const head = (status: string) => `HTTP/1.1 ${status}\r\nX-A: 1\r\n${line}\r\nX-B: 2\r\n`
  const plain = await requestRawThroughProxy(`${head('200 OK')}Content-Length: 2\r\n\r\nok`)
  expect(plain.headers.map(([name]) => name)).toEqual(['X-A', 'X-B', 'Content-Length'])
  const empty = await requestRawThroughProxy(`${head('204 No Content')}\r\n`, { toHead: true })
  expect(empty.headers.map(([name]) => name)).toEqual(['X-A', 'X-B'])
})

test.each([
  'Access-Control-Allow-Origin: *',
  'Link: <https://x.example?page=2>; rel="next"',
  'WWW-Authenticate: Basic realm="x"',
  "Content-Security-Policy: frame-ancestors 'none'",
])('a header about the response alone is kept: %s', async (line) => {
  const answer = await readRawResponse(await startProxyTo(`HTTP/1.1 200 OK\r\n${line}\r\n\r\nok`))
  const [name = '', value = ''] = line.split(': ')
  expect(answer.headers).toContainEqual([name.toLowerCase(), value])
})

/** The policies of an answer with these header lines. */
async function readPolicies(lines: string) {
  const text = `HTTP/1.1 200 OK\r\n${lines}Content-Length: 2\r\n\r\nok`
  const { headers } = await readRawResponse(await startProxyTo(text))
  const getValues = (wanted: string) =>
    headers.filter(([name]) => name === wanted).map(([, value]) => value)
  expect(getValues('x-content-type-options')).toEqual(['nosniff'])
  return getValues('content-security-policy')
}

test.each([
  'text/html',
  'TEXT/HTML; charset=utf-8',
  'application/xhtml+xml',
  'image/svg+xml',
  'text/xml',
  'application/xml',
  'application/fhir+xml',
  'application/pdf',
  'text/css',
  'text/javascript',
  'multipart/x-mixed-replace; boundary=x',
  'message/rfc822',
  'unknown/unknown',
  '*/*',
  'json',
  '',
  'application/json, text/html',
  'application/json;x=,text/html',
  'application/json+html',
  'text/plain.html',
])('a response of type %j is sandboxed', async (type) => {
  expect(await readPolicies(`Content-Type: ${type}\r\n`)).toEqual([SANDBOX])
})

test.each([
  ['of no type', '', [SANDBOX]],
  ['of two types', 'Content-Type: application/json\r\nContent-Type: text/html\r\n', [SANDBOX]],
  [
    'with a policy of its own',
    "Content-Security-Policy: script-src 'self'\r\nX-Content-Type-Options: x\r\n",
    ["script-src 'self'", SANDBOX],
  ],
])('a response %s is sandboxed', async (_, lines, policies) => {
  expect(await readPolicies(lines)).toEqual(policies)
})

test('a 304 of any type is sandboxed, because a cache applies its headers to the page', async () => {
  const answer = await requestThroughProxy(
    (_request, response) => {
      response.writeHead(304, { 'Content-Type': 'application/json', ETag: '"1"' }).end()
    },
    { toHead: true },
  )
  expect(answer.headers).toContainEqual(['content-security-policy', SANDBOX])
})

test.each([
  'application/json',
  'application/fhir+json; charset=utf-8',
  'Application/FHIR+JSON;fhirVersion=4.0',
  'text/plain; charset=utf-8',
  'text/csv',
  'application/hl7-v2+er7',
  'application/octet-stream',
  'image/png',
])('a response of type %s, which no browser runs, gets no policy', async (type) => {
  expect(await readPolicies(`Content-Type: ${type}\r\n`)).toEqual([])
})

test('a response is streamed, not buffered', async () => {
  let finishResponse = () => {}
  const upstream = await startHttpUpstream((_, response) => {
    response.write('first')
    finishResponse = () => response.end('last')
  })
  const proxy = await startTestProxy(upstream.url)
  onTestFinished(upstream.close)
  onTestFinished(proxy.close)
  const answer = await fetch(proxy.url)
  const reader = answer.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first')
  finishResponse()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('last')
})

test('a surface without an upstream fails with the name of the missing setting', async () => {
  const { createProxyRequest } = await import('../../../src/http/proxy/upstream.ts')
  const upstreamFetch = () => Promise.reject(new Error('nothing is to be carried'))
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const pass = createProxyRequest({ upstreamFetch, upstreams: {}, publicUrl: 'http://x', log })
  const caller = { address: '127.0.0.1', requestId: 'r', path: '/' }
  const app = new Hono().get('/', async (c) => c.json(await pass(c, 'hl7', null, caller)))
  expect(await (await app.request('/')).json()).toEqual({
    ok: false,
    failure: { reason: 'upstream_missing', setting: 'LATCHKEY_UPSTREAM_HL7' },
  })
})
