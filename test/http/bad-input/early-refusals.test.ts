import { once } from 'node:events'
import { connect } from 'node:net'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createHttpServer } from '../../../src/node/http-server.ts'
import { createTestLog, type LiveServer, startLiveServer } from '../../support/server.ts'
import { startRawUpstream } from '../../support/upstream/raw-upstream.ts'
import { startListening, startTestProxy } from '../../support/upstream/servers.ts'

/*
 * A client refused while it is still sending receives the response before the connection closes.
 */

let server: LiveServer
beforeAll(async () => {
  server = await startLiveServer({ LATCHKEY_URL: 'https://latchkey.example' })
})
afterAll(() => server.close())

/** More than the buffers of both ends hold. */
const LONG = Buffer.alloc(8 * 1024 * 1024, ' ')
const CHUNKED = Buffer.concat([
  Buffer.from(`${LONG.length.toString(16)}\r\n`),
  LONG,
  Buffer.from('\r\n0\r\n\r\n'),
])
const length = `Content-Length: ${LONG.length}`
const chunks = 'Transfer-Encoding: chunked'

/** Reads the response only after the whole request is sent; rejects if sending fails. */
function sendWholeBody(url: string, head: readonly string[], body: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let received = ''
    socket.pause().setEncoding('latin1')
    socket.on('error', reject)
    socket.write([...head, '', ''].join('\r\n'))
    socket.write(body, (error) => {
      if (error) return
      socket.on('data', (text: string) => {
        received += text
        // A connection that is kept alive is not closed by the server.
        if (/\r\n\r\n.+$/s.test(received)) socket.end()
      })
      socket.on('end', () => socket.end()).resume()
      socket.on('close', () => resolve(received))
    })
  })
}

describe('a client that sends all of its body before it reads', () => {
  test.each<[what: string, head: string[], body: Uint8Array, status: number]>([
    [
      'a body announced too long',
      ['POST /auth/authenticate HTTP/1.1', 'Host: x', length],
      LONG,
      413,
    ],
    [
      'a body found too long',
      ['POST /auth/authenticate HTTP/1.1', 'Host: x', chunks],
      CHUNKED,
      413,
    ],
    [
      'a body too long, from a client that closes',
      ['POST /auth/refreshToken HTTP/1.1', 'Host: x', 'Connection: close', length],
      LONG,
      413,
    ],
    ['a body too long, by HTTP/1.0', ['POST /auth/authenticate HTTP/1.0', length], LONG, 413],
    ['no token', ['POST /endpoint HTTP/1.1', 'Host: x', length], LONG, 401],
    ['no token, in chunks', ['POST /endpoint HTTP/1.1', 'Host: x', chunks], CHUNKED, 401],
    [
      'no token, from a client that closes',
      ['POST /endpoint HTTP/1.1', 'Host: x', 'Connection: close', length],
      LONG,
      401,
    ],
    ['no key', ['POST /fhir/Patient HTTP/1.1', 'Host: x', length], LONG, 401],
    ['a path where nothing is', ['POST /nothing HTTP/1.1', 'Host: x', length], LONG, 404],
    ['a method that is not taken', ['PUT /endpoint HTTP/1.1', 'Host: x', length], LONG, 405],
    ['a body of GET', ['GET /nothing HTTP/1.1', 'Host: x', 'Connection: close', length], LONG, 404],
    ['two hosts', ['POST /endpoint HTTP/1.1', 'Host: x', 'Host: y', length], LONG, 400],
    ['an expectation', ['POST /endpoint HTTP/1.1', 'Host: x', 'Expect: tea', length], LONG, 417],
    ['a header that is none', ['POST /endpoint HTTP/1.1', 'Host: x', 'broken', length], LONG, 400],
    ['a header too long', [`GET /${'a'.repeat(20_000)} HTTP/1.1`, 'Host: x', length], LONG, 431],
  ])('reads that it is refused for %s', async (_, head, body, status) => {
    const answer = await sendWholeBody(server.url, head, body)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} .*\r\n\r\n.`, 's'))
  })

  test('reads that the service behind refuses it', async () => {
    const refusal = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nlong'
    const upstream = await startRawUpstream((socket) => socket.write(refusal))
    const gate = await startTestProxy(upstream.url)
    onTestFinished(upstream.close)
    onTestFinished(gate.close)
    const head = ['POST /fhir HTTP/1.1', 'Host: x', 'Connection: close', length]
    expect(await sendWholeBody(gate.url, head, LONG)).toMatch(/^HTTP\/1\.1 413 .*\r\n\r\nlong$/s)
  })
})

test('a client that falls silent after its refusal is let go', { timeout: 30_000 }, async () => {
  const gate = await startTestProxy('http://127.0.0.1:1')
  onTestFinished(gate.close)
  const { hostname: host, port } = new URL(gate.url)
  const socket = connect({ host, port: Number(port), allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  socket.write(`TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${length}\r\n\r\nbegun`)
  // The server has said all that it says; this end does not hang up.
  await once(socket.resume(), 'end')
  expect(gate.countConnections()).toBe(1)
  await vi.waitFor(() => expect(gate.countConnections()).toBe(0), {
    timeout: 20_000,
    interval: 100,
  })
})

test('a request after one whose refusal closed the connection is not served', async () => {
  const served: string[] = []
  const app = new Hono().all('*', (c) => {
    served.push(c.req.path)
    return c.text('too long', 413, { Connection: 'close' })
  })
  const http = createHttpServer(createTestLog())
  http.serveApp(app.fetch, 'http://x')
  const listening = await startListening(http)
  onTestFinished(listening.close)
  const { hostname: host, port } = new URL(listening.url)
  const socket = connect({ host, port: Number(port), allowHalfOpen: true })
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => undefined)
  socket.write('POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n')
  await once(socket.resume(), 'end')
  socket.write('bodyGET /second HTTP/1.1\r\nHost: x\r\n\r\n')
  await vi.waitFor(() => expect(listening.countConnections()).toBe(0), { timeout: 10_000 })
  expect(served).toEqual(['/first'])
})
