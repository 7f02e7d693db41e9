import { fail, ok } from '../domain/failure.ts'
import type { Courier } from '../service/ports.ts'
import { readStream } from './body.ts'

/** Longest answer that is taken from a destination. */
const ANSWER_LIMIT_BYTES = 40 * 1024 * 1024

/** An answer is passed on as it came, its byte order mark too. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Carries a synchronous message to its destination by HTTP. Redirects are not followed. */
export const httpCourier: Courier = {
  async ask({ id: destinationId, url }, body, signal) {
    const failed = (detail: string) =>
      fail({ reason: 'destination_failed', destinationId, detail } as const)
    if (url === null) return failed('it has no URL')
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json; charset=utf-8' },
        body,
        redirect: 'manual',
        signal,
      })
      if (!answer.ok) {
        await answer.body?.cancel()
        return failed(`it answered ${answer.status}`)
      }
      const bytes = await readStream(answer.body, ANSWER_LIMIT_BYTES)
      return bytes.ok ? ok(decoder.decode(bytes.value)) : failed('its answer is too long')
    } catch (error) {
      return failed(error instanceof Error ? error.message : 'it cannot be reached')
    }
  },
}
