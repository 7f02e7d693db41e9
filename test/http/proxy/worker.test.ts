import { rmSync } from 'node:fs'
import type { RequestListener, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { Miniflare } from 'miniflare'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { sendRaw } from '../../support/raw-connection.ts'
import { createTempFolder } from '../../support/server.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'
import { COMPATIBILITY_DATE } from '../../support/worker/bundle.ts'

/*
 * The plain cases in workerd, whose fetch is another one than Node's http.
 */

const dir = createTempFolder()
let mf: Miniflare
let url: string
let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let listener: RequestListener

beforeAll(async () => {
  upstream = await startHttpUpstream((request, response) => listener(request, response))
  await build({
    entryPoints: [join(import.meta.dirname, '../../support/upstream/proxy-worker.ts')],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    outfile: join(dir, 'gate.js'),
  })
  mf = new Miniflare({
    modules: true,
    modulesRoot: dir,
    scriptPath: join(dir, 'gate.js'),
    compatibilityDate: COMPATIBILITY_DATE,
    // A direct socket: Miniflare's own entry point would compress the response itself.
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    bindings: { UPSTREAM: `${upstream.url}/base` },
  })
  await mf.ready
  url = String(await mf.unsafeGetDirectURL())
})
beforeEach(() => {
  upstream.requests.length = 0
})
afterAll(async () => {
  await mf.dispose()
  upstream.close()
  rmSync(dir, { recursive: true, force: true })
})

const requestWorker = (text: string, answer: RequestListener) => {
  listener = answer
  return sendRaw(url, text.replaceAll('\n', '\r\n'))
}
const respondOk = (_: unknown, response: ServerResponse) => void response.end('ok')
const GET = 'GET /fhir HTTP/1.1\nHost: x\nAccept-Encoding: gzip\n\n'

describe('in workerd', () => {
  test('the upstream receives the identity of the key, and none that the caller claims', async () => {
    const answer = await requestWorker(
      'PUT /fhir/1?a=%20b HTTP/1.1\nHost: x\nAuthorization: Bearer x\nX_Latchkey_Site: other\n' +
        'X-Latchkey-Site: other\nX-Forwarded-For: 10.0.0.1\nX-Own: 1\nContent-Length: 4\n\nbody',
      respondOk,
    )
    expect(answer).toMatchObject({ status: 200, body: 'ok' })
    const [received] = upstream.requests
    expect(received).toMatchObject({ method: 'PUT', url: '/base/fhir/1?a=%20b' })
    expect(received?.body.toString()).toBe('body')
    const headers = Object.fromEntries(received?.headers ?? [])
    expect(headers).toMatchObject({
      host: new URL(upstream.url).host,
      'content-length': '4',
      'x-own': '1',
      'x-latchkey-account': 'a',
      'x-latchkey-site': 's',
      'x-forwarded-for': '203.0.113.7',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'latchkey.example',
      'x-request-id': 'request-1',
    })
    expect(Object.keys(headers)).not.toContain('authorization')
    expect(Object.keys(headers)).not.toContain('x_latchkey_site')
  })

  test('a response is unchanged but for headers that act on this server’s origin', async () => {
    const answer = await requestWorker(GET, (_, response) => {
      response.writeHead(418, { 'Set-Cookie': ['a=1', 'b=2'], 'X-Request-Id': 'x', ETag: '"1"' })
      response.end('tea')
    })
    expect(answer).toMatchObject({ status: 418, body: 'tea' })
    const headers = answer?.headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    expect(headers).toEqual(
      expect.arrayContaining([
        'etag: "1"',
        'cache-control: no-store',
        'x-content-type-options: nosniff',
        "content-security-policy: sandbox; default-src 'none'",
        'x-request-id: request-1',
      ]),
    )
    const names = answer?.headers.map(([name]) => name.toLowerCase())
    expect(names).not.toContain('set-cookie')
    expect(names).not.toContain('content-type')
  })

  test.each(['gzip', 'br', 'zstd'])('a body in %s keeps its bytes', async (coding) => {
    // With a header that no encoder here would write, so that nothing is encoded anew unseen.
    const bytes = Buffer.from(gzipSync('{"resourceType":"Bundle"}', { level: 1 }))
    bytes.writeUInt32LE(1_234_567_890, 4)
    listener = (_, response) => {
      response.writeHead(200, { 'Content-Encoding': coding, 'Content-Length': bytes.length })
      response.end(bytes)
    }
    const answer = await sendRaw(url, GET.replaceAll('\n', '\r\n'))
    expect(answer?.headers).toContainEqual(['Content-Encoding', coding])
    expect(answer?.headers).toContainEqual(['Content-Length', String(bytes.length)])
    expect(answer?.body).toBe(bytes.toString())
  })

  test.each([302, 307])('a redirect is returned unchanged: %i', async (status) => {
    const answer = await requestWorker(GET, (_, response) => {
      response.writeHead(status, { Location: '/elsewhere', 'Content-Length': 0 }).end()
    })
    expect(answer?.status).toBe(status)
    expect(answer?.headers).toContainEqual(['Location', '/elsewhere'])
  })

  test('an upstream that never begins its response times out', async () => {
    const answer = await requestWorker(GET.replace('/fhir', '/silent'), () => undefined)
    expect(answer).toMatchObject({ status: 502, body: '{"reason":"upstream_timed_out"}' })
  })

  test('an upstream that resets the connection is unreachable', async () => {
    const answer = await requestWorker(
      GET,
      (_, response) => void response.socket?.resetAndDestroy(),
    )
    expect(JSON.parse(answer?.body ?? '')).toEqual({
      reason: 'upstream_unreachable',
      detail: expect.any(String),
    })
  })

  test('a response that breaks off is a broken transfer', async () => {
    const answer = await requestWorker(GET, (_, response) => {
      response.writeHead(200, { 'Content-Length': 100 })
      response.write('begun')
      setTimeout(() => response.destroy(), 50)
    })
    expect(answer).toBeNull()
  })

  test('ten megabytes are streamed both ways', async () => {
    const body = 'x'.repeat(10_000_000)
    listener = (_, response) => void response.end(upstream.requests.at(-1)?.body)
    const answer = await fetch(url, { method: 'POST', body })
    expect(await answer.text()).toBe(body)
    await expect.poll(() => upstream.requests).toHaveLength(1)
  })
})
