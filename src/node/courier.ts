import { fail, ok } from '../domain/failure.ts'
import type { Courier } from '../service/ports.ts'

/** Longest answer that is taken from a destination. */
const ANSWER_LIMIT_BYTES = 40 * 1024 * 1024

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
      const chunks: Uint8Array[] = []
      let length = 0
      for await (const chunk of answer.body ?? []) {
        length += chunk.length
        if (length > ANSWER_LIMIT_BYTES) return failed('its answer is too long')
        chunks.push(chunk)
      }
      return ok(Buffer.concat(chunks).toString('utf8'))
    } catch (error) {
      return failed(error instanceof Error ? error.message : 'it cannot be reached')
    }
  },
}
