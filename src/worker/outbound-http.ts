import { fail, ok } from '../domain/failure.ts'
import { type IpNetwork, parseIpAddress } from '../domain/ip-network.ts'
import { isAllowedDestination, isAllowedScheme } from '../domain/ssrf-policy.ts'
import type {
  OutboundFailure,
  OutboundResponse,
  SendHttp,
  UpstreamFetch,
} from '../service/ports/outbound.ts'

/**
 * Reaches upstreams with fetch. The runtime streams the body without our code, which keeps its content coding, so
 * the timeout covers only the time until the response begins.
 */
export function createWorkerUpstreamFetch({ timeoutMs }: { timeoutMs: number }): UpstreamFetch {
  return async ({ method, url, headers, body, signal }) => {
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(), timeoutMs)
    try {
      const response = await fetch(url, {
        method,
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, timeout.signal]),
      })
      const { status, statusText } = response
      return ok({ status, statusText, headers: [...response.headers], body: response.body })
    } catch (error) {
      if (timeout.signal.aborted) return fail({ reason: 'upstream_timed_out' })
      const detail = error instanceof Error ? error.message : 'it cannot be reached'
      return fail({ reason: 'upstream_unreachable', detail })
    } finally {
      clearTimeout(timer)
    }
  }
}

/**
 * Reaches destinations with fetch. An address in a URL is checked, but not a name: the runtime resolves it and does
 * not tell the address. Cloudflare reaches only the Internet, and checks certificates itself.
 */
export function createWorkerSendHttp({ allowed }: { allowed: readonly IpNetwork[] }): SendHttp {
  return async ({ method, url, headers, body, development, maxResponseBytes, signal }) => {
    if (!isAllowedScheme(url.protocol, development))
      return failForbiddenAddress('it is not at an https URL')
    const address = parseIpAddress(url.hostname.replace(/^\[|\]$/g, ''))
    if (address !== null && !isAllowedDestination(address, allowed)) {
      return failForbiddenAddress(`LATCHKEY_DESTINATIONS_ALLOWED does not allow ${url.hostname}`)
    }
    try {
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal,
        body: body as BodyInit | null,
      })
      return ok({
        status: response.status,
        headers: Object.fromEntries(response.headers),
        ...(await readBodyUpTo(maxResponseBytes, response.body)),
      })
    } catch (error) {
      return fail(toOutboundFailure(signal.aborted ? signal.reason : error))
    }
  }
}

/** Reads up to `limitBytes`, and never reads the rest of a longer body. */
async function readBodyUpTo(
  limitBytes: number,
  stream: ReadableStream<Uint8Array> | null,
): Promise<Pick<OutboundResponse, 'body' | 'isComplete'>> {
  const chunks: Uint8Array[] = []
  let length = 0
  let isComplete = true
  try {
    for await (const chunk of stream ?? []) {
      chunks.push(chunk.subarray(0, limitBytes - length))
      length += chunk.length
      isComplete = length <= limitBytes
      if (!isComplete) break
    }
  } catch {
    isComplete = false
  }
  return { body: new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer()), isComplete }
}

const failForbiddenAddress = (detail: string) =>
  fail<OutboundFailure>({ reason: 'forbidden', detail })

function toOutboundFailure(error: unknown): OutboundFailure {
  const { name, message } = error as Error
  if (name === 'TimeoutError') return { reason: 'unanswered', detail: 'it took too long' }
  if (name === 'AbortError') return { reason: 'unanswered', detail: 'the request was cancelled' }
  return { reason: 'unanswered', detail: message || 'it cannot be reached' }
}
