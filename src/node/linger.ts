import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

/** A sender who is refused may finish what it sends for so long, and be silent for so long. */
const LINGER_MS = 30_000
const LINGER_SILENCE_MS = 5_000
const LOOK_MS = 100

/**
 * Has the connection of this request closed only when its body was read (RFC 9112 §9.6). Closed with
 * bytes unread, the system resets it, and a client that is still sending never reads its answer.
 */
export function lingerUntilRead(request: IncomingMessage): void {
  const { socket, headers } = request
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return
  let isLingering = false
  // By this Node and node-server close a connection once its answer is out.
  socket.destroySoon = () => {
    if (request.complete) Socket.prototype.destroySoon.call(socket)
    else if (!isLingering) {
      isLingering = true
      socket.end()
      // Whoever was reading has stopped; its stream would hold back what comes.
      request.removeAllListeners('data').resume()
      linger(socket, () => request.complete)
    }
  }
}

/** Reads on and discards, within bounds, on a connection whose answer is out. */
export function linger(socket: Socket, isRead: () => boolean): void {
  const endsAt = performance.now() + LINGER_MS
  let silentAt = performance.now() + LINGER_SILENCE_MS
  let read = socket.bytesRead
  const timer = setInterval(() => {
    const now = performance.now()
    if (socket.bytesRead > read) silentAt = now + LINGER_SILENCE_MS
    read = socket.bytesRead
    // A server that stops waits for nobody whom it has answered.
    const isStopping = (socket as { server?: { listening: boolean } }).server?.listening === false
    if (isRead() || isStopping || now > endsAt || now > silentAt) socket.destroy()
  }, LOOK_MS)
  socket.once('close', () => clearInterval(timer))
}
