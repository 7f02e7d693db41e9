import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { startServerProcess } from '../support/process.ts'
import { createTempFolder, type LiveServer, startLiveServer } from '../support/server.ts'

const AN_HOUR = { LATCHKEY_STOP_SECONDS: '3600' }

async function openConnection(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** A request that lacks its body of 9 bytes. Resolves when the server has it. */
async function beginRequest({ url }: LiveServer): Promise<Socket> {
  const socket = await openConnection(url)
  const head = 'POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n'
  socket.write(`${head}Content-Length: 9\r\n\r\n`)
  await once(socket, 'data')
  return socket
}

test('a server that stops waits up to LATCHKEY_STOP_SECONDS for requests in progress', async () => {
  const patientServer = await startLiveServer(AN_HOUR)
  const hastyServer = await startLiveServer({ LATCHKEY_STOP_SECONDS: '1' })
  const [openRequest, cutRequest] = await Promise.all([
    beginRequest(patientServer),
    beginRequest(hastyServer),
  ])
  let isOver = false
  const stopped = patientServer.close().then(() => {
    isOver = true
  })
  const closed = once(cutRequest, 'close')
  await hastyServer.close()
  await closed
  expect(isOver).toBe(false)
  openRequest.destroy()
  await stopped
})

test('connections that sent nothing do not delay the stop of a server', async () => {
  const server = await startLiveServer(AN_HOUR)
  const connections = await Promise.all([server.url, server.consoleUrl].map(openConnection))
  const closed = Promise.all(connections.map((connection) => once(connection, 'close')))
  await server.close()
  await closed
})

test('connections that sent half a head do not delay the stop of a server', async () => {
  const server = await startLiveServer(AN_HOUR)
  const unused = await openConnection(server.url)
  const used = await openConnection(server.url)
  used.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(used, 'data')
  for (const socket of [unused, used]) socket.write('POST /auth/authenticate HTTP/1.1\r\nHos')
  // The answer to another shows that the server has read what was sent before.
  await fetch(`${server.url}/health`)
  await server.close()
})

test('connections that sent nothing do not delay the stop of worker processes', async () => {
  const server = await startServerProcess(createTempFolder(), AN_HOUR, ['--workers', '2'])
  await Promise.all(Array.from({ length: 4 }, () => openConnection(server.url)))
  expect(await server.stop()).toBe(0)
})

test('a connection that could be used again does not delay the stop once its request is answered', async () => {
  const server = await startLiveServer(AN_HOUR)
  const [answeredOnce, answeredTwice] = await Promise.all([
    beginRequest(server),
    beginRequest(server),
  ])
  const stopped = server.close()
  let answers = ''
  answeredTwice.on('data', (part) => {
    answers += part
  })
  answeredOnce.write('not JSON.')
  answeredTwice.write('not JSON.GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  await Promise.all([stopped, once(answeredTwice, 'close')])
  expect(answers.match(/HTTP\/1\.1 \d+|^Connection: .*/gim)).toEqual([
    'HTTP/1.1 400',
    'Connection: keep-alive',
    'HTTP/1.1 200',
    'Connection: close',
  ])
})
