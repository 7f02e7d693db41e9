import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  readonly path: string
  readonly body: string
}

/**
 * A destination that repeats the challenge of whoever verifies it and takes every message. Below
 * `/closed` it verifies as well, and takes nothing else.
 */
export async function openReceiver() {
  const received: Received[] = []
  const server = createServer(async (request, answer) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://receiver')
    const challenge = searchParams.get('challenge') ?? challengeIn(body)
    if (challenge !== null) return void answer.end(challenge)
    if (pathname.startsWith('/closed'))
      return void answer.writeHead(503).end('closed for the night')
    received.push({ path: pathname, body })
    answer.writeHead(204).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const challengeIn = (body: string): string | null => {
  const { challenge } = JSON.parse(body || '{}') as { challenge?: unknown }
  return typeof challenge === 'string' ? challenge : null
}

export type ConsoleReceiver = Awaited<ReturnType<typeof openReceiver>>
