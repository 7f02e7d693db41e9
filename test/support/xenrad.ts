import { expect } from 'vitest'
import { REQUEST_ID_PATTERN, type readResponse } from './responses.ts'

type ReadResponse = Awaited<ReturnType<typeof readResponse>>

/** One request that each surface takes. */
export const SURFACE_REQUESTS = {
  fhir: { method: 'GET', path: '/fhir/Patient/1' },
  'hl7 v2': { method: 'POST', path: '/v2/ingest' },
  'hl7 v3': { method: 'POST', path: '/v3/ingest' },
  mpps: { method: 'POST', path: '/ingest' },
} as const

export type XenradSurfaceName = keyof typeof SURFACE_REQUESTS
export const XENRAD_SURFACE_NAMES = Object.keys(SURFACE_REQUESTS) as readonly XenradSurfaceName[]

export const XENRAD_CHALLENGE = { 'www-authenticate': 'ApiKey realm="Latchkey"' }

/** The whole of a refusal on that surface. */
export function expectedXenradRefusal(
  surface: XenradSurfaceName,
  status: number,
  code: string,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): ReadResponse {
  const { type, body } = formatRefusalBody(surface, code, text)
  return {
    status,
    headers: {
      'cache-control': 'no-store',
      'content-type': type,
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(REQUEST_ID_PATTERN),
      ...headers,
    },
    body,
  }
}

function formatRefusalBody(surface: XenradSurfaceName, code: string, text: string) {
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

/** The response to every key that is not valid. */
export const expectedInvalidKey = (surface: XenradSurfaceName) =>
  expectedXenradRefusal(surface, 401, 'login', 'The API key is not valid.', XENRAD_CHALLENGE)
