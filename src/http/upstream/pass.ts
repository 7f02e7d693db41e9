import {
  fail,
  ok,
  type Result,
  type Unreadable,
  type UpstreamFailed,
} from '../../domain/failure.ts'
import { type Surface, upstreamSetting } from '../../domain/surface.ts'
import type { Carry, Log } from '../../service/ports.ts'
import type { Caller } from '../../service/refused.ts'
import { answerHeaders, type Identity, outwardHeaders } from './headers.ts'
import { targetOf } from './target.ts'

export interface PassDeps {
  readonly carry: Carry
  readonly upstreams: Readonly<Partial<Record<Surface, URL>>>
  /** Where callers reach this server. */
  readonly publicUrl: string
  readonly log: Log
}

export type Pass = ReturnType<typeof createPass>

/**
 * Hands a judged request on to what stands behind its surface, and the answer back unchanged. Who
 * calls it has judged the caller: `identity` is what the upstream will believe, null where what is
 * asked for needs no key.
 *
 * hono/proxy is not used: it undoes an answer's content coding and drops its length, and leaves the
 * headers that Connection names to chance.
 */
export function createPass({ carry, upstreams, publicUrl, log }: PassDeps) {
  const reachedAt = new URL(publicUrl)

  return async function pass(
    request: Request,
    surface: Surface,
    identity: Identity | null,
    caller: Caller,
  ): Promise<Result<Response, UpstreamFailed | Unreadable>> {
    const upstream = upstreams[surface]
    if (upstream === undefined) {
      return fail({ reason: 'upstream_missing', setting: upstreamSetting(surface) })
    }
    // It asks for its own request back (RFC 9110 §9.3.8), with what the upstream alone is told.
    if (request.method === 'TRACE') {
      return fail({ reason: 'field_invalid', field: 'The method', detail: 'must not be TRACE' })
    }
    const url = targetOf(request.url, upstream)
    if (!url.ok) return url

    const headers = outwardHeaders(request.headers, identity, caller, reachedAt)
    const body = mayHaveBody(request) ? request.body : null
    // A length without its body would have the upstream wait, or take the next request for it.
    if (body === null) headers.delete('content-length')

    const answer = await carry({
      method: request.method,
      url: url.value,
      headers,
      body,
      signal: request.signal,
      brokeOff: (failure) =>
        log.warn({ ...caller, surface, ...failure }, 'an upstream broke off its answer'),
    })
    if (!answer.ok) return answer
    const { status, headers: answered, body: content } = answer.value
    return ok(new Response(content, { status, headers: answerHeaders(answered, caller) }))
  }
}

/** What a body of GET or HEAD means nobody has defined (RFC 9110 §9.3.1): it goes no further. */
const mayHaveBody = ({ method }: Request) => method !== 'GET' && method !== 'HEAD'
