import type { Context } from 'hono'
import {
  fail,
  type InputFailure,
  ok,
  type Result,
  type UpstreamFailure,
} from '../../domain/failure.ts'
import { getUpstreamSettingName, type Surface } from '../../domain/key-type.ts'
import type { Caller } from '../../service/audit/buffer.ts'
import type { HeaderLines, UpstreamFetch, UpstreamResponse } from '../../service/ports/outbound.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { createRequestHeaders, createResponseHeaders, type UpstreamIdentity } from './headers.ts'
import { createTargetUrl } from './target.ts'

export interface UpstreamProxyDeps {
  readonly upstreamFetch: UpstreamFetch
  readonly upstreams: Readonly<Partial<Record<Surface, URL>>>
  /** Where callers reach this server. */
  readonly publicUrl: string
  readonly log: Log
  /** Makes the runtime write an answer's head as it came, because a Response cannot hold all of it. */
  readonly writeUpstreamHead?: WriteUpstreamHead | undefined
}

export type WriteUpstreamHead = (c: Context, head: Omit<UpstreamResponse, 'body'>) => void

export type ProxyRequest = ReturnType<typeof createProxyRequest>

/**
 * Hands a judged request on to what stands behind its surface, and the answer back unchanged. Who
 * calls it has judged the caller: `identity` is what the upstream will believe, null where what is
 * asked for needs no key.
 *
 * hono/proxy is not used: it undoes an answer's content coding and drops its length, and leaves the
 * headers that Connection names to chance.
 */
export function createProxyRequest({
  upstreamFetch,
  upstreams,
  publicUrl,
  log,
  writeUpstreamHead,
}: UpstreamProxyDeps) {
  const ownUrl = new URL(publicUrl)

  return async function proxyRequest(
    c: Context,
    surface: Surface,
    identity: UpstreamIdentity | null,
    caller: Caller,
  ): Promise<Result<Response, UpstreamFailure | InputFailure>> {
    const request = c.req.raw
    const upstream = upstreams[surface]
    if (upstream === undefined) {
      return fail({ reason: 'upstream_missing', setting: getUpstreamSettingName(surface) })
    }
    // It asks for its own request back (RFC 9110 §9.3.8), with what the upstream alone is told.
    if (request.method === 'TRACE') {
      return fail({ reason: 'field_invalid', field: 'The method', detail: 'must not be TRACE' })
    }
    const url = createTargetUrl(request.url, upstream)
    if (!url.ok) return url

    const headers = createRequestHeaders(request.headers, identity, caller, ownUrl)
    const body = canHaveBody(request) ? request.body : null
    // A length without its body would have the upstream wait, or take the next request for it.
    if (body === null) headers.delete('content-length')

    const response = await upstreamFetch({
      method: request.method,
      url: url.value,
      headers,
      body,
      signal: request.signal,
      onTruncated: (failure) =>
        log.warn({ ...caller, surface, ...failure }, 'an upstream broke off its answer'),
    })
    if (!response.ok) return response
    const { status, statusText, body: content } = response.value
    const lines = createResponseHeaders(response.value, caller)
    writeUpstreamHead?.(c, { status, statusText, headers: lines })
    return ok(new Response(content, { status, statusText, headers: toHeaders(lines) }))
  }
}

function toHeaders(lines: HeaderLines): Headers {
  const headers = new Headers()
  for (const [name, value] of lines) headers.append(name, value)
  return headers
}

/** What a body of GET or HEAD means nobody has defined (RFC 9110 §9.3.1): it goes no further. */
const canHaveBody = ({ method }: Request) => method !== 'GET' && method !== 'HEAD'
