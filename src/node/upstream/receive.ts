import type { IncomingMessage } from 'node:http'
import type { Answer, HeaderLines } from '../../service/ports.ts'
import { Patience } from './patience.ts'

/** Statuses that never have content (RFC 9110 §15). */
const WITHOUT_CONTENT = [204, 205, 304]

/** The answer as it stands on the wire; its body is read when somebody asks for it. */
export function receive(
  incoming: IncomingMessage,
  method: string,
  timeoutMs: number,
  brokeOff: (error: unknown) => void,
): Answer {
  const { statusCode: status = 0, statusMessage: statusText = '' } = incoming
  if (status < 200 || status > 599) {
    incoming.destroy()
    throw new Error(`it answered ${status}`)
  }
  // The parser accepts control characters here, which must not be forwarded (RFC 9112 §4).
  if (/[^\t\x20-\x7e\x80-\xff]/.test(statusText)) {
    incoming.destroy()
    throw new Error('its reason phrase has control characters')
  }
  const head = { status, statusText, headers: readHeaderLines(incoming) }
  if (method === 'HEAD' || WITHOUT_CONTENT.includes(status)) {
    incoming.resume()
    return { ...head, body: null }
  }
  return { ...head, body: bodyOf(incoming, timeoutMs, brokeOff) }
}

function readHeaderLines({ rawHeaders }: IncomingMessage): HeaderLines {
  const lines: [string, string][] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    lines.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''])
  }
  return lines
}

/** Nothing is read ahead of who reads it: a slow caller slows the upstream down. */
function bodyOf(
  incoming: IncomingMessage,
  timeoutMs: number,
  brokeOff: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const patience = new Patience(timeoutMs, (error) => incoming.destroy(error))
  const chunks: AsyncIterator<Uint8Array> = incoming[Symbol.asyncIterator]()
  let isWanted = true
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await patience.during(chunks.next())
          if (done) controller.close()
          else controller.enqueue(value)
        } catch (error) {
          if (!isWanted) return
          brokeOff(error)
          controller.error(error)
        }
      },
      cancel() {
        isWanted = false
        incoming.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}
