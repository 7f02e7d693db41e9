import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type Added,
  answered,
  type Hostile,
  messageOf,
  post,
  startHostile,
} from '../support/hostile.ts'

let hostile: Hostile
let unharmed: (added?: Added) => Promise<void>
beforeAll(async () => {
  hostile = await startHostile()
})
beforeEach(() => {
  unharmed = hostile.watch()
})
afterEach(() => unharmed())
afterAll(() => hostile.close())

const HEALTH = 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'

/** Until the server has told its operator of a body that ended early so many times. */
const noticed = (times: number) =>
  expect
    .poll(() =>
      hostile.log.lines.filter(({ facts }) =>
        JSON.stringify(facts).includes('the body ended early'),
      ),
    )
    .toHaveLength(times)

test('clients that hang up in mid-body leave nothing behind', async () => {
  const head = (path: string, length: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${hostile.accessToken}\r\n${length}\r\n\r\n`
  const half = JSON.stringify(hostile.message)
  for (const path of ['/auth/authenticate', '/auth/refreshToken', '/endpoint', '/query']) {
    const connection = await hostile.connect()
    connection.write(head(path, `Content-Length: ${half.length + 1}`) + half)
    // The answer to another caller shows that the server has seen what was sent before.
    await hostile.send(HEALTH)
    connection.hangUp()
  }
  await noticed(4)
  for (const path of ['/auth/authenticate', '/endpoint']) {
    const connection = await hostile.connect()
    const chunk = `${half.length.toString(16)}\r\n${half}\r\n`
    connection.write(head(path, 'Transfer-Encoding: chunked') + chunk)
    await hostile.send(HEALTH)
    connection.hangUp()
  }
  await noticed(6)
})

test('clients that hang up before their answer harm nobody', async () => {
  const connections = await Promise.all(Array.from({ length: 50 }, () => hostile.connect()))
  for (const connection of connections) {
    connection.write(post('/auth/authenticate', hostile.credentials))
    connection.hangUp()
  }
  expect((await hostile.send(post('/auth/authenticate', hostile.credentials))).status).toBe(200)
})

test('a client that resets the connection of a refused CONNECT harms nobody', async () => {
  const { hostname, port } = new URL(hostile.url)
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
  socket.write('CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n')
  await once(socket, 'data')
  socket.resetAndDestroy()
  await once(socket, 'close')
  expect((await hostile.send(HEALTH)).status).toBe(200)
})

test('pipelined requests are answered each, in their order', async () => {
  const connection = await hostile.connect()
  const wrong = JSON.stringify({ apiKey: hostile.key.apiKey, secret: 'a wrong secret costs time' })
  connection.write(
    Buffer.concat([
      Buffer.from(post('/auth/authenticate', wrong)),
      Buffer.from(HEALTH),
      Buffer.from(post('/auth/authenticate', hostile.credentials)),
      Buffer.from(post('/nothing', '')),
      Buffer.from(HEALTH),
    ]),
  )
  const statuses: number[] = []
  for (let n = 0; n < 5; n++) statuses.push(answered(await connection.answer()).status)
  expect(statuses).toEqual([401, 200, 200, 404, 200])
  connection.hangUp()
})

test('a request after one that was refused unread is not taken for its body', async () => {
  const connection = await hostile.connect()
  connection.write(`POST /endpoint HTTP/1.1\r\nHost: x\r\nContent-Length: ${HEALTH.length}\r\n\r\n`)
  expect(answered(await connection.answer()).status).toBe(401)
  // It is that request's body, so nobody answers it as a request of its own.
  connection.write(HEALTH)
  connection.write(HEALTH)
  const next = await connection.answer()
  if (next !== null) {
    expect([next.status, next.body]).toEqual([200, '{"status":"live"}'])
    connection.hangUp()
  }
})

test('a client that waits to be told to continue is answered', async () => {
  const { credentials } = hostile
  const connection = await hostile.connect()
  connection.write(
    `POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${credentials.length}\r\n\r\n`,
  )
  connection.write(credentials)
  expect(answered(await connection.answer()).status).toBe(200)
  connection.hangUp()
})

test('headers that never end are given up: 408', async () => {
  const connection = await hostile.connect()
  connection.write('POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  const begun = Date.now()
  const answer = answered(await connection.answer())
  expect([answer.status, messageOf(answer)]).toEqual([
    408,
    'The request took too long to arrive. (ERR_HTTP_REQUEST_TIMEOUT)',
  ])
  // By Node's own limit it is a minute.
  expect(Date.now() - begun).toBeLessThan(60_000)
  expect(await connection.answer()).toBeNull()
})
