import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { type LiveServer, startLiveServer } from '../support/server.ts'

/** A request whose body never ends. Resolves when the server has it. */
async function beginRequest({ url }: LiveServer): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  const head = 'POST /auth/authenticate HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n'
  socket.write(`${head}Content-Length: 9\r\n\r\n`)
  await once(socket, 'data')
  return socket
}

test('a server that is told to stop waits LATCHKEY_STOP_SECONDS for requests under way', async () => {
  const patientServer = await startLiveServer({ LATCHKEY_STOP_SECONDS: '3600' })
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
