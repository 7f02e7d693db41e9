import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  createHttpServer,
  type HttpServer,
  type SlowBodyLimits,
} from '../../../src/node/http-server.ts'
import { RawConnection } from '../../support/raw-connection.ts'
import { createTestLog } from '../../support/server.ts'

/*
 * Bodies that take longer than `requestTimeout`, which is 1 ms here: Node notices it within two seconds.
 */

const CHECK_MS = 200
const BYTES_PER_SECOND = 10_000
const TICK_MS = 50

let server: HttpServer
let url: string
beforeEach(() => startServer({ bytesPerSecond: BYTES_PER_SECOND, checkMs: CHECK_MS }))
afterEach(() => server.stop(0))

async function startServer(limits?: SlowBodyLimits): Promise<void> {
  server = createHttpServer(createTestLog(), limits)
  server.headersTimeout = 1
  server.requestTimeout = 1
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
/** Resolves when Node has found that a request takes too long, and its body was then checked three times. */
const waitUntilChecked = async () => {
  await once(server, 'clientError')
  await wait(4 * CHECK_MS)
}

async function beginRequest(length: number): Promise<RawConnection> {
  const connection = await RawConnection.open(url)
  connection.write(`POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n`)
  return connection
}

/** Answers each request with the length of its body, when `isReady` has resolved. */
function answerWithLength(isReady = Promise.resolve()): void {
  server.serveApp(async (request) => {
    await isReady
    return new Response(String((await request.text()).length))
  }, url)
}

test('a body that arrives slowly, but fast enough, is read to its end', async () => {
  answerWithLength()
  const checked = waitUntilChecked()
  const connection = await beginRequest(500_000)
  let isChecked = false
  void checked.then(() => {
    isChecked = true
  })
  let sent = 0
  while (!isChecked) {
    connection.write('x'.repeat(1000))
    sent += 1000
    await wait(TICK_MS)
  }
  connection.write('x'.repeat(500_000 - sent))
  expect(await connection.readResponse()).toMatchObject({ status: 200, body: '500000' })
  connection.destroy()
})

test.each([
  ['trickles', TICK_MS, 1],
  ['arrives in bursts with long pauses', 3 * CHECK_MS, (BYTES_PER_SECOND * CHECK_MS) / 1000],
])('a body that %s is given up: 408', async (_name, pauseMs, bytes) => {
  answerWithLength()
  const connection = await beginRequest(500_000)
  const trickle = setInterval(() => connection.write('x'.repeat(bytes)), pauseMs)
  const response = await connection.readResponse()
  clearInterval(trickle)
  expect([response?.status, JSON.parse(response?.body ?? '')]).toEqual([
    408,
    { message: 'The request took too long to arrive. (ERR_HTTP_REQUEST_TIMEOUT)' },
  ])
  connection.destroy()
})

test('without limits for slow bodies, none may take longer: 408', async () => {
  await server.stop(0)
  await startServer()
  answerWithLength()
  const connection = await beginRequest(500_000)
  const stream = setInterval(() => connection.write('x'.repeat(BYTES_PER_SECOND)), TICK_MS)
  expect((await connection.readResponse())?.status).toBe(408)
  clearInterval(stream)
  connection.destroy()
})

test('a body that was given up is not read when the rest of it arrives', async () => {
  let body: Promise<string> | undefined
  server.serveApp(async (request) => {
    body = request.text()
    return new Response(await body)
  }, url)
  const socket = connect({
    port: Number(new URL(url).port),
    host: '127.0.0.1',
    allowHalfOpen: true,
  })
  socket.write('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n')
  const [response] = (await once(socket, 'data')) as [Buffer]
  expect(response.toString()).toMatch(/^HTTP\/1\.1 408 /)
  socket.write('x'.repeat(100))
  await expect(body).rejects.toThrow('aborted')
  socket.destroy()
})

test('a body that waits for the server to read it is not given up', async () => {
  const length = 20_000_000
  const checked = waitUntilChecked()
  answerWithLength(checked)
  const connection = await beginRequest(length)
  connection.write('x'.repeat(length))
  expect(await connection.readResponse()).toMatchObject({ status: 200, body: String(length) })
  connection.destroy()
})

test('a request that is given up while it is answered gets no second answer', async () => {
  server.on('request', (_request, response) => response.write('the beginning'))
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n')
  const received = await text(socket)
  expect(received.split('\r\n\r\n')[1]).toBe('d\r\nthe beginning\r\n')
})
