import type { RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { sendRaw } from '../support/raw.ts'
import { openGate } from '../support/upstream/gate.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

/*
 * What a caller reads of an upstream's answer: all of it, to the byte.
 */

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function answerOf(listener: RequestListener, { method = 'GET', toHead = false } = {}) {
  const upstream = await openHttpUpstream((request, response) => {
    response.sendDate = false
    listener(request, response)
  })
  const gate = await openGate(upstream.url)
  closing.push(upstream.close, gate.close)
  const request = `${method} /fhir HTTP/1.1\r\nHost: x\r\n\r\n`
  const answer = await sendRaw(gate.url, request, { toHead })
  if (answer === null) throw new Error('there was no whole answer')
  const headers = answer.headers
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name))
  return { ...answer, headers: headers.sort(([a], [b]) => (a < b ? -1 : 1)) }
}

test('its status, headers and body are the upstream’s; the request id is ours', async () => {
  const answer = await answerOf((_, response) => {
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
    ['x-own', '1'],
    ['x-request-id', 'request-1'],
  ])
})

test('what it says of caches is left alone', async () => {
  const answer = await answerOf((_, response) => {
    response.setHeader('Cache-Control', 'max-age=5').end()
  })
  expect(answer.headers).toContainEqual(['cache-control', 'max-age=5'])
})

test('what is its connection’s own is not handed back', async () => {
  const answer = await answerOf((_, response) => {
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
    ['cache-control', 'content-type', 'transfer-encoding', 'x-request-id'].sort(),
  )
  expect(answer.body).toBe('chunked')
})

test.each(['gzip', 'br', 'zstd', 'made-up'])('a body in %s is the same bytes', async (coding) => {
  // Nobody looks inside: that it is not what it says must not matter.
  const bytes = coding === 'gzip' ? gzipSync('{"resourceType":"Bundle"}') : Buffer.from('any bytes')
  const answer = await answerOf((_, response) => {
    response.writeHead(200, { 'Content-Encoding': coding, 'Content-Length': bytes.length })
    response.end(bytes)
  })
  expect(answer.headers).toContainEqual(['content-encoding', coding])
  expect(answer.headers).toContainEqual(['content-length', String(bytes.length)])
  expect(answer.body).toBe(bytes.toString())
})

test.each([301, 302, 303, 307, 308])('a redirect is handed back: %i', async (status) => {
  const answer = await answerOf((_, response) => {
    response.writeHead(status, { Location: 'http://127.0.0.1:1/elsewhere' }).end()
  })
  expect(answer.status).toBe(status)
  expect(answer.headers).toContainEqual(['location', 'http://127.0.0.1:1/elsewhere'])
})

test('a TRACE goes no further: its answer would say what the upstream alone is told', async () => {
  let reached = false
  const answer = await answerOf(
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
  const answer = await answerOf((_, response) => void response.writeHead(204).end(), {
    toHead: true,
  })
  expect(answer).toMatchObject({ status: 204, body: '' })
  expect(answer.headers.map(([name]) => name)).toEqual(['cache-control', 'x-request-id'])
})

test.each([
  ['a 304', 'GET', 304],
  ['the answer to HEAD', 'HEAD', 200],
])('%s keeps the length of what it does not carry', async (_, method, status) => {
  const answer = await answerOf(
    (_request, response) => {
      response.writeHead(status, { 'Content-Length': 12, ETag: '"1"' }).end()
    },
    { method, toHead: true },
  )
  expect(answer.status).toBe(status)
  expect(answer.headers).toContainEqual(['content-length', '12'])
  expect(answer.headers).toContainEqual(['etag', '"1"'])
})

test('interim answers stay here, and the last one is the answer', async () => {
  const answer = await answerOf((_, response) => {
    response.writeProcessing()
    response.writeEarlyHints({ link: '</a.css>; rel=preload' })
    response.writeHead(201, { 'Content-Length': 4 }).end('last')
  })
  expect([answer.status, answer.body]).toEqual([201, 'last'])
})

test('two cookies stay two', async () => {
  const answer = await answerOf((_, response) => {
    response.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2, c']).end()
  })
  expect(answer.headers.filter(([name]) => name === 'set-cookie')).toEqual([
    ['set-cookie', 'a=1; Path=/'],
    ['set-cookie', 'b=2, c'],
  ])
})

test('an answer is passed on as it comes, not when it is whole', async () => {
  let finish = () => {}
  const upstream = await openHttpUpstream((_, response) => {
    response.write('first')
    finish = () => response.end('last')
  })
  const gate = await openGate(upstream.url)
  closing.push(upstream.close, gate.close)
  const answer = await fetch(gate.url)
  const reader = answer.body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first')
  finish()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('last')
})

test('a surface without an upstream says which setting is missing', async () => {
  const { createPass } = await import('../../src/http/upstream/pass.ts')
  const carry = () => Promise.reject(new Error('nothing is to be carried'))
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const pass = createPass({ carry, upstreams: {}, publicUrl: 'http://x', log })
  const identity = { accountId: 'a', siteId: null, keyId: 'k', ownerId: 'o', dialect: 'd' }
  const caller = { address: '127.0.0.1', requestId: 'r', path: '/' }
  expect(await pass(new Request('http://x/'), 'hl7', identity, caller)).toEqual({
    ok: false,
    failure: { reason: 'upstream_missing', setting: 'LATCHKEY_UPSTREAM_HL7' },
  })
})
