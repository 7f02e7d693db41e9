import { type Network, parseAddress } from '../domain/address.ts'
import { fail, ok } from '../domain/failure.ts'
import { mayReach, maySpeak } from '../domain/reach.ts'
import type { Answered, Dispatch, Unanswered } from '../service/ports.ts'

/**
 * Runs errands by fetch. An address in a URL is judged; a name is resolved by the runtime, which says
 * nothing of what it found: Cloudflare reaches the Internet only, and checks certificates itself.
 */
export function createDispatch({ allowed }: { allowed: readonly Network[] }): Dispatch {
  return async ({ method, url, headers, body, development, limitBytes, signal }) => {
    if (!maySpeak(url.protocol, development)) return forbidden('it is not at an https URL')
    const address = parseAddress(url.hostname.replace(/^\[|\]$/g, ''))
    if (address !== null && !mayReach(address, allowed)) {
      return forbidden(`LATCHKEY_DESTINATIONS_ALLOWED does not allow ${url.hostname}`)
    }
    try {
      const answer = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal,
        body: body as BodyInit | null,
      })
      return ok({ status: answer.status, ...(await readUpTo(limitBytes, answer.body)) })
    } catch (error) {
      return fail(unanswered(signal.aborted ? signal.reason : error))
    }
  }
}

/** So much of it: of a longer body the rest is never read. */
async function readUpTo(
  limitBytes: number,
  stream: ReadableStream<Uint8Array> | null,
): Promise<Pick<Answered, 'body' | 'whole'>> {
  const chunks: Uint8Array[] = []
  let length = 0
  let whole = true
  try {
    for await (const chunk of stream ?? []) {
      chunks.push(chunk.subarray(0, limitBytes - length))
      length += chunk.length
      whole = length <= limitBytes
      if (!whole) break
    }
  } catch {
    whole = false
  }
  return { body: new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()), whole }
}

const forbidden = (detail: string) => fail<Unanswered>({ reason: 'forbidden', detail })

function unanswered(error: unknown): Unanswered {
  const { name, message } = error as Error
  if (name === 'TimeoutError') return { reason: 'unanswered', detail: 'it took too long' }
  if (name === 'AbortError') return { reason: 'unanswered', detail: 'it was called off' }
  return { reason: 'unanswered', detail: message || 'it cannot be reached' }
}
