import { createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** A destination in the load's process, so that sending and arrival have one clock. */
export interface BenchDestination {
  readonly url: string
  /** Number of messages that have arrived whole. */
  count(): number
  /** Calls `arrived` for each message from now on, instead of the function before it. */
  onMessage(arrived: (body: string) => void): void
  /** Reads messages from now on without responding. */
  hold(): void
  /** Responds to all messages that wait, and to all that come. */
  release(): void
  /** Resolves when `count` messages have arrived; rejects where none arrives for 30 seconds. */
  until(count: number): Promise<void>
  close(): void
}

const TAKEN_RESPONSE = 'HTTP/1.1 204 No Content\r\n\r\n'
const ARRIVAL_TIMEOUT_MS = 30_000
const DESTINATION_READ_BYTES = 64 * 1024

/** Starts a destination on node:net: it shares a core with the load and must cost less than the server. */
export async function startBenchDestination(): Promise<BenchDestination> {
  const sockets = new Set<Socket>()
  const waiting = new Set<Socket>()
  let isHeld = false
  let count = 0
  let notify: (body: string) => void = () => {}
  let lastAt = 0
  let awaited = { count: Number.POSITIVE_INFINITY, met: () => {} }

  const server = createServer(
    { noDelay: true, highWaterMark: DESTINATION_READ_BYTES },
    (socket) => {
      sockets.add(socket)
      socket.on('close', () => {
        sockets.delete(socket)
        waiting.delete(socket)
      })
      socket.on('error', () => undefined)
      let text = ''
      socket.on('data', (bytes) => {
        // As latin1 a byte is a character.
        text += bytes.toString('latin1')
        const body = parseWholeBody(text)
        if (body === null) return
        text = ''
        count++
        lastAt = performance.now()
        if (isHeld) waiting.add(socket)
        else socket.write(TAKEN_RESPONSE)
        notify(body)
        if (count >= awaited.count) awaited.met()
      })
    },
  )
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined

  return {
    url: `http://127.0.0.1:${port}`,
    count: () => count,
    onMessage(arrived) {
      notify = arrived
    },
    hold() {
      isHeld = true
    },
    release() {
      isHeld = false
      for (const socket of waiting) socket.write(TAKEN_RESPONSE)
      waiting.clear()
    },
    async until(wanted) {
      lastAt = performance.now()
      const met = new Promise<'met'>((resolve) => {
        awaited = { count: wanted, met: () => resolve('met') }
        if (count >= wanted) resolve('met')
      })
      while ((await Promise.race([met, wait(1000, 'late', { ref: false })])) !== 'met') {
        if (performance.now() - lastAt < ARRIVAL_TIMEOUT_MS) continue
        throw new Error(`${count} messages have arrived, and no ${wanted}`)
      }
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const MESSAGE_LENGTH_PATTERN = /\r\ncontent-length: (\d+)\r\n/i

/** Returns the body of a whole request; null for a part of one (RFC 9112 §6). */
function parseWholeBody(text: string): string | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const length = MESSAGE_LENGTH_PATTERN.exec(text.slice(0, end + 2))?.[1]
  if (length === undefined) throw new Error(`a message without Content-Length: ${text}`)
  const body = text.slice(end + 4)
  return body.length < Number(length) ? null : body
}
