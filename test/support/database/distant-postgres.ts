import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a PostgreSQL, as if it were further away. */
export interface DistantPostgres {
  /** The URL of the same database over this way. */
  url(url: string): string
  /** The number of round trips so far: each is over when PostgreSQL is ready for the next query. */
  readonly roundTrips: number
  close(): Promise<void>
}

/** Starts a proxy that delays each byte, in both directions together by `roundTripMs`. */
export async function startDistantPostgres(
  { hostname, port }: Pick<URL, 'hostname' | 'port'>,
  roundTripMs: number,
): Promise<DistantPostgres> {
  let roundTrips = 0
  const sockets = new Set<Socket>()

  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), noDelay: true })
    let isWaiting = false
    pass(client, upstream, () => {
      if (!isWaiting) roundTrips++
      isWaiting = true
    })
    pass(upstream, client, (bytes) => {
      if (isReadyForQuery(bytes)) isWaiting = false
    })
  })

  function pass(from: Socket, to: Socket, inspect: (bytes: Buffer) => void): void {
    sockets.add(from)
    from.on('data', (bytes) => {
      inspect(bytes)
      setTimeout(() => to.write(bytes), roundTripMs / 2)
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port: ownPort } = server.address() as AddressInfo
  return {
    url(text) {
      const url = new URL(text)
      url.host = `127.0.0.1:${ownPort}`
      return url.href
    },
    get roundTrips() {
      return roundTrips
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** ReadyForQuery is the last message of an answer: `Z`, the length 5, and the transaction's status. */
const isReadyForQuery = (bytes: Buffer): boolean =>
  bytes.subarray(-6, -1).equals(Buffer.from([0x5a, 0, 0, 0, 5]))
