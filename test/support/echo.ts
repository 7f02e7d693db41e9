import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A request as the upstream has received it. */
export interface Echoed {
  readonly method: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: string
}

/** A real upstream that answers what it was sent. */
export const startEcho = () =>
  start(async (request, response) => {
    const { method, url, headers } = request
    const body = await text(request)
    response.writeHead(200, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ method, url, headers, body }))
  })

/** One that takes every request and answers none. */
export const startSilent = () => start(() => undefined)

async function start(listener: RequestListener) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
