import type { IncomingMessage } from 'node:http'
import type { Answered } from '../../service/ports.ts'

/** The answer, and of its body so much: of a longer one the rest is never read. */
export async function readAnswer(incoming: IncomingMessage, limitBytes: number): Promise<Answered> {
  const status = incoming.statusCode ?? 0
  const chunks: Uint8Array[] = []
  let length = 0
  let whole = true
  try {
    // What ends this loop early destroys the answer, and with it its connection.
    for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
      const rest = limitBytes - length
      chunks.push(chunk.subarray(0, rest))
      length += chunk.length
      if (length > limitBytes) {
        whole = false
        break
      }
    }
  } catch {
    whole = false
  }
  return { status, body: Buffer.concat(chunks), whole }
}
