import { type AddressInfo, createServer, type Socket } from 'node:net'

/** An upstream that writes on its connections whatever a test wants, HTTP or not. */
export async function startRawUpstream(
  onRequest: (socket: Socket, head: string, nth: number) => void,
) {
  const sockets = new Set<Socket>()
  let countRequests = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    socket.on('data', (data) => {
      const head = data.toString('latin1')
      if (/^[A-Z]+ \S+ HTTP\/1\.1\r\n/.test(head)) onRequest(socket, head, ++countRequests)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    countConnections: () => sockets.size,
    countRequests: () => countRequests,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
