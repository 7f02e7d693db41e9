import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Context } from 'hono'
import type { Answer } from '../../service/ports.ts'

/** Node refuses bytes above 127 in a Content-Disposition that it writes after the length. */
const lengthLast = ([a]: readonly [string, string], [b]: readonly [string, string]) =>
  Number(isLength(a)) - Number(isLength(b))
const isLength = (name: string) => name.toLowerCase() === 'content-length'

/**
 * Writes the head of an upstream's answer byte for byte: a Response lower-cases its names, sorts its
 * lines and holds no reason phrase, and node-server adds a Content-Type where there is none.
 */
export function keepHead(
  c: Context<{ Bindings: { outgoing?: ServerResponse } }>,
  { status, statusText, headers }: Omit<Answer, 'body'>,
): void {
  const outgoing = c.env?.outgoing
  if (outgoing === undefined) return
  const writeHead = outgoing.writeHead.bind(outgoing)
  // Node takes a flat list too, which its types do not say.
  const lines = [...headers].sort(lengthLast).flat() as unknown as OutgoingHttpHeaders
  outgoing.writeHead = () => writeHead(status, statusText, lines)
  // By itself it sends the head as UTF-8.
  outgoing.flushHeaders = () => void outgoing.write('', 'latin1')
}
