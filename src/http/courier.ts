import { fail, ok } from '../domain/failure.ts'
import type { Courier, DestinationAddress } from '../service/ports.ts'
import { readStream } from './body.ts'

/** Longest answer that is taken from a destination. */
const ANSWER_LIMIT_BYTES = 40 * 1024 * 1024
/** What is kept of the answer of who refuses a message. */
const EXCERPT_CHARACTERS = 200
/** How long a destination may take to accept a message. */
const DELIVERY_MS = 60_000

/** An answer is passed on as it came, its byte order mark too. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Carries messages to their destinations by HTTP. Redirects are not followed. */
export const httpCourier: Pick<Courier, 'ask' | 'deliver'> = {
  async deliver(destination, body, signal) {
    const { url, verificationToken } = destination
    if (url === null) return { outcome: 'forbidden', detail: 'it has no URL' }
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(DELIVERY_MS)])
      const answer = await send(url, destination, body, within)
      const { status } = answer
      if (answer.ok) {
        await answer.body?.cancel()
        return { outcome: 'delivered', status }
      }
      return { outcome: 'refused', status, excerpt: await excerptOf(answer, verificationToken) }
    } catch (error) {
      return { outcome: 'failed', detail: detailOf(error) }
    }
  },

  async ask(destination, body, signal) {
    const { id: destinationId, url } = destination
    const failed = (detail: string) =>
      fail({ reason: 'destination_failed', destinationId, detail } as const)
    if (url === null) return failed('it has no URL')
    try {
      const answer = await send(url, destination, body, signal)
      if (!answer.ok) {
        await answer.body?.cancel()
        return failed(`it answered ${answer.status}`)
      }
      const bytes = await readStream(answer.body, ANSWER_LIMIT_BYTES)
      return bytes.ok ? ok(decoder.decode(bytes.value)) : failed('its answer is too long')
    } catch (error) {
      return failed(detailOf(error))
    }
  },
}

const send = (
  url: string,
  { verificationToken }: DestinationAddress,
  body: string,
  signal: AbortSignal,
) =>
  fetch(url, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      ...(verificationToken !== null && { 'verification-token': verificationToken }),
    },
    body,
    redirect: 'manual',
    signal,
  })

/** The beginning of the answer, and nothing after it is read. Who refuses may repeat what he was sent. */
async function excerptOf(answer: Response, secret: string | null): Promise<string> {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (reader !== undefined && text.length < 2 * EXCERPT_CHARACTERS) {
    const { value, done } = await reader.read()
    if (done) break
    text += value
  }
  await reader?.cancel()
  const told = secret === null ? text : text.replaceAll(secret, '…')
  return [...told].slice(0, EXCERPT_CHARACTERS).join('')
}

/** What fetch says of itself tells nothing; its cause does. */
function detailOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be reached'
  return error.cause instanceof Error ? error.cause.message : error.message
}
