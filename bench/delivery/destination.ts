import { createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** A destination in the load's process, so that what was sent and what arrived have one clock. */
export interface BenchDestination {
  readonly url: string
  /** How many messages have come, each to its end. */
  count(): number
  /** The last of them. */
  latest(): string
  /** Told of each message at once, instead of who was told before. */
  onMessage(arrived: (body: string) => void): void
  /** From now on it reads what it is sent, and answers nobody. */
  hold(): void
  /** Answers all who wait, and whoever comes. */
  release(): void
  /** Resolves when so many messages have come; rejects where they do not. */
  until(count: number): Promise<void>
  close(): void
}

const TAKEN_RESPONSE = 'HTTP/1.1 204 No Content\r\n\r\n'
/** Without a single message for so long, none will come. */
const ARRIVAL_TIMEOUT_MS = 30_000
const DESTINATION_READ_BYTES = 64 * 1024

/** On node:net, because it shares a core with the load and must cost less than the server. */
export async function startBenchDestination(): Promise<BenchDestination> {
  const sockets = new Set<Socket>()
  const waiting = new Set<Socket>()
  let isHeld = false
  let count = 0
  let latest = ''
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
        latest = body
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
    latest: () => latest,
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

/** The body of a whole request, or null where some of it is still to come (RFC 9112 §6). */
function parseWholeBody(text: string): string | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const length = MESSAGE_LENGTH_PATTERN.exec(text.slice(0, end + 2))?.[1]
  if (length === undefined) throw new Error(`a message without Content-Length: ${text}`)
  const body = text.slice(end + 4)
  return body.length < Number(length) ? null : body
}
