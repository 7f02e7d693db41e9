import { type Context, Hono } from 'hono'
import { ok } from '../../../domain/failure.ts'
import type { Surface } from '../../../domain/key-type.ts'
import { toResponse } from '../../reply.ts'
import {
  createSurfaceHandlers,
  type SurfaceDeps,
  toUpstreamIdentity,
  type VendorProtocol,
} from '../surface-handlers.ts'
import { API_KEY_HEADER, parseXenradApiKey } from './credential.ts'
import {
  refuseRequest,
  replyMethodNotAllowed,
  replyServerError,
  replyUnsupportedType,
} from './refusals.ts'

/** One key of a site opens its FHIR, HL7 and MPPS surfaces alike. */
export const xenradProtocol: VendorProtocol = {
  name: 'xenrad',
  hasCredential: (headers) => headers.has(API_KEY_HEADER),
  parseCredential: parseXenradApiKey,
  refuseRequest,
  replyServerError: replyServerError,
}

/** A path that takes one kind of message. A body's site, type and fields are for the upstream to judge. */
interface IngestRoute {
  readonly path: string
  readonly surface: Surface
  /** The documented types, or none where none are documented. A message may always come without. */
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

/** The documented ones, and HEAD, because who answers GET answers HEAD (RFC 9110 §9.1). */
const FHIR_METHODS = ['GET', 'HEAD', 'POST', 'PUT']
const INGEST_METHODS = ['POST']

/** FHIR, HL7 over HTTP and MPPS. MLLP carries no key, and so is none of it. */
export function createXenradRoutes(deps: SurfaceDeps): Hono {
  const {
    handleRequest: answer,
    authorizeRequest: admit,
    createProxyHandler,
    refuseAndRecord: refuse,
  } = createSurfaceHandlers(deps)
  const proxyToFhir = createProxyHandler(xenradProtocol, 'fhir')
  const app = new Hono()

  // Also /fhir itself.
  app.all('/fhir/*', (c) => {
    if (!FHIR_METHODS.includes(c.req.method)) return refuseNotAllowed(c, FHIR_METHODS)
    return isPublicRequest(c.req.raw) ? proxyPublicRequest(c) : proxyToFhir(c)
  })
  for (const ingest of INGEST_ROUTES) {
    app.all(ingest.path, (c) =>
      INGEST_METHODS.includes(c.req.method)
        ? ingestMessage(c, ingest)
        : refuseNotAllowed(c, INGEST_METHODS),
    )
  }
  return app

  /** Needs no key, so none that comes is judged, and the upstream is told of nobody. */
  function proxyPublicRequest(c: Context) {
    return answer(c, xenradProtocol, (_, caller) => deps.proxyRequest(c, 'fhir', null, caller))
  }

  function ingestMessage(c: Context, { path, surface, types }: IngestRoute) {
    return answer(c, xenradProtocol, async (request, caller) => {
      const key = await admit(xenradProtocol, request, caller)
      if (!key.ok) return key
      const type = parseMediaType(request.headers)
      const isAccepted = types.length === 0 || type === '' || types.includes(type)
      return isAccepted
        ? deps.proxyRequest(c, surface, toUpstreamIdentity(key.value), caller)
        : ok(
            refuse(
              xenradProtocol,
              { reason: 'type_unsupported' },
              replyUnsupportedType(types, path),
              caller,
            ),
          )
    })
  }

  function refuseNotAllowed(c: Context, methods: readonly string[]) {
    const { method, path } = c.req
    return answer(c, xenradProtocol, async (_, { requestId }) =>
      ok(toResponse(replyMethodNotAllowed(method, methods, path), requestId)),
    )
  }
}

/** What a client reads before it has a key (FHIR R4 §3.1.0.9, SMART App Launch §3). */
const PUBLIC_PATHS = ['/fhir/metadata', '/fhir/.well-known/smart-configuration']

/** By the path as it was sent: what another spelling leads to, the upstream decides, and not without a key. */
const isPublicRequest = ({ method, url }: Request) =>
  (method === 'GET' || method === 'HEAD') && PUBLIC_PATHS.includes(new URL(url).pathname)

/** Without parameters; empty where none is said. */
const parseMediaType = (headers: Headers) =>
  (headers.get('content-type') ?? '').replace(/;.*/s, '').trim().toLowerCase()
