import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a destination does with a message. */
export type Conduct = 'take' | 'refuse' | 'hang' | 'reset'

export interface Arrived {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly conduct: Conduct
}

/** A real destination, which behaves as the test tells it: by the path, and by what has arrived. */
export async function startReceiver(conductOf: (path: string, body: string) => Conduct) {
  const arrived: Arrived[] = []
  const hung = new Set<ServerResponse>()
  const seekers = new Set<() => void>()
  const server = createServer(async (request, answer) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const path = request.url ?? ''
    const conduct = conductOf(path, body)
    arrived.push({ path, headers: request.headers, body, conduct })
    for (const look of seekers) look()
    if (conduct === 'take') answer.writeHead(204).end()
    else if (conduct === 'refuse') answer.writeHead(503).end('we are closed')
    else if (conduct === 'reset') request.socket.destroy()
    else hung.add(answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    arrived,
    /** Resolves when so many have arrived. */
    until: (count: number, at = '') =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (arrived.filter(({ path }) => path.startsWith(at)).length < count) return
          seekers.delete(look)
          resolve()
        }
        seekers.add(look)
        look()
      }),
    /** Those who hang are answered at last. */
    release() {
      for (const answer of hung) answer.writeHead(204).end()
      hung.clear()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
