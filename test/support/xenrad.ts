import { expect } from 'vitest'
import { type seen, UUID } from './seen.ts'

type Seen = Awaited<ReturnType<typeof seen>>

/** One request that each surface takes. */
export const REQUESTS = {
  fhir: { method: 'GET', path: '/fhir/Patient/1' },
  'hl7 v2': { method: 'POST', path: '/v2/ingest' },
  'hl7 v3': { method: 'POST', path: '/v3/ingest' },
  mpps: { method: 'POST', path: '/ingest' },
} as const

export type SurfaceName = keyof typeof REQUESTS
export const SURFACE_NAMES = Object.keys(REQUESTS) as readonly SurfaceName[]

export const CHALLENGE = { 'www-authenticate': 'ApiKey realm="Latchkey"' }

/** The whole of a refusal on that surface. */
export function refusal(
  surface: SurfaceName,
  status: number,
  code: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Seen {
  const { type, body } = form(surface, code, text)
  return {
    status,
    headers: {
      'cache-control': 'no-store',
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(UUID),
      ...headers,
    },
    body,
  }
}

function form(surface: SurfaceName, code: string, text: string) {
  if (surface === 'fhir') {
    return {
      type: 'application/fhir+json',
      body: `{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"${code}","details":{"text":"${text}"}}]}`,
    }
  }
  return surface === 'mpps'
    ? { type: 'application/json; charset=utf-8', body: `{"success":false,"error":"${text}"}` }
    : { type: 'text/plain; charset=utf-8', body: text }
}

/** What every key that opens nothing is answered with. */
export const invalidKey = (surface: SurfaceName) =>
  refusal(surface, 401, 'login', 'The API key is not valid.', CHALLENGE)
