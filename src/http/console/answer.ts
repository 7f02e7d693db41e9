import { REQUEST_ID } from '../reply.ts'
import { QUERY, type Said } from './look/said.ts'
import { framed, type Title } from './look/frame.ts'
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

const GUARDED = {
  'Content-Security-Policy': POLICY,
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
} as const

export const document = async (
  body: Html,
  status: number,
  requestId: string,
): Promise<Response> =>
  new Response(String(await body), {
    status,
    headers: { ...GUARDED, 'Content-Type': 'text/html; charset=utf-8', [REQUEST_ID]: requestId },
  })

/** A page for who is signed in. */
export const page = (visit: Visit, head: Title, body: Html, status = 200): Promise<Response> =>
  document(framed(visit, head, body), status, visit.caller.requestId)

/** Where a form leads when it is done: a reload does not send it again. */
export function seeOther(path: string, said?: Said): Response {
  const location = said === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}${QUERY}=${said}`
  return new Response(null, {
    status: 303,
    headers: { Location: location, 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' },
  })
}

/** Choices for who types. */
export const choicesFound = (choices: readonly { value: string; text: string }[]): Response =>
  new Response(JSON.stringify(choices), {
    headers: { ...GUARDED, 'Content-Type': 'application/json; charset=utf-8' },
  })
