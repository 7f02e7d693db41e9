import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Context } from 'hono'
import type { Answer } from '../../service/ports.ts'

/** Sorts Content-Length last, because Node refuses bytes above 127 in a Content-Disposition after it. */
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
  // Node accepts a flat list too, although its types do not say so.
  const lines = [...headers].sort(lengthLast).flat() as unknown as OutgoingHttpHeaders
  outgoing.writeHead = () => writeHead(status, statusText, lines)
  // Without this, Node sends the head as UTF-8.
  outgoing.flushHeaders = () => void outgoing.write('', 'latin1')
}
