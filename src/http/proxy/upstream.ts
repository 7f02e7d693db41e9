import type { Context } from 'hono'
import {
  fail,
  type InputFailure,
  ok,
  type Result,
  type UpstreamFailure,
} from '../../domain/failure.ts'
import { getUpstreamSettingName, type Surface } from '../../domain/key-type.ts'
import type { Caller } from '../../service/caller.ts'
import type { HeaderLines, UpstreamFetch, UpstreamResponse } from '../../service/ports/outbound.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { createRequestHeaders, createResponseHeaders, type UpstreamIdentity } from './headers.ts'
import { createTargetUrl } from './target.ts'

export interface UpstreamProxyDeps {
  readonly upstreamFetch: UpstreamFetch
  readonly upstreams: Readonly<Partial<Record<Surface, URL>>>
  /** The public URL of this server. */
  readonly publicUrl: string
  readonly log: Log
  /** Makes the runtime write the head of a response unchanged, because a Response cannot hold all of it. */
  readonly writeUpstreamHead?: WriteUpstreamHead | undefined
}

export type WriteUpstreamHead = (c: Context, head: Omit<UpstreamResponse, 'body'>) => void

export type ProxyRequest = ReturnType<typeof createProxyRequest>

/**
 * Forwards an authorized request to the upstream of its surface, and returns the response unchanged. The
 * upstream trusts `identity`, so the caller must be authenticated before; null for a request that needs no key.
 * `readBytes` are those of a body that was read already.
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
    readBytes?: Uint8Array,
  ): Promise<Result<Response, UpstreamFailure | InputFailure>> {
    const request = c.req.raw
    const upstream = upstreams[surface]
    if (upstream === undefined) {
      return fail({ reason: 'upstream_missing', setting: getUpstreamSettingName(surface) })
    }
    // The response would repeat the request (RFC 9110 §9.3.8) with the headers for the upstream alone.
    if (request.method === 'TRACE') {
      return fail({ reason: 'field_invalid', field: 'The method', detail: 'must not be TRACE' })
    }
    const url = createTargetUrl(request.url, upstream)
    if (!url.ok) return url

    const headers = createRequestHeaders(request.headers, identity, caller, ownUrl)
    const body = canHaveBody(request) ? selectBody(request, readBytes) : null
    // With a length but no body, the upstream would wait, or take the next request as the body.
    if (body === null) headers.delete('content-length')

    const response = await upstreamFetch({
      method: request.method,
      url: url.value,
      headers,
      body,
      signal: request.signal,
      onTruncated: (failure) =>
        log.warn({ ...caller, surface, ...failure }, 'an upstream ended its response early'),
    })
    if (!response.ok) return response
    const { status, statusText, body: content } = response.value
    const lines = createResponseHeaders(response.value, caller)
    writeUpstreamHead?.(c, { status, statusText, headers: lines })
    return ok(new Response(content, { status, statusText, headers: toHeaders(lines) }))
  }
}

const selectBody = ({ body }: Request, readBytes: Uint8Array | undefined) =>
  readBytes === undefined ? body : new Response(readBytes as BodyInit).body

function toHeaders(lines: HeaderLines): Headers {
  const headers = new Headers()
  for (const [name, value] of lines) headers.append(name, value)
  return headers
}

/** A body of GET or HEAD has no defined meaning (RFC 9110 §9.3.1), so it is not forwarded. */
const canHaveBody = ({ method }: Request) => method !== 'GET' && method !== 'HEAD'
