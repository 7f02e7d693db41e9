import { type Context, Hono } from 'hono'
import { ok } from '../../domain/failure.ts'
import type { Surface } from '../../domain/surface.ts'
import { toResponse } from '../reply.ts'
import { createSurfaces, identityOf, type SurfaceDeps } from '../surface.ts'
import { xenrad } from './dialect.ts'
import { refuseMethod, refuseType } from './refusals.ts'

/** A path that takes one kind of message. A body's site, type and fields are for the upstream to judge. */
interface Ingest {
  readonly path: string
  readonly surface: Surface
  /** The documented types, or none where none are documented. A message may always come without. */
  readonly types: readonly string[]
}

const INGESTS: readonly Ingest[] = [
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
export function xenradSurfaces(deps: SurfaceDeps): Hono {
  const { answer, admit, handOn, refuse } = createSurfaces(deps)
  const toFhir = handOn(xenrad, 'fhir')
  const app = new Hono()

  // Also /fhir itself.
  app.all('/fhir/*', (c) => {
    if (!FHIR_METHODS.includes(c.req.method)) return notAllowed(c, FHIR_METHODS)
    return isPublic(c.req.raw) ? passUnjudged(c) : toFhir(c)
  })
  for (const ingest of INGESTS) {
    app.all(ingest.path, (c) =>
      INGEST_METHODS.includes(c.req.method) ? take(c, ingest) : notAllowed(c, INGEST_METHODS),
    )
  }
  return app

  /** Needs no key, so none that comes is judged, and the upstream is told of nobody. */
  function passUnjudged(c: Context) {
    return answer(c, xenrad, (_, caller) => deps.pass(c, 'fhir', null, caller))
  }

  function take(c: Context, { path, surface, types }: Ingest) {
    return answer(c, xenrad, async (request, caller) => {
      const key = await admit(xenrad, request, caller)
      if (!key.ok) return key
      const type = mediaType(request.headers)
      const isTaken = types.length === 0 || type === '' || types.includes(type)
      return isTaken
        ? deps.pass(c, surface, identityOf(key.value), caller)
        : ok(refuse(xenrad, { reason: 'type_unsupported' }, refuseType(types, path), caller))
    })
  }

  function notAllowed(c: Context, methods: readonly string[]) {
    const { method, path } = c.req
    return answer(c, xenrad, async (_, { requestId }) =>
      ok(toResponse(refuseMethod(method, methods, path), requestId)),
    )
  }
}

/** What a client reads before it has a key (FHIR R4 §3.1.0.9, SMART App Launch §3). */
const PUBLIC_PATHS = ['/fhir/metadata', '/fhir/.well-known/smart-configuration']

/** By the path as it was sent: what another spelling leads to, the upstream decides, and not without a key. */
const isPublic = ({ method, url }: Request) =>
  (method === 'GET' || method === 'HEAD') && PUBLIC_PATHS.includes(new URL(url).pathname)

/** Without parameters; empty where none is said. */
const mediaType = (headers: Headers) =>
  (headers.get('content-type') ?? '').replace(/;.*/s, '').trim().toLowerCase()
