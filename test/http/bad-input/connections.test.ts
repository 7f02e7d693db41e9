import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  buildPost,
  type ExpectedRows,
  type HostileFixture,
  openHostileFixture,
  readErrorMessage,
  requireResponse,
} from '../../support/hostile-client.ts'

let fixture: HostileFixture
let expectUnchanged: (added?: ExpectedRows) => Promise<void>
beforeAll(async () => {
  fixture = await openHostileFixture()
})
beforeEach(() => {
  expectUnchanged = fixture.snapshotDatabase()
})
afterEach(() => expectUnchanged())
afterAll(() => fixture.close())

const HEALTH = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'

/** Waits until the server has logged so many bodies that ended early. */
const expectNoticed = (times: number) =>
  expect
    .poll(() =>
      fixture.log.lines.filter(({ facts }) =>
        JSON.stringify(facts).includes('the body ended early'),
      ),
    )
    .toHaveLength(times)

test('clients that hang up in mid-body leave nothing behind', async () => {
  const createHead = (path: string, length: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${fixture.accessToken}\r\n${length}\r\n\r\n`
  const half = JSON.stringify(fixture.message)
  for (const path of ['/auth/authenticate', '/auth/refreshToken', '/endpoint', '/query']) {
    const connection = await fixture.connect()
    connection.write(createHead(path, `Content-Length: ${half.length + 1}`) + half)
    // The answer to another caller shows that the server has seen what was sent before.
    await fixture.send(HEALTH)
    connection.destroy()
  }
  await expectNoticed(4)
  for (const path of ['/auth/authenticate', '/endpoint']) {
    const connection = await fixture.connect()
    const chunk = `${half.length.toString(16)}\r\n${half}\r\n`
    connection.write(createHead(path, 'Transfer-Encoding: chunked') + chunk)
    await fixture.send(HEALTH)
    connection.destroy()
  }
  await expectNoticed(6)
})

test('clients that disconnect before their answer do not affect others', async () => {
  const connections = await Promise.all(Array.from({ length: 50 }, () => fixture.connect()))
  for (const connection of connections) {
    connection.write(buildPost('/auth/authenticate', fixture.credentials))
    connection.destroy()
  }
  expect((await fixture.send(buildPost('/auth/authenticate', fixture.credentials))).status).toBe(
    200,
  )
})

test('a client that resets the connection of a refused CONNECT does not affect others', async () => {
  const { hostname, port } = new URL(fixture.url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  socket.write('CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n')
  await once(socket, 'data')
  socket.resetAndDestroy()
  await once(socket, 'close')
  expect((await fixture.send(HEALTH)).status).toBe(200)
})

test('pipelined requests are answered each, in their order', async () => {
  const connection = await fixture.connect()
  const wrong = JSON.stringify({ apiKey: fixture.key.apiKey, secret: 'a wrong secret costs time' })
  connection.write(
    Buffer.concat([
      Buffer.from(buildPost('/auth/authenticate', wrong)),
      Buffer.from(HEALTH),
      Buffer.from(buildPost('/auth/authenticate', fixture.credentials)),
      Buffer.from(buildPost('/nothing', '')),
      Buffer.from(HEALTH),
    ]),
  )
  const statuses: number[] = []
  for (let n = 0; n < 5; n++) statuses.push(requireResponse(await connection.readResponse()).status)
  expect(statuses).toEqual([401, 200, 200, 404, 200])
  connection.destroy()
})

test('HEAD of paths that answer below Response leaves the connection open', async () => {
  const connection = await fixture.connect()
  for (const path of ['/auth/authenticate', '/endpoint', '/forward-auth/xenrad']) {
    connection.write(`HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    const { status } = requireResponse(await connection.readResponse({ toHead: true }))
    expect(status).toBe(path === '/forward-auth/xenrad' ? 401 : 405)
    connection.write(HEALTH)
    expect(requireResponse(await connection.readResponse()).status).toBe(200)
  }
  connection.destroy()
})

test('a body that arrives in pieces is read whole', async () => {
  const { credentials } = fixture
  const connection = await fixture.connect()
  const request = buildPost('/auth/authenticate', credentials)
  for (let at = 0; at < request.length; at += 60) {
    connection.write(request.subarray(at, at + 60))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(requireResponse(await connection.readResponse()).status).toBe(200)
  connection.destroy()
})

test('a request after one that was refused unread is not taken for its body', async () => {
  const connection = await fixture.connect()
  connection.write(`POST /endpoint HTTP/1.1\r\nHost: x\r\nContent-Length: ${HEALTH.length}\r\n\r\n`)
  expect(requireResponse(await connection.readResponse()).status).toBe(401)
  // The first copy is the body of the refused request, so it must not be answered as a request.
  connection.write(HEALTH)
  connection.write(HEALTH)
  const next = await connection.readResponse()
  if (next !== null) {
    expect([next.status, next.body]).toEqual([200, '{"status":"live"}'])
    connection.destroy()
  }
})

test('a client that expects 100-continue is answered', async () => {
  const { credentials } = fixture
  const connection = await fixture.connect()
  connection.write(
    `POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${credentials.length}\r\n\r\n`,
  )
  connection.write(credentials)
  expect(requireResponse(await connection.readResponse()).status).toBe(200)
  connection.destroy()
})

test('headers that never end are given up: 408', async () => {
  const connection = await fixture.connect()
  connection.write('POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  const begun = Date.now()
  const answer = requireResponse(await connection.readResponse())
  expect([answer.status, readErrorMessage(answer)]).toEqual([
    408,
    'The request took too long to arrive. (ERR_HTTP_REQUEST_TIMEOUT)',
  ])
  // By Node's own limit it is a minute.
  expect(Date.now() - begun).toBeLessThan(60_000)
  expect(await connection.readResponse()).toBeNull()
})
