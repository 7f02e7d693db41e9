import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { listen } from './gate.ts'

/** A request as an upstream has received it: names in lower case, as they came. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
}

/** An upstream that answers as it is told to, and keeps what it was asked. */
export async function openHttpUpstream(
  answer: RequestListener = (_, response) => void response.end('ok'),
) {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    seen.push({ ...headOf(request), body })
    answer(request, response)
  })
  return { ...(await listen(server)), seen }
}

export function headOf({ method = '', url = '', rawHeaders }: IncomingMessage) {
  const headers: [string, string][] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    headers.push([(rawHeaders[at] ?? '').toLowerCase(), rawHeaders[at + 1] ?? ''])
  }
  return { method, url, headers }
}
