import type { Context } from 'hono'
import {
  fail,
  ok,
  type Result,
  type Unreadable,
  type UpstreamFailed,
} from '../../domain/failure.ts'
import { type Surface, upstreamSetting } from '../../domain/surface.ts'
import type { Answer, Carry, HeaderLines, Log } from '../../service/ports.ts'
import type { Caller } from '../../service/refused.ts'
import { answerHeaders } from './answer-headers.ts'
import { type Identity, outwardHeaders } from './headers.ts'
import { targetOf } from './target.ts'

export interface PassDeps {
  readonly carry: Carry
  readonly upstreams: Readonly<Partial<Record<Surface, URL>>>
  /** Where callers reach this server. */
  readonly publicUrl: string
  readonly log: Log
  /** Makes the runtime write an answer's head as it came, because a Response cannot hold all of it. */
  readonly keepHead?: KeepHead | undefined
}

export type KeepHead = (c: Context, head: Omit<Answer, 'body'>) => void

export type Pass = ReturnType<typeof createPass>

/**
 * Hands a judged request on to what stands behind its surface, and the answer back unchanged. Who
 * calls it has judged the caller: `identity` is what the upstream will believe, null where what is
 * asked for needs no key.
 *
 * hono/proxy is not used: it undoes an answer's content coding and drops its length, and leaves the
 * headers that Connection names to chance.
 */
export function createPass({ carry, upstreams, publicUrl, log, keepHead }: PassDeps) {
  const reachedAt = new URL(publicUrl)

  return async function pass(
    c: Context,
    surface: Surface,
    identity: Identity | null,
    caller: Caller,
  ): Promise<Result<Response, UpstreamFailed | Unreadable>> {
    const request = c.req.raw
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
    const { status, statusText, body: content } = answer.value
    const lines = answerHeaders(answer.value, caller)
    keepHead?.(c, { status, statusText, headers: lines })
    return ok(new Response(content, { status, statusText, headers: toHeaders(lines) }))
  }
}

function toHeaders(lines: HeaderLines): Headers {
  const headers = new Headers()
  for (const [name, value] of lines) headers.append(name, value)
  return headers
}

/** What a body of GET or HEAD means nobody has defined (RFC 9110 §9.3.1): it goes no further. */
const mayHaveBody = ({ method }: Request) => method !== 'GET' && method !== 'HEAD'
