import type { ClientRequest } from 'node:http'
import type { Patience } from './patience.ts'

/** Sends the body as fast as the upstream takes it. */
export async function send(
  body: ReadableStream<Uint8Array> | null,
  request: ClientRequest,
  patience: Patience,
): Promise<void> {
  for await (const chunk of body ?? []) {
    if (request.destroyed) return
    // Node frames no body of DELETE or OPTIONS by itself, and it would be read as a next request.
    if (!request.headersSent && !request.hasHeader('content-length')) {
      request.setHeader('Transfer-Encoding', 'chunked')
    }
    if (!request.write(chunk)) await patience.during(drained(request))
  }
  if (!request.destroyed) request.end()
}

/** Until more can be written, or nothing ever will. */
function drained(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      request.off('drain', go).off('close', go)
      resolve()
    }
    request.on('drain', go).on('close', go)
  })
}
