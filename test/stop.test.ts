import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { type LiveServer, startLive } from './support/live.ts'

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
  const patient = await startLive({ LATCHKEY_STOP_SECONDS: '3600' })
  const hasty = await startLive({ LATCHKEY_STOP_SECONDS: '1' })
  const [held, cut] = await Promise.all([beginRequest(patient), beginRequest(hasty)])
  let isOver = false
  const stopped = patient.close().then(() => {
    isOver = true
  })
  const closed = once(cut, 'close')
  await hasty.close()
  await closed
  expect(isOver).toBe(false)
  held.destroy()
  await stopped
})
