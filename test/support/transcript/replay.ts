import type { Exchange, HeaderLine } from './parse.ts'
import { fill, matches, type Variables } from './template.ts'

/** One way to a server: in process, over a socket, in another runtime. */
export interface Transport {
  /** Whether it shows an answer's headers as they stood on the wire, or only what the app has set. */
  readonly shows: 'the wire' | 'the app'
  send(request: Exchange['request']): Promise<Answer>
}

/** Only the wire has a reason phrase. */
export type Answer = Omit<Exchange['answer'], 'reason'> & { readonly reason?: string }

/** What a server of HTTP/1.1 adds by itself. */
const ADDED = new Set(['date', 'connection', 'keep-alive', 'content-length'])

/** Replays a transcript. Null, or the first answer that is not as expected. */
export async function replay(
  exchanges: readonly Exchange[],
  transport: Transport,
  variables: Variables,
): Promise<null | { title: string; expected: string; received: string }> {
  for (const { title, request, answer } of exchanges) {
    const received = await transport.send({
      method: request.method,
      target: fill(request.target, variables),
      headers: request.headers.map(([name, value]) => [name, fill(value, variables)]),
      body: fill(request.body, variables),
    })
    const expected = write(answer, transport.shows)
    const found = write(received, transport.shows)
    if (!matches(expected, found, variables)) return { title, expected, received: found }
  }
  return null
}

/** An answer as one text: status, headers, body. */
function write({ status, reason, headers, body }: Answer, shows: Transport['shows']): string {
  const lines =
    shows === 'the wire'
      ? [`${status} ${reason}`, ...headers.map(join)]
      : [`${status}`, ...headers.filter(isSetByApp).map(lowerCase).map(join).sort()]
  return [...lines, '', body].join('\n')
}

const isSetByApp = ([name]: HeaderLine) => !ADDED.has(name.toLowerCase())
const lowerCase = ([name, value]: HeaderLine): HeaderLine => [name.toLowerCase(), value]
const join = ([name, value]: HeaderLine) => `${name}: ${value}`
