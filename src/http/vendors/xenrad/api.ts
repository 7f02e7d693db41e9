import { type Context, Hono } from 'hono'
import { ok } from '../../../domain/failure.ts'
import type { Surface } from '../../../domain/key-type.ts'
import { toUpstreamIdentity } from '../../proxy/headers.ts'
import { toResponse } from '../../reply.ts'
import {
  authorizeRequest,
  createProxyHandler,
  handleSurfaceRequest,
  refuseAndRecord,
  type SurfaceDeps,
  type VendorProtocol,
} from '../surface-handlers.ts'
import { API_KEY_HEADER, parseXenradApiKey } from './credential.ts'
import {
  refuseXenradRequest,
  replyUnsupportedType,
  replyXenradMethodNotAllowed,
  replyXenradServerError,
} from './refusals.ts'

/** One key of a site serves its FHIR, HL7 and MPPS surfaces. */
export const xenradProtocol: VendorProtocol = {
  name: 'xenrad',
  hasCredential: (headers) => headers.has(API_KEY_HEADER),
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
export function createXenradRoutes(deps: SurfaceDeps): Hono {
  const proxyToFhir = createProxyHandler(deps, xenradProtocol, 'fhir')
  const app = new Hono()

  // Also /fhir itself.
  app.all('/fhir/*', (c) => {
    if (!FHIR_METHODS.includes(c.req.method)) return refuseNotAllowed(deps, c, FHIR_METHODS)
    return isPublicRequest(c.req.raw) ? proxyPublicRequest(deps, c) : proxyToFhir(c)
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
  handleSurfaceRequest(deps, c, xenradProtocol, async ({ method }, { requestId }) =>
    ok(toResponse(replyXenradMethodNotAllowed(method, methods, c.req.path), requestId)),
  )

/** The paths that a client reads before it has a key (FHIR R4 §3.1.0.9, SMART App Launch §3). */
const PUBLIC_PATHS = ['/fhir/metadata', '/fhir/.well-known/smart-configuration']

/** Compares the path as it was sent; another spelling needs a key. */
const isPublicRequest = ({ method, url }: Request) =>
  (method === 'GET' || method === 'HEAD') && PUBLIC_PATHS.includes(new URL(url).pathname)

/** Returns the media type without parameters; empty without a Content-Type. */
const parseMediaType = (headers: Headers) =>
  (headers.get('content-type') ?? '').replace(/;.*/s, '').trim().toLowerCase()
