import { type Context, Hono } from 'hono'
import {
  type CredentialFailure,
  fail,
  failMalformed,
  ok,
  type Result,
} from '../../../domain/failure.ts'
import { SECRET_MAX_LENGTH } from '../../../domain/key.ts'
import type { Credential, Surface } from '../../../domain/key-type.ts'
import { hasScheme } from '../../authorization.ts'
import { toUpstreamIdentity } from '../../proxy/headers.ts'
import { toResponse } from '../../reply.ts'
import type { RequestHeaders } from '../../request.ts'
import {
  authorizeRequest,
  createProxyHandler,
  handleSurfaceRequest,
  refuseAndRecord,
  type SurfaceDeps,
  type VendorProtocol,
} from '../surface-handlers.ts'
import { createFhirTokenHandler, FHIR_TOKEN_METHODS, type FhirTokenDeps } from './fhir-tokens.ts'
import {
  API_KEY_HEADER,
  refuseXenradRequest,
  replyUnsupportedType,
  replyXenradMethodNotAllowed,
  replyXenradServerError,
} from './refusals.ts'

/**
 * Parses the key, which is the secret alone; the server finds the site by it. A header without a value counts as
 * missing. Two headers arrive joined by a comma and a blank, which no key contains, so they are refused.
 */
export function parseXenradApiKey(headers: RequestHeaders): Result<Credential, CredentialFailure> {
  const secret = headers.get(API_KEY_HEADER)
  if (secret === null || secret === '') return fail({ reason: 'credential_missing' })
  if (secret.length > SECRET_MAX_LENGTH) return failMalformed('too long for a key')
  if (!/^[\x21-\x7e]+$/.test(secret)) return failMalformed('not one word of printable ASCII')
  return ok({ keyType: 'xenrad', secret })
}

/** One key of a site serves its FHIR, HL7 and MPPS surfaces. */
export const xenradProtocol: VendorProtocol = {
  name: 'xenrad',
  pathPattern: /^\/(fhir|v[23]\/ingest|ingest)\b/,
  hasCredential: (headers) => headers.get(API_KEY_HEADER) !== null,
  parseCredential: parseXenradApiKey,
  refuseRequest: refuseXenradRequest,
  replyServerError: replyXenradServerError,
}

/** A path that accepts one kind of message. The upstream checks the body's site, type and fields. */
interface IngestRoute {
  readonly path: string
  readonly surface: Surface
  /** The documented media types; empty if none are documented. A message may always omit its type. */
  readonly types: readonly string[]
}

const INGEST_ROUTES: readonly IngestRoute[] = [
  {
    path: '/v2/ingest',
    surface: 'hl7',
    types: [
      'text/plain',
      'application/hl7-v2',
      'application/hl7-v2+er7',
      'x-application/hl7-v2+er7',
    ],
  },
  { path: '/v3/ingest', surface: 'hl7', types: [] },
  { path: '/ingest', surface: 'mpps', types: ['application/json'] },
]

/** The documented methods, and HEAD, because a server that supports GET supports HEAD (RFC 9110 §9.1). */
const FHIR_METHODS = ['GET', 'HEAD', 'POST', 'PUT']
const INGEST_METHODS = ['POST']

/** Handles FHIR, HL7 over HTTP and MPPS. MLLP is not handled, because it carries no key. */
export function createXenradRoutes(deps: SurfaceDeps & FhirTokenDeps): Hono {
  const proxyByKey = createProxyHandler(deps, xenradProtocol, 'fhir')
  const proxyByToken = createFhirTokenHandler(deps)
  const app = new Hono()

  // Also /fhir itself.
  app.all('/fhir/*', (c) => {
    const { raw } = c.req
    const isByToken = !xenradProtocol.hasCredential(raw.headers) && hasScheme(raw.headers, 'bearer')
    const methods = isByToken ? FHIR_TOKEN_METHODS : FHIR_METHODS
    if (!methods.includes(raw.method)) return refuseNotAllowed(deps, c, methods)
    if (isPublicRequest(raw)) return proxyPublicRequest(deps, c)
    return isByToken ? proxyByToken(c) : proxyByKey(c)
  })
  for (const ingest of INGEST_ROUTES) {
    app.all(ingest.path, (c) =>
      INGEST_METHODS.includes(c.req.method)
        ? ingestMessage(deps, c, ingest)
        : refuseNotAllowed(deps, c, INGEST_METHODS),
    )
  }
  return app
}

/** Forwards without a key: a presented key is not checked, and the upstream receives no identity. */
const proxyPublicRequest = (deps: SurfaceDeps, c: Context) =>
  handleSurfaceRequest(deps, c, xenradProtocol, (_, caller) =>
    deps.proxyRequest(c, 'fhir', null, caller),
  )

const ingestMessage = (deps: SurfaceDeps, c: Context, { path, surface, types }: IngestRoute) =>
  handleSurfaceRequest(deps, c, xenradProtocol, async (request, caller) => {
    const key = await authorizeRequest(deps, xenradProtocol, request, caller)
    if (!key.ok) return key
    const type = parseMediaType(request.headers)
    const isAccepted = types.length === 0 || type === '' || types.includes(type)
    if (isAccepted) return deps.proxyRequest(c, surface, toUpstreamIdentity(key.value), caller)
    const refusal = { reason: 'type_unsupported' } as const
    const reply = replyUnsupportedType(types, path)
    return ok(refuseAndRecord(deps, xenradProtocol, refusal, reply, caller))
  })

const refuseNotAllowed = (deps: SurfaceDeps, c: Context, methods: readonly string[]) =>
  handleSurfaceRequest(deps, c, xenradProtocol, async ({ method }, caller) =>
    ok(toResponse(replyXenradMethodNotAllowed(method, methods, c.req.path), caller)),
  )

/** The path that a client reads before it has a key (FHIR R4 §3.1.0.9). */
const PUBLIC_PATH = '/fhir/metadata'

/** Compares the path as it was sent; another spelling needs a key. */
const isPublicRequest = ({ method, url }: Request) =>
  (method === 'GET' || method === 'HEAD') && new URL(url).pathname === PUBLIC_PATH

/** Returns the media type without parameters; empty without a Content-Type. */
const parseMediaType = (headers: RequestHeaders) =>
  (headers.get('content-type') ?? '').replace(/;.*/s, '').trim().toLowerCase()
