import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'

/** How long a refused sender may continue to send, and how long it may pause. */
const LINGER_MS = 30_000
const LINGER_SILENCE_MS = 5_000
const POLL_INTERVAL_MS = 100

/**
 * Closes the connection of this request only after its body was read (RFC 9112 §9.6). If it were closed
 * with unread bytes, the system would reset it, and a client that still sends would not read its answer.
 */
export function lingerUntilRead(request: IncomingMessage): void {
  const { socket, headers } = request
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined) return
  let isLingering = false
  // Node and node-server call this to close a connection after its answer.
  socket.destroySoon = () => {
    if (request.complete) Socket.prototype.destroySoon.call(socket)
    else if (!isLingering) {
      isLingering = true
      socket.end()
      // The reader of the body has stopped, and its stream would block the rest.
      request.removeAllListeners('data').resume()
      linger(socket, () => request.complete)
    }
  }
}

/** Keeps an answered connection open, within limits, while its sender continues to send. */
export function linger(socket: Socket, isRead: () => boolean): void {
  const endsAt = performance.now() + LINGER_MS
  let silentAt = performance.now() + LINGER_SILENCE_MS
  let read = socket.bytesRead
  const timer = setInterval(() => {
    const now = performance.now()
    if (socket.bytesRead > read) silentAt = now + LINGER_SILENCE_MS
    read = socket.bytesRead
    // A server that stops does not wait for connections that it has answered.
    const isStopping = (socket as { server?: { listening: boolean } }).server?.listening === false
    if (isRead() || isStopping || now > endsAt || now > silentAt) socket.destroy()
  }, POLL_INTERVAL_MS)
  socket.once('close', () => clearInterval(timer))
}
