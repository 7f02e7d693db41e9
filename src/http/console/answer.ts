import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Caller } from '../../service/refused.ts'
import { DATABASE_BACK_SECONDS, REQUEST_ID, retryAfter } from '../reply.ts'
import { addBasePath, getBasePath } from './base-path.ts'
import { framed, type Title } from './look/frame.ts'
import { QUERY, type Said } from './look/said.ts'
import type { Html } from './parts/html.ts'
import type { Visit } from './visit.ts'

/** Everything comes from here, nothing inline, and nobody may frame it (CSP level 3). */
const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

export const GUARDED = {
  'Content-Security-Policy': POLICY,
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
} as const

export async function document(
  c: Context,
  caller: Caller,
  body: Html | string,
  status: ContentfulStatusCode = 200,
): Promise<Response> {
  const type = 'text/html; charset=utf-8'
  const headers = { ...GUARDED, 'Content-Type': type, [REQUEST_ID]: caller.requestId }
  // The database or a free place is back within seconds.
  const later = status === 503 ? retryAfter(DATABASE_BACK_SECONDS) : {}
  return c.body(addBasePath(c, String(await body)), status, { ...headers, ...later })
}

/** A page for who is signed in. */
export const page = (
  visit: Visit,
  head: Title,
  body: Html,
  status: ContentfulStatusCode = 200,
): Promise<Response> => document(visit.c, visit.caller, framed(visit, head, body), status)

/** Where the body of a page is put, piece by piece. */
const HERE = '<!--here-->'

/**
 * A page that is sent while work goes on, as one piece after another. `work` never throws; its signal
 * says that nobody waits for the page any more.
 */
export async function pageInParts(
  visit: Visit,
  head: Title,
  work: (send: (piece: Html) => Promise<void>, signal: AbortSignal) => Promise<void>,
): Promise<Response> {
  const whole = String(await framed(visit, head, html`${raw(HERE)}`))
  const [before = '', after = ''] = whole.split(HERE)
  const encoder = new TextEncoder()
  const gone = new AbortController()
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const write = (text: string) => {
        if (!gone.signal.aborted) controller.enqueue(encoder.encode(addBasePath(visit.c, text)))
      }
      write(before)
      void work(async (piece) => write(String(await piece)), gone.signal).finally(() => {
        write(after)
        if (!gone.signal.aborted) controller.close()
      })
    },
    cancel() {
      gone.abort()
    },
  })
  const type = 'text/html; charset=utf-8'
  const headers = { ...GUARDED, 'Content-Type': type, [REQUEST_ID]: visit.caller.requestId }
  return visit.c.body(body, 200, headers)
}

/** Where a form leads when it is done: a reload does not send it again. */
export function seeOther(c: Context, path: string, said?: Said): Response {
  const query = said === undefined ? '' : `${path.includes('?') ? '&' : '?'}${QUERY}=${said}`
  return c.body(null, 303, {
    Location: getBasePath(c) + path + query,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
  })
}

/** Something to be kept by who asked for it. The name is ours. */
export const file = ({ c, caller }: Visit, name: string, bytes: Uint8Array): Response =>
  c.body(Uint8Array.from(bytes), 200, {
    ...GUARDED,
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename="${name}"`,
    [REQUEST_ID]: caller.requestId,
  })

/** Choices for who types. */
export const choicesFound = (
  { c }: Visit,
  choices: readonly { readonly value: string; readonly text: string }[],
): Response =>
  c.body(JSON.stringify(choices), 200, {
    ...GUARDED,
    'Content-Type': 'application/json; charset=utf-8',
  })
